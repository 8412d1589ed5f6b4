/* optimizer.h - one training step's update of a flat block of parameters, with Keras 3's formulas.
 *
 * A kind of optimizer is one `gf_optimizer_class` in a file of its own (optimizer_adam.c ...) and one line in the
 * table of optimizer.c. It keeps some state blocks ("slots") as long as the parameter block, zeroed before the first
 * step. An update is element by element, a pure function of its inputs: the same bits however the block is cut into
 * ranges, so that threads may share out one step. The loops use +, -, *, / and sqrt in f32, all correctly rounded.
 *
 *     gf_optimizer o;
 *     GF_TRY(gf_optimizer_parse(&o, "adam", err));
 *     float *slots = gf_alloc_tensor(gf_optimizer_slots(&o) * total * sizeof(float));
 *     each step:    gf_optimizer_begin_step(&o, lr, steps_done);
 *     each thread:  gf_optimizer_step(&o, param, grad, slots, total, from, count);                               */
#ifndef GF_TRAIN_OPTIMIZER_H
#define GF_TRAIN_OPTIMIZER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GF_OPTIMIZER_MAX_SLOTS = 3 };

/* Keras's names. A kind reads its own and ignores the rest. */
typedef struct gf_optimizer_options {
    double beta_1, beta_2; /* Adam: decay of the mean and of the mean square of the gradient */
    double rho;            /* RMSprop: decay of the mean square */
    double momentum;       /* RMSprop, SGD */
    double epsilon;
    double weight_decay; /* any kind: param -= param * weight_decay * lr before the update; 0: none */
    bool amsgrad;        /* Adam */
    bool centered;       /* RMSprop */
    bool nesterov;       /* SGD */
} gf_optimizer_options;

typedef struct gf_optimizer gf_optimizer;

typedef struct gf_optimizer_class {
    const char *name;    /* "adam" */
    const char *options; /* names of the options it reads, a space before and after each: " beta_1 epsilon " */
    gf_optimizer_options defaults;
    int (*slots)(const gf_optimizer_options *options);
    void (*begin_step)(gf_optimizer *o, int64_t steps_done); /* fills o->now beyond lr; may be NULL */
    /* n elements; slot[i] points at the range's first element. */
    void (*step)(const gf_optimizer *o, float *param, const float *grad, float *const slot[], size_t n);
} gf_optimizer_class;

/* Holds no memory: copy and forget it freely. */
struct gf_optimizer {
    const gf_optimizer_class *class;
    gf_optimizer_options options;
    struct { /* of the step that was begun */
        float lr;
        float alpha; /* Adam: lr with both bias corrections */
    } now;
};

/* "rmsprop", or with options: "sgd:momentum=0.9,nesterov=1". Case matters. E3301 lists the kinds, E3302 the options
 * a kind has and their ranges. */
graft_status gf_optimizer_parse(gf_optimizer *out, const char *text, graft_error *err);

/* How many state blocks it keeps: gf_optimizer_slots(o) * total floats, zeroed at first, kept in a checkpoint. */
int gf_optimizer_slots(const gf_optimizer *o);

/* Scalars of the step to come: learning rate and the number of steps this optimizer has applied before. */
void gf_optimizer_begin_step(gf_optimizer *o, double lr, int64_t steps_done);

/* Updates elements from .. from + count - 1 of param (total floats) out of grad (total floats) and slots (a block of
 * gf_optimizer_slots(o) rows of total floats). Ranges that do not overlap may run on several threads at once. */
void gf_optimizer_step(const gf_optimizer *o, float *param, const float *grad, float *slots, size_t total, size_t from,
                       size_t count);

/* The kinds; each defined in its own file. */
extern const gf_optimizer_class gf_optimizer_adam, gf_optimizer_adamw, gf_optimizer_rmsprop, gf_optimizer_sgd;

#endif
