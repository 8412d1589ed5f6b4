/* optimizer.h - one training step's update of a flat block of parameters, with Keras 3's formulas or, with form=torch,
 * PyTorch's.
 *
 * A kind of optimizer is one `gf_optimizer_class` in a file of its own (optimizer_adam.c ...) and one line in
 * optimizers.def. Its arguments are rows of its own: what they mean, only that file knows. It keeps some state blocks
 * ("slots") as long as the parameter block, zeroed before the first step. An update is element by element, a pure
 * function of its inputs: the same bits however the block is cut into ranges, so that threads may share out one step.
 * The loops use +, -, *, / and sqrt in f32, all correctly rounded.
 *
 *     gf_optimizer o;
 *     GF_TRY(gf_optimizer_parse(&o, "adam", err));
 *     float *slots = gf_alloc_tensor(gf_optimizer_slots(&o) * total * sizeof(float));
 *     each step:    gf_optimizer_begin_step(&o, lr, steps_done);
 *     each thread:  gf_optimizer_step(&o, param + from, grad + from, slots + from, total, count);                */
#ifndef GF_TRAIN_OPTIMIZER_H
#define GF_TRAIN_OPTIMIZER_H

#include "base/alloc.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GF_OPTIMIZER_MAX_SLOTS = 4, GF_OPTIMIZER_MAX_ARGS = 8, GF_OPTIMIZER_MAX_NOW = 4 };

/* An argument, as in "sgd:momentum=0.9". */
typedef struct gf_optimizer_arg {
    const char *name; /* Keras's; "weight_decay" is taken: every kind has it */
    double low, high; /* low <= value < high, or low < value where low > 0 stands for "above 0" */
    double value;     /* the default */
    double torch;     /* with form=torch */
    bool flag;        /* 0 or 1 */
    const char *help; /* a few words: "decay of the mean of the gradient" */
    bool torch_only;  /* Keras's form has no such argument */
} gf_optimizer_arg;

typedef struct gf_optimizer gf_optimizer;

typedef struct gf_optimizer_class {
    const char *name;                 /* "adam" */
    const char *help;                 /* a few words: what it is */
    double weight_decay, torch_decay; /* its default, in each form */
    bool torch;                       /* it has PyTorch's form too */
    bool decoupled;              /* PyTorch's form takes the decay off the parameter, else adds it to the gradient */
    const gf_optimizer_arg *arg; /* n_args; the kind finds the value of row i in o->arg[i] */
    size_t n_args;
    int (*slots)(const gf_optimizer *o);
    void (*begin_step)(gf_optimizer *o, int64_t steps_done); /* fills o->now; may be NULL */
    /* n elements; slot[i] points at the range's first element. */
    void (*step)(const gf_optimizer *o, float *param, const float *grad, float *const slot[], size_t n);
    /* Of kinds whose step depends on norms of a whole parameter tensor (both or neither): `measure` takes the gradient
     * into the slots, and gives the sums of squares of the parameter and of the update that it would be; `prepare` gets
     * both norms of the tensor, before `step`. */
    void (*measure)(const gf_optimizer *o, const float *param, const float *grad, float *const slot[], size_t n,
                    double squares[2]);
    void (*prepare)(gf_optimizer *o, double param_norm, double update_norm);
} gf_optimizer_class;

/* Holds no memory: copy and forget it freely. */
struct gf_optimizer {
    const gf_optimizer_class *class;
    double arg[GF_OPTIMIZER_MAX_ARGS];
    bool torch;                      /* PyTorch's form, else Keras's */
    double weight_decay;             /* param -= param * weight_decay * lr before the update; 0: none */
    float lr;                        /* of the step that was begun */
    float now[GF_OPTIMIZER_MAX_NOW]; /* likewise: what the kind keeps of it */
};

/* "rmsprop", or with arguments: "sgd:momentum=0.9,nesterov=1". Case matters. E3301 lists the kinds, E3302 the arguments
 * that a kind has and their ranges. */
graft_status gf_optimizer_parse(gf_optimizer *out, const char *text, graft_error *err);

/* What may be written, a line for each kind: "adam:beta_1=0.9,beta_2=0.999,... - Adam (Kingma and Ba, 2015)\n". */
void gf_optimizer_words(gf_text *text);

/* How many state blocks it keeps: gf_optimizer_slots(o) * total floats, zeroed at first, kept in a checkpoint. */
int gf_optimizer_slots(const gf_optimizer *o);

/* Scalars of the step to come: learning rate and the number of steps this optimizer has applied before. */
void gf_optimizer_begin_step(gf_optimizer *o, double lr, int64_t steps_done);

/* Updates n elements of param out of as many of grad. slots: of the first element in the first block; that in the next
 * block stands `total` floats later. Ranges that do not overlap may run on several threads at once. */
void gf_optimizer_step(const gf_optimizer *o, float *param, const float *grad, float *slots, size_t total, size_t n);

/* Of a kind with `measure`, for each tensor, before gf_optimizer_step: the weight decay, and the sums of squares of a
 * range of the tensor; then their roots over the whole tensor. */
void gf_optimizer_measure(const gf_optimizer *o, float *param, const float *grad, float *slots, size_t total, size_t n,
                          double squares[2]);
void gf_optimizer_prepare(gf_optimizer *o, double param_norm, double update_norm);

/* The kinds in the order of optimizers.def; NULL behind the last. */
const gf_optimizer_class *gf_optimizer_at(size_t i);

#endif
