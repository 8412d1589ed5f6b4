/* conv_int8.c - convolution in bytes for a stretch that does not train, by depthwise_int8.c, pointwise_int8.c,
 * patches_int8.c or oneDNN:
 *
 *   src[c] = s[c] (qs[c] - z[c])
 *   s[c] kernel[c,o] = k[o] qk[c,o], qk in -127..127: each output has a scale of its own
 *   x[o] = k[o] sum_c qs[c] qk[c,o] + (bias[o] - k[o] sum_c z[c] qk[c,o])
 *   dst = act(x + residual)
 *
 * A u8 dst is that over its scale, plus its zero, rounded and cut to 0..255 (int8_end.h). A src that is not u8 is
 * quantized first. Padding is the byte for 0, z, a whole number there. Where the mean of src is known, what rounding
 * the kernel adds to each output on average, sum_c mean[c] (kernel - rounded kernel)[c,o], is taken out with the bias.
 *
 * oneDNN's knows no zero of a padded src or of dst, and no activation of a u8 dst but ReLU and ReLU6. */
#include "ops/depthwise_int8.h"
#include "ops/kernels.h"
#include "ops/onednn.h"
#include "ops/patches_int8.h"
#include "ops/variant.h"

#include "base/alloc.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef enum conv_way { NONE, ONEDNN, DEPTHWISE, POINTWISE, PATCHES } conv_way;

typedef struct int8_impl {
    const gf_ops *ops;
    gf_prim forward;
    gf_packed kernel;
    conv_way way;
    gf_int8_end end; /* of our own ways */
    gf_depthwise_int8 depthwise;
    gf_pointwise_int8 pointwise;
    gf_patches_int8 patches;
    void *table;            /* a kernel packed by them */
    int8_t *plain;          /* the quantized kernel in graft's layout */
    float *scale, *bias;    /* of oneDNN's */
    float *factor, *offset; /* of a src that is quantized here: `period` of each, whole pixels */
    size_t period;
    dnnl_memory_desc_t scale_md;
    size_t src_count, scratch_prim; /* a quantized src lies behind what else needs the scratchpad */
} int8_impl;

static size_t round64(size_t n) { return (n + 63) / 64 * 64; }

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    return gf_op_conv.infer(s, dst, err);
}

/* ---- create */

static dnnl_status_t tensor_md(dnnl_memory_desc_t *md, const gf_shape *s, dnnl_data_type_t type)
{
    dnnl_dims_t d = {s->dim[0], s->dim[3], s->dim[1], s->dim[2]};
    return dnnl_memory_desc_create_with_tag(md, 4, d, type, dnnl_nhwc);
}

static dnnl_status_t kernel_md(dnnl_memory_desc_t *md, const gf_op_spec *s, bool plain)
{
    int64_t g = s->conv.groups, ic = s->src[0].dim[3] / g, oc = s->conv.filters / g, kh = s->conv.kh, kw = s->conv.kw;
    if (g > 1) {
        dnnl_dims_t d = {g, oc, ic, kh, kw};
        return dnnl_memory_desc_create_with_tag(md, 5, d, dnnl_s8, plain ? dnnl_hwigo : dnnl_format_tag_any);
    }
    dnnl_dims_t d = {oc, ic, kh, kw};
    return dnnl_memory_desc_create_with_tag(md, 4, d, dnnl_s8, plain ? dnnl_hwio : dnnl_format_tag_any);
}

static dnnl_status_t make_attr(dnnl_primitive_attr_t *attr, const gf_op_spec *s, const_dnnl_memory_desc_t residual)
{
    dnnl_post_ops_t post = NULL;
    int each_output = s->conv.groups > 1 ? 3 : 1; /* a bit a dimension of the kernel: (g,) o */
    dnnl_status_t r = dnnl_primitive_attr_create(attr);
    if (!r) r = dnnl_primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user);
    if (!r) r = dnnl_primitive_attr_set_scales_mask(*attr, DNNL_ARG_WEIGHTS, each_output);
    if (!r) r = dnnl_post_ops_create(&post);
    if (!r && residual) r = dnnl_post_ops_append_binary(post, dnnl_binary_add, residual);
    if (!r && s->dst_dtype != GF_U8) r = gf_act_append(post, s->act, s->act_alpha);
    if (!r) r = dnnl_primitive_attr_set_post_ops(*attr, post);
    if (post) dnnl_post_ops_destroy(post);
    return r;
}

