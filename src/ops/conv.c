/* conv.c - convolution of any stride, padding and grouping (depthwise too), by oneDNN, with bias, a residual and an
 * activation fused behind it:
 *
 *   z[n,y,x,o] = bias[o] + sum_{i,j,c} src[n, y*sh+i*(dh+1)-pt, x*sw+j*(dw+1)-pl, c] kernel[i,j,c,o]
 *   dst = act(z + residual)
 *
 * backward, with dz = diff_dst * act'(.):
 *   diff_residual = dz    diff_bias = sum dz    diff_kernel = src (*) dz    diff_src = dz (*) kernel transposed round
 *
 * A 1x1 convolution's diff_src is itself a 1x1 convolution of dz with the transposed kernel; so it can add to what is
 * there. Its diff_kernel is a matrix product, which in bf16 is timed against oneDNN's backward-weights when the op is
 * made. Other shapes' diff_src goes by oneDNN's backward-data; in bf16 that is missing or slow for some (strided
 * depthwise above all), so bf16 and f32-with-conversion are timed against each other, too. */
#include "ops/conv.h"
#include "ops/kernels.h"
#include "ops/onednn.h"

#include "base/alloc.h"

#include <string.h>

typedef struct conv_impl {
    const gf_ops *ops;
    gf_prim forward, backward_data, backward_weights, unpack;
    gf_packed kernel, kernel_transposed; /* as forward and backward_data want it */
    float *bias;
    dnnl_memory_desc_t plain; /* the kernel in graft's layout */
    bool transposed_1x1;      /* backward_data is a convolution with the transposed kernel */
    bool data_in_f32;         /* backward_data runs in f32 between conversions */
    bool weights_by_product;  /* backward_weights is a matrix product; its result lies as the kernel does */
    size_t grad_kernel_count;
    size_t src_count, dst_count;
    size_t scratch_prim; /* the primitives' part of the scratchpad; conversions lie behind it */
} conv_impl;

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    const gf_shape *src = &s->src[0];
    int64_t reach_h = (int64_t)(s->conv.kh - 1) * (s->conv.dh + 1) + 1,
            reach_w = (int64_t)(s->conv.kw - 1) * (s->conv.dw + 1) + 1;
    int64_t h = src->dim[1] + s->conv.pt + s->conv.pb - reach_h, w = src->dim[2] + s->conv.pl + s->conv.pr - reach_w;
    if (src->rank != 4 || h < 0 || w < 0 || src->dim[3] % s->conv.groups || s->conv.filters % s->conv.groups) {
        return gf_fail(err, GF_E_MODEL_SHAPE, "use a larger image size",
                       "layer %s: a %dx%d convolution does not fit %s", s->name, s->conv.kh, s->conv.kw,
                       GF_SHAPE_TEXT(src));
    }
    *dst = GF_SHAPE(src->dim[0], h / s->conv.sh + 1, w / s->conv.sw + 1, s->conv.filters);
    return GRAFT_OK;
}

/* ---- memory descriptors */

static dnnl_status_t tensor_md(dnnl_memory_desc_t *md, const gf_shape *s, dnnl_data_type_t type)
{
    dnnl_dims_t d = {s->dim[0], s->dim[3], s->dim[1], s->dim[2]};
    return dnnl_memory_desc_create_with_tag(md, 4, d, type, dnnl_nhwc);
}

/* The kernel: any layout the primitive likes, or graft's (tag), or graft's read with inputs and outputs exchanged. */
typedef enum kernel_view { KERNEL_ANY, KERNEL_PLAIN, KERNEL_TRANSPOSED_ANY, KERNEL_TRANSPOSED_PLAIN } kernel_view;

static dnnl_status_t kernel_md(dnnl_memory_desc_t *md, const gf_op_spec *s, dnnl_data_type_t type, kernel_view view)
{
    int64_t g = s->conv.groups, ic = s->src[0].dim[3] / g, oc = s->conv.filters / g, kh = s->conv.kh, kw = s->conv.kw;
    if (g > 1) {
        dnnl_dims_t d = {g, oc, ic, kh, kw};
        return dnnl_memory_desc_create_with_tag(md, 5, d, type,
                                                view == KERNEL_PLAIN ? dnnl_hwigo : dnnl_format_tag_any);
    }
    if (view == KERNEL_TRANSPOSED_ANY || view == KERNEL_TRANSPOSED_PLAIN) {
        dnnl_dims_t d = {ic, oc, 1, 1}, strides = {oc, 1, 1, 1};
        return view == KERNEL_TRANSPOSED_ANY ? dnnl_memory_desc_create_with_tag(md, 4, d, type, dnnl_format_tag_any)
                                             : dnnl_memory_desc_create_with_strides(md, 4, d, type, strides);
    }
    dnnl_dims_t d = {oc, ic, kh, kw};
    return dnnl_memory_desc_create_with_tag(md, 4, d, type, view == KERNEL_PLAIN ? dnnl_hwio : dnnl_format_tag_any);
}

