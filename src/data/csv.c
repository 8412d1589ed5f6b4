#include "data/csv.h"

#include <string.h>

static graft_status wrong(const gf_csv *csv, const char *hint, const char *what, graft_error *err)
{
    return gf_fail(err, GF_E_CSV_SYNTAX, hint, "%s:%u: %s", GF_ESC(csv->name), csv->line, what);
}

graft_status gf_csv_open(gf_csv *csv, const uint8_t *data, size_t n, const char *name, graft_error *err)
{
    *csv = (gf_csv){.data = data, .n = n, .name = name, .line = 1};
    bool mark = n >= 3 && data[0] == 0xef && data[1] == 0xbb && data[2] == 0xbf;
    bool wide = n >= 2 && ((data[0] == 0xff && data[1] == 0xfe) || (data[0] == 0xfe && data[1] == 0xff));
    csv->line = 1;
    if (mark || wide) {
        return wrong(csv, "save it as plain CSV: UTF-8 without BOM",
                     mark ? "begins with a byte order mark (EF BB BF)" : "is UTF-16, not UTF-8", err);
    }
    csv->line = 0;
    return GRAFT_OK;
}

static bool at_line_end(const gf_csv *csv) { return csv->at >= csv->n || csv->data[csv->at] == '\n'; }

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
    bool carriage = csv->at < csv->n && csv->data[csv->at] == '\r';
    if (at_line_end(csv) || carriage || csv->data[csv->at] == ',') return GRAFT_OK;
    return wrong(csv, "write a quote inside of quotes twice", "text after a closing quote", err);
}

static graft_status plain(gf_csv *csv, graft_error *err)
{
    size_t from = csv->at;
    while (!at_line_end(csv) && csv->data[csv->at] != ',') {
        if (csv->data[csv->at] == '"')
            return wrong(csv, NULL, "a quote inside of a field that does not begin with one", err);
        csv->at++;
    }
    size_t to = csv->at;
    bool carriage = to > from && csv->data[to - 1] == '\r' && at_line_end(csv);
    gf_text_add_n(&csv->text, csv->data + from, to - from - carriage);
    return GRAFT_OK;
}

static graft_status field(gf_csv *csv, graft_error *err)
{
    if (csv->columns == GF_CSV_COLUMNS) return wrong(csv, NULL, "more than 64 columns", err);
    size_t start = csv->text.n;
    csv->start[csv->columns++] = start;
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
        if (csv->data[csv->at] != ',') return wrong(csv, NULL, "a carriage return in the middle of a line", err);
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