static dnnl_status_t make_pd(const gf_op_spec *s, const gf_ops *ops, dnnl_primitive_desc_t *pd)
{
    dnnl_dims_t st = {s->conv.sh, s->conv.sw}, dilation = {0, 0}, channels = {s->conv.filters};
    dnnl_dims_t before = {s->conv.pt, s->conv.pl}, after = {s->conv.pb, s->conv.pr};
    dnnl_memory_desc_t md[4] = {0};
    dnnl_primitive_attr_t attr = NULL;
    dnnl_status_t r = tensor_md(&md[0], &s->src[0], dnnl_u8);
    if (!r) r = kernel_md(&md[1], s, false);
    if (!r) r = tensor_md(&md[2], &s->dst, gf_dnnl_type(s->dst_dtype));
    if (!r) r = dnnl_memory_desc_create_with_tag(&md[3], 1, channels, dnnl_f32, dnnl_a);
    if (!r) r = make_attr(&attr, s, s->n_src == 2 ? md[2] : NULL);
    if (!r) {
        r = dnnl_convolution_forward_primitive_desc_create(pd, gf_ops_engine(ops), dnnl_forward_inference,
                                                           dnnl_convolution_direct, md[0], md[1], md[3], md[2], st,
                                                           dilation, before, after, attr);
    }
    if (attr) dnnl_primitive_attr_destroy(attr);
    for (int i = 0; i < 4; i++) {
        if (md[i]) dnnl_memory_desc_destroy(md[i]);
    }
    return r;
}

static bool onednn_fits(const gf_op_spec *s)
{
    bool to_bytes = s->dst_dtype == GF_U8, clips = s->act == GF_ACT_RELU || s->act == GF_ACT_RELU6;
    return !(gf_op_pads(s) && s->src_quant.zero) && (!to_bytes || (s->n_src == 1 && !s->dst_quant.zero && clips));
}

/* Padding is a byte: 0 may lie outside of what bytes stand for. */
static bool pads_with_bytes(const gf_op_spec *s)
{
    bool padded = s->src_quant.zero && gf_op_pads(s);
    for (int64_t c = 0; c < s->src[0].dim[3] && padded; c++) {
        if (!(s->src_quant.zero[c] >= 0 && s->src_quant.zero[c] <= 255)) return false;
    }
    return true;
}

/* How this convolution is computed here. */
static conv_way way_of(const gf_op_spec *s, int8_impl *c)
{
    if (s->conv.dh | s->conv.dw) return NONE;
    if (s->backward || !s->src_quant.scale || (s->dst_dtype == GF_U8 && !s->dst_quant.scale)) return NONE;
    if (pads_with_bytes(s) && gf_int8_end_fits(s, &c->end.kind)) {
        if (s->n_src == 1 && gf_depthwise_int8_fits(s, &c->depthwise)) return DEPTHWISE;
        if (gf_patches_int8_fits(s, &c->patches)) return PATCHES;
        bool ends = s->n_src == 1 || s->act == GF_ACT_LINEAR || s->dst_dtype != GF_U8;
        if (ends && gf_pointwise_int8_fits(s, &c->pointwise)) return POINTWISE;
    }
    return onednn_fits(s) ? ONEDNN : NONE;
}

bool gf_conv_int8_fits(const gf_op_spec *s)
{
    int8_impl c;
    return way_of(s, &c) != NONE;
}

