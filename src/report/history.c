#include "report/history.h"

#include "base/alloc.h"
#include "base/io.h"
#include "report/number.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { DIGITS = 9, MAX_EPOCH = 1000000000, MAX_FILE = 64 << 20 };

static const char *const phase_names[GF_RUN_PHASES] = {"feature_extraction", "fine_tuning"};

const char *gf_run_phase_name(gf_run_phase phase)
{
    return (unsigned)phase < GF_RUN_PHASES ? phase_names[phase] : "unknown";
}

/* The columns of real numbers, in the file's order; epoch and phase stand before them. */
#define COLUMNS(X) X(lr) X(loss) X(accuracy) X(val_loss) X(val_accuracy) X(seconds) X(images_per_second)

static const struct column {
    const char *name;
    size_t offset;
} columns[] = {
#define ROW(field) {#field, offsetof(gf_history_row, field)},
    COLUMNS(ROW)
#undef ROW
};
#define WORD(field) "," #field
static const char column_names[] = "epoch,phase" COLUMNS(WORD);
enum { N_REAL = sizeof columns / sizeof *columns, N_COLUMNS = N_REAL + 2 };

static double *cell(gf_history_row *row, int i) { return (double *)((char *)row + columns[i].offset); }

graft_status gf_history_add(gf_history *h, const gf_history_row *row, graft_error *err)
{
    if (!gf_grow(&h->row, h->n, &h->cap)) return gf_fail_memory(err, (h->n + 1) * sizeof *row, "the history");
    h->row[h->n++] = *row;
    return GRAFT_OK;
}

void gf_history_free(gf_history *h)
{
    if (!h) return;
    gf_free(h->row);
    *h = (gf_history){0};
}

static void add_header(gf_text *t) { gf_text_printf(t, "%s\n", column_names); }

static void add_row(gf_text *t, gf_history_row row)
{
    gf_text_printf(t, "%" PRId32 ",%s", row.epoch, gf_run_phase_name(row.phase));
    for (int i = 0; i < N_REAL; i++) gf_text_printf(t, ",%s", GF_GENERAL(*cell(&row, i), DIGITS));
    gf_text_add(t, "\n");
}

graft_status gf_history_append(const char *path, const gf_history *h, graft_error *err)
{
    gf_text t = {0};
    add_row(&t, h->row[h->n - 1]);
    graft_status status = t.failed ? gf_fail_memory(err, t.n, "history.csv") : gf_file_append(path, t.s, t.n, err);
    gf_text_free(&t);
    return status;
}

graft_status gf_history_write(const char *path, const gf_history *h, graft_error *err)
{
    gf_text t = {0};
    add_header(&t);
    for (size_t r = 0; r < h->n; r++) add_row(&t, h->row[r]);
    graft_status status =
        t.failed ? gf_fail_memory(err, t.n, "history.csv") : gf_file_write(path, &(gf_bytes){t.s, t.n}, 1, err);
    gf_text_free(&t);
    return status;
}

/* ---- rows of a checkpoint */

enum { LEAD = 2 * sizeof(int32_t) }; /* epoch and phase; the columns' doubles follow */
_Static_assert(sizeof(gf_history_row) == LEAD + N_REAL * sizeof(double), "a row is its columns");

const char *gf_history_columns(void) { return column_names; }

/* For each column of `names` ("lr,loss"), which of ours it is; how many; E2305 for one that is not known. */
static graft_status match_columns(const char *names, size_t n, int *which, size_t *count, const char *name,
                                  graft_error *err)
{
    const char *end = names + n;
    for (*count = 0; names < end; ++*count) {
        const char *comma = memchr(names, ',', (size_t)(end - names));
        size_t length = (size_t)((comma ? comma : end) - names);
        int i = 0;
        while (i < N_REAL && (strlen(columns[i].name) != length || memcmp(columns[i].name, names, length))) i++;
        if (i == N_REAL || *count >= N_REAL) {
            char shown[64];
            snprintf(shown, sizeof shown, "%.*s", (int)(length < 40 ? length : 40), names);
            return gf_fail(err, GF_E_CHECKPOINT_SECTION, "use the graft that wrote it, or a newer one",
                           "%s: its history has a column \"%s\", which is not known here", GF_ESC(name), GF_ESC(shown));
        }
        which[*count] = i;
        names += length + (comma != NULL);
    }
    return GRAFT_OK;
}

