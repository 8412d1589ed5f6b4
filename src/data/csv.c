#include "data/csv.h"

#include <string.h>

static graft_status wrong(const gf_csv *csv, const char *hint, const char *what, graft_error *err)
{
    return gf_fail(err, GF_E_CSV_SYNTAX, hint, "%s:%u: %s", GF_ESC(csv->name), csv->line, what);
}

/* ---- the separator */

enum { SEPARATORS = 5, LINES = 20 };
static const char separators[SEPARATORS + 1] = ",;\t| "; /* in case of doubt the first */

/* Of each separator how many are in the line that begins at `at`, outside of quotes. Returns where the next begins. */
static size_t count_line(const gf_csv *csv, size_t at, uint32_t count[SEPARATORS])
{
    bool quoted = false;
    memset(count, 0, SEPARATORS * sizeof *count);
    for (; at < csv->n && csv->data[at] != '\n'; at++) {
        char c = (char)csv->data[at];
        if (c == '"') quoted = !quoted;
        const char *found = quoted || !c ? NULL : strchr(separators, c);
        if (found) count[found - separators]++;
    }
    return at + 1;
}

static bool is_blank_line(const gf_csv *csv, size_t at)
{
    if (at < csv->n && csv->data[at] == '\r') at++;
    return at >= csv->n || csv->data[at] == '\n';
}

/* The one that is in each of the first lines equally often, most often; else the one that is in the first line. */
static char find_separator(const gf_csv *csv)
{
    uint32_t first[SEPARATORS] = {0}, now[SEPARATORS];
    bool steady[SEPARATORS] = {0}, any = false;
    size_t at = csv->at;
    for (int lines = 0; at < csv->n && lines < LINES;) {
        bool blank = is_blank_line(csv, at);
        at = count_line(csv, at, now);
        if (blank) continue;
        for (int i = 0; i < SEPARATORS; i++) {
            if (!lines) first[i] = now[i];
            steady[i] = (!lines || steady[i]) && now[i] == first[i];
        }
        any = true;
        lines++;
    }
    int best = -1;
    for (int wanted = 1; any && wanted >= 0 && best < 0; wanted--) {
        for (int i = 0; i < SEPARATORS; i++) {
            bool space = separators[i] == ' ';
            if (!first[i] || steady[i] < wanted || (space && (best >= 0 || !steady[i]))) continue;
            if (best < 0 || first[i] > first[best]) best = i;
        }
    }
    return best < 0 ? ',' : separators[best];
}

/* Excel's "sep=;" */
static bool take_said_separator(gf_csv *csv)
{
    static const char word[] = "sep=";
    size_t n = sizeof word - 1;
    if (csv->n - csv->at < n + 1 || memcmp(csv->data + csv->at, word, n)) return false;
    char said = (char)csv->data[csv->at + n];
    if (!said || !strchr(separators, said) || !is_blank_line(csv, csv->at + n + 1)) return false;
    const uint8_t *end = memchr(csv->data + csv->at, '\n', csv->n - csv->at);
    csv->at = end ? (size_t)(end - csv->data) + 1 : csv->n;
    csv->line = 1;
    csv->separator = said;
    return true;
}

graft_status gf_csv_open(gf_csv *csv, const uint8_t *data, size_t n, const char *name, graft_error *err)
{
    *csv = (gf_csv){.data = data, .n = n, .name = name, .line = 1};
    if (n >= 2 && ((data[0] == 0xff && data[1] == 0xfe) || (data[0] == 0xfe && data[1] == 0xff))) {
        return wrong(csv, "save it as plain CSV in UTF-8", "is UTF-16, not UTF-8", err);
    }
    csv->line = 0;
    if (n >= 3 && data[0] == 0xef && data[1] == 0xbb && data[2] == 0xbf) csv->at = 3;
    if (!take_said_separator(csv)) csv->separator = find_separator(csv);
    return GRAFT_OK;
}

/* ---- records */

static bool at_line_end(const gf_csv *csv) { return csv->at >= csv->n || csv->data[csv->at] == '\n'; }

