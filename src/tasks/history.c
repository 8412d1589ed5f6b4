#include "tasks/history.h"

#include "base/alloc.h"
#include "base/io.h"
#include "base/number.h"
#include "tasks/measure.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DIGITS = 9 };

const char *gf_history_phase(const gf_history *h, int32_t phase)
{
    return phase >= 0 && (size_t)phase < h->n_phases ? h->phase[phase] : "unknown";
}

/* ---- the columns of real numbers, in the file's order; epoch and phase stand before them */

enum { COLUMN_NAME = GF_COLUMN_NAME, MOST_COLUMNS = 3 + GF_MEASURED * GF_MAX_METRICS };

static const char *const prefix[GF_MEASURED] = {"", "val_"};

static size_t count_columns(const gf_metric_list *m) { return 3 + GF_MEASURED * m->n; }

/* Which metric column i is of, and measured on what; false for one of the others. */
static bool metric_of(const gf_metric_list *m, size_t i, size_t *on, size_t *metric)
{
    if (i < 1 || i > GF_MEASURED * m->n) return false;
    *on = (i - 1) / m->n;
    *metric = (i - 1) % m->n;
    return true;
}

static void column_name(const gf_metric_list *m, size_t i, char name[COLUMN_NAME])
{
    size_t on, metric;
    if (metric_of(m, i, &on, &metric)) {
        snprintf(name, COLUMN_NAME, "%s%s", prefix[on], m->item[metric].name);
    } else {
        snprintf(name, COLUMN_NAME, "%s", !i ? "lr" : i + 2 == count_columns(m) ? "seconds" : "images_per_second");
    }
}

static double *cell(const gf_metric_list *m, gf_history_row *row, size_t i)
{
    size_t on, metric;
    if (metric_of(m, i, &on, &metric)) return &row->value[on][metric];
    return !i ? &row->lr : i + 2 == count_columns(m) ? &row->seconds : &row->images_per_second;
}

size_t gf_history_width(const gf_metric_list *metrics) { return count_columns(metrics); }
void gf_history_name(const gf_metric_list *metrics, size_t i, char name[COLUMN_NAME]) { column_name(metrics, i, name); }
double gf_history_cell(const gf_metric_list *metrics, const gf_history_row *row, size_t i)
{
    gf_history_row copy = *row;
    return *cell(metrics, &copy, i);
}

static void add_names(gf_text *t, const gf_metric_list *m)
{
    char name[COLUMN_NAME];
    gf_text_add(t, "epoch,phase");
    for (size_t i = 0; i < count_columns(m); i++) {
        column_name(m, i, name);
        gf_text_printf(t, ",%s", name);
    }
}

/* ---- rows */

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
    *h = (gf_history){.metrics = h->metrics, .phase = h->phase, .n_phases = h->n_phases};
}

/* ---- history.csv */

static void add_row(gf_text *t, const gf_history *h, gf_history_row row)
{
    const gf_metric_list *m = h->metrics;
    gf_text_printf(t, "%" PRId32 ",%s", row.epoch, gf_history_phase(h, row.phase));
    for (size_t i = 0; i < count_columns(m); i++) gf_text_printf(t, ",%s", GF_GENERAL(*cell(m, &row, i), DIGITS));
    gf_text_add(t, "\n");
}

graft_status gf_history_append(const char *path, const gf_history *h, graft_error *err)
{
    gf_text t = {0};
    add_row(&t, h, h->row[h->n - 1]);
    graft_status status = t.failed ? gf_fail_memory(err, t.n, "history.csv") : gf_file_append(path, t.s, t.n, err);
    gf_text_free(&t);
    return status;
}

graft_status gf_history_write(const char *path, const gf_history *h, graft_error *err)
{
    gf_text t = {0};
    add_names(&t, h->metrics);
    gf_text_add(&t, "\n");
    for (size_t r = 0; r < h->n; r++) add_row(&t, h, h->row[r]);
    graft_status status =
        t.failed ? gf_fail_memory(err, t.n, "history.csv") : gf_file_write(path, &(gf_bytes){t.s, t.n}, 1, err);
    gf_text_free(&t);
    return status;
}

/* ---- rows of a checkpoint */

enum { LEAD = 2 * sizeof(int32_t) }; /* epoch and phase; the columns' doubles follow */

char *gf_history_columns(const gf_metric_list *metrics)
{
    gf_text t = {0};
    add_names(&t, metrics);
    if (t.failed) gf_text_free(&t);
    return t.s;
}

void *gf_history_rows(const gf_history *h, size_t *bytes)
{
    size_t columns = count_columns(h->metrics), row_bytes = LEAD + columns * sizeof(double);
    char *rows = gf_alloc_raw(h->n, row_bytes);
    *bytes = h->n * row_bytes;
    for (size_t r = 0; rows && r < h->n; r++) {
        char *at = rows + r * row_bytes;
        gf_history_row row = h->row[r];
        memcpy(at, &row, LEAD);
        for (size_t i = 0; i < columns; i++) {
            memcpy(at + LEAD + i * sizeof(double), cell(h->metrics, &row, i), sizeof(double));
        }
    }
    return rows;
}

