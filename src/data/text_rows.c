#include "data/text_rows.h"

#include <string.h>

/* ---- the dialect */

static bool ends_line(const gf_text_rows *r, size_t at) { return at >= r->n || r->data[at] == '\n'; }

/* What the first line has most of outside of quotes; in case of doubt the first. */
static char most_of(const gf_text_rows *r)
{
    static const char separators[] = ",;\t";
    size_t count[sizeof separators] = {0}, best = 0;
    bool quoted = false;
    for (size_t at = 0; at < r->n && (quoted || r->data[at] != '\n'); at++) {
        if (r->data[at] == '"') quoted = !quoted;
        const char *found = quoted || !r->data[at] ? NULL : strchr(separators, r->data[at]);
        if (found) count[found - separators]++;
    }
    for (size_t i = 1; separators[i]; i++) {
        if (count[i] > count[best]) best = i;
    }
    return separators[best];
}

/* Where the field that begins with a quote at `at` ends, if it ends with one on its line, those inside being double;
 * else 0. */
static size_t closes(const gf_text_rows *r, size_t at)
{
    for (at++; !ends_line(r, at); at++) {
        if (r->data[at] != '"') continue;
        if (at + 1 < r->n && r->data[at + 1] == '"') {
            at++;
            continue;
        }
        size_t next = at + 1;
        if (next < r->n && r->data[next] == '\r') next++;
        return ends_line(r, next) || r->data[at + 1] == r->separator ? at + 1 : 0;
    }
    return 0;
}

/* Of tabs: quotes are quotes where all fields that begin with one close it, and there is one. */
static bool all_close(const gf_text_rows *r)
{
    bool any = false, begins = true;
    for (size_t at = 0; at < r->n; at++) {
        if (begins && r->data[at] == '"') {
            at = closes(r, at);
            if (!at) return false;
            any = true;
        }
        begins = at < r->n && (r->data[at] == r->separator || r->data[at] == '\n');
    }
    return any;
}

void gf_text_rows_open(gf_text_rows *r, const char *data, size_t n, bool tsv, char separator)
{
    *r = (gf_text_rows){.data = data, .n = n, .next = 1};
    r->separator = separator ? separator : tsv ? '\t' : most_of(r);
    r->quotes = r->separator != '\t' || all_close(r);
}

/* ---- records */

static void add(gf_text_rows *r, size_t from, size_t to) { gf_text_add_n(&r->text, r->data + from, to - from); }

static void quoted(gf_text_rows *r)
{
    size_t from = ++r->at;
    for (;; r->at++) {
        if (r->at >= r->n) {
            r->damage = "a quote is not closed";
            break;
        }
        if (r->data[r->at] == '\n') r->next++;
        if (r->data[r->at] != '"') continue;
        if (r->at + 1 >= r->n || r->data[r->at + 1] != '"') break;
        add(r, from, ++r->at); /* the first of two */
        from = r->at + 1;
    }
    add(r, from, r->at);
    if (r->at < r->n) r->at++;
    if (r->at < r->n && r->data[r->at] == '\r') r->at++;
    if (ends_line(r, r->at) || r->data[r->at] == r->separator) return;
    r->damage = "text after a closing quote";
    while (!ends_line(r, r->at) && r->data[r->at] != r->separator) r->at++;
}

static void plain(gf_text_rows *r)
{
    size_t from = r->at;
    while (!ends_line(r, r->at) && r->data[r->at] != r->separator) r->at++;
    size_t to = r->at;
    if (ends_line(r, r->at) && to > from && r->data[to - 1] == '\r') to--;
    add(r, from, to);
}

static void field(gf_text_rows *r)
{
    size_t start = r->text.n;
    if (r->quotes && !ends_line(r, r->at) && r->data[r->at] == '"') {
        quoted(r);
    } else {
        plain(r);
    }
    if (r->columns == GF_TEXT_COLUMNS) {
        r->damage = "more than 256 columns";
        r->text.n = start;
        return;
    }
    r->start[r->columns] = start;
    r->length[r->columns++] = r->text.n - start;
    gf_text_add_n(&r->text, "", 1);
}

static bool skip_blank(gf_text_rows *r)
{
    size_t at = r->at;
    if (at < r->n && r->data[at] == '\r') at++;
    if (!ends_line(r, at)) return false;
    r->at = at + 1;
    r->next++;
    return true;
}

graft_status gf_text_rows_next(gf_text_rows *r, bool *more, graft_error *err)
{
    r->columns = r->text.n = 0;
    r->damage = NULL;
    while (r->at < r->n && skip_blank(r)) {
    }
    *more = r->at < r->n;
    if (!*more) return GRAFT_OK;
    r->line = r->next;
    for (;;) {
        field(r);
        if (ends_line(r, r->at)) break;
        r->at++;
    }
    r->at++;
    r->next++;
    return r->text.failed ? gf_fail_memory(err, r->text.cap, "a row of texts") : GRAFT_OK;
}

const char *gf_text_rows_field(const gf_text_rows *r, size_t i) { return r->text.s + r->start[i]; }

void gf_text_rows_close(gf_text_rows *r)
{
    gf_text_free(&r->text);
    *r = (gf_text_rows){0};
}
