/* logistic.c - rows are worked on in blocks, blocks in RUNS contiguous runs, whatever the threads: a run adds up its
 * own gradient and loss in the rows' order, and the runs are added in theirs. Products are of floats in vectors of 16,
 * of which the machine makes what it has (base/clones.h); what is added up over many rows is a double. */
#include "train/logistic.h"

#include "base/alloc.h"
#include "base/clones.h"
#include "ops/vectors.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 64, RUNS = 8, AT_ONCE = 4 };

size_t gf_logistic_outputs(size_t classes) { return classes == 2 ? 1 : classes; }

/* ---- rows */

graft_status gf_rows_create(gf_rows *r, size_t n, size_t d, graft_error *err)
{
    size_t bytes, stride = (d + LANES) / LANES * LANES;
    *r = (gf_rows){.n = n, .d = d, .stride = stride};
    bool fits = gf_mul_size(n, stride * sizeof *r->x, &bytes);
    r->x = fits ? gf_alloc_tensor(bytes ? bytes : 1) : NULL;
    for (size_t i = 0; r->x && i < n; i++) r->x[i * stride + d] = 1;
    return r->x ? GRAFT_OK : gf_fail_memory(err, fits ? bytes : SIZE_MAX, "features of all samples");
}

void gf_rows_free(gf_rows *r)
{
    gf_free(r->x);
    *r = (gf_rows){0};
}

graft_status gf_scaling_measure(gf_scaling *s, const gf_rows *r, graft_error *err)
{
    *s = (gf_scaling){.mean = gf_new_n(r->d, double), .sigma = 1};
    if (!s->mean) return gf_fail_memory(err, r->d * sizeof *s->mean, "features");
    double squares = 0;
    for (size_t i = 0; i < r->n; i++) {
        for (size_t k = 0; k < r->d; k++) s->mean[k] += (double)r->x[i * r->stride + k] / (double)r->n;
    }
    for (size_t i = 0; i < r->n; i++) {
        for (size_t k = 0; k < r->d; k++) {
            double x = (double)r->x[i * r->stride + k] - s->mean[k];
            squares += x * x;
        }
    }
    double sigma = sqrt(squares / ((double)r->n * (double)r->d));
    if (sigma > 0) s->sigma = sigma;
    return GRAFT_OK;
}

void gf_scaling_apply(const gf_scaling *s, gf_rows *r)
{
    for (size_t i = 0; i < r->n; i++) {
        float *x = r->x + i * r->stride;
        for (size_t k = 0; k < r->d; k++) x[k] = (float)(((double)x[k] - s->mean[k]) / s->sigma);
    }
}

void gf_scaling_free(gf_scaling *s)
{
    gf_free(s->mean);
    *s = (gf_scaling){0};
}

/* ---- products */

INLINE float sum_of(vf v)
{
    float sum = 0;
    for (int l = 0; l < LANES; l++) sum += v[l];
    return sum;
}

/* z[row][c] = x[row] . w[c], `rows` of them and k of w. */
GF_CLONES static void multiply(const float *x, size_t rows, const float *w, size_t k, size_t stride, float *z)
{
    for (size_t i = 0; i < rows; i++) {
        const float *row = x + i * stride;
        size_t c = 0;
        for (; c + AT_ONCE <= k; c += AT_ONCE) {
            const float *v = w + c * stride;
            vf a = {0}, b = {0}, d = {0}, e = {0};
            for (size_t j = 0; j < stride; j += LANES) {
                vf t = load_f(row + j);
                a += t * load_f(v + j);
                b += t * load_f(v + stride + j);
                d += t * load_f(v + 2 * stride + j);
                e += t * load_f(v + 3 * stride + j);
            }
            float *to = z + i * k + c;
            to[0] = sum_of(a), to[1] = sum_of(b), to[2] = sum_of(d), to[3] = sum_of(e);
        }
        for (; c < k; c++) {
            vf a = {0};
            for (size_t j = 0; j < stride; j += LANES) a += load_f(row + j) * load_f(w + c * stride + j);
            z[i * k + c] = sum_of(a);
        }
    }
}