static void destroy_mds(dnnl_memory_desc_t *md, int n)
{
    for (int i = 0; i < n; i++) {
        if (md[i]) dnnl_memory_desc_destroy(md[i]);
    }
}

/* ---- primitive descriptors */

static dnnl_status_t make_attr(dnnl_primitive_attr_t *attr, gf_act act, float alpha, const_dnnl_memory_desc_t residual,
                               bool sum)
{
    dnnl_post_ops_t post = NULL;
    dnnl_status_t s = dnnl_primitive_attr_create(attr);
    if (!s) s = dnnl_primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user);
    if (!s) s = dnnl_post_ops_create(&post);
    if (!s && sum) s = dnnl_post_ops_append_sum(post, 1, 0, dnnl_data_type_undef);
    if (!s && residual) s = dnnl_post_ops_append_binary(post, dnnl_binary_add, residual);
    if (!s) s = gf_act_append(post, act, alpha);
    if (!s) s = dnnl_primitive_attr_set_post_ops(*attr, post);
    if (post) dnnl_post_ops_destroy(post);
    return s;
}

/* Makes the descriptor of one of the convolution's primitives in the given type. */
static dnnl_status_t make_pd(const gf_op_spec *s, const gf_ops *ops, gf_conv_kind kind, gf_dtype dtype,
                             dnnl_primitive_desc_t *pd)
{
    dnnl_engine_t engine = gf_ops_engine(ops);
    dnnl_data_type_t t = gf_dnnl_type(dtype);
    dnnl_dims_t st = {s->conv.sh, s->conv.sw}, dilation = {s->conv.dh, s->conv.dw}, one = {1, 1}, zero = {0, 0};
    dnnl_dims_t before = {s->conv.pt, s->conv.pl}, after = {s->conv.pb, s->conv.pr};
    dnnl_memory_desc_t md[4] = {0};
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t hint = NULL;
    dnnl_dims_t bias_dims = {s->conv.filters};
    bool residual = kind == GF_CONV_FORWARD && s->n_src == 2;
    dnnl_status_t r = tensor_md(&md[0], &s->src[0], t);
    if (!r) r = kernel_md(&md[1], s, t, kind == GF_CONV_BACKWARD_DATA_TRANSPOSED ? KERNEL_TRANSPOSED_ANY : KERNEL_ANY);
    if (!r) r = tensor_md(&md[2], &s->dst, t);
    if (!r) r = dnnl_memory_desc_create_with_tag(&md[3], 1, bias_dims, dnnl_f32, dnnl_a);
    if (!r) {
        r = make_attr(&attr, kind == GF_CONV_FORWARD ? s->act : GF_ACT_LINEAR, s->act_alpha, residual ? md[2] : NULL,
                      kind == GF_CONV_BACKWARD_DATA_TRANSPOSED && s->accumulate[0]);
    }
    if (!r && kind == GF_CONV_FORWARD) {
        r = dnnl_convolution_forward_primitive_desc_create(
            pd, engine, s->backward ? dnnl_forward_training : dnnl_forward_inference, dnnl_convolution_direct, md[0],
            md[1], s->has_bias ? md[3] : NULL, md[2], st, dilation, before, after, attr);
    } else if (!r && kind == GF_CONV_BACKWARD_DATA_TRANSPOSED) {
        r = dnnl_convolution_forward_primitive_desc_create(pd, engine, dnnl_forward_training, dnnl_convolution_direct,
                                                           md[2], md[1], NULL, md[0], one, zero, zero, zero, attr);
    } else if (!r) {
        r = dnnl_convolution_forward_primitive_desc_create(&hint, engine, dnnl_forward_training,
                                                           dnnl_convolution_direct, md[0], md[1], NULL, md[2], st,
                                                           dilation, before, after, attr);
        if (!r && kind == GF_CONV_BACKWARD_DATA) {
            r = dnnl_convolution_backward_data_primitive_desc_create(pd, engine, dnnl_convolution_direct, md[0], md[1],
                                                                     md[2], st, dilation, before, after, hint, attr);
        } else if (!r) {
            dnnl_memory_desc_destroy(md[1]);
            md[1] = NULL;
            r = kernel_md(&md[1], s, dnnl_f32, KERNEL_ANY);
            if (!r) {
                r = dnnl_convolution_backward_weights_primitive_desc_create(pd, engine, dnnl_convolution_direct, md[0],
                                                                            md[1], NULL, md[2], st, dilation, before,
                                                                            after, hint, attr);
            }
        }
    }
    if (hint) dnnl_primitive_desc_destroy(hint);
    if (attr) dnnl_primitive_attr_destroy(attr);
    destroy_mds(md, 4);
    return r;
}

