/* onednn.h - small helpers round oneDNN's C API, for files of this room only. */
#ifndef GF_OPS_ONEDNN_H
#define GF_OPS_ONEDNN_H

#include "ops/engine.h"
#include "ops/op.h"

#include <oneapi/dnnl/dnnl.h>

/* Turns oneDNN's status into graft's, naming the call. */
graft_status gf_dnnl_status(dnnl_status_t s, const char *call, const char *layer, graft_error *err);
#define GF_DNNL(call, layer, err) GF_TRY(gf_dnnl_status((call), #call, (layer), (err)))

dnnl_engine_t gf_ops_engine(const gf_ops *ops);
dnnl_data_type_t gf_dnnl_type(gf_dtype t);

/* One primitive with its memory descriptors; weights it reads are packed as it likes them. */
typedef struct gf_prim {
    dnnl_primitive_desc_t pd;
    dnnl_primitive_t prim;
} gf_prim;
graft_status gf_prim_finish(gf_prim *p, const char *layer, graft_error *err); /* from pd makes prim */
void gf_prim_destroy(gf_prim *p);
const_dnnl_memory_desc_t gf_prim_md(const gf_prim *p, dnnl_query_t what);
size_t gf_prim_scratchpad(const gf_prim *p);

/* Whether oneDNN has an activation as a post-operation, and its appending (nothing where it has not). */
bool gf_act_fuses(gf_act act);
dnnl_status_t gf_act_append(dnnl_post_ops_t post, gf_act act, float alpha);

/* An argument list of a primitive, bound to memory. */
enum { GF_MAX_ARGS = 8 };
typedef struct gf_call {
    int n;
    dnnl_exec_arg_t arg[GF_MAX_ARGS];
} gf_call;
graft_status gf_call_add(gf_call *c, const gf_ops *ops, int what, const_dnnl_memory_desc_t md, const void *data,
                         graft_error *err);
graft_status gf_call_run(const gf_call *c, const gf_prim *p, const gf_ops *ops, const char *layer, graft_error *err);
void gf_call_destroy(gf_call *c);

/* c = a b of an m x k and a k x n matrix; an operand that is read transposed round has its strides exchanged. */
typedef struct gf_matmul {
    int64_t m, k, n;
    int64_t a_row, a_col, b_row, b_col, c_row; /* strides; c's columns lie side by side */
    gf_dtype in, out;
    bool bias; /* of each column, in f32 */
    bool sum;  /* added to what c holds */
} gf_matmul;
graft_status gf_matmul_create(gf_prim *p, const gf_matmul *m, const gf_ops *ops, const char *layer, graft_error *err);

typedef struct gf_matmul_ends {
    const void *a, *b, *bias;
    void *c, *scratchpad;
} gf_matmul_ends;
graft_status gf_matmul_bind(gf_call *call, const gf_prim *p, const gf_ops *ops, const gf_matmul_ends *ends,
                            graft_error *err);
/* A bound call, with a, b and c elsewhere. */
graft_status gf_matmul_run(gf_call *call, const gf_prim *p, const gf_matmul_ends *ends, const gf_ops *ops,
                           const char *layer, graft_error *err);

/* What an op with weights binds to a lane (gf_exec.impl), and its unbinding. */
typedef struct gf_calls {
    gf_call forward, backward_data, backward_weights;
} gf_calls;
void gf_calls_unbind(gf_exec *exec);

/* Packs weights: reorders from graft's layout (`plain`) to what a primitive wants. */
typedef struct gf_packed {
    gf_prim reorder;
    gf_call call;
    void *data; /* packed */
} gf_packed;
graft_status gf_packed_create(gf_packed *w, const gf_ops *ops, const_dnnl_memory_desc_t plain,
                              const_dnnl_memory_desc_t wanted, graft_error *err);
graft_status gf_packed_fill(gf_packed *w, const gf_ops *ops, const void *values, graft_error *err);
void gf_packed_destroy(gf_packed *w);

#endif