/* sum[c] += p[row][c] x[row], over the rows in their order. */
GF_CLONES static void accumulate(const float *x, size_t rows, const float *p, size_t k, size_t stride, double *sum)
{
    for (size_t c = 0; c < k; c += AT_ONCE) {
        size_t n = smaller(AT_ONCE, k - c);
        for (size_t j = 0; j < stride; j += LANES) {
            vf part[AT_ONCE] = {{0}};
            for (size_t i = 0; i < rows; i++) {
                vf t = load_f(x + i * stride + j);
                for (size_t q = 0; q < n; q++) part[q] += p[i * k + c + q] * t;
            }
            for (size_t q = 0; q < n; q++) {
                for (size_t l = 0; l < LANES; l++) sum[(c + q) * stride + j + l] += (double)part[q][l];
            }
        }
    }
}

/* ---- the objective */

/* A row's loss; z becomes its derivatives. */
static double judge(float *z, size_t k, int32_t label)
{
    if (k == 1) {
        double x = (double)z[0], y = label;
        z[0] = (float)(1 / (1 + exp(-x)) - y);
        return log1p(exp(-fabs(x))) + fmax(x, 0) - y * x;
    }
    double most = (double)z[0], sum = 0, own = (double)z[label];
    for (size_t c = 1; c < k; c++) most = fmax(most, (double)z[c]);
    for (size_t c = 0; c < k; c++) sum += exp((double)z[c] - most);
    for (size_t c = 0; c < k; c++) z[c] = (float)(exp((double)z[c] - most) / sum - (c == (size_t)label));
    return log(sum) + most - own;
}

typedef struct fitting {
    const gf_logistic *p;
    size_t k, size; /* outputs; k x stride */
    double lambda, excess, weights;
    float *w;         /* as floats */
    double *gradient; /* RUNS of `size`; NULL: not wanted */
    double loss[RUNS];
} fitting;

static graft_status run_rows(void *ctx, size_t run, int worker, graft_error *err)
{
    (void)worker;
    fitting *f = ctx;
    const gf_logistic *p = f->p;
    size_t blocks = (p->rows->n + BLOCK - 1) / BLOCK, stride = p->rows->stride, k = f->k;
    double *gradient = f->gradient ? f->gradient + run * f->size : NULL;
    float *z = gf_new_n(BLOCK * k, float);
    if (!z) return gf_fail_memory(err, BLOCK * k * sizeof *z, "the solver");
    f->loss[run] = 0;
    if (gradient) memset(gradient, 0, f->size * sizeof *gradient);
    for (size_t b = blocks * run / RUNS; b < blocks * (run + 1) / RUNS; b++) {
        size_t first = b * BLOCK, n = smaller(BLOCK, p->rows->n - first);
        const float *x = p->rows->x + first * stride;
        multiply(x, n, f->w, k, stride, z);
        for (size_t i = 0; i < n; i++) {
            const double weight = p->weight[first + i];
            double loss = judge(z + i * k, k, p->label[first + i]);
            if (weight > 0) f->loss[run] += weight * loss;
            for (size_t c = 0; c < k; c++) z[i * k + c] *= (float)(weight / f->weights);
        }
        if (gradient) accumulate(x, n, z, k, stride, gradient);
    }
    gf_free(z);
    return GRAFT_OK;
}

/* The mean loss at w; with the gradients of the runs. */
static graft_status run_all(fitting *f, const double *w, double *loss, graft_error *err)
{
    for (size_t i = 0; i < f->size; i++) f->w[i] = (float)w[i];
    GF_TRY(gf_pool_run_watched(f->p->pool, RUNS, run_rows, f, err));
    double sum = 0;
    for (size_t run = 0; run < RUNS; run++) sum += f->loss[run];
    *loss = sum / f->weights;
    return GRAFT_OK;
}

static double penalty_of(const fitting *f) { return f->k == 1 ? f->lambda / 2 : f->lambda; }

static graft_status objective_at(void *ctx, const double *w, double *value, double *gradient, graft_error *err)
{
    fitting *f = ctx;
    const gf_rows *rows = f->p->rows;
    double squares = 0, penalty = penalty_of(f);
    GF_TRY(run_all(f, w, value, err));
    for (size_t i = 0; i < f->size; i++) {
        double sum = 0;
        for (size_t run = 0; run < RUNS; run++) sum += f->gradient[run * f->size + i];
        size_t column = i % rows->stride;
        gradient[i] = column > rows->d ? 0 : sum + (column < rows->d ? penalty * w[i] : 0);
        if (column < rows->d) squares += w[i] * w[i];
    }
    *value += penalty / 2 * squares;
    return GRAFT_OK;
}

