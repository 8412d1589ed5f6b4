/* models.c - the table of architectures. */
#include "api/internal.h"

#include "base/sys.h"
#include "zoo/zoo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a call collects, and what the cache says of times: a line "NAME=MICROSECONDS" each. */
typedef struct listing {
    graft_context *context;
    const char *const *names; /* NULL: all */
    size_t n_names;
    bool time;
    char timed_by[256]; /* and threads: what the times hold for */
    char *kept;
    gf_text keep, text;
    gf_json *list;
} listing;

static double kept_ms(const char *text, const char *name)
{
    size_t n = strlen(name);
    for (const char *line = text; line && *line;) {
        if (!strncmp(line, name, n) && line[n] == '=') return 1e-3 * (double)strtoul(line + n + 1, NULL, 10);
        line = strchr(line, '\n');
        if (line) line++;
    }
    return 0;
}

static bool is_wanted(const listing *l, const gf_architecture *a)
{
    for (size_t i = 0; i < l->n_names; i++) {
        if (!strcmp(l->names[i], a->name)) return true;
    }
    return l->n_names == 0;
}

/* Milliseconds an image, of the best of some batches, with all threads. */
static graft_status time_forward(graft_context *c, gf_model *m, double *ms, graft_error *err)
{
    enum { BATCH = 16, ROUNDS = 4 };
    gf_engine *e = NULL;
    gf_engine_spec spec;
    gf_engine_defaults(&spec);
    spec.dtype = gf_ops_has_bf16(c->ops) ? GF_BF16 : GF_F32;
    gf_feed feed = gf_self_test_feed();
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

static void add_row(listing *l, const gf_architecture *a, const gf_model *m, double gflop, double ms)
{
    const gf_preprocess *p = gf_preprocess_find(a->preprocess);
    size_t params = gf_model_counts(m).total;
    char measured[32] = "-";
    if (ms > 0) snprintf(measured, sizeof measured, "%.2f", ms);
    gf_json *j = gf_json_object();
    gf_json_set(j, "name", gf_json_string(a->name));
    gf_json_set(j, "title", gf_json_string(a->title));
    gf_json_set(j, "source", gf_json_string(a->source));
    gf_json_set(j, "params", gf_json_int((int64_t)params));
    gf_json_set(j, "params_top", gf_json_int((int64_t)a->params_top));
    gf_json_set(j, "layers", gf_json_int((int64_t)gf_model_backbone_layers(m)));
    gf_json_set(j, "size", gf_json_int(a->size));
    gf_json_set(j, "least_size", gf_json_int(a->least_size));
    gf_json_set(j, "gflop", gf_json_real(gflop));
    gf_json_set(j, "preprocess", gf_json_string(a->preprocess));
    gf_json_set(j, "ms", ms > 0 ? gf_json_real(ms) : gf_json_null());
    gf_json_set(j, "when", gf_json_string(a->when));
    gf_json_add(l->list, j);
    gf_text_printf(&l->text, "%-24s %-6s %10.1f %8.1f %4d %6.2f %7s  %-31s %s\n", a->name, a->source,
                   1e-6 * (double)params, 1e-6 * (double)a->params_top, a->size, gflop, measured, p->what, a->when);
}

static graft_status describe(listing *l, const gf_architecture *a, graft_error *err)
{
    double gflop = 0, ms = kept_ms(l->kept, a->name);
    if (is_wanted(l, a)) {
        gf_model m;
        GF_TRY(gf_zoo_build(&m, a->name, &(gf_zoo_options){.width = a->size, .height = a->size}, err));
        graft_status status = gflop_of(&m, &gflop, err);
        if (status == GRAFT_OK && l->time) status = time_forward(l->context, &m, &ms, err);
        if (status == GRAFT_OK) add_row(l, a, &m, gflop, ms);
        gf_model_free(&m);
        GF_TRY(status);
    }
    if (ms > 0) gf_text_printf(&l->keep, "%s=%.0f\n", a->name, 1e3 * ms);
    return GRAFT_OK;
}

static graft_status check_names(const listing *l, graft_error *err)
{
    for (size_t i = 0; i < l->n_names; i++) {
        if (gf_zoo_find(l->names[i])) continue;
        return gf_fail(err, GF_E_MODEL_UNKNOWN, "graft models lists them", "no architecture is called %s",
                       GF_ESC(l->names[i]));
    }
    return GRAFT_OK;
}

static graft_status models(graft_context *c, const char *const *names, size_t n_names, int time, graft_result **out,
                           graft_error *err)
{
    listing l = {.context = c, .names = names, .n_names = n_names, .time = time != 0};
    GF_TRY(check_names(&l, err));
    snprintf(l.timed_by, sizeof l.timed_by, "%s, %d threads", gf_ops_timed_by(c->ops), gf_pool_threads(c->pool));
    l.kept = gf_api_kept("times", l.timed_by);
    l.list = gf_json_array();
    graft_status status = GRAFT_OK;
    gf_text_printf(&l.text, "%-24s %-6s %10s %8s %4s %6s %7s  %-31s %s\n", "name", "source", "params (M)", "with top",
                   "size", "GFLOP", "ms", "preprocessing", "when to choose it");
    for (size_t i = 0; gf_zoo_at(i) && status == GRAFT_OK; i++) status = describe(&l, gf_zoo_at(i), err);
    if (status == GRAFT_OK && l.time && !l.keep.failed) gf_api_keep("times", l.timed_by, l.keep.s);
    gf_text_free(&l.keep);
    gf_free(l.kept);
    gf_json *j = gf_json_object();
    gf_json_set(j, "models", l.list);
    if (status == GRAFT_OK && l.text.failed) status = gf_fail_memory(err, l.text.n, "a list");
    if (status == GRAFT_OK) return gf_result_create(out, j, l.text.s, err);
    gf_json_free(j);
    gf_text_free(&l.text);
    return status;
}

graft_status graft_models(graft_context *c, const char *const *names, size_t n_names, int time, graft_result **out,
                          graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(c, "context");
    GF_TRY(gf_api_check_texts(__func__, "names", names, n_names, err));
    gf_api_begin(c, GRAFT_STAGE_PLAN);
    return gf_api_end(models(c, names, n_names, time, out, err), err);
}
