/* conv_one_position.c - the convolution of maps of one place, forward only: dst[n,o] = act(bias[o] + sum_i src[n,i]
 * kernel[i,o]), f32. Such are the two of a squeeze-and-excitation, which a small network has dozens of: calling a
 * library takes as long as some of them, and for one or two images reading the kernel is all the work. The sum runs
 * over i in order. */
#include "ops/variant.h"
#include "ops/vectors.h"

#include "base/alloc.h"

typedef struct position_impl {
    float *kernel; /* by blocks of BLOCK, then LANES outputs, (i, o) each */
    float *bias;   /* as many as the blocks have */
} position_impl;

enum { BLOCK = 4 * LANES };

static size_t padded(size_t oc) { return (oc + LANES - 1) / LANES * LANES; }
static size_t block_of(size_t left) { return left >= BLOCK ? BLOCK : LANES; }

static bool fits(const gf_op_spec *s, const gf_ops *ops)
{
    (void)ops;
    const int64_t *in = s->src[0].dim;
    return !s->backward && s->n_src == 1 && in[1] == 1 && in[2] == 1 && gf_op_is_pointwise(s) &&
           s->src_dtype[0] == GF_F32 && s->dst_dtype == GF_F32;
}

static graft_status create(gf_op *op, gf_ops *ops, graft_error *err)
{
    const gf_op_spec *s = &op->spec;
    if (!fits(s, ops)) {
        return gf_fail(err, GF_E_INTERNAL, NULL, "layer %s: not of one place", s->name);
    }
    position_impl *p = op->impl = gf_new(position_impl);
    size_t ic = (size_t)s->src[0].dim[3], oc = padded((size_t)s->conv.filters), bytes = (ic + 1) * oc * sizeof(float);
    float *kernel = p ? gf_alloc_tensor(bytes) : NULL;
    if (!kernel) return gf_fail_memory(err, bytes, s->name);
    *p = (position_impl){kernel, kernel + ic * oc};
    memset(kernel, 0, bytes);
    return GRAFT_OK;
}

static void destroy(gf_op *op)
{
    position_impl *p = op->impl;
    if (p) gf_free(p->kernel);
    gf_free(p);
}

static graft_status prepare(gf_op *op, const float *kernel, const float *bias, graft_error *err)
{
    (void)err;
    position_impl *p = op->impl;
    size_t ic = (size_t)op->spec.src[0].dim[3], oc = (size_t)op->spec.conv.filters, n;
    for (size_t k = 0; k < oc; k += n) {
        n = block_of(oc - k);
        for (size_t i = 0; i < ic; i++) {
            memcpy(p->kernel + k * ic + i * n, kernel + i * oc + k, (oc - k < n ? oc - k : n) * sizeof *kernel);
        }
    }
    if (op->spec.has_bias && bias) memcpy(p->bias, bias, oc * sizeof *bias);
    return GRAFT_OK;
}

/* `vectors` times 16 outputs of `rows` images, both constants where this is called. */
INLINE void multiply(const float *src, size_t ic, const float *kernel, const float *bias, float *out, int vectors,
                     int rows)
{
    vf sum[2][BLOCK / LANES];
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) sum[r][v] = load_f(bias + v * LANES);
    }
    for (size_t i = 0; i < ic; i++, kernel += vectors * LANES) {
        for (int v = 0; v < vectors; v++) {
            vf k = load_f(kernel + v * LANES);
            for (int r = 0; r < rows; r++) sum[r][v] += src[(size_t)r * ic + i] * k;
        }
    }
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < vectors; v++) store_f(out + r * BLOCK + v * LANES, sum[r][v]);
    }
}

#define SHAPE(name, vectors, rows)                                                                              \
    GF_CLONES static void name(const float *src, size_t ic, const float *kernel, const float *bias, float *out) \
    {                                                                                                           \
        multiply(src, ic, kernel, bias, out, vectors, rows);                                                    \
    }
SHAPE(wide_1, BLOCK / LANES, 1)
SHAPE(wide_2, BLOCK / LANES, 2)
SHAPE(narrow_1, 1, 1)
SHAPE(narrow_2, 1, 2)

static graft_status forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    static void (*const of[2][2])(const float *, size_t, const float *, const float *, float *) = {{narrow_1, narrow_2},
                                                                                                   {wide_1, wide_2}};
    const gf_op_spec *s = &exec->op->spec;
    const position_impl *p = exec->op->impl;
    const float *src = exec->args.src[0];
    float *dst = exec->args.dst, out[2 * BLOCK];
    size_t n = (size_t)s->dst.dim[0], ic = (size_t)s->src[0].dim[3], oc = (size_t)s->conv.filters, rows, width;
    for (size_t i = 0; i < n; i += rows) {
        rows = n - i > 1 ? 2 : 1;
        for (size_t k = 0; k < oc; k += width) {
            width = block_of(oc - k);
            of[width == BLOCK][rows - 1](src + i * ic, ic, p->kernel + k * ic, p->bias + k, out);
            size_t there = oc - k < width ? oc - k : width;
            for (size_t r = 0; r < rows; r++) memcpy(dst + (i + r) * oc + k, out + r * BLOCK, there * sizeof *out);
        }
    }
    gf_act_forward(s->act, s->act_alpha, dst, GF_F32, n * oc);
    return GRAFT_OK;
}

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    return gf_op_conv.infer(s, dst, err);
}

const gf_op_class gf_op_conv_one_position = {
    .name = "conv_one_place",
    .kernel_count = gf_op_kernel_of_conv,
    .infer = infer,
    .create = create,
    .destroy = destroy,
    .prepare = prepare,
    .forward = forward,
};

const gf_op_variant gf_variant_conv_one_position = {
    .of = &gf_op_conv, .cls = &gf_op_conv_one_position, .of_name = "onednn", .name = "one position", .fits = fits};
