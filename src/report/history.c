#include "report/history.h"

#include "base/alloc.h"
#include "base/io.h"
#include "report/number.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { DIGITS = 9 };

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
enum { N_REAL = sizeof columns / sizeof *columns };

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
    for (size_t begin = 0; begin < size; begin += row_size) {
        const char *at = (const char *)rows + begin;
        gf_history_row row;
        memcpy(&row, at, LEAD);
        for (int i = 0; i < N_REAL; i++) *cell(&row, i) = NAN;
        for (size_t i = 0; i < count; i++) memcpy(cell(&row, which[i]), at + LEAD + i * sizeof(double), sizeof(double));
        GF_TRY(gf_history_add(h, &row, err));
    }
    return GRAFT_OK;
}
