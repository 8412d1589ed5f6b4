/* attention.c - what places of a value are looked up by a query and keys, in several heads that stand side by side in
 * the channels. Of each image and head, with T places of the query and S of key and value:
 *
 *   z = scale Q K^T (T x S)    P = softmax z, row by row; causal: row i sees the first i + 1 alone    dst = P V
 *
 *   diff_V = P^T diff_dst    dP = diff_dst V^T    dz = P (dP - sum_row dP P)
 *   diff_Q = scale dz K      diff_K = scale dz^T Q
 *
 * P is not kept for backward but computed again: that is one product in five, and T x S values a head less to keep. One
 * head at a time stays in the cache; its matrices lie in the tensors with rows as far apart as places are. */
#include "ops/attention.h"
#include "ops/kernels.h"
#include "ops/onednn.h"

#include "base/alloc.h"

#include <string.h>

typedef enum operand {
    QUERY,
    KEY,
    VALUE,
    DST,
    DIFF_QUERY,
    DIFF_KEY,
    DIFF_VALUE,
    DIFF_DST,
    SCORES, /* z and dP in f32; the others as they are multiplied */
    WEIGHTS,
    DIFF_WEIGHTS,
    DIFF_SCORES,
    OPERANDS
} operand;

enum { Z, MIX, DP, DV, DQ, DK, PRODUCTS };
static const struct {
    operand a, b, c;
    bool a_transposed, b_transposed;
    int source; /* whose gradient it is; -1: none */
} products[PRODUCTS] = {
    [Z] = {QUERY, KEY, SCORES, false, true, -1},
    [MIX] = {WEIGHTS, VALUE, DST, false, false, -1},
    [DP] = {DIFF_DST, VALUE, DIFF_WEIGHTS, false, true, -1},
    [DV] = {WEIGHTS, DIFF_DST, DIFF_VALUE, true, false, 2},
    [DQ] = {DIFF_SCORES, KEY, DIFF_QUERY, false, false, 0},
    [DK] = {DIFF_SCORES, QUERY, DIFF_KEY, true, false, 1},
};

/* One head of an operand: a matrix. */
typedef struct matrix {
    int64_t rows, cols, stride;
    gf_dtype type;
} matrix;

typedef struct attention {
    const gf_ops *ops;
    bool reference; /* types differ, which oneDNN does not multiply: computed as the reference implementation does */
    matrix of[OPERANDS];
    gf_prim prim[PRODUCTS];
    size_t scores, weights, diff_weights, diff_scores; /* in the scratchpad */
} attention;

typedef struct calls {
    gf_call of[PRODUCTS];
} calls;

static int64_t positions(const gf_shape *s) { return s->dim[1] * s->dim[2]; }

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    const gf_shape *q = &s->src[0], *k = &s->src[1], *v = &s->src[2];
    int64_t heads = s->attention.heads;
    bool fits = s->n_src == 3 && q->rank == 4 && k->rank == 4 && v->rank == 4 && q->dim[0] == k->dim[0] &&
                q->dim[0] == v->dim[0] && positions(k) == positions(v) && q->dim[3] == k->dim[3] && heads > 0;
    if (!fits || q->dim[3] % heads || v->dim[3] % heads) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: %d heads of query %s, key %s and value %s do not fit",
                       s->name, s->attention.heads, GF_SHAPE_TEXT(q), GF_SHAPE_TEXT(k), GF_SHAPE_TEXT(v));
    }
    *dst = *q;
    dst->dim[3] = v->dim[3];
    return GRAFT_OK;
}

static size_t round64(size_t n) { return (n + 63) / 64 * 64; }
static size_t reference_int8(const gf_op_spec *s);