graft_status gf_conv_make(const gf_op_spec *s, const gf_ops *ops, gf_conv_kind kind, gf_dtype dtype, gf_prim *p,
                          graft_error *err)
{
    GF_DNNL(make_pd(s, ops, kind, dtype, &p->pd), s->name, err);
    return gf_prim_finish(p, s->name, err);
}

graft_status gf_conv_make_product(const gf_op_spec *s, const gf_ops *ops, gf_prim *p, graft_error *err)
{
    int64_t ic = s->src[0].dim[3], oc = s->conv.filters, pixels = (int64_t)gf_count(&s->src[0]) / ic;
    gf_matmul m = {ic, pixels, oc, .a_row = 1, .a_col = ic, .b_row = oc, .b_col = 1, .c_row = oc};
    m.in = s->src_dtype[0];
    m.out = GF_F32;
    return gf_matmul_create(p, &m, ops, s->name, err);
}

/* ---- create */

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }
static size_t round64(size_t n) { return (n + 63) / 64 * 64; }

static graft_status create_backward_data(gf_op *op, conv_impl *c, gf_ops *ops, graft_error *err)
{
    const gf_op_spec *s = &op->spec;
    c->transposed_1x1 = gf_op_is_pointwise(s);
    c->data_in_f32 = c->transposed_1x1 ? s->src_dtype[0] == GF_F32 : gf_conv_data_in_f32(s, ops);
    gf_dtype dtype = c->data_in_f32 ? GF_F32 : s->src_dtype[0];
    GF_TRY(gf_conv_make(s, ops, c->transposed_1x1 ? GF_CONV_BACKWARD_DATA_TRANSPOSED : GF_CONV_BACKWARD_DATA, dtype,
                        &c->backward_data, err));
    dnnl_memory_desc_t transposed = NULL;
    if (c->transposed_1x1) GF_DNNL(kernel_md(&transposed, s, dnnl_f32, KERNEL_TRANSPOSED_PLAIN), s->name, err);
    graft_status status = gf_packed_create(&c->kernel_transposed, ops, transposed ? transposed : c->plain,
                                           gf_prim_md(&c->backward_data, dnnl_query_weights_md), err);
    if (transposed) dnnl_memory_desc_destroy(transposed);
    return status;
}

static graft_status create_backward_weights(gf_op *op, conv_impl *c, gf_ops *ops, graft_error *err)
{
    const gf_op_spec *s = &op->spec;
    gf_prim *p = &c->backward_weights;
    c->weights_by_product = gf_conv_weights_by_product(s, ops);
    GF_TRY(c->weights_by_product ? gf_conv_make_product(s, ops, p, err)
                                 : gf_conv_make(s, ops, GF_CONV_BACKWARD_WEIGHTS, s->src_dtype[0], p, err));
    const_dnnl_memory_desc_t grad =
        gf_prim_md(p, c->weights_by_product ? dnnl_query_dst_md : dnnl_query_diff_weights_md);
    c->grad_kernel_count = round64(dnnl_memory_desc_get_size(grad)) / sizeof(float);
    op->grad_count = c->grad_kernel_count + round64(gf_op_bias_count(s) * sizeof(float)) / sizeof(float);
    if (c->weights_by_product) return GRAFT_OK;
    dnnl_engine_t engine = gf_ops_engine(ops);
    GF_DNNL(dnnl_reorder_primitive_desc_create(&c->unpack.pd, grad, engine, c->plain, engine, NULL), s->name, err);
    return gf_prim_finish(&c->unpack, s->name, err);
}

