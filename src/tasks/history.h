/* history.h - one row per epoch, with the metrics as columns; kept as history.csv. */
#ifndef GF_TASKS_HISTORY_H
#define GF_TASKS_HISTORY_H

#include "tasks/metric.h"

/* Which samples a value is of: the training set, while it trains; the validation set, after the epoch. */
typedef enum gf_measured { GF_ON_TRAINING, GF_ON_VALIDATION, GF_MEASURED } gf_measured;

typedef struct gf_history_row {
    int32_t epoch; /* from 1; goes on from phase to phase */
    int32_t phase; /* from 0: history.phase names it */
    double lr, seconds, images_per_second;
    double value[GF_MEASURED][GF_MAX_METRICS]; /* of the history's metrics; NaN: not measured */
} gf_history_row;

/* Zeroed but for `metrics` and `phase` is empty. Rows are in the order of their epochs. */
typedef struct gf_history {
    const gf_metric_list *metrics; /* borrowed */
    gf_history_row *row;
    size_t n, cap;
    const char *const *phase; /* names of n_phases phases; borrowed */
    size_t n_phases;
} gf_history;

/* As the file has it; "unknown" where there is none of that number. */
const char *gf_history_phase(const gf_history *h, int32_t phase);

/* The columns of real numbers in the file's order, behind epoch and phase: how many, their names, a row's values. */
enum { GF_COLUMN_NAME = GF_METRIC_NAME + 4 };
size_t gf_history_width(const gf_metric_list *metrics);
void gf_history_name(const gf_metric_list *metrics, size_t i, char name[GF_COLUMN_NAME]);
double gf_history_cell(const gf_metric_list *metrics, const gf_history_row *row, size_t i);

graft_status gf_history_add(gf_history *h, const gf_history_row *row, graft_error *err);
void gf_history_free(gf_history *h); /* takes NULL; leaves it empty, with its metrics and phases */

/* The whole file anew, under its name only once it is complete: with a header line (epoch, phase, lr, each metric, each
 * as val_METRIC, seconds, images_per_second), numbers with 9 significant digits (a float reads back as itself), a point
 * for the decimals in every locale. */
graft_status gf_history_write(const char *path, const gf_history *h, graft_error *err);

/* Adds the last row to the file that holds those before it: while a run goes on. */
graft_status gf_history_append(const char *path, const gf_history *h, graft_error *err);

/* For a checkpoint: rows as epoch and phase (i32 each) and the other columns as doubles, all behind one another; beside
 * them the names of the columns, "epoch,phase,lr,...". Both gf_free; NULL: no memory. */
char *gf_history_columns(const gf_metric_list *metrics);
void *gf_history_rows(const gf_history *h, size_t *bytes);
/* Takes up `size` bytes of such rows. `columns` NULL: those of graft 0.1. A column that is not there is NaN in each
 * row; one that is not known, or rows of another size than the columns', is E2305, with `name` in the message. */
graft_status gf_history_take(gf_history *h, const char *columns, size_t n_columns, const void *rows, size_t size,
                             const char *name, graft_error *err);

/* ---- a column that is looked at: by early stopping, best weights, a schedule */

typedef struct gf_monitor {
    gf_measured on;
    size_t metric; /* of the list */
    gf_better better;
} gf_monitor;

/* "val_loss", "accuracy" -> the column. E3002 for one that is not there, or is neither better high nor
 * low, with those that can be looked at. */
graft_status gf_monitor_parse(gf_monitor *m, const gf_metric_list *list, const char *name, graft_error *err);
double gf_monitor_value(const gf_monitor *m, const gf_history_row *row);
/* Whether a is better than b by more than `by`, computed as Keras does; never where a is not finite, always where b
 * alone is not. */
bool gf_monitor_is_better(const gf_monitor *m, double a, double b, double by);

#endif