static void describe(attention *d, const gf_op_spec *s)
{
    int64_t heads = s->attention.heads, t = positions(&s->src[0]), n = positions(&s->src[1]);
    for (int k = 0; k < 3; k++) {
        int64_t c = s->src[k].dim[3];
        d->of[QUERY + k] = d->of[DIFF_QUERY + k] = (matrix){positions(&s->src[k]), c / heads, c, s->src_dtype[k]};
    }
    d->of[DST] = d->of[DIFF_DST] = (matrix){t, s->dst.dim[3] / heads, s->dst.dim[3], s->dst_dtype};
    d->of[SCORES] = d->of[DIFF_WEIGHTS] = (matrix){t, n, n, GF_F32};
    d->of[WEIGHTS] = d->of[DIFF_SCORES] = (matrix){t, n, n, s->src_dtype[0]};
    d->reference = false;
    for (int k = 0; k < 3; k++) d->reference |= s->src_dtype[k] != s->dst_dtype;
}

static bool wanted(const gf_op_spec *s, int i)
{
    if (products[i].source >= 0) return s->backward && s->diff_src[products[i].source];
    return i != DP || (s->backward && (s->diff_src[0] || s->diff_src[1]));
}

static graft_status create_product(attention *d, const gf_op_spec *s, int i, graft_error *err)
{
    const matrix *a = &d->of[products[i].a], *b = &d->of[products[i].b], *c = &d->of[products[i].c];
    bool at = products[i].a_transposed, bt = products[i].b_transposed;
    gf_matmul m = {.m = c->rows, .k = at ? a->rows : a->cols, .n = c->cols, .in = a->type, .out = c->type};
    m.a_row = at ? 1 : a->stride, m.a_col = at ? a->stride : 1;
    m.b_row = bt ? 1 : b->stride, m.b_col = bt ? b->stride : 1;
    m.c_row = c->stride;
    m.sum = products[i].source >= 0 && s->accumulate[products[i].source];
    return gf_matmul_create(&d->prim[i], &m, d->ops, s->name, err);
}

static graft_status create(gf_op *op, gf_ops *ops, graft_error *err)
{
    const gf_op_spec *s = &op->spec;
    attention *d = op->impl = gf_new(attention);
    if (!d) return gf_fail_memory(err, sizeof *d, s->name);
    d->ops = ops;
    describe(d, s);
    op->scratchpad_bytes = reference_int8(s);
    if (d->reference) return GRAFT_OK;
    size_t at = 0, values = (size_t)(d->of[SCORES].rows * d->of[SCORES].cols);
    for (int i = 0; i < PRODUCTS; i++) {
        if (!wanted(s, i)) continue;
        GF_TRY(create_product(d, s, i, err));
        size_t bytes = round64(gf_prim_scratchpad(&d->prim[i]));
        if (bytes > at) at = bytes;
    }
    size_t wide = round64(values * sizeof(float)), narrow = round64(values * gf_dtype_size(s->dst_dtype));
    bool copies = s->dst_dtype != GF_F32; /* else what is computed in f32 is multiplied where it is */
    d->scores = at;
    d->weights = copies ? at + wide : at;
    d->diff_weights = d->weights + (copies ? narrow : wide);
    d->diff_scores = copies ? d->diff_weights + wide : d->diff_weights;
    op->scratchpad_bytes = s->backward ? d->diff_scores + (copies ? narrow : wide) : d->diff_weights;
    return GRAFT_OK;
}

static void destroy(gf_op *op)
{
    attention *d = op->impl;
    if (!d) return;
    for (int i = 0; i < PRODUCTS; i++) gf_prim_destroy(&d->prim[i]);
    gf_free(d);
}

/* ---- bind */

/* Head h of image n of an operand. */
static void *head_of(const attention *d, const gf_op_args *a, operand o, int64_t n, int64_t h)
{
    char *scratch = a->scratchpad;
    const void *tensor[] = {a->src[0],      a->src[1],      a->src[2],      a->dst,
                            a->diff_src[0], a->diff_src[1], a->diff_src[2], a->diff_dst};
    if (o == SCORES) return scratch + d->scores;
    if (o == WEIGHTS) return scratch + d->weights;
    if (o == DIFF_WEIGHTS) return scratch + d->diff_weights;
    if (o == DIFF_SCORES) return scratch + d->diff_scores;
    const matrix *m = &d->of[o];
    return (char *)tensor[o] + (size_t)(n * m->rows * m->stride + h * m->cols) * gf_dtype_size(m->type);
}