static graft_status create(gf_op *op, gf_ops *ops, graft_error *err)
{
    gf_op_spec *s = &op->spec;
    conv_impl *c = op->impl = gf_new(conv_impl);
    if (!c) return gf_fail_memory(err, sizeof *c, s->name);
    c->ops = ops;
    c->src_count = gf_count(&s->src[0]);
    c->dst_count = gf_count(&s->dst);
    GF_DNNL(kernel_md(&c->plain, s, dnnl_f32, KERNEL_PLAIN), s->name, err);
    GF_TRY(gf_conv_make(s, ops, GF_CONV_FORWARD, s->src_dtype[0], &c->forward, err));
    GF_TRY(gf_packed_create(&c->kernel, ops, c->plain, gf_prim_md(&c->forward, dnnl_query_weights_md), err));
    c->bias = gf_alloc_tensor(gf_op_bias_count(s) * sizeof(float));
    if (!c->bias) return gf_fail_memory(err, gf_op_bias_count(s) * sizeof(float), s->name);
    c->scratch_prim = gf_prim_scratchpad(&c->forward);
    size_t conversions = 0;
    if (s->diff_src[0]) {
        GF_TRY(create_backward_data(op, c, ops, err));
        c->scratch_prim = larger(c->scratch_prim, gf_prim_scratchpad(&c->backward_data));
        bool copies = !c->transposed_1x1 && (s->accumulate[0] || (c->data_in_f32 && s->src_dtype[0] != GF_F32));
        if (copies) conversions = round64(c->src_count * 4) + round64(c->dst_count * 4);
    }
    if (s->diff_weights) {
        GF_TRY(create_backward_weights(op, c, ops, err));
        c->scratch_prim = larger(c->scratch_prim, gf_prim_scratchpad(&c->backward_weights));
    }
    c->scratch_prim = round64(c->scratch_prim);
    op->scratchpad_bytes = c->scratch_prim + conversions;
    return GRAFT_OK;
}

static void destroy(gf_op *op)
{
    conv_impl *c = op->impl;
    if (!c) return;
    gf_prim_destroy(&c->forward);
    gf_prim_destroy(&c->backward_data);
    gf_prim_destroy(&c->backward_weights);
    gf_prim_destroy(&c->unpack);
    gf_packed_destroy(&c->kernel);
    gf_packed_destroy(&c->kernel_transposed);
    if (c->plain) dnnl_memory_desc_destroy(c->plain);
    gf_free(c->bias);
    gf_free(c);
}

static graft_status prepare(gf_op *op, const float *kernel, const float *bias, graft_error *err)
{
    conv_impl *c = op->impl;
    GF_TRY(gf_packed_fill(&c->kernel, c->ops, kernel, err));
    if (c->kernel_transposed.data) GF_TRY(gf_packed_fill(&c->kernel_transposed, c->ops, kernel, err));
    if (op->spec.has_bias) memcpy(c->bias, bias, gf_op_bias_count(&op->spec) * sizeof *bias);
    return GRAFT_OK;
}

/* ---- bind */

/* Where backward-data reads and writes: the tensors themselves, or conversions in the scratchpad. */
static void data_ends(const gf_op *op, const gf_op_args *a, const void **diff_dst, void **diff_src)
{
    const conv_impl *c = op->impl;
    const gf_op_spec *s = &op->spec;
    char *spare = (char *)a->scratchpad + c->scratch_prim;
    bool converts = c->data_in_f32 && s->src_dtype[0] != GF_F32;
    *diff_src = !c->transposed_1x1 && (converts || s->accumulate[0]) ? spare : a->diff_src[0];
    *diff_dst = converts ? spare + round64(c->src_count * 4) : a->diff_dst;
}

