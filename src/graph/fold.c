/* fold.c - batch normalisation folded into kernels, and gradients unfolded again (the formulas: graph.h); and where it
 * runs on the batch's statistics, what its operation takes and gives (src/ops/batch_norm.c). */
#include "graph/graph.h"

#include <math.h>
#include <string.h>

static const float *values(const gf_model *m, int param)
{
    return param < 0 ? NULL : m->value + m->param[param].offset;
}

typedef struct fold_view {
    size_t oc, rows; /* the kernel is rows x oc, whatever its rank; depthwise (kh kw) x c */
    const float *kernel, *bias, *gamma, *beta, *mean, *variance;
} fold_view;

static fold_view view(const gf_model *m, const gf_node *n)
{
    fold_view v = {.kernel = values(m, n->param[GF_ROLE_KERNEL]),
                   .bias = values(m, n->param[GF_ROLE_BIAS]),
                   .gamma = values(m, n->param[GF_ROLE_GAMMA]),
                   .beta = values(m, n->param[GF_ROLE_BETA]),
                   .mean = values(m, n->param[GF_ROLE_MEAN]),
                   .variance = values(m, n->param[GF_ROLE_VARIANCE])};
    v.oc = (size_t)n->spec.dst.dim[n->spec.dst.rank - 1];
    v.rows = gf_op_kernel_count(&n->spec) / v.oc;
    return v;
}

static const float ones[64] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                               1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                               1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

static void add_products(float *restrict sum, const float *restrict a, const float *restrict b, size_t n)
{
    for (size_t i = 0; i < n; i++) sum[i] += a[i] * b[i];
}

static void scale_row(float *restrict out, const float *restrict in, const float *restrict scale, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = in[i] * scale[i];
}

/* ---- on the batch's statistics: the kernel is [gamma][mean][variance] */

static bool on_batch(const gf_node *n) { return n->spec.cls == &gf_op_batch_norm; }

static void stack(const fold_view *v, float *kernel, float *bias)
{
    for (size_t o = 0; o < v->oc; o++) {
        kernel[o] = v->gamma ? v->gamma[o] : 1;
        kernel[v->oc + o] = v->mean[o];
        kernel[2 * v->oc + o] = v->variance[o];
        bias[o] = v->beta ? v->beta[o] : 0;
    }
}

void gf_node_update_moving_stats(gf_model *m, const gf_node *n, const float *dkernel, const float *start, size_t images)
{
    float *mean = m->value + m->param[n->param[GF_ROLE_MEAN]].offset,
          *variance = m->value + m->param[n->param[GF_ROLE_VARIANCE]].offset;
    size_t c = m->param[n->param[GF_ROLE_MEAN]].count;
    double values = (double)images * (double)gf_count(&n->spec.dst) / (double)c; /* of a channel */
    double larger = n->unbiased && values > 1 ? values / (values - 1) : 1, fresh = 1 - (double)n->momentum;
    for (size_t o = 0; o < c; o++) {
        double d = (double)dkernel[c + o] / (double)images, about = (double)dkernel[2 * c + o] / (double)images;
        double spread = fmax(about - d * d, 0) * larger;   /* about the moving mean, then about its own */
        double moved = (double)start[o] - (double)mean[o]; /* by earlier calls of the layer */
        mean[o] = (float)((double)mean[o] + fresh * (moved + d));
        variance[o] = (float)((double)variance[o] + fresh * (spread - (double)variance[o]));
    }
}

/* ---- folded */

static float gamma_at(const fold_view *v, size_t o) { return v->gamma ? v->gamma[o] : 1; }

/* The parts of a kernel behind its first one. */
static void fold_more(const gf_model *m, const gf_node *n, float *kernel)
{
    size_t at = n->param[GF_ROLE_KERNEL] < 0 ? 0 : m->param[n->param[GF_ROLE_KERNEL]].count;
    for (int r = GF_ROLE_MORE; r < GF_ROLES && n->param[r] >= 0; r++) {
        const gf_param *p = &m->param[n->param[r]];
        memcpy(kernel + at, m->value + p->offset, p->count * sizeof *kernel);
        at += p->count;
    }
}

void gf_node_fold(const gf_model *m, const gf_node *n, float *kernel, float *bias)
{
    fold_view v = view(m, n);
    if (on_batch(n)) {
        stack(&v, kernel, bias);
        return;
    }
    for (size_t o = 0; o < v.oc && v.variance; o++) {
        float s = gamma_at(&v, o) / sqrtf(v.variance[o] + n->epsilon);
        bias[o] = (v.beta ? v.beta[o] : 0) + ((v.bias ? v.bias[o] : 0) - v.mean[o]) * s;
        kernel[o] = s; /* the scale, until the rows below overwrite it from the last to the first */
    }
    if (!v.variance) {
        if (v.kernel) memcpy(kernel, v.kernel, m->param[n->param[GF_ROLE_KERNEL]].count * sizeof *kernel);
        for (size_t i = 0; i < v.rows * v.oc && !v.kernel; i++) kernel[i] = 1; /* a normalisation without gamma */
        if (v.bias) memcpy(bias, v.bias, v.oc * sizeof *bias);
        fold_more(m, n, kernel);
        return;
    }
    for (size_t r = v.rows; r-- > 1 && v.kernel;) scale_row(kernel + r * v.oc, v.kernel + r * v.oc, kernel, v.oc);
    for (size_t o = 0; o < v.oc && v.kernel; o++) kernel[o] *= v.kernel[o];
}

