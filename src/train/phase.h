/* phase.h - a run is a list of phases: stretches of epochs, each with its own boundary, optimizer, rate and random
 * changes.
 *
 * The option train.phases writes the list out, phases with semicolons between them, each a name and KEY=VALUE words:
 *     head epochs=5; tail last=30 epochs=5 lr=1e-5 optimizer=rmsprop; all at=0 epochs=2 lr=1e-6
 * A phase trains the head alone unless `at` (a layer, by number or name) or `last` (so many layers before the head)
 * says more. A key that is left out has the value of the option of that name: train.lr where the head alone trains,
 * train.fine_tune_lr where more does, and so on. Without train.phases the list is two phases that have all from these
 * options, feature_extraction and fine_tuning. */
#ifndef GF_TRAIN_PHASE_H
#define GF_TRAIN_PHASE_H

#include "graph/model.h"
#include "image/augment.h"
#include "train/config.h"
#include "train/optimizer.h"
#include "train/schedule.h"
#include "train/solver.h"

typedef struct gf_phase {
    char *name;      /* as history.csv has it */
    int64_t epochs;  /* 0: the phase is left out */
    char *at, *last; /* as written; NULL: not given */
    int boundary;    /* layers of the backbone below this number are frozen */
    double lr;
    char *solver, *schedule, *optimizer, *augment, *groups, *batch_norm, *backbone_dropout;
    gf_solver solver_parsed;
    gf_schedule schedule_parsed;
    gf_optimizer optimizer_parsed;
    gf_augment_spec augment_parsed;
    int int8_layers; /* what no earlier phase has trained: the layers that may be in int8 while they are frozen */
} gf_phase;

/* Zeroed is empty. */
typedef struct gf_phases {
    gf_phase *item;    /* owned, with all texts */
    const char **name; /* n of them, borrowed from the items; the array is owned */
    size_t n, cap;
} gf_phases;

/* The phases of a run of that configuration, for that model (with its head). E3002 where train.phases is not such a
 * list or names a layer that is not there, or a schedule is none; E3301, E3302, E3304 for an optimizer or random
 * changes. On failure *out is empty. */
graft_status gf_phases_of(gf_phases *out, const gf_run_config *c, const gf_model *m, graft_error *err);
void gf_phases_free(gf_phases *p); /* leaves it empty */

/* Whether the text is such a list, as far as that can be told without a model. */
graft_status gf_phases_check(const char *text, graft_error *err);
/* The keys of a phase, a line each. */
void gf_phases_words(gf_text *text);

int64_t gf_phases_epochs(const gf_phases *p);                  /* of all of them */
int gf_phases_boundary(const gf_phases *p, const gf_model *m); /* the least one of those that have epochs */
bool gf_phases_use_batch_stats(const gf_phases *p);            /* any of them */
bool gf_phase_uses_batch_stats(const gf_phase *p);

/* [{"name", "epochs", "boundary", ...}, ...], as config.json holds it; NULL: no memory. */
gf_json *gf_phases_json(const gf_phases *p);
/* *agree: such a list, of any version, says what these are; what it does not have does not count. E5001. */
graft_status gf_phases_agree(const gf_phases *p, const gf_json *list, bool *agree, graft_error *err);

#endif