graft_status gf_history_take(gf_history *h, const char *named, size_t n_named, const void *rows, size_t size,
                             const char *name, graft_error *err)
{
    static const char lead[] = "epoch,phase,",
                      first[] = "epoch,phase,lr,loss,accuracy,val_loss,val_accuracy,seconds,images_per_second";
    int which[N_REAL];
    size_t count = 0, skip = sizeof lead - 1;
    if (!named) n_named = sizeof first - 1;
    if (!named) named = first;
    bool ok = n_named > skip && !memcmp(named, lead, skip) && named[n_named - 1] != ',';
    if (ok) GF_TRY(match_columns(named + skip, n_named - skip, which, &count, name, err));
    size_t row_size = LEAD + count * sizeof(double);
    if (!ok || size % row_size) {
        return gf_fail(err, GF_E_CHECKPOINT_SECTION, "use the graft that wrote it, or a newer one",
                       "%s: its history has %zu bytes, which are no rows of %zu columns", GF_ESC(name), size,
                       count + 2);
    }
    for (const char *at = rows, *end = at + size; size && at < end; at += row_size) {
        gf_history_row row;
        memcpy(&row, at, LEAD);
        for (int i = 0; i < N_REAL; i++) *cell(&row, i) = NAN;
        for (size_t i = 0; i < count; i++) memcpy(cell(&row, which[i]), at + LEAD + i * sizeof(double), sizeof(double));
        GF_TRY(gf_history_add(h, &row, err));
    }
    return GRAFT_OK;
}

typedef struct reader {
    const char *at, *end, *name;
    int line;
    graft_error *err;
} reader;

static graft_status bad(const reader *in, const char *what, const char *s, size_t n)
{
    char shown[64];
    snprintf(shown, sizeof shown, "%.*s", (int)(n < 40 ? n : 40), n ? s : "");
    return gf_fail(in->err, GF_E_IO_READ, "the file is written by graft; delete it if it is damaged",
                   "%s:%d: %s, found \"%s\"", GF_ESC(in->name), in->line, what, GF_ESC(shown));
}

/* The line at in->at without its end; in->at goes on behind it. */
static size_t next_line(reader *in, const char **line)
{
    const char *newline = in->at < in->end ? memchr(in->at, '\n', (size_t)(in->end - in->at)) : NULL;
    size_t n = (size_t)((newline ? newline : in->end) - in->at);
    *line = in->at;
    in->at += newline ? n + 1 : n;
    in->line++;
    if (n && (*line)[n - 1] == '\r') n--;
    return n;
}

static bool parse_epoch(const char *s, size_t n, int32_t *out)
{
    int64_t x = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9' || (x = 10 * x + (s[i] - '0')) > MAX_EPOCH) return false;
    }
    *out = (int32_t)x;
    return x > 0;
}

static bool parse_phase(const char *s, size_t n, gf_run_phase *out)
{
    for (int i = 0; i < GF_RUN_PHASES; i++) {
        if (strlen(phase_names[i]) == n && !memcmp(phase_names[i], s, n)) {
            *out = (gf_run_phase)i;
            return true;
        }
    }
    return false;
}

static graft_status parse_row(const reader *in, const char *line, size_t n, gf_history_row *row)
{
    const char *field = line, *end = line + n;
    for (int i = 0; i < N_COLUMNS; i++) {
        const char *comma = memchr(field, ',', (size_t)(end - field));
        if (!comma == (i < N_COLUMNS - 1)) return bad(in, "9 fields are wanted", line, n);
        size_t len = (size_t)((comma ? comma : end) - field);
        if (i == 0) {
            if (!parse_epoch(field, len, &row->epoch)) return bad(in, "an epoch from 1 is wanted", field, len);
        } else if (i == 1) {
            if (!parse_phase(field, len, &row->phase)) return bad(in, "a phase's name is wanted", field, len);
        } else if (len == 0) {
            *cell(row, i - 2) = NAN;
        } else if (!gf_number_parse(field, len, cell(row, i - 2))) {
            return bad(in, "a number is wanted", field, len);
        }
        field = comma ? comma + 1 : end;
    }
    return GRAFT_OK;
}

static graft_status parse_header(reader *in)
{
    gf_text wanted = {0};
    add_header(&wanted);
    const char *line;
    size_t n = next_line(in, &line);
    graft_status status = GRAFT_OK;
    if (wanted.failed) {
        status = gf_fail_memory(in->err, wanted.n, "history.csv");
    } else if (n != wanted.n - 1 || memcmp(line, wanted.s, n)) {
        status = bad(in, "the header epoch,phase,lr,... is wanted", line, n);
    }
    gf_text_free(&wanted);
    return status;
}

graft_status gf_history_parse(gf_history *out, const uint8_t *data, size_t n, const char *name, graft_error *err)
{
    *out = (gf_history){0};
    reader in = {(const char *)data, (const char *)data + n, name, 0, err};
    graft_status status = parse_header(&in);
    while (status == GRAFT_OK && in.at < in.end) {
        const char *line;
        size_t len = next_line(&in, &line);
        gf_history_row row = {0};
        GF_GOTO(parse_row(&in, line, len, &row));
        if (out->n && row.epoch <= out->row[out->n - 1].epoch) {
            GF_GOTO(bad(&in, "epochs must rise from line to line", line, len));
        }
        GF_GOTO(gf_history_add(out, &row, err));
    }
out:
    if (status != GRAFT_OK) gf_history_free(out);
    return status;
}

graft_status gf_history_read(gf_history *out, const char *path, graft_error *err)
{
    *out = (gf_history){0};
    uint8_t *data;
    size_t n;
    GF_TRY(gf_file_read(path, MAX_FILE, &data, &n, err));
    graft_status status = gf_history_parse(out, data, n, path, err);
    gf_free(data);
    return status;
}
