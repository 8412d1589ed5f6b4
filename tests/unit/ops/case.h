/* case.h - tests of operations from one description: an op_case names a gf_op_spec; a run is that op with memory of
 * its own, every tensor between guard bytes, filled by a seed; forward and backward run on it as a lane would. */
#ifndef TESTS_OPS_CASE_H
#define TESTS_OPS_CASE_H

#include "ops/engine.h"
#include "ops/kernels.h"
#include "ops/op.h"
#include "support/ok.h"
#include "support/seeded.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEED = 20 };

typedef struct op_case {
    char name[96];
    gf_op_spec spec; /* types are set by the run */
    bool mixed;      /* the last source is f32 whatever the others are */
    bool alias;      /* the residual's, else the first source's, diff_src is diff_dst's memory */
} op_case;

/* INTEGERS: every sum is a small whole multiple of a power of two, so f32 is exact and so is each comparison. LATTICE:
 * the same, but what comes before an activation lies half a unit beside the multiples, so that small steps never meet a
 * kink of ReLU or ReLU6. REALS: uniform. */
typedef enum fill_kind { INTEGERS, LATTICE, REALS } fill_kind;

/* ---- guarded memory */

enum { GUARD = 64, GUARD_BYTE = 0xA5, UNSET_BYTE = 0xFF /* NaN, in f32 and bf16 */ };

typedef struct guarded {
    uint8_t *block;
    size_t bytes, total;
} guarded;

static inline void *data_of(const guarded *g) { return g->block ? g->block + GUARD : NULL; }

static inline guarded guarded_new(size_t bytes)
{
    guarded g = {.bytes = bytes, .total = (GUARD + bytes + GUARD + 63) / 64 * 64};
    g.block = aligned_alloc(64, g.total);
    assert_non_null(g.block);
    memset(g.block, GUARD_BYTE, g.total);
    memset(data_of(&g), UNSET_BYTE, bytes);
    return g;
}

static inline void check_guards(const guarded *g, const char *name, const char *what)
{
    for (size_t i = 0; i < g->total; i++) {
        bool inside = i >= GUARD && i < GUARD + g->bytes;
        if (!inside && g->block[i] != GUARD_BYTE) {
            fail_msg("%s: byte %td of %s (%zu bytes) was written", name, (ptrdiff_t)i - GUARD, what, g->bytes);
        }
    }
}

/* ---- contents */

/* A whole number in [-reach, reach]. */
static inline float small_integer(const char *name, const char *what, size_t i, int reach)
{
    char key[160];
    snprintf(key, sizeof key, "%s/%s", name, what);
    return (float)((int)((seeded_word(key, SEED, i) >> 33) % (uint64_t)(2 * reach + 1)) - reach);
}

static inline float uniform(const char *name, const char *what, size_t i)
{
    char key[160];
    snprintf(key, sizeof key, "%s/%s", name, what);
    return (float)((double)(seeded_word(key, SEED, i) >> 40) * 0x1p-23 - 1);
}

/* "src0", "src1", ... */
static inline const char *numbered(const char *what, int k)
{
    static char name[4][32];
    static int at;
    at = (at + 1) % 4;
    snprintf(name[at], sizeof name[at], "%s%d", what, k);
    return name[at];
}

static inline float content(const op_case *c, const char *what, size_t i, fill_kind kind)
{
    return kind == REALS ? uniform(c->name, what, i) : small_integer(c->name, what, i, 2);
}

static inline bool clips(gf_act act) { return act == GF_ACT_RELU || act == GF_ACT_RELU6; }

/* A power of two near 1/sqrt(fan in): kernels of whole multiples of it keep sums exact and near the range where ReLU6's
 * slope is 1. */
static inline float kernel_unit(size_t fan_in)
{
    float unit = 1;
    while (unit * unit * (float)fan_in > 2) unit /= 2;
    return unit;
}

static inline float kernel_content(const op_case *c, size_t i, size_t fan_in, fill_kind kind)
{
    if (kind == REALS) return uniform(c->name, "kernel", i) * sqrtf(3.0f / (float)fan_in);
    return small_integer(c->name, "kernel", i, 2) * kernel_unit(fan_in);
}

