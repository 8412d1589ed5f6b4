/* logistic.h - multinomial logistic regression on rows of features, solved to its optimum:
 *
 *     f(W, b) = sum_i s_i CE(y_i, W x_i + b) / sum_i s_i + lambda/2 |W|^2
 *
 * Two classes have one logit, that of the second: lambda/4 |w|^2 then, which is what two rows would come to. As
 * scikit-learn's C: 1 / (lambda sum s), for two classes 2 / (lambda sum s). Same bits for any number of threads. */
#ifndef GF_TRAIN_LOGISTIC_H
#define GF_TRAIN_LOGISTIC_H

#include "base/threads.h"
#include "train/lbfgs.h"

#include <stdint.h>

/* n rows of d floats, `stride` apart: behind them a 1, which the bias multiplies, and zeros. */
typedef struct gf_rows {
    float *x; /* owned */
    size_t n, d, stride;
} gf_rows;
graft_status gf_rows_create(gf_rows *r, size_t n, size_t d, graft_error *err);
void gf_rows_free(gf_rows *r); /* leaves it empty */

/* The mean of each column, and one number for all: the root of the mean square of what is left. With one number, lambda
 * means the same for every network. */
typedef struct gf_scaling {
    double *mean; /* owned; d */
    double sigma;
} gf_scaling;
graft_status gf_scaling_measure(gf_scaling *s, const gf_rows *r, graft_error *err);
void gf_scaling_apply(const gf_scaling *s, gf_rows *r); /* x = (x - mean) / sigma */
void gf_scaling_free(gf_scaling *s);

typedef struct gf_logistic {
    const gf_rows *rows;
    const int32_t *label; /* n; 0 .. classes - 1 */
    const double *weight; /* n; 0: the row is left out */
    size_t classes;
    gf_pool *pool;
} gf_logistic;
size_t gf_logistic_outputs(size_t classes); /* rows of weights: 1 of two classes */

/* From `w` on (outputs x stride; W, and b where the rows have 1), which becomes the optimum: to within `excess` times
 * the value of it. `watch` is looked at between evaluations. */
graft_status gf_logistic_fit(const gf_logistic *p, double lambda, double excess, int most_steps, double *w,
                             gf_minimum *out, graft_error *err);
/* Where to begin: W = 0, b the logarithms of the classes' shares. */
void gf_logistic_start(const gf_logistic *p, double *w);
/* The mean log loss of the rows that are not left out. */
graft_status gf_logistic_loss(const gf_logistic *p, const double *w, double *loss, graft_error *err);
/* Logits of all rows: z[n][outputs]. */
graft_status gf_logistic_scores(const gf_rows *rows, const double *w, size_t outputs, gf_pool *pool, float *z,
                                graft_error *err);

#endif