/* As gf_quantize wants them: pixels side by side until their channels fill whole vectors, and enough of these. */
static graft_status make_period(int8_impl *c, const gf_op_spec *s, graft_error *err)
{
    enum { VECTOR = 64, ENOUGH = 1024 };
    const float half = 0.5f;
    size_t channels = (size_t)s->src[0].dim[3];
    c->period = channels;
    while (c->period % VECTOR || c->period < ENOUGH) c->period += channels;
    c->factor = gf_new_n(c->period, float);
    c->offset = gf_new_n(c->period, float);
    if (!c->factor || !c->offset) return gf_fail_memory(err, c->period * sizeof(float), s->name);
    for (size_t i = 0; i < c->period; i++) {
        c->factor[i] = 1 / s->src_quant.scale[i % channels];
        c->offset[i] = (s->src_quant.zero ? s->src_quant.zero[i % channels] : 0) + half;
    }
    return GRAFT_OK;
}

static graft_status create_primitive(const gf_op_spec *s, int8_impl *c, graft_error *err)
{
    GF_DNNL(make_pd(s, c->ops, &c->forward.pd), s->name, err);
    GF_TRY(gf_prim_finish(&c->forward, s->name, err));
    dnnl_memory_desc_t plain;
    GF_DNNL(kernel_md(&plain, s, true), s->name, err);
    graft_status status =
        gf_packed_create(&c->kernel, c->ops, plain, gf_prim_md(&c->forward, dnnl_query_weights_md), err);
    dnnl_memory_desc_destroy(plain);
    c->scratch_prim = round64(gf_prim_scratchpad(&c->forward));
    return status;
}

/* One of our own ways. */
static graft_status create_own(const gf_op_spec *s, int8_impl *c, graft_error *err)
{
    if (c->way == PATCHES) c->pointwise = c->patches.row;
    bool deep = c->way == DEPTHWISE;
    size_t bytes = deep ? gf_depthwise_int8_table_bytes(&c->depthwise) : gf_pointwise_int8_kernel_bytes(&c->pointwise);
    GF_TRY(gf_int8_end_create(&c->end, s, err));
    c->table = gf_alloc_tensor(bytes);
    if (!c->table) return gf_fail_memory(err, bytes, s->name);
    c->depthwise.table = c->pointwise.kernel = c->table;
    c->depthwise.end = c->pointwise.end = &c->end;
    c->patches.row = c->pointwise;
    if (deep) c->scratch_prim = gf_depthwise_int8_scratch_bytes(&c->depthwise);
    if (c->way == PATCHES) c->scratch_prim = round64(gf_patches_int8_scratch_bytes(&c->patches));
    return GRAFT_OK;
}

static graft_status create(gf_op *op, gf_ops *ops, graft_error *err)
{
    gf_op_spec *s = &op->spec;
    int8_impl *c = op->impl = gf_new(int8_impl);
    if (!c) return gf_fail_memory(err, sizeof *c, s->name);
    c->way = s->cls == &gf_op_conv_int8_onednn ? ONEDNN : way_of(s, c);
    if (c->way == NONE) {
        return gf_fail(err, GF_E_INTERNAL, NULL, "layer %s: not a convolution for bytes", s->name);
    }
    size_t oc = (size_t)s->conv.filters, kernel = gf_op_kernel_count(s);
    c->ops = ops;
    c->src_count = gf_count(&s->src[0]);
    c->plain = gf_alloc_tensor(kernel);
    c->scale = gf_alloc_tensor(oc * sizeof(float));
    c->bias = gf_alloc_tensor(oc * sizeof(float));
    if (!c->plain || !c->scale || !c->bias) return gf_fail_memory(err, kernel, s->name);
    if (s->src_dtype[0] != GF_U8) GF_TRY(make_period(c, s, err));
    dnnl_dims_t channels = {s->conv.filters};
    GF_DNNL(dnnl_memory_desc_create_with_tag(&c->scale_md, 1, channels, dnnl_f32, dnnl_a), s->name, err);
    GF_TRY(c->way == ONEDNN ? create_primitive(s, c, err) : create_own(s, c, err));
    op->scratchpad_bytes = c->scratch_prim + (s->src_dtype[0] == GF_U8 ? 0 : round64(c->src_count));
    return GRAFT_OK;
}

static void destroy(gf_op *op)
{
    int8_impl *c = op->impl;
    if (!c) return;
    gf_prim_destroy(&c->forward);
    gf_packed_destroy(&c->kernel);
    if (c->scale_md) dnnl_memory_desc_destroy(c->scale_md);
    gf_free(c->plain);
    gf_free(c->table);
    gf_int8_end_destroy(&c->end);
    gf_free(c->factor);
    gf_free(c->offset);
    gf_free(c->scale);
    gf_free(c->bias);
    gf_free(c);
}