static inline float bias_content(const op_case *c, size_t i, fill_kind kind, float unit)
{
    float value = content(c, "bias", i, kind);
    if (c->spec.act == GF_ACT_RELU6) value += kind == REALS ? 0.5f : 3;
    return kind == LATTICE ? value + unit / 2 : value;
}

/* The source that shifts an unbiased sum to halves; the residual where there is one, else the first. */
static inline float src_content(const op_case *c, int k, size_t i, fill_kind kind, float unit)
{
    const char *what = numbered("src", k);
    float value = content(c, what, i, kind);
    bool shifts = clips(c->spec.act) && !c->spec.has_bias && k == c->spec.n_src - 1;
    if (shifts && c->spec.act == GF_ACT_RELU6) value = kind == REALS ? value * 4 + 3 : value * 2 + 3;
    return kind == LATTICE && shifts ? value + unit / 2 : value;
}

/* ---- a run */

typedef struct run {
    const op_case *c;
    gf_op op;
    gf_exec exec;
    guarded src[GF_OP_MAX_SRC], dst, diff_dst, diff_src[GF_OP_MAX_SRC], grad, scratchpad, workspace;
    float *kernel, *bias, *dkernel, *dbias;
    size_t n_src[GF_OP_MAX_SRC], n_dst, n_kernel, n_bias;
    float *objective;             /* diff_dst before backward overwrites it */
    float *before[GF_OP_MAX_SRC]; /* diff_src before backward adds to it */
    gf_exec_context step;
    uint32_t sample[16];
} run;

static inline gf_dtype dtype_for(const gf_shape *s, gf_dtype dtype) { return s->rank < 4 ? GF_F32 : dtype; }

static inline float *floats(size_t n)
{
    float *x = calloc(n ? n : 1, sizeof *x);
    assert_non_null(x);
    return x;
}

static inline size_t fan_in_of(const run *r)
{
    const gf_op_spec *s = &r->op.spec;
    size_t oc = (size_t)s->dst.dim[s->dst.rank - 1];
    return r->n_kernel > oc ? r->n_kernel / oc : 1;
}

static inline void fill_sources(run *r, fill_kind kind)
{
    const gf_op_spec *s = &r->op.spec;
    size_t fan_in = fan_in_of(r);
    float unit = kernel_unit(fan_in);
    for (int k = 0; k < s->n_src; k++) {
        for (size_t i = 0; i < r->n_src[k]; i++) {
            gf_store(data_of(&r->src[k]), s->src_dtype[k], i, src_content(r->c, k, i, kind, unit));
        }
    }
    for (size_t i = 0; i < r->n_kernel; i++) r->kernel[i] = kernel_content(r->c, i, fan_in, kind);
    for (size_t i = 0; i < r->n_bias; i++) r->bias[i] = bias_content(r->c, i, kind, unit);
}

/* What backward starts from. */
static inline void fill_gradients(run *r, fill_kind kind)
{
    const gf_op_spec *s = &r->op.spec;
    for (size_t i = 0; i < r->n_dst; i++) {
        gf_store(data_of(&r->diff_dst), s->dst_dtype, i, content(r->c, "diff_dst", i, kind));
        r->objective[i] = gf_load(data_of(&r->diff_dst), s->dst_dtype, i);
    }
    memset(data_of(&r->grad), UNSET_BYTE, r->grad.bytes);
    for (int k = 0; k < s->n_src; k++) {
        if (!s->diff_src[k] || (r->c->alias && r->exec.args.diff_src[k] == r->exec.args.diff_dst)) continue;
        memset(data_of(&r->diff_src[k]), UNSET_BYTE, r->diff_src[k].bytes);
        for (size_t i = 0; s->accumulate[k] && i < r->n_src[k]; i++) {
            r->before[k][i] = content(r->c, numbered("before", k), i, kind);
            gf_store(data_of(&r->diff_src[k]), s->src_dtype[k], i, r->before[k][i]);
            r->before[k][i] = gf_load(data_of(&r->diff_src[k]), s->src_dtype[k], i);
        }
    }
}