static graft_status other_version(const char *name, const char *what, size_t length, graft_error *err)
{
    char shown[64];
    snprintf(shown, sizeof shown, "%.*s", (int)(length < 40 ? length : 40), what);
    return gf_fail(err, GF_E_CHECKPOINT_SECTION, "use the graft that wrote it, or a newer one",
                   "%s: its history has a column \"%s\", which is not known here", GF_ESC(name), GF_ESC(shown));
}

/* For each column of `names` ("lr,loss"), which of ours it is; how many; E2305 for one that is not known. */
static graft_status match_columns(const gf_metric_list *m, const char *names, size_t n, size_t *which, size_t *count,
                                  const char *name, graft_error *err)
{
    const char *end = names + n;
    size_t known = count_columns(m);
    for (*count = 0; names < end; ++*count) {
        const char *comma = memchr(names, ',', (size_t)(end - names));
        size_t length = (size_t)((comma ? comma : end) - names), i = 0;
        for (; i < known; i++) {
            char ours[COLUMN_NAME];
            column_name(m, i, ours);
            if (strlen(ours) == length && !memcmp(ours, names, length)) break;
        }
        if (i == known || *count >= known) return other_version(name, names, length, err);
        which[*count] = i;
        names += length + (comma != NULL);
    }
    return GRAFT_OK;
}

static gf_history_row read_row(const gf_metric_list *m, const char *at, const size_t *which, size_t count)
{
    gf_history_row row;
    memcpy(&row, at, LEAD);
    row.lr = row.seconds = row.images_per_second = NAN;
    for (size_t on = 0; on < GF_MEASURED; on++) {
        for (size_t i = 0; i < GF_MAX_METRICS; i++) row.value[on][i] = NAN;
    }
    for (size_t i = 0; i < count; i++) {
        memcpy(cell(m, &row, which[i]), at + LEAD + i * sizeof(double), sizeof(double));
    }
    return row;
}

graft_status gf_history_take(gf_history *h, const char *named, size_t n_named, const void *rows, size_t size,
                             const char *name, graft_error *err)
{
    static const char lead[] = "epoch,phase,",
                      first[] = "epoch,phase,lr,loss,accuracy,val_loss,val_accuracy,seconds,images_per_second";
    size_t which[MOST_COLUMNS], count = 0, skip = sizeof lead - 1;
    if (!named) n_named = sizeof first - 1;
    if (!named) named = first;
    bool ok = n_named > skip && !memcmp(named, lead, skip) && named[n_named - 1] != ',';
    if (ok) GF_TRY(match_columns(h->metrics, named + skip, n_named - skip, which, &count, name, err));
    size_t row_size = LEAD + count * sizeof(double);
    if (!ok || size % row_size) {
        return gf_fail(err, GF_E_CHECKPOINT_SECTION, "use the graft that wrote it, or a newer one",
                       "%s: its history has %zu bytes, which are no rows of %zu columns", GF_ESC(name), size,
                       count + 2);
    }
    for (size_t begin = 0; begin < size; begin += row_size) {
        gf_history_row row = read_row(h->metrics, (const char *)rows + begin, which, count);
        GF_TRY(gf_history_add(h, &row, err));
    }
    return GRAFT_OK;
}

/* ---- a column that is looked at */

graft_status gf_monitor_parse(gf_monitor *m, const gf_metric_list *list, const char *name, graft_error *err)
{
    char ours[COLUMN_NAME];
    gf_text known = {0};
    for (size_t i = 1; i <= GF_MEASURED * list->n; i++) {
        size_t on = 0;
        *m = (gf_monitor){0};
        column_name(list, i, ours);
        bool found = metric_of(list, i, &on, &m->metric) && !strcmp(ours, name);
        m->on = (gf_measured)on;
        m->better = list->item[m->metric].cls->better;
        if (m->better == GF_BETTER_NONE) continue;
        if (found) {
            gf_text_free(&known);
            return GRAFT_OK;
        }
        gf_text_printf(&known, "%s%s", known.n ? ", " : "", ours);
    }
    graft_status status = gf_fail(err, GF_E_OPTION_VALUE, known.failed ? NULL : known.s,
                                  "%s: no such column of metrics, or neither higher nor lower is better", GF_ESC(name));
    gf_text_free(&known);
    return status;
}

double gf_monitor_value(const gf_monitor *m, const gf_history_row *row) { return row->value[m->on][m->metric]; }

bool gf_monitor_is_better(const gf_monitor *m, double a, double b, double by)
{
    if (!gf_is_finite(a)) return false;
    if (!gf_is_finite(b)) return true;
    return m->better == GF_BETTER_MIN ? a + by < b : a - by > b;
}
