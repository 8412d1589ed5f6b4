/* A toy of an operation: dst = src / 2. */
#include "ops/kernels.h"

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    (void)err;
    *dst = s->src[0];
    return GRAFT_OK;
}

static void halve(const void *from, gf_dtype from_type, void *to, gf_dtype to_type, size_t n, bool add)
{
    float room[GF_BLOCK];
    for (size_t at = 0; at < n; at += GF_BLOCK) {
        size_t count = n - at < GF_BLOCK ? n - at : GF_BLOCK;
        gf_block_copy(from, from_type, at, count, room);
        gf_scale(room, 0.5f, count);
        gf_block_out(to, to_type, at, count, room, add);
    }
}

static graft_status forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    halve(exec->args.src[0], s->src_dtype[0], exec->args.dst, s->dst_dtype, gf_count(&s->dst), false);
    return GRAFT_OK;
}

static graft_status backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    if (!s->diff_src[0]) return GRAFT_OK;
    halve(exec->args.diff_dst, s->dst_dtype, exec->args.diff_src[0], s->src_dtype[0], gf_count(&s->dst),
          s->accumulate[0]);
    return GRAFT_OK;
}

const gf_op_class gf_op_toy_op = {
    .name = "toy_op", .plain = true, .infer = infer, .forward = forward, .backward = backward};
