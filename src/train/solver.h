/* solver.h - what trains a phase: sgd, the loop of epochs and steps, or another way to the head's values.
 *
 * A kind is one `gf_solver_class` in a file of its own (solver_sgd.c ...) and one line in solvers.def. */
#ifndef GF_TRAIN_SOLVER_H
#define GF_TRAIN_SOLVER_H

#include "base/arguments.h"

struct gf_run;

typedef struct gf_solver_class {
    const char *name, *help;
    const gf_argument *argument;
    size_t n_arguments;
    bool solves; /* the head alone is solved from the features of all images, as they are: one epoch, without random
                    changes */
    /* Trains the present phase, whose engine is there, from where the run stands to its end: gf_run_next_phase is then
     * another. It keeps the state, tells hooks of epochs, asks for stops and writes checkpoints. */
    graft_status (*train)(struct gf_run *r, const gf_arguments *a, graft_error *err);
} gf_solver_class;

/* Zeroed is empty. */
typedef struct gf_solver {
    const gf_solver_class *class;
    gf_arguments arguments;
} gf_solver;

/* "sgd" or "NAME:KEY=VALUE,..."; NULL: the first of the list. E3002. */
graft_status gf_solver_parse(gf_solver *out, const char *text, graft_error *err);
void gf_solver_free(gf_solver *s); /* leaves it empty */

/* The first that solves: of --probe; its options (train.probe_options) checked, and its arguments as help. */
const gf_solver_class *gf_solver_of_probes(void);
graft_status gf_probe_options_check(const char *text, graft_error *err);
void gf_probe_options_words(gf_text *text);
/* The kinds in the order of solvers.def; NULL behind the last. */
const gf_solver_class *gf_solver_class_at(size_t i);

#endif