static graft_status bind(const gf_op *op, gf_exec *exec, graft_error *err)
{
    const attention *d = op->impl;
    const gf_op_args *a = &exec->args;
    if (d->reference) return GRAFT_OK;
    calls *x = exec->impl = gf_new(calls);
    if (!x) return gf_fail_memory(err, sizeof *x, op->spec.name);
    for (int i = 0; i < PRODUCTS; i++) {
        if (!wanted(&op->spec, i)) continue;
        gf_matmul_ends ends = {.a = head_of(d, a, products[i].a, 0, 0),
                               .b = head_of(d, a, products[i].b, 0, 0),
                               .c = head_of(d, a, products[i].c, 0, 0),
                               .scratchpad = a->scratchpad};
        GF_TRY(gf_matmul_bind(&x->of[i], &d->prim[i], d->ops, &ends, err));
    }
    return GRAFT_OK;
}

static void unbind(gf_exec *exec)
{
    calls *x = exec->impl;
    for (int i = 0; x && i < PRODUCTS; i++) gf_call_destroy(&x->of[i]);
    gf_free(x);
}

/* ---- run */

static graft_status run(gf_exec *exec, int i, int64_t n, int64_t h, graft_error *err)
{
    const attention *d = exec->op->impl;
    gf_call *call = &((calls *)exec->impl)->of[i];
    gf_matmul_ends ends = {.a = head_of(d, &exec->args, products[i].a, n, h)};
    ends.b = head_of(d, &exec->args, products[i].b, n, h);
    ends.c = head_of(d, &exec->args, products[i].c, n, h);
    return gf_matmul_run(call, &d->prim[i], &ends, d->ops, exec->op->spec.name, err);
}

/* How many places row i sees. */
static int64_t seen(const gf_op_spec *s, int64_t i, int64_t n) { return s->attention.causal && i + 1 < n ? i + 1 : n; }

void gf_attention_weigh(float scale, float *z, size_t seen, size_t n)
{
    float most = gf_maximum(z, seen);
    for (size_t k = 0; k < seen; k++) z[k] = (z[k] - most) * scale;
    gf_act_forward(GF_ACT_EXPONENTIAL, 0, z, GF_F32, seen);
    gf_scale(z, 1 / gf_sum(z, seen), seen);
    memset(z + seen, 0, (n - seen) * sizeof *z);
}

void gf_attention_weigh_back(float scale, const float *p, float *dp, size_t n)
{
    float sum = gf_dot(dp, p, n);
    for (size_t k = 0; k < n; k++) dp[k] = scale * p[k] * (dp[k] - sum);
}

static void weigh(const gf_op_spec *s, float *z, int64_t rows, int64_t n)
{
    for (int64_t i = 0; i < rows; i++, z += n) {
        gf_attention_weigh(s->attention.scale, z, (size_t)seen(s, i, n), (size_t)n);
    }
}

static void weigh_back(const gf_op_spec *s, const float *p, float *dp, int64_t rows, int64_t n)
{
    for (int64_t i = 0; i < rows; i++, p += n, dp += n) {
        gf_attention_weigh_back(s->attention.scale, p, dp, (size_t)n);
    }
}

static graft_status weights_of(gf_exec *exec, int64_t n, int64_t h, graft_error *err)
{
    const attention *d = exec->op->impl;
    const matrix *m = &d->of[SCORES];
    GF_TRY(run(exec, Z, n, h, err));
    float *z = head_of(d, &exec->args, SCORES, n, h);
    void *p = head_of(d, &exec->args, WEIGHTS, n, h);
    weigh(&exec->op->spec, z, m->rows, m->cols);
    if (p != z) gf_convert(p, d->of[WEIGHTS].type, z, GF_F32, (size_t)(m->rows * m->cols));
    return GRAFT_OK;
}

