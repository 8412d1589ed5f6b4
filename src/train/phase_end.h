/* phase_end.h - the test set's metrics at the end of a phase: with the weights of its last epoch, and with the best
 * weights of the run so far, whose epoch the validation set chose (what it said of each is in the history). Measured
 * once, behind the last epoch of the phase, and kept in checkpoints: at the end of the run these weights are gone. */
#ifndef GF_TRAIN_PHASE_END_H
#define GF_TRAIN_PHASE_END_H

#include "tasks/metric.h"

/* Plain: in a checkpoint as it is. Zeroed: the phase has not ended, or ended before this was kept. */
typedef struct gf_phase_end {
    int32_t last_epoch, best_epoch;
    uint64_t images;             /* of the test set; 0: there is none */
    double last[GF_MAX_METRICS]; /* of the run's list */
    double best[GF_MAX_METRICS]; /* of the run's last phase as its finish measures it: not here, nor in `last` where
                                    the last epoch is the best one */
    int32_t best_done, reserved;
} gf_phase_end;

struct gf_run;

/* For the run's present phase, whose engine is there; nothing where it has no epochs or that is done. */
graft_status gf_run_end_phase(struct gf_run *r, bool is_last, graft_error *err);

#endif
