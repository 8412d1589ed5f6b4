/* peak.c - what the machine can do at best: one large matrix product, single-threaded, timed. */
#include "ops/onednn.h"

#include "base/alloc.h"
#include "base/sys.h"

static dnnl_status_t make(gf_ops *ops, gf_dtype dtype, int64_t n, gf_prim *p)
{
    dnnl_memory_desc_t a = NULL, b = NULL, c = NULL;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_dims_t d = {n, n};
    dnnl_data_type_t t = gf_dnnl_type(dtype);
    dnnl_status_t s = dnnl_memory_desc_create_with_tag(&a, 2, d, t, dnnl_ab);
    if (!s) s = dnnl_memory_desc_create_with_tag(&b, 2, d, t, dnnl_format_tag_any);
    if (!s) s = dnnl_memory_desc_create_with_tag(&c, 2, d, t, dnnl_ab);
    if (!s) s = dnnl_primitive_attr_create(&attr);
    if (!s) s = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (!s) s = dnnl_matmul_primitive_desc_create(&p->pd, gf_ops_engine(ops), a, b, NULL, c, attr);
    if (!s) s = dnnl_primitive_create(&p->prim, p->pd);
    if (attr) dnnl_primitive_attr_destroy(attr);
    if (a) dnnl_memory_desc_destroy(a);
    if (b) dnnl_memory_desc_destroy(b);
    if (c) dnnl_memory_desc_destroy(c);
    return s;
}

graft_status gf_ops_matmul_gflops(gf_ops *ops, gf_dtype dtype, double *gflops, graft_error *err)
{
    enum { N = 768, ROUNDS = 6 };
    gf_prim p = {0};
    gf_call call = {0};
    void *data[4] = {0};
    graft_status status = GRAFT_OK;
    *gflops = 0;
    GF_GOTO(gf_dnnl_status(make(ops, dtype, N, &p), "matmul", "(peak)", err));
    static const struct {
        int arg;
        dnnl_query_t md;
    } row[4] = {{DNNL_ARG_SRC, dnnl_query_src_md},
                {DNNL_ARG_WEIGHTS, dnnl_query_weights_md},
                {DNNL_ARG_DST, dnnl_query_dst_md},
                {DNNL_ARG_SCRATCHPAD, dnnl_query_scratchpad_md}};
    for (int i = 0; i < 4; i++) {
        const_dnnl_memory_desc_t md = gf_prim_md(&p, row[i].md);
        data[i] = gf_alloc_tensor(dnnl_memory_desc_get_size(md));
        if (!data[i]) {
            status = gf_fail_memory(err, dnnl_memory_desc_get_size(md), "a matrix");
            goto out;
        }
        GF_GOTO(gf_call_add(&call, ops, row[i].arg, md, data[i], err));
    }
    for (int i = 0; i < ROUNDS; i++) {
        double t = gf_sys_seconds();
        GF_GOTO(gf_call_run(&call, &p, ops, "(peak)", err));
        t = gf_sys_seconds() - t;
        double rate = 2.0 * N * N * N / t * 1e-9;
        if (rate > *gflops) *gflops = rate;
    }
out:
    gf_call_destroy(&call);
    gf_prim_destroy(&p);
    for (int i = 0; i < 4; i++) gf_free(data[i]);
    return status;
}
