/* matmul.c - c = a b (+ bias, + c) for matrices whose rows lie some stride apart, by oneDNN. */
#include "ops/onednn.h"

graft_status gf_matmul_create(gf_prim *p, const gf_matmul *m, const gf_ops *ops, const char *layer, graft_error *err)
{
    dnnl_memory_desc_t md[4] = {0}; /* a, b, c, bias */
    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t post = NULL;
    dnnl_data_type_t in = gf_dnnl_type(m->in), out = gf_dnnl_type(m->out);
    dnnl_dims_t ad = {m->m, m->k}, as = {m->a_row, m->a_col}, bd = {m->k, m->n}, bs = {m->b_row, m->b_col};
    dnnl_dims_t cd = {m->m, m->n}, cs = {m->c_row, 1}, vd = {1, m->n}, vs = {m->n, 1};
    dnnl_status_t s = dnnl_memory_desc_create_with_strides(&md[0], 2, ad, in, as);
    if (!s) s = dnnl_memory_desc_create_with_strides(&md[1], 2, bd, in, bs);
    if (!s) s = dnnl_memory_desc_create_with_strides(&md[2], 2, cd, out, cs);
    if (!s) s = dnnl_memory_desc_create_with_strides(&md[3], 2, vd, dnnl_f32, vs);
    if (!s) s = dnnl_primitive_attr_create(&attr);
    if (!s) s = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (!s && m->sum) s = dnnl_post_ops_create(&post);
    if (!s && m->sum) s = dnnl_post_ops_append_sum(post, 1, 0, dnnl_data_type_undef);
    if (!s && m->sum) s = dnnl_primitive_attr_set_post_ops(attr, post);
    if (!s) {
        s = dnnl_matmul_primitive_desc_create(&p->pd, gf_ops_engine(ops), md[0], md[1], m->bias ? md[3] : NULL, md[2],
                                              attr);
    }
    if (post) dnnl_post_ops_destroy(post);
    if (attr) dnnl_primitive_attr_destroy(attr);
    for (int i = 0; i < 4; i++) {
        if (md[i]) dnnl_memory_desc_destroy(md[i]);
    }
    GF_TRY(gf_dnnl_status(s, "dnnl_matmul_primitive_desc_create", layer, err));
    return gf_prim_finish(p, layer, err);
}

graft_status gf_matmul_bind(gf_call *call, const gf_prim *p, const gf_ops *ops, const gf_matmul_ends *ends,
                            graft_error *err)
{
    GF_TRY(gf_call_add(call, ops, DNNL_ARG_SRC, gf_prim_md(p, dnnl_query_src_md), ends->a, err));
    GF_TRY(gf_call_add(call, ops, DNNL_ARG_WEIGHTS, gf_prim_md(p, dnnl_query_weights_md), ends->b, err));
    GF_TRY(gf_call_add(call, ops, DNNL_ARG_DST, gf_prim_md(p, dnnl_query_dst_md), ends->c, err));
    if (ends->bias) {
        GF_TRY(gf_call_add(call, ops, DNNL_ARG_BIAS, dnnl_primitive_desc_query_md(p->pd, dnnl_query_weights_md, 1),
                           ends->bias, err));
    }
    return gf_call_add(call, ops, DNNL_ARG_SCRATCHPAD, gf_prim_md(p, dnnl_query_scratchpad_md), ends->scratchpad, err);
}

graft_status gf_matmul_run(gf_call *call, const gf_prim *p, const gf_matmul_ends *ends, const gf_ops *ops,
                           const char *layer, graft_error *err)
{
    const void *at[] = {ends->a, ends->b, ends->c};
    for (int i = 0; i < 3; i++) GF_DNNL(dnnl_memory_set_data_handle(call->arg[i].memory, (void *)at[i]), layer, err);
    return gf_call_run(call, p, ops, layer, err);
}