/* ---- prepare */

/* The src channel that meets row r of the kernel in output o. */
static size_t channel_of(const gf_op_spec *s, size_t r, size_t o)
{
    size_t groups = (size_t)s->conv.groups, icg = (size_t)s->src[0].dim[3] / groups;
    return o / ((size_t)s->conv.filters / groups) * icg + r % icg;
}

/* Column o of the kernel to bytes; its scale is returned. What the bias has to make up for is added to *bias. */
static float quantize_column(const gf_op_spec *s, const float *kernel, size_t o, int8_t *to, float *bias)
{
    const float most = 127;
    const gf_quant *q = &s->src_quant;
    size_t oc = (size_t)s->conv.filters, rows = gf_op_kernel_count(s) / oc;
    float largest = 0;
    for (size_t r = 0; r < rows; r++) {
        largest = fmaxf(largest, fabsf(kernel[r * oc + o] * q->scale[channel_of(s, r, o)]));
    }
    float scale = largest > 0 ? largest / most : 1;
    for (size_t r = 0; r < rows; r++) {
        size_t c = channel_of(s, r, o);
        float exact = kernel[r * oc + o], byte = rintf(exact * q->scale[c] / scale);
        byte = fminf(fmaxf(byte, -most), most); /* a NaN too */
        to[r * oc + o] = (int8_t)byte;
        if (q->zero) *bias -= scale * byte * q->zero[c];
        if (q->mean) *bias += q->mean[c] * (exact - scale * byte / q->scale[c]);
    }
    return scale;
}

static graft_status prepare(gf_op *op, const float *kernel, const float *bias, graft_error *err)
{
    int8_impl *c = op->impl;
    const gf_op_spec *s = &op->spec;
    for (size_t o = 0; o < (size_t)s->conv.filters; o++) {
        float b = s->has_bias ? bias[o] : 0, scale = quantize_column(s, kernel, o, c->plain, &b);
        float dst = s->dst_dtype == GF_U8 ? s->dst_quant.scale[o] : 1;
        c->scale[o] = scale / dst;
        c->bias[o] = b / dst;
        if (c->way != ONEDNN) gf_int8_end_set(&c->end, s, o, scale, b);
    }
    if (c->way == ONEDNN) return gf_packed_fill(&c->kernel, c->ops, c->plain, err);
    if (c->way == DEPTHWISE) gf_depthwise_int8_pack(&c->depthwise, c->plain, s->src_quant.zero);
    if (c->way == POINTWISE || c->way == PATCHES) gf_pointwise_int8_pack(&c->pointwise, c->plain);
    return GRAFT_OK;
}

/* ---- run */

static uint8_t *quantized_src(const int8_impl *c, const gf_op_args *a)
{
    return (uint8_t *)a->scratchpad + c->scratch_prim;
}

static graft_status bind(const gf_op *op, gf_exec *exec, graft_error *err)
{
    const int8_impl *c = op->impl;
    const gf_op_args *a = &exec->args;
    const gf_prim *p = &c->forward;
    if (c->way != ONEDNN) return GRAFT_OK;
    gf_call *call = exec->impl = gf_new(gf_call);
    if (!call) return gf_fail_memory(err, sizeof *call, op->spec.name);
    const void *src = op->spec.src_dtype[0] == GF_U8 ? a->src[0] : quantized_src(c, a);
    const_dnnl_memory_desc_t dst = gf_prim_md(p, dnnl_query_dst_md);
    GF_TRY(gf_call_add(call, c->ops, DNNL_ARG_SRC, gf_prim_md(p, dnnl_query_src_md), src, err));
    GF_TRY(gf_call_add(call, c->ops, DNNL_ARG_WEIGHTS, gf_prim_md(p, dnnl_query_weights_md), c->kernel.data, err));
    GF_TRY(gf_call_add(call, c->ops, DNNL_ARG_BIAS, c->scale_md, c->bias, err));
    GF_TRY(gf_call_add(call, c->ops, DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS, c->scale_md, c->scale, err));
    GF_TRY(gf_call_add(call, c->ops, DNNL_ARG_DST, dst, a->dst, err));
    if (op->spec.n_src == 2) {
        GF_TRY(gf_call_add(call, c->ops, DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, dst, a->src[1], err));
    }
    return gf_call_add(call, c->ops, DNNL_ARG_SCRATCHPAD, gf_prim_md(p, dnnl_query_scratchpad_md), a->scratchpad, err);
}