/* The place of a parameter's gradient, NULL where it does not train. */
static float *position(const gf_model *m, int param, float *grad, size_t trainable_offset)
{
    const gf_param *p = param < 0 ? NULL : &m->param[param];
    return p && gf_model_param_trains(m, p) ? grad + (p->offset - trainable_offset - p->skipped) : NULL;
}

/* Where gradients of a node go. */
typedef struct target {
    float *to; /* NULL: nowhere, the parameter does not train */
    bool adds;
} target;

static void put(const target *t, const float *from, size_t n)
{
    if (!t->to) return;
    if (!t->adds) {
        memcpy(t->to, from, n * sizeof *t->to);
    } else {
        for (size_t i = 0; i < n; i++) t->to[i] += from[i];
    }
}

static void put_at(const target *t, size_t at, float x)
{
    if (!t->to) return;
    t->to[at] = t->adds ? t->to[at] + x : x;
}

static void put_scaled(const target *t, size_t at, const float *from, const float *scale, size_t n)
{
    if (!t->to) return;
    if (t->adds) {
        add_products(t->to + at, from, scale, n);
    } else {
        scale_row(t->to + at, from, scale, n);
    }
}

static void unfold_more(const gf_model *m, const gf_node *n, const float *dkernel, unsigned adds, float *grad,
                        size_t trainable_offset)
{
    size_t at = n->param[GF_ROLE_KERNEL] < 0 ? 0 : m->param[n->param[GF_ROLE_KERNEL]].count;
    for (int r = GF_ROLE_MORE; r < GF_ROLES && n->param[r] >= 0; r++) {
        const target t = {position(m, n->param[r], grad, trainable_offset), adds & 1u << r};
        put(&t, dkernel + at, m->param[n->param[r]].count);
        at += m->param[n->param[r]].count;
    }
}

void gf_node_unfold(const gf_model *m, const gf_node *n, const float *dkernel, const float *dbias, unsigned adds,
                    float *grad, size_t trainable_offset)
{
    fold_view v = view(m, n);
    const target dk = {position(m, n->param[GF_ROLE_KERNEL], grad, trainable_offset), adds & 1u << GF_ROLE_KERNEL};
    const target db = {position(m, n->param[GF_ROLE_BIAS], grad, trainable_offset), adds & 1u << GF_ROLE_BIAS};
    const target dgamma = {position(m, n->param[GF_ROLE_GAMMA], grad, trainable_offset), adds & 1u << GF_ROLE_GAMMA};
    const target dbeta = {position(m, n->param[GF_ROLE_BETA], grad, trainable_offset), adds & 1u << GF_ROLE_BETA};
    if (on_batch(n)) {
        put(&dgamma, dkernel, v.oc);
        put(&dbeta, dbias, v.oc);
        return;
    }
    if (!v.variance) {
        if (dk.to) put(&dk, dkernel, m->param[n->param[GF_ROLE_KERNEL]].count);
        put(&db, dbias, v.oc);
        unfold_more(m, n, dkernel, adds, grad, trainable_offset);
        return;
    }
    enum { BLOCK = 64 }; /* channels at a time: their scales stay at hand */
    for (size_t at = 0; at < v.oc; at += BLOCK) {
        size_t width = v.oc - at < BLOCK ? v.oc - at : BLOCK;
        float scale[BLOCK], sum[BLOCK] = {0};
        for (size_t o = 0; o < width; o++) scale[o] = gamma_at(&v, at + o) / sqrtf(v.variance[at + o] + n->epsilon);
        for (size_t r = 0; r < v.rows; r++) {
            const float *d = dkernel + r * v.oc + at, *k = v.kernel ? v.kernel + r * v.oc + at : ones;
            if (dgamma.to) add_products(sum, d, k, width);
            put_scaled(&dk, r * v.oc + at, d, scale, width);
        }
        for (size_t o = 0; o < width; o++) {
            size_t c = at + o;
            float root = sqrtf(v.variance[c] + n->epsilon);
            put_at(&dgamma, c, (sum[o] + ((v.bias ? v.bias[c] : 0) - v.mean[c]) * dbias[c]) / root);
            put_at(&dbeta, c, dbias[c]);
            put_at(&db, c, scale[o] * dbias[c]);
        }
    }
}