static inline void bind_run(run *r)
{
    const gf_op_spec *s = &r->op.spec;
    gf_op_args a = {.dst = data_of(&r->dst),
                    .diff_dst = data_of(&r->diff_dst),
                    .grad = data_of(&r->grad),
                    .workspace = data_of(&r->workspace),
                    .scratchpad = data_of(&r->scratchpad)};
    bool conv = s->cls == &gf_op_conv || s->cls == &gf_op_conv_reference || s->cls == &gf_op_winograd;
    int handed_on = conv ? s->n_src - 1 : 0;
    for (int k = 0; k < s->n_src; k++) {
        a.src[k] = data_of(&r->src[k]);
        bool aliased = r->c->alias && k == handed_on;
        if (s->diff_src[k]) a.diff_src[k] = aliased ? a.diff_dst : data_of(&r->diff_src[k]);
    }
    OK(gf_op_bind(&r->op, &a, &r->exec, &error));
}

static inline void run_new(run *r, const op_case *c, const gf_op_class *cls, gf_dtype dtype, fill_kind kind,
                           gf_ops *ops)
{
    memset(r, 0, sizeof *r);
    r->c = c;
    gf_op_spec spec = c->spec;
    spec.cls = cls;
    spec.name = c->name;
    OK(cls->infer(&spec, &spec.dst, &error));
    for (int k = 0; k < spec.n_src; k++) spec.src_dtype[k] = dtype_for(&spec.src[k], dtype);
    if (c->mixed) spec.src_dtype[spec.n_src - 1] = GF_F32;
    spec.dst_dtype = dtype_for(&spec.dst, dtype);
    OK(gf_op_create(&r->op, &spec, ops, &error));
    r->n_dst = gf_count(&r->op.spec.dst);
    size_t dst_bytes = r->n_dst * gf_dtype_size(spec.dst_dtype);
    for (int k = 0; k < spec.n_src; k++) {
        r->n_src[k] = gf_count(&spec.src[k]);
        size_t bytes = r->n_src[k] * gf_dtype_size(spec.src_dtype[k]);
        r->src[k] = guarded_new(bytes);
        r->diff_src[k] = guarded_new(bytes);
        r->before[k] = floats(r->n_src[k]);
    }
    r->dst = guarded_new(dst_bytes);
    r->diff_dst = guarded_new(dst_bytes);
    r->grad = guarded_new(r->op.grad_count * sizeof(float));
    r->scratchpad = guarded_new(r->op.scratchpad_bytes);
    r->workspace = guarded_new(r->op.workspace_bytes);
    r->n_kernel = gf_op_kernel_count(&r->op.spec);
    r->n_bias = gf_op_bias_count(&r->op.spec);
    r->kernel = floats(r->n_kernel), r->dkernel = floats(r->n_kernel);
    r->bias = floats(r->n_bias), r->dbias = floats(r->n_bias);
    r->objective = floats(r->n_dst);
    for (uint32_t i = 0; i < 16; i++) r->sample[i] = 100 + 7 * i;
    r->step = (gf_exec_context){.training = true, .seed = SEED, .epoch = 3, .sample = r->sample};
    fill_sources(r, kind);
    bind_run(r);
    fill_gradients(r, kind);
    OK(gf_op_prepare(&r->op, r->kernel, r->bias, &error));
}

static inline void run_free(run *r)
{
    gf_op_unbind(&r->exec);
    gf_op_destroy(&r->op);
    guarded *all[] = {&r->dst, &r->diff_dst, &r->grad, &r->scratchpad, &r->workspace};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]->block);
    for (int k = 0; k < GF_OP_MAX_SRC; k++) {
        free(r->src[k].block);
        free(r->diff_src[k].block);
        free(r->before[k]);
    }
    float *values[] = {r->kernel, r->bias, r->dkernel, r->dbias, r->objective};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) free(values[i]);
}

static inline void run_check_guards(const run *r)
{
    const char *name = r->c->name;
    for (int k = 0; k < r->op.spec.n_src; k++) {
        check_guards(&r->src[k], name, numbered("src", k));
        check_guards(&r->diff_src[k], name, numbered("diff_src", k));
    }
    check_guards(&r->dst, name, "dst");
    check_guards(&r->diff_dst, name, "diff_dst");
    check_guards(&r->grad, name, "the gradient block");
    check_guards(&r->scratchpad, name, "the scratchpad");
    check_guards(&r->workspace, name, "the workspace");
}

