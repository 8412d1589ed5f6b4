/* loss.h - the loss of one sample and its gradient, as a class: of logits that a softmax stands behind, and of one
 * logit that a sigmoid stands behind.
 *
 * A new loss: src/tasks/loss_NAME.c with one gf_loss_class, and its line in losses.def. */
#ifndef GF_TASKS_LOSS_H
#define GF_TASKS_LOSS_H

#include "base/alloc.h"
#include "base/error.h"

enum { GF_LOSS_ARGS = 4 };

typedef struct gf_loss_arg {
    const char *name; /* "smoothing"; NULL behind the last */
    double value, low, high;
    const char *help;
} gf_loss_arg;

typedef struct gf_loss gf_loss;

typedef struct gf_loss_class {
    const char *name; /* "cross-entropy" */
    const char *help;
    gf_loss_arg arg[GF_LOSS_ARGS];
    /* The loss of one logit z, of a sample that is one of the class (y = 1) or not (0). */
    float (*sigmoid)(const gf_loss *l, float z, int y, float scale, float *diff);
    /* Of n logits of a sample of class y. In both, diff (may be NULL) gets d(scale * loss)/dz. */
    float (*softmax)(const gf_loss *l, const float *z, int n, int y, float scale, float *diff);
} gf_loss_class;

struct gf_loss {
    const gf_loss_class *cls;
    double arg[GF_LOSS_ARGS]; /* as the class has them */
    bool given[GF_LOSS_ARGS]; /* the text said it; else it is the class's */
};

/* ---- every loss (losses.def) */

#define GF_LOSS(x) extern const gf_loss_class gf_loss_##x;
#include "tasks/losses.def"
#undef GF_LOSS
const gf_loss_class *gf_loss_class_at(size_t i); /* NULL behind the last */

/* "NAME[:ARG=VALUE,..]"; NULL: the first of the list. E3002 for a name or an argument that is none, with those there
 * are. */
graft_status gf_loss_parse(gf_loss *l, const char *text, graft_error *err);
/* What may be asked for, "NAME:ARG=VALUE,.. - help" and a line feed each. */
void gf_loss_words(gf_text *text);

/* ---- parts that losses use */

float gf_sigmoid(float z);
/* p[n] = softmax(z[n]); they may be the same. */
void gf_softmax(const float *z, int n, float *p);
int gf_largest(const float *z, int n); /* of equal ones the first */

#endif
