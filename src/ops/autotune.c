#include "ops/autotune.h"

#include "base/alloc.h"

typedef struct benchmark {
    gf_op_spec spec[2];
    gf_ops *ops;
    gf_op op[2];
    gf_exec exec[2];
    void *src, *dst, *diff_dst, *diff_src, *scratchpad[2];
    float *grad[2];
    bool made;
} benchmark;

/* What both work on. */
static void make_data(benchmark *r, const gf_op_spec *s)
{
    r->made = true; /* tried: memory that was not there is not asked for again */
    r->src = gf_alloc_tensor(gf_count(&s->src[0]) * sizeof(float));
    r->diff_src = gf_alloc_tensor(gf_count(&s->src[0]) * sizeof(float));
    r->dst = gf_alloc_tensor(gf_count(&s->dst) * sizeof(float));
    r->diff_dst = gf_alloc_tensor(gf_count(&s->dst) * sizeof(float));
}

static bool enter(benchmark *r, int k)
{
    if (gf_op_create(&r->op[k], &r->spec[k], r->ops, NULL) != GRAFT_OK) return false;
    const gf_op_spec *s = &r->op[k].spec;
    if (!r->made) make_data(r, s);
    size_t values = gf_op_kernel_count(s) + gf_op_bias_count(s);
    r->scratchpad[k] = gf_alloc_tensor(r->op[k].scratchpad_bytes + 1);
    r->grad[k] = gf_alloc_tensor(r->op[k].grad_count * sizeof(float) + 1);
    float *kernel = gf_alloc_tensor(values * sizeof(float) + 1);
    bool ok = r->src && r->dst && r->diff_dst && r->diff_src && r->scratchpad[k] && r->grad[k] && kernel;
    ok = ok && gf_op_prepare(&r->op[k], kernel, kernel + gf_op_kernel_count(s), NULL) == GRAFT_OK;
    gf_free(kernel);
    gf_op_args a = {
        .src = {r->src, r->diff_dst}, .dst = r->dst, .diff_dst = r->diff_dst, .diff_src = {r->diff_src, r->diff_dst}};
    a.grad = r->grad[k];
    a.scratchpad = r->scratchpad[k];
    return ok && gf_op_bind(&r->op[k], &a, &r->exec[k], NULL) == GRAFT_OK;
}

static bool run(void *ctx, int k)
{
    benchmark *r = ctx;
    if (!r->exec[k].op && !enter(r, k)) return false;
    const gf_op_class *cls = r->op[k].spec.cls;
    gf_exec_context step = {.training = r->op[k].spec.backward};
    if (cls->forward(&r->exec[k], &step, NULL) != GRAFT_OK) return false;
    return !step.training || cls->backward(&r->exec[k], &step, NULL) == GRAFT_OK;
}

int gf_ops_autotune(gf_ops *ops, const char *key, const char *const names[2], const gf_op_class *const cls[2],
                    int preferred, const gf_op_spec *spec)
{
    benchmark r = {.spec = {*spec, *spec}, .ops = ops};
    for (int k = 0; k < 2; k++) r.spec[k].cls = cls[k];
    int chosen = gf_ops_choose(ops, &(gf_choice){.key = key,
                                                 .names = names,
                                                 .n = 2,
                                                 .preferred = preferred,
                                                 .margin = GF_MARGIN_OPERATION,
                                                 .run = run,
                                                 .ctx = &r});
    for (int k = 0; k < 2; k++) {
        gf_op_unbind(&r.exec[k]);
        gf_op_destroy(&r.op[k]);
        gf_free(r.scratchpad[k]);
        gf_free(r.grad[k]);
    }
    gf_free(r.src);
    gf_free(r.diff_src);
    gf_free(r.dst);
    gf_free(r.diff_dst);
    return chosen;
}