static inline void run_forward(run *r)
{
    memset(data_of(&r->scratchpad), UNSET_BYTE, r->scratchpad.bytes);
    memset(data_of(&r->dst), UNSET_BYTE, r->dst.bytes);
    OK(r->op.spec.cls->forward(&r->exec, &r->step, &error));
}

static inline void run_backward(run *r)
{
    memset(data_of(&r->scratchpad), UNSET_BYTE, r->scratchpad.bytes);
    OK(r->op.spec.cls->backward(&r->exec, &r->step, &error));
    if (r->op.spec.diff_weights) {
        OK(gf_op_finish_grad(&r->op, data_of(&r->grad), r->dkernel, r->n_bias ? r->dbias : NULL, &error));
    }
}

/* The gradient of source k, as floats into out. */
static inline void run_diff_src(const run *r, int k, float *out)
{
    for (size_t i = 0; i < r->n_src[k]; i++) {
        out[i] = gf_load(r->exec.args.diff_src[k], r->op.spec.src_dtype[k], i);
    }
}

/* ---- comparing */

typedef struct tolerance {
    double f;      /* of the largest wanted value; 0: equal */
    bool evidence; /* at least an eighth of what is wanted is not zero */
} tolerance;

static inline void compare(const char *name, const char *what, const float *got, const float *want, size_t n,
                           tolerance t)
{
    double largest = 0;
    size_t nonzero = 0;
    for (size_t i = 0; i < n; i++) {
        nonzero += want[i] != 0;
        if (fabs((double)want[i]) > largest) largest = fabs((double)want[i]);
    }
    for (size_t i = 0; i < n; i++) {
        double err = fabs((double)got[i] - (double)want[i]);
        if (!(err <= t.f * largest)) {
            fail_msg("%s: %s[%zu] is %.9g, wanted %.9g (allowed is %g)", name, what, i, (double)got[i], (double)want[i],
                     t.f * largest);
        }
    }
    if (t.evidence && n >= 32 && nonzero < n / 8) {
        fail_msg("%s: %zu of %zu values of %s are zero: no evidence", name, n - nonzero, n, what);
    }
}

/* |got - want| over |want|, L2. */
static inline double distance(const float *got, const float *want, size_t n)
{
    double d = 0, w = 0;
    for (size_t i = 0; i < n; i++) {
        d += ((double)got[i] - (double)want[i]) * ((double)got[i] - (double)want[i]);
        w += (double)want[i] * (double)want[i];
    }
    return sqrt(d / (w > 0 ? w : 1));
}

static inline void load_all(const guarded *g, gf_dtype type, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) out[i] = gf_load(data_of(g), type, i);
}

static inline void compare_dst(const run *got, const run *want, tolerance t)
{
    float *a = floats(got->n_dst), *b = floats(got->n_dst);
    assert_true(gf_shape_equal(&got->op.spec.dst, &want->op.spec.dst));
    load_all(&got->dst, got->op.spec.dst_dtype, got->n_dst, a);
    load_all(&want->dst, want->op.spec.dst_dtype, want->n_dst, b);
    compare(got->c->name, "dst", a, b, got->n_dst, t);
    free(a);
    free(b);
}

static inline void compare_gradients(const run *got, const run *want, tolerance t)
{
    const gf_op_spec *s = &got->op.spec;
    for (int k = 0; k < s->n_src; k++) {
        if (!s->diff_src[k]) continue;
        float *a = floats(got->n_src[k]), *b = floats(got->n_src[k]);
        run_diff_src(got, k, a);
        run_diff_src(want, k, b);
        compare(got->c->name, numbered("diff_src", k), a, b, got->n_src[k], t);
        free(a);
        free(b);
    }
    if (!s->diff_weights) return;
    compare(got->c->name, "diff_kernel", got->dkernel, want->dkernel, got->n_kernel, t);
    if (s->has_bias) compare(got->c->name, "diff_bias", got->dbias, want->dbias, got->n_bias, t);
}

#endif