static bool is_blank(const gf_csv *csv, uint8_t c) { return (c == ' ' || c == '\t') && c != (uint8_t)csv->separator; }

static void skip_blanks(gf_csv *csv)
{
    while (csv->at < csv->n && is_blank(csv, csv->data[csv->at])) csv->at++;
}

static graft_status quoted(gf_csv *csv, graft_error *err)
{
    for (csv->at++;; csv->at++) {
        if (at_line_end(csv)) {
            return wrong(csv, "file names and labels in CSV files may not have line breaks",
                         "a quoted field does not end on its line", err);
        }
        bool quote = csv->data[csv->at] == '"';
        bool twice = quote && csv->at + 1 < csv->n && csv->data[csv->at + 1] == '"';
        if (quote && !twice) break;
        csv->at += twice;
        gf_text_add_n(&csv->text, csv->data + csv->at, 1);
    }
    csv->at++;
    skip_blanks(csv);
    bool carriage = csv->at < csv->n && csv->data[csv->at] == '\r';
    if (at_line_end(csv) || carriage || csv->data[csv->at] == (uint8_t)csv->separator) return GRAFT_OK;
    return wrong(csv, "write a quote inside of quotes twice", "text after a closing quote", err);
}

static graft_status plain(gf_csv *csv, graft_error *err)
{
    size_t from = csv->at;
    while (!at_line_end(csv) && csv->data[csv->at] != (uint8_t)csv->separator) {
        if (csv->data[csv->at] == '"')
            return wrong(csv, NULL, "a quote inside of a field that does not begin with one", err);
        csv->at++;
    }
    size_t to = csv->at;
    if (to > from && csv->data[to - 1] == '\r' && at_line_end(csv)) to--;
    while (to > from && is_blank(csv, csv->data[to - 1])) to--;
    gf_text_add_n(&csv->text, csv->data + from, to - from);
    return GRAFT_OK;
}

static graft_status field(gf_csv *csv, graft_error *err)
{
    if (csv->columns == GF_CSV_COLUMNS) return wrong(csv, NULL, "more than 64 columns", err);
    size_t start = csv->text.n;
    csv->start[csv->columns++] = start;
    skip_blanks(csv);
    GF_TRY(!at_line_end(csv) && csv->data[csv->at] == '"' ? quoted(csv, err) : plain(csv, err));
    if (csv->text.n > start && memchr(csv->text.s + start, 0, csv->text.n - start)) {
        return wrong(csv, "is it a text file?", "a NUL byte", err);
    }
    gf_text_add_n(&csv->text, "", 1);
    return csv->text.failed ? gf_fail_memory(err, csv->text.cap, "a line of a CSV file") : GRAFT_OK;
}

/* Takes an empty line, if there is one here. */
static bool skip_blank(gf_csv *csv)
{
    size_t at = csv->at;
    if (csv->data[at] == '\r') at++;
    if (at < csv->n && csv->data[at] != '\n') return false;
    csv->at = at + 1;
    csv->line++;
    return true;
}

graft_status gf_csv_next(gf_csv *csv, bool *more, graft_error *err)
{
    *more = false;
    csv->columns = 0;
    csv->text.n = 0;
    while (csv->at < csv->n && skip_blank(csv)) {
    }
    if (csv->at >= csv->n) return GRAFT_OK;
    csv->line++;
    for (;;) {
        GF_TRY(field(csv, err));
        if (csv->at < csv->n && csv->data[csv->at] == '\r') csv->at++;
        if (at_line_end(csv)) break;
        if (csv->data[csv->at] != (uint8_t)csv->separator)
            return wrong(csv, NULL, "a carriage return in the middle of a line", err);
        csv->at++;
    }
    csv->at++;
    *more = true;
    return GRAFT_OK;
}

const char *gf_csv_field(const gf_csv *csv, size_t i) { return csv->text.s + csv->start[i]; }

void gf_csv_close(gf_csv *csv)
{
    gf_text_free(&csv->text);
    *csv = (gf_csv){0};
}