static void unbind(gf_exec *exec)
{
    if (exec->impl) gf_call_destroy(exec->impl);
    gf_free(exec->impl);
}

static graft_status forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step;
    const int8_impl *c = exec->op->impl;
    const gf_op_spec *s = &exec->op->spec;
    const gf_op_args *a = &exec->args;
    if (s->src_dtype[0] != GF_U8) {
        gf_quantize(quantized_src(c, a), a->src[0], s->src_dtype[0], c->src_count, c->factor, c->offset, c->period);
    }
    const void *src = s->src_dtype[0] == GF_U8 ? a->src[0] : quantized_src(c, a);
    if (c->way == ONEDNN) GF_TRY(gf_call_run(exec->impl, &c->forward, c->ops, s->name, err));
    if (c->way == DEPTHWISE) gf_depthwise_int8_run(&c->depthwise, src, a->dst, a->scratchpad);
    if (c->way == POINTWISE) gf_pointwise_int8_run(&c->pointwise, src, a->dst, s->n_src == 2 ? a->src[1] : NULL);
    if (c->way == PATCHES) gf_patches_int8_run(&c->patches, src, a->dst, a->scratchpad);
    bool bare = s->dst_dtype != GF_U8 && (c->way != ONEDNN || !gf_act_fuses(s->act));
    if (bare) gf_act_forward(s->act, s->act_alpha, a->dst, s->dst_dtype, gf_count(&s->dst));
    return GRAFT_OK;
}

/* The second leaves no choice to create. */
#define CONV_INT8(called)                                                                                           \
    {                                                                                                               \
        .name = called, .kernel_count = gf_op_kernel_of_conv, .infer = infer, .create = create, .destroy = destroy, \
        .prepare = prepare, .bind = bind, .unbind = unbind, .forward = forward                                      \
    }
const gf_op_class gf_op_conv_int8 = CONV_INT8("conv_int8"), gf_op_conv_int8_onednn = CONV_INT8("conv_int8_onednn");

static bool has_a_choice(const gf_op_spec *s, const gf_ops *ops)
{
    (void)ops;
    int8_impl c;
    return way_of(s, &c) == POINTWISE && onednn_fits(s);
}

static void key(const gf_op_spec *s, char text[GF_VARIANT_KEY])
{
    snprintf(text, GF_VARIANT_KEY, "conv int8 %s-%s n%lld %lldx%lldx%lld o%d%s", gf_dtype_name(s->src_dtype[0]),
             gf_dtype_name(s->dst_dtype), (long long)s->src[0].dim[0], (long long)s->src[0].dim[1],
             (long long)s->src[0].dim[2], (long long)s->src[0].dim[3], s->conv.filters, s->n_src > 1 ? " add" : "");
}

/* AMX makes oneDNN's up to five times as fast, but for small products: setting its tiles up costs more than graft's own
 * loops take for them. */
static bool preferred(const gf_op_spec *s, const gf_ops *ops)
{
    const double least = 5e5; /* products of two values */
    double pixels = (double)s->src[0].dim[0] * (double)s->src[0].dim[1] * (double)s->src[0].dim[2];
    return gf_ops_has_amx(ops) && pixels * (double)s->src[0].dim[3] * (double)s->conv.filters >= least;
}

const gf_op_variant gf_variant_conv_int8_onednn = {
    .of = &gf_op_conv_int8,
    .cls = &gf_op_conv_int8_onednn,
    .of_name = "vectors",
    .name = "onednn",
    .fits = has_a_choice,
    .key = key,
    .preferred = preferred,
};
