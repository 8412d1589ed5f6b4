/* hook.h - what looks at a run while it goes on, and may act on it: Keras's callbacks.
 *
 * A kind is one `gf_hook_class` in a file of its own (hook_best.c ...) and one line in hooks.def. Some are in every run
 * (`always`); the others are asked for by train.hooks (--hook): "NAME:KEY=VALUE,...". Hooks are called in the order of
 * the list: those of every run in hooks.def's, then those asked for, as they were written. docs/design/training.md
 * draws when.
 *
 * A hook is a pure function of what it sees: it draws no random numbers and reads no clock to decide, so that a run
 * that was killed and taken up goes on to the same bits. What it has to remember is its state, plain data that a
 * checkpoint keeps in a section of its own with a version (state_parts.h), and copies of the values that train. */
#ifndef GF_TRAIN_HOOK_H
#define GF_TRAIN_HOOK_H

#include "base/arguments.h"
#include "tasks/history.h"
#include "train/engine.h"

enum { GF_MOST_HOOKS = 32 }; /* of a run */

struct gf_run;
typedef struct gf_hook gf_hook;

/* What becomes of a step, from its loss and gradient. */
typedef enum gf_step_verdict {
    GF_STEP_APPLY,
    GF_STEP_AGAIN, /* compute the same step again */
    GF_STEP_LEAVE, /* do not apply it, go on with the next */
} gf_step_verdict;

typedef struct gf_hook_step {
    const gf_batch *batch;
    const gf_step_result *result;
    gf_step_verdict verdict;
} gf_hook_step;

typedef struct gf_hook_class {
    const char *name, *help;
    bool always;
    bool writes; /* files, and does nothing else: of several ranks the first alone calls it */
    const gf_argument *argument;
    size_t n_arguments;

    /* The state: plain, zeroed at first. version and upgrade: as in gf_state_part. */
    size_t state_bytes;
    uint32_t version;
    bool (*upgrade)(void *state, uint32_t version, const void *bytes, size_t size);
    const char *section, *values_section; /* in a checkpoint; NULL: "hook.NAME", "hook.NAME.values" */
    /* Whether it keeps a copy of the values that train (h->values, which begins as what the run begins with). */
    bool (*keeps_values)(const gf_hook *h);

    /* Each may be NULL. What fails ends the run. */
    graft_status (*open)(gf_hook *h, struct gf_run *r, graft_error *err);        /* checks its arguments */
    graft_status (*begin_run)(gf_hook *h, struct gf_run *r, graft_error *err);   /* also of one that is taken up */
    graft_status (*begin_phase)(gf_hook *h, struct gf_run *r, graft_error *err); /* the model may still be changed */
    graft_status (*gradient)(gf_hook *h, struct gf_run *r, gf_hook_step *step, graft_error *err); /* may set verdict */
    double (*lr)(const gf_hook *h, double lr);                                  /* instead of the schedule's */
    graft_status (*step)(gf_hook *h, struct gf_run *r, graft_error *err);       /* a step is over */
    graft_status (*evaluation)(gf_hook *h, struct gf_run *r, graft_error *err); /* an epoch's steps are over */
    graft_status (*epoch)(gf_hook *h, struct gf_run *r, const gf_history_row *row, graft_error *err); /* it is judged */
    graft_status (*after_epoch)(gf_hook *h, struct gf_run *r, graft_error *err); /* every hook has seen it */
    graft_status (*checkpoint)(gf_hook *h, struct gf_run *r, graft_error *err);  /* one is about to be written */
    graft_status (*end)(gf_hook *h, struct gf_run *r, graft_error *err);         /* no epoch is left */
    void (*close)(gf_hook *h);                                                   /* frees h->own */
} gf_hook_class;

struct gf_hook {
    const gf_hook_class *class;
    gf_arguments arguments;
    void *state;   /* owned; NULL: state_bytes is 0 */
    float *values; /* owned; as many as the run keeps (r->kept); NULL: it keeps none */
    void *own;     /* what the kind likes, no part of the state */
    char section[40], values_section[40];
    char column[GF_COLUMN_NAME]; /* that it looks at: gf_hook_monitor */
};

/* Zeroed is empty. */
typedef struct gf_hooks {
    gf_hook *item;
    size_t n, cap;
} gf_hooks;

/* The hooks of every run, then those of `text` (may be NULL), "NAME:KEY=VALUE,KEY=VALUE,NAME,...", opened for the run,
 * whose model stands as it begins. E3002. */
graft_status gf_hooks_open(gf_hooks *hooks, const char *text, struct gf_run *r, graft_error *err);
void gf_hooks_close(gf_hooks *hooks); /* leaves it empty */
graft_status gf_hooks_check(const char *text, graft_error *err);
void gf_hooks_words(gf_text *text);

graft_status gf_hooks_begin_run(struct gf_run *r, graft_error *err);
graft_status gf_hooks_begin_phase(struct gf_run *r, graft_error *err);
graft_status gf_hooks_gradient(struct gf_run *r, gf_hook_step *step, graft_error *err);
double gf_hooks_lr(const struct gf_run *r, double lr);
graft_status gf_hooks_step(struct gf_run *r, graft_error *err);
graft_status gf_hooks_evaluation(struct gf_run *r, graft_error *err);
graft_status gf_hooks_epoch(struct gf_run *r, const gf_history_row *row, graft_error *err);
graft_status gf_hooks_after_epoch(struct gf_run *r, graft_error *err);
graft_status gf_hooks_checkpoint(struct gf_run *r, graft_error *err);
graft_status gf_hooks_end(struct gf_run *r, graft_error *err);
/* Between two epochs: puts into the model what is judged of a phase, where a hook (one with after_epoch) has something
 * else than the values; and takes it out again. */
graft_status gf_hooks_show(struct gf_run *r, bool judged, graft_error *err);

#define GF_MONITOR_HELP "the column of history.csv that is looked at; auto: as --monitor says"
/* For kinds: the column that h looks at, whose name is then h->column. "auto": train.monitor's; without one the
 * validation loss, or, where there is no validation set, the loss of training, which is told. mode: "auto", "min",
 * "max" is better. E3002 where there is no such column, or no validation set that it could be of. */
graft_status gf_hook_monitor(gf_monitor *out, const struct gf_run *r, gf_hook *h, const char *column, const char *mode,
                             graft_error *err);
/* The path that an argument names: in the run's folder, or absolute. gf_free. E3002 for a file of the run's own. */
graft_status gf_hook_path(const struct gf_run *r, const gf_hook *h, const char *name, char **path, graft_error *err);
/* Whether a value is better than another by more than |delta|: as floats, as Keras compares them. Never where it is not
 * finite, always where the other alone is not. */
bool gf_hook_improves(const gf_monitor *m, double value, double than, double delta);

/* The kinds in the order of hooks.def; NULL behind the last. */
const gf_hook_class *gf_hook_class_at(size_t i);

#endif
