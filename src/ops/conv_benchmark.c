/* conv_benchmark.c - how the backward of conv.c runs, where there are two ways: both timed, on memory of their own. */
#include "ops/conv.h"
#include "ops/kernels.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

enum { BENCHMARK_ARGS = 4 };

typedef struct benchmark {
    const gf_op_spec *spec;
    const gf_ops *ops;
    gf_prim prim[2];
    void *data[2][BENCHMARK_ARGS];
    gf_call call[2];
} benchmark;

typedef struct benchmark_arg {
    int arg;
    dnnl_query_t md;
} benchmark_arg;

/* Memory for candidate k's arguments. */
static bool benchmark_bind(benchmark *t, int k, const benchmark_arg row[BENCHMARK_ARGS])
{
    for (int i = 0; i < BENCHMARK_ARGS; i++) {
        const_dnnl_memory_desc_t md = gf_prim_md(&t->prim[k], row[i].md);
        t->data[k][i] = gf_alloc_tensor(dnnl_memory_desc_get_size(md));
        if (!t->data[k][i]) return false;
        if (gf_call_add(&t->call[k], t->ops, row[i].arg, md, t->data[k][i], NULL) != GRAFT_OK) return false;
    }
    return true;
}

static int benchmark_choose(benchmark *t, const char *pass, gf_ops *ops, const char *const names[2], int preferred,
                            bool (*run)(void *, int))
{
    const gf_op_spec *s = t->spec;
    char key[160];
    snprintf(key, sizeof key, "conv %s n%lld %lldx%lldx%lld k%dx%d s%dx%d g%d o%d", pass, (long long)s->src[0].dim[0],
             (long long)s->src[0].dim[1], (long long)s->src[0].dim[2], (long long)s->src[0].dim[3], s->conv.kh,
             s->conv.kw, s->conv.sh, s->conv.sw, s->conv.groups, s->conv.filters);
    if (s->conv.dh | s->conv.dw) {
        size_t n = strlen(key);
        snprintf(key + n, sizeof key - n, " d%dx%d", s->conv.dh, s->conv.dw);
    }
    int chosen = gf_ops_choose(ops, &(gf_choice){.key = key,
                                                 .names = names,
                                                 .n = 2,
                                                 .preferred = preferred,
                                                 .margin = GF_MARGIN_OPERATION,
                                                 .run = run,
                                                 .ctx = t});
    for (int k = 0; k < 2; k++) {
        gf_call_destroy(&t->call[k]);
        gf_prim_destroy(&t->prim[k]);
        for (int i = 0; i < BENCHMARK_ARGS; i++) gf_free(t->data[k][i]);
    }
    return chosen;
}

static bool data_benchmark_prepare(benchmark *t, int k)
{
    static const benchmark_arg args[BENCHMARK_ARGS] = {{DNNL_ARG_DIFF_SRC, dnnl_query_diff_src_md},
                                                       {DNNL_ARG_WEIGHTS, dnnl_query_weights_md},
                                                       {DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md},
                                                       {DNNL_ARG_SCRATCHPAD, dnnl_query_scratchpad_md}};
    return gf_conv_make(t->spec, t->ops, GF_CONV_BACKWARD_DATA, k ? GF_F32 : GF_BF16, &t->prim[k], NULL) == GRAFT_OK &&
           benchmark_bind(t, k, args);
}

static bool data_benchmark_run(void *ctx, int k)
{
    benchmark *t = ctx;
    if (!t->call[k].n && !data_benchmark_prepare(t, k)) return false;
    if (k) { /* the conversions are part of the price; between two buffers, of which diff_src's may be much smaller */
        size_t n = gf_count(&t->spec->dst) / 2, most = 2 * gf_count(&t->spec->src[0]);
        if (n > most) n = most;
        gf_convert(t->data[1][2], GF_F32, t->data[1][0], GF_BF16, n);
        gf_convert(t->data[1][0], GF_BF16, t->data[1][2], GF_F32, n);
    }
    return gf_call_run(&t->call[k], &t->prim[k], t->ops, t->spec->name, NULL) == GRAFT_OK;
}

bool gf_conv_data_in_f32(const gf_op_spec *s, gf_ops *ops)
{
    static const char *const names[] = {"bf16", "f32"};
    if (s->src_dtype[0] == GF_F32) return true;
    bool steps = s->conv.groups > 1 && (s->conv.sh > 1 || s->conv.sw > 1); /* oneDNN 3.2 has no kernel for it in bf16 */
    return benchmark_choose(&(benchmark){.spec = s, .ops = ops}, "backward_data", ops, names, steps,
                            data_benchmark_run) == 1;
}

static bool weights_benchmark_prepare(benchmark *t, int k)
{
    static const benchmark_arg args[2][BENCHMARK_ARGS] = {{{DNNL_ARG_SRC, dnnl_query_src_md},
                                                           {DNNL_ARG_WEIGHTS, dnnl_query_weights_md},
                                                           {DNNL_ARG_DST, dnnl_query_dst_md},
                                                           {DNNL_ARG_SCRATCHPAD, dnnl_query_scratchpad_md}},
                                                          {{DNNL_ARG_SRC, dnnl_query_src_md},
                                                           {DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md},
                                                           {DNNL_ARG_DIFF_WEIGHTS, dnnl_query_diff_weights_md},
                                                           {DNNL_ARG_SCRATCHPAD, dnnl_query_scratchpad_md}}};
    gf_prim *p = &t->prim[k];
    graft_status made = k ? gf_conv_make(t->spec, t->ops, GF_CONV_BACKWARD_WEIGHTS, t->spec->src_dtype[0], p, NULL)
                          : gf_conv_make_product(t->spec, t->ops, p, NULL);
    return made == GRAFT_OK && benchmark_bind(t, k, args[k]);
}

static bool weights_benchmark_run(void *ctx, int k)
{
    benchmark *t = ctx;
    if (!t->call[k].n && !weights_benchmark_prepare(t, k)) return false;
    return gf_call_run(&t->call[k], &t->prim[k], t->ops, t->spec->name, NULL) == GRAFT_OK;
}

bool gf_conv_weights_by_product(const gf_op_spec *s, gf_ops *ops)
{
    static const char *const names[] = {"product", "conv"};
    if (s->src_dtype[0] != GF_BF16 || !gf_op_is_pointwise(s)) return false;
    return benchmark_choose(&(benchmark){.spec = s, .ops = ops}, "backward_weights", ops, names, 0,
                            weights_benchmark_run) == 0;
}