/* f is strongly convex in W: what it exceeds its least value by is at most |g|^2 / (2 penalty). */
static bool objective_done(void *ctx, double value, const double *gradient)
{
    const fitting *f = ctx;
    double squares = 0;
    for (size_t i = 0; i < f->size; i++) squares += gradient[i] * gradient[i];
    return squares / (2 * penalty_of(f)) <= f->excess * value;
}

static graft_status open_fitting(fitting *f, const gf_logistic *p, bool gradients, graft_error *err)
{
    *f = (fitting){.p = p, .k = gf_logistic_outputs(p->classes)};
    f->size = f->k * p->rows->stride;
    for (size_t i = 0; i < p->rows->n; i++) f->weights += p->weight[i];
    f->w = gf_new_n(f->size, float);
    f->gradient = gradients ? gf_new_n(RUNS * f->size, double) : NULL;
    if (f->w && (f->gradient || !gradients)) return GRAFT_OK;
    return gf_fail_memory(err, RUNS * f->size * sizeof *f->gradient, "the solver");
}

static void close_fitting(fitting *f)
{
    gf_free(f->w);
    gf_free(f->gradient);
}

graft_status gf_logistic_fit(const gf_logistic *p, double lambda, double excess, int most_steps, double *w,
                             gf_minimum *out, graft_error *err)
{
    fitting f;
    graft_status status = open_fitting(&f, p, true, err);
    f.lambda = lambda;
    f.excess = excess;
    const gf_objective objective = {&f, f.size, objective_at, objective_done};
    if (status == GRAFT_OK) status = gf_minimise(&objective, most_steps, w, out, err);
    close_fitting(&f);
    return status;
}

void gf_logistic_start(const gf_logistic *p, double *w)
{
    size_t k = gf_logistic_outputs(p->classes), stride = p->rows->stride;
    memset(w, 0, k * stride * sizeof *w);
    const double some = 0.5; /* of a class without rows */
    double all = 0, last = some;
    for (size_t c = 0; c < p->classes; c++) {
        double sum = 0;
        for (size_t i = 0; i < p->rows->n; i++) sum += p->label[i] == (int32_t)c ? p->weight[i] : 0;
        all += sum;
        double share = fmax(sum, some);
        if (k > 1) w[c * stride + p->rows->d] = log(share);
        if (k == 1 && c) w[p->rows->d] = log(share / last);
        last = share;
    }
    for (size_t c = 0; k > 1 && c < k; c++) w[c * stride + p->rows->d] -= log(fmax(all, some));
}

graft_status gf_logistic_loss(const gf_logistic *p, const double *w, double *loss, graft_error *err)
{
    fitting f;
    graft_status status = open_fitting(&f, p, false, err);
    if (status == GRAFT_OK) status = run_all(&f, w, loss, err);
    close_fitting(&f);
    return status;
}

/* ---- scores */

typedef struct scoring {
    const gf_rows *rows;
    const float *w;
    size_t k;
    float *z;
} scoring;

static graft_status score_block(void *ctx, size_t block, int worker, graft_error *err)
{
    (void)worker, (void)err;
    const scoring *s = ctx;
    size_t first = block * BLOCK;
    multiply(s->rows->x + first * s->rows->stride, smaller(BLOCK, s->rows->n - first), s->w, s->k, s->rows->stride,
             s->z + first * s->k);
    return GRAFT_OK;
}

graft_status gf_logistic_scores(const gf_rows *rows, const double *w, size_t outputs, gf_pool *pool, float *z,
                                graft_error *err)
{
    size_t size = outputs * rows->stride;
    float *own = gf_new_n(size, float);
    if (!own) return gf_fail_memory(err, size * sizeof *own, "the solver");
    for (size_t i = 0; i < size; i++) own[i] = (float)w[i];
    graft_status status =
        gf_pool_run_watched(pool, (rows->n + BLOCK - 1) / BLOCK, score_block, &(scoring){rows, own, outputs, z}, err);
    gf_free(own);
    return status;
}