static graft_status bind_forward(const gf_op *op, const gf_op_args *a, gf_call *call, graft_error *err)
{
    const conv_impl *c = op->impl;
    const gf_prim *p = &c->forward;
    GF_TRY(gf_call_add(call, c->ops, DNNL_ARG_SRC, gf_prim_md(p, dnnl_query_src_md), a->src[0], err));
    GF_TRY(gf_call_add(call, c->ops, DNNL_ARG_WEIGHTS, gf_prim_md(p, dnnl_query_weights_md), c->kernel.data, err));
    if (op->spec.has_bias) {
        GF_TRY(gf_call_add(call, c->ops, DNNL_ARG_BIAS, dnnl_primitive_desc_query_md(p->pd, dnnl_query_weights_md, 1),
                           c->bias, err));
    }
    const_dnnl_memory_desc_t dst = gf_prim_md(p, dnnl_query_dst_md);
    GF_TRY(gf_call_add(call, c->ops, DNNL_ARG_DST, dst, a->dst, err));
    if (op->spec.n_src == 2) {
        GF_TRY(gf_call_add(call, c->ops, DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, dst, a->src[1], err));
    }
    return gf_call_add(call, c->ops, DNNL_ARG_SCRATCHPAD, gf_prim_md(p, dnnl_query_scratchpad_md), a->scratchpad, err);
}

static graft_status bind_backward_data(const gf_op *op, const gf_op_args *a, gf_call *call, graft_error *err)
{
    const conv_impl *c = op->impl;
    const gf_prim *p = &c->backward_data;
    const void *diff_dst;
    void *diff_src;
    data_ends(op, a, &diff_dst, &diff_src);
    bool f = c->transposed_1x1; /* then it is a forward primitive from diff_dst to diff_src */
    GF_TRY(gf_call_add(call, c->ops, f ? DNNL_ARG_SRC : DNNL_ARG_DIFF_DST,
                       gf_prim_md(p, f ? dnnl_query_src_md : dnnl_query_diff_dst_md), diff_dst, err));
    GF_TRY(gf_call_add(call, c->ops, f ? DNNL_ARG_DST : DNNL_ARG_DIFF_SRC,
                       gf_prim_md(p, f ? dnnl_query_dst_md : dnnl_query_diff_src_md), diff_src, err));
    GF_TRY(gf_call_add(call, c->ops, DNNL_ARG_WEIGHTS, gf_prim_md(p, dnnl_query_weights_md), c->kernel_transposed.data,
                       err));
    return gf_call_add(call, c->ops, DNNL_ARG_SCRATCHPAD, gf_prim_md(p, dnnl_query_scratchpad_md), a->scratchpad, err);
}

static graft_status bind_backward_weights(const gf_op *op, const gf_op_args *a, gf_call *call, graft_error *err)
{
    const conv_impl *c = op->impl;
    const gf_prim *p = &c->backward_weights;
    if (c->weights_by_product) {
        gf_matmul_ends ends = {a->src[0], a->diff_dst, NULL, a->grad, a->scratchpad};
        return gf_matmul_bind(call, p, c->ops, &ends, err);
    }
    GF_TRY(gf_call_add(call, c->ops, DNNL_ARG_SRC, gf_prim_md(p, dnnl_query_src_md), a->src[0], err));
    GF_TRY(gf_call_add(call, c->ops, DNNL_ARG_DIFF_DST, gf_prim_md(p, dnnl_query_diff_dst_md), a->diff_dst, err));
    GF_TRY(gf_call_add(call, c->ops, DNNL_ARG_DIFF_WEIGHTS, gf_prim_md(p, dnnl_query_diff_weights_md), a->grad, err));
    return gf_call_add(call, c->ops, DNNL_ARG_SCRATCHPAD, gf_prim_md(p, dnnl_query_scratchpad_md), a->scratchpad, err);
}

static graft_status bind(const gf_op *op, gf_exec *exec, graft_error *err)
{
    gf_calls *x = exec->impl = gf_new(gf_calls);
    if (!x) return gf_fail_memory(err, sizeof *x, op->spec.name);
    GF_TRY(bind_forward(op, &exec->args, &x->forward, err));
    if (op->spec.diff_src[0]) GF_TRY(bind_backward_data(op, &exec->args, &x->backward_data, err));
    return op->spec.diff_weights ? bind_backward_weights(op, &exec->args, &x->backward_weights, err) : GRAFT_OK;
}

/* ---- run */

static graft_status forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step;
    const conv_impl *c = exec->op->impl;
    const gf_op_spec *s = &exec->op->spec;
    GF_TRY(gf_call_run(&((gf_calls *)exec->impl)->forward, &c->forward, c->ops, s->name, err));
    if (!gf_act_fuses(s->act)) gf_act_forward(s->act, s->act_alpha, exec->args.dst, s->dst_dtype, c->dst_count);
    return GRAFT_OK;
}

