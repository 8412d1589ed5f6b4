/* history.h - one row an epoch, kept as history.csv. */
#ifndef GF_REPORT_HISTORY_H
#define GF_REPORT_HISTORY_H

#include "base/error.h"

#include <stdint.h>

typedef enum gf_run_phase { GF_RUN_FEATURE_EXTRACTION, GF_RUN_FINE_TUNING, GF_RUN_PHASES } gf_run_phase;

/* "feature_extraction", "fine_tuning": as the file has it. */
const char *gf_run_phase_name(gf_run_phase phase);

typedef struct gf_history_row {
    int32_t epoch; /* from 1; goes on from phase to phase */
    gf_run_phase phase;
    double lr;
    double loss, accuracy;         /* over the training set, while training; NaN: not measured */
    double val_loss, val_accuracy; /* after the epoch; NaN: no validation set */
    double seconds, images_per_second;
} gf_history_row;

/* Zeroed is empty. Rows are in the order of their epochs. */
typedef struct gf_history {
    gf_history_row *row;
    size_t n, cap;
} gf_history;

graft_status gf_history_add(gf_history *h, const gf_history_row *row, graft_error *err);
void gf_history_free(gf_history *h); /* takes NULL; leaves it empty */

/* The whole file anew, under its name only once it is complete: with a header line, numbers with 9 significant digits
 * (a float reads back as itself), a point for the decimals in
 * every locale. */
graft_status gf_history_write(const char *path, const gf_history *h, graft_error *err);

/* Adds the last row to the file that holds those before it: while a run goes on. */
graft_status gf_history_append(const char *path, const gf_history *h, graft_error *err);

/* For a checkpoint: its rows are kept as they are in memory, beside the names of their columns, "epoch,phase,lr,...".
 */
const char *gf_history_columns(void);
/* Takes up `size` bytes of such rows. `columns` NULL: those of graft 0.1. A column that is not there is NaN in each
 * row; one that is not known, or rows of another size than the columns', is E2305, with `name` in the message. */
graft_status gf_history_take(gf_history *h, const char *columns, size_t n_columns, const void *rows, size_t size,
                             const char *name, graft_error *err);

#endif