static graft_status forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    const gf_op_spec *s = &exec->op->spec;
    if (((attention *)exec->op->impl)->reference) return gf_op_attention_reference.forward(exec, step, err);
    for (int64_t n = 0; n < s->dst.dim[0]; n++) {
        for (int64_t h = 0; h < s->attention.heads; h++) {
            GF_TRY(weights_of(exec, n, h, err));
            GF_TRY(run(exec, MIX, n, h, err));
        }
    }
    return GRAFT_OK;
}

static graft_status backward_head(gf_exec *exec, int64_t n, int64_t h, graft_error *err)
{
    const attention *d = exec->op->impl;
    const gf_op_spec *s = &exec->op->spec;
    const matrix *m = &d->of[SCORES];
    GF_TRY(weights_of(exec, n, h, err));
    if (s->diff_src[2]) GF_TRY(run(exec, DV, n, h, err));
    if (!s->diff_src[0] && !s->diff_src[1]) return GRAFT_OK;
    GF_TRY(run(exec, DP, n, h, err));
    float *dp = head_of(d, &exec->args, DIFF_WEIGHTS, n, h);
    void *dz = head_of(d, &exec->args, DIFF_SCORES, n, h);
    weigh_back(s, head_of(d, &exec->args, SCORES, n, h), dp, m->rows, m->cols);
    if (dz != dp) gf_convert(dz, d->of[DIFF_SCORES].type, dp, GF_F32, (size_t)(m->rows * m->cols));
    if (s->diff_src[0]) GF_TRY(run(exec, DQ, n, h, err));
    return s->diff_src[1] ? run(exec, DK, n, h, err) : GRAFT_OK;
}

static graft_status backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    const gf_op_spec *s = &exec->op->spec;
    if (((attention *)exec->op->impl)->reference) return gf_op_attention_reference.backward(exec, step, err);
    for (int64_t n = 0; n < s->dst.dim[0]; n++) {
        for (int64_t h = 0; h < s->attention.heads; h++) GF_TRY(backward_head(exec, n, h, err));
    }
    return GRAFT_OK;
}

const gf_op_class gf_op_attention = {
    .name = "attention",
    .infer = infer,
    .create = create,
    .destroy = destroy,
    .bind = bind,
    .unbind = unbind,
    .forward = forward,
    .backward = backward,
};

/* ---- the reference implementation: one row of the query at a time, of any types */

/* The rows of one image and head. */
typedef struct rows {
    const gf_op_spec *s;
    const gf_op_args *a;
    int64_t t, n, k, v; /* places of query and key; channels a head of query and value */
    int64_t image, head;
    float *p, *dp, *diff[3]; /* a row of P and of dP; gradients of whole sources in f32 */
} rows;

static size_t reference_int8(const gf_op_spec *s)
{
    size_t floats = 2 * (size_t)positions(&s->src[1]);
    for (int k = 0; k < 3 && s->backward; k++) floats += gf_count(&s->src[k]);
    return floats * sizeof(float);
}

static graft_status reference_create(gf_op *op, gf_ops *ops, graft_error *err)
{
    (void)ops, (void)err;
    op->scratchpad_bytes = reference_int8(&op->spec);
    return GRAFT_OK;
}

static rows rows_of(const gf_exec *exec)
{
    const gf_op_spec *s = &exec->op->spec;
    rows r = {.s = s, .a = &exec->args, .t = positions(&s->src[0]), .n = positions(&s->src[1])};
    r.k = s->src[0].dim[3] / s->attention.heads;
    r.v = s->src[2].dim[3] / s->attention.heads;
    r.p = exec->args.scratchpad;
    r.dp = r.p + r.n;
    float *at = r.dp + r.n;
    for (int k = 0; k < 3 && s->backward; k++) {
        r.diff[k] = at;
        at += gf_count(&s->src[k]);
    }
    return r;
}

