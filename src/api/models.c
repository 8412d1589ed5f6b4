/* models.c - the table of architectures. */
#include "api/internal.h"

#include "base/sys.h"
#include "zoo/zoo.h"

#include <string.h>

/* Milliseconds a picture, of the best of some batches, with all threads. */
static graft_status time_forward(graft_context *c, gf_model *m, int size, double *ms, graft_error *err)
{
    enum { BATCH = 16, ROUNDS = 4 };
    gf_engine *e = NULL;
    gf_engine_spec spec;
    gf_engine_defaults(&spec);
    spec.dtype = gf_ops_has_bf16(c->ops) ? GF_BF16 : GF_F32;
    gf_model_facts facts = {.width = size, .height = size};
    gf_feed feed = gf_self_test_feed(&facts);
    gf_model_init(m, 0, 0);
    GF_TRY(gf_engine_create(&e, m, c->ops, c->pool, &spec, err));
    uint32_t sample[BATCH] = {0};
    float *out = gf_new_n(BATCH * gf_engine_outputs(e), float);
    graft_status status = out ? GRAFT_OK : gf_fail_memory(err, BATCH * sizeof *out, "a measurement");
    for (int i = 0; status == GRAFT_OK && i < ROUNDS; i++) {
        double t = gf_sys_seconds();
        status = gf_engine_forward(e, &feed, NULL, sample, BATCH, out, NULL, err);
        t = 1e3 * (gf_sys_seconds() - t) / BATCH;
        if (i == 0 || t < *ms) *ms = t;
        if (status == GRAFT_OK) status = gf_api_stop_asked(c, err);
    }
    gf_free(out);
    gf_engine_destroy(e);
    return status;
}

static graft_status gflop_of(const gf_model *m, double *gflop, graft_error *err)
{
    gf_graph g;
    GF_TRY(gf_graph_create(&g, m, &(gf_lower_options){.output_layer = -1}, err));
    for (size_t i = 0; i < g.n_nodes; i++) *gflop += 1e-9 * g.node[i].flops;
    gf_graph_free(&g);
    return GRAFT_OK;
}

static graft_status describe(graft_context *c, const gf_architecture *a, bool time, gf_json *list, gf_text *text,
                             graft_error *err)
{
    gf_model m;
    double gflop = 0, ms = 0;
    gf_zoo_options o = {.width = a->size, .height = a->size};
    GF_TRY(gf_zoo_build(&m, a->name, &o, err));
    const gf_preprocess *p = gf_preprocess_find(a->preprocess);
    graft_status status = gflop_of(&m, &gflop, err);
    if (status == GRAFT_OK && time) status = time_forward(c, &m, a->size, &ms, err);
    gf_json *j = gf_json_object();
    gf_json_set(j, "name", gf_json_string(a->name));
    gf_json_set(j, "title", gf_json_string(a->title));
    gf_json_set(j, "source", gf_json_string(a->source));
    gf_json_set(j, "params", gf_json_int((int64_t)gf_model_counts(&m).total));
    gf_json_set(j, "params_top", gf_json_int((int64_t)a->params_top));
    gf_json_set(j, "layers", gf_json_int((int64_t)gf_model_backbone_layers(&m)));
    gf_json_set(j, "size", gf_json_int(a->size));
    gf_json_set(j, "least_size", gf_json_int(a->least_size));
    gf_json_set(j, "gflop", gf_json_real(gflop));
    gf_json_set(j, "preprocess", gf_json_string(a->preprocess));
    if (time) gf_json_set(j, "ms", gf_json_real(ms));
    gf_json_set(j, "when", gf_json_string(a->when));
    gf_json_add(list, j);
    gf_text_printf(text, "%-22s %-6s %10.1f %10.1f %6d %8.2f", a->name, a->source,
                   1e-6 * (double)gf_model_counts(&m).total, 1e-6 * (double)a->params_top, a->size, gflop);
    if (time) gf_text_printf(text, " %8.2f", ms);
    gf_text_printf(text, "  %-31s %s\n", p->what, a->when);
    gf_model_free(&m);
    return status;
}

graft_status graft_models(graft_context *c, int time, graft_result **out, graft_error *err)
{
    *out = NULL;
    gf_json *j = gf_json_object(), *list = gf_json_array();
    gf_text text = {0};
    graft_status status = GRAFT_OK;
    gf_text_printf(&text, "%-22s %-6s %10s %10s %6s %8s%s  %-31s %s\n", "name", "source", "params (M)", "with top",
                   "size", "GFLOP", time ? "       ms" : "", "preprocessing", "when to choose it");
    for (size_t i = 0; gf_zoo_at(i) && status == GRAFT_OK; i++) {
        status = describe(c, gf_zoo_at(i), time != 0, list, &text, err);
    }
    gf_json_set(j, "models", list);
    if (status == GRAFT_OK && text.failed) status = gf_fail_memory(err, text.n, "a list");
    if (status == GRAFT_OK) return gf_result_create(out, j, text.s, err);
    gf_json_free(j);
    gf_text_free(&text);
    return status;
}