static graft_status backward_data(gf_exec *exec, graft_error *err)
{
    const gf_op *op = exec->op;
    const conv_impl *c = op->impl;
    const gf_op_args *a = &exec->args;
    gf_dtype type = op->spec.src_dtype[0];
    const void *diff_dst;
    void *diff_src;
    data_ends(op, a, &diff_dst, &diff_src);
    if (diff_dst != a->diff_dst) gf_convert((void *)diff_dst, GF_F32, a->diff_dst, type, c->dst_count);
    GF_TRY(gf_call_run(&((gf_calls *)exec->impl)->backward_data, &c->backward_data, c->ops, op->spec.name, err));
    if (diff_src == a->diff_src[0]) return GRAFT_OK;
    gf_dtype computed = c->data_in_f32 ? GF_F32 : type;
    if (op->spec.accumulate[0]) {
        gf_accumulate(a->diff_src[0], type, diff_src, computed, c->src_count);
    } else {
        gf_convert(a->diff_src[0], type, diff_src, computed, c->src_count);
    }
    return GRAFT_OK;
}

void gf_conv_backward_end(gf_exec *exec, float *dbias)
{
    const gf_op_spec *s = &exec->op->spec;
    gf_op_args *a = &exec->args;
    size_t oc = (size_t)s->conv.filters, n = gf_count(&s->dst);
    gf_act_backward_bias(s->act, s->act_alpha, a->diff_dst, s->act == GF_ACT_LINEAR ? NULL : a->dst, s->dst_dtype,
                         n / oc, oc, s->has_bias ? dbias : NULL);
    if (s->n_src == 2 && s->diff_src[1] && a->diff_src[1] != a->diff_dst) {
        gf_put(a->diff_src[1], s->dst_dtype, a->diff_dst, s->dst_dtype, n, s->accumulate[1]);
    }
}

static graft_status backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step;
    const gf_op *op = exec->op;
    const gf_op_spec *s = &op->spec;
    const conv_impl *c = op->impl;
    gf_conv_backward_end(exec, s->diff_weights ? exec->args.grad + c->grad_kernel_count : NULL);
    if (s->diff_weights) {
        gf_calls *x = exec->impl;
        GF_TRY(gf_call_run(&x->backward_weights, &c->backward_weights, c->ops, s->name, err));
    }
    return s->diff_src[0] ? backward_data(exec, err) : GRAFT_OK;
}

static graft_status unpack_kernel(const gf_op *op, const float *grad, float *dkernel, graft_error *err)
{
    const conv_impl *c = op->impl;
    gf_call call = {0};
    graft_status status = GRAFT_OK;
    GF_GOTO(gf_call_add(&call, c->ops, DNNL_ARG_FROM, gf_prim_md(&c->backward_weights, dnnl_query_diff_weights_md),
                        grad, err));
    GF_GOTO(gf_call_add(&call, c->ops, DNNL_ARG_TO, c->plain, dkernel, err));
    GF_GOTO(gf_call_run(&call, &c->unpack, c->ops, op->spec.name, err));
out:
    gf_call_destroy(&call);
    return status;
}

static graft_status finish_grad(const gf_op *op, const float *grad, float *dkernel, float *dbias, graft_error *err)
{
    const conv_impl *c = op->impl;
    if (c->weights_by_product) {
        memcpy(dkernel, grad, gf_op_kernel_count(&op->spec) * sizeof *dkernel);
    } else {
        GF_TRY(unpack_kernel(op, grad, dkernel, err));
    }
    if (dbias && op->spec.has_bias) {
        memcpy(dbias, grad + c->grad_kernel_count, gf_op_bias_count(&op->spec) * sizeof *dbias);
    }
    return GRAFT_OK;
}

const gf_op_class gf_op_conv = {
    .name = "conv",
    .scales = true,
    .residual = true,
    .fuses = GF_FUSES_ANY,
    .int8 = &gf_op_conv_int8,
    .kernel_count = gf_op_kernel_of_conv,
    .infer = infer,
    .create = create,
    .destroy = destroy,
    .prepare = prepare,
    .bind = bind,
    .unbind = gf_calls_unbind,
    .forward = forward,
    .backward = backward,
    .finish_grad = finish_grad,
};