/* Channel c of place i, in a tensor of `count` places an image and `width` channels a head. */
static size_t at(const rows *r, int64_t count, int64_t width, int64_t i, int64_t c)
{
    return (size_t)(((r->image * count + i) * r->s->attention.heads + r->head) * width + c);
}

static float source(const rows *r, int k, size_t i) { return gf_load(r->a->src[k], r->s->src_dtype[k], i); }

static void row_weights(const rows *r, int64_t i)
{
    int64_t m = seen(r->s, i, r->n);
    float sum = 0;
    for (int64_t j = 0; j < r->n; j++) {
        r->p[j] = 0;
        for (int64_t c = 0; c < r->k; c++) {
            r->p[j] += source(r, 0, at(r, r->t, r->k, i, c)) * source(r, 1, at(r, r->n, r->k, j, c));
        }
        r->p[j] *= r->s->attention.scale;
    }
    float most = gf_maximum(r->p, (size_t)m);
    for (int64_t j = 0; j < r->n; j++) {
        r->p[j] = j < m ? gf_act_value(GF_ACT_EXPONENTIAL, 0, r->p[j] - most) : 0;
        sum += r->p[j];
    }
    for (int64_t j = 0; j < r->n; j++) r->p[j] /= sum;
}

static void row_forward(const rows *r, int64_t i)
{
    row_weights(r, i);
    for (int64_t c = 0; c < r->v; c++) {
        float sum = 0;
        for (int64_t j = 0; j < r->n; j++) sum += r->p[j] * source(r, 2, at(r, r->n, r->v, j, c));
        gf_store(r->a->dst, r->s->dst_dtype, at(r, r->t, r->v, i, c), sum);
    }
}

static void row_backward(const rows *r, int64_t i)
{
    float sum = 0;
    row_weights(r, i);
    for (int64_t j = 0; j < r->n; j++) {
        r->dp[j] = 0;
        for (int64_t c = 0; c < r->v; c++) {
            float d = gf_load(r->a->diff_dst, r->s->dst_dtype, at(r, r->t, r->v, i, c));
            r->dp[j] += d * source(r, 2, at(r, r->n, r->v, j, c));
            r->diff[2][at(r, r->n, r->v, j, c)] += r->p[j] * d;
        }
        sum += r->dp[j] * r->p[j];
    }
    for (int64_t j = 0; j < r->n; j++) {
        float dz = r->s->attention.scale * r->p[j] * (r->dp[j] - sum);
        for (int64_t c = 0; c < r->k; c++) {
            size_t q = at(r, r->t, r->k, i, c), k = at(r, r->n, r->k, j, c);
            r->diff[0][q] += dz * source(r, 1, k);
            r->diff[1][k] += dz * source(r, 0, q);
        }
    }
}

static void each_row(rows *r, void (*visit)(const rows *r, int64_t i))
{
    for (r->image = 0; r->image < r->s->dst.dim[0]; r->image++) {
        for (r->head = 0; r->head < r->s->attention.heads; r->head++) {
            for (int64_t i = 0; i < r->t; i++) visit(r, i);
        }
    }
}

static graft_status reference_forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    rows r = rows_of(exec);
    each_row(&r, row_forward);
    return GRAFT_OK;
}

static graft_status reference_backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    rows r = rows_of(exec);
    for (int k = 0; k < 3; k++) memset(r.diff[k], 0, gf_count(&s->src[k]) * sizeof(float));
    each_row(&r, row_backward);
    for (int k = 0; k < 3; k++) {
        if (!s->diff_src[k]) continue;
        gf_put(exec->args.diff_src[k], s->src_dtype[k], r.diff[k], GF_F32, gf_count(&s->src[k]), s->accumulate[k]);
    }
    return GRAFT_OK;
}

const gf_op_class gf_op_attention_reference = {
    .name = "attention_naive",
    .infer = infer,
    .create = reference_create,
    .forward = reference_forward,
    .backward = reference_backward,
};
