#include "api/internal.h"

#include "base/io.h"
#include "zoo/zoo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void graft_model_defaults(graft_model_options *o)
{
    *o = (graft_model_options){.model = "mobilenet_v2",
                               .alpha = 1,
                               .width = 160,
                               .height = 160,
                               .dropout = 0.2,
                               .precision = "auto",
                               .fine_tune_at = -1,
                               .fine_tune_last = -1};
}

static graft_status build(graft_model *m, gf_model *model, int classes, graft_error *err)
{
    gf_zoo_options o = {.width = (int)m->config.width,
                        .height = (int)m->config.height,
                        .alpha = m->config.alpha,
                        .classes = classes,
                        .dropout = (float)m->config.dropout};
    GF_TRY(gf_zoo_build(model, m->config.architecture, &o, err));
    gf_model_init(model, (uint64_t)m->config.model_seed, 0);
    return GRAFT_OK;
}

graft_status gf_api_resolve_boundary(graft_model *m, const graft_model_options *o, graft_error *err)
{
    int layers = (int)gf_model_backbone_layers(&m->model);
    m->config.fine_tune_at = -1;
    if (o->fine_tune_at_name) {
        int at = gf_model_find(&m->model, o->fine_tune_at_name);
        if (at < 0 || at >= layers) {
            return gf_fail(err, GF_E_LAYER_UNKNOWN, "graft summary lists the layers", "%s has no layer called %s",
                           m->config.architecture, GF_ESC(o->fine_tune_at_name));
        }
        m->config.fine_tune_at = at;
    } else if (o->fine_tune_last >= 0) {
        if (o->fine_tune_last > layers) {
            return gf_fail(err, GF_E_OPTION_VALUE, NULL, "fine-tune-last %d: %s has %d layers", o->fine_tune_last,
                           m->config.architecture, layers);
        }
        m->config.fine_tune_at = layers - o->fine_tune_last;
    } else if (o->fine_tune_at >= 0) {
        if (o->fine_tune_at > layers) {
            return gf_fail(err, GF_E_OPTION_VALUE, "graft summary lists the layers",
                           "fine-tune-at %d: %s has layers 0 to %d", o->fine_tune_at, m->config.architecture,
                           layers - 1);
        }
        m->config.fine_tune_at = o->fine_tune_at;
    }
    m->model.boundary = m->config.fine_tune_at < 0 ? layers : (int)m->config.fine_tune_at;
    return GRAFT_OK;
}

static graft_status check_options(const graft_model_options *o, graft_error *err)
{
    if (!(o->dropout >= 0 && o->dropout < 1)) {
        return gf_fail(err, GF_E_OPTION_VALUE, NULL, "dropout %g: wanted is 0 up to, not including, 1", o->dropout);
    }
    const char *p = o->precision ? o->precision : "auto";
    if (strcmp(p, "auto") && strcmp(p, "f32") && strcmp(p, "bf16")) {
        return gf_fail(err, GF_E_OPTION_VALUE, "auto, f32 or bf16", "precision %s is not known", GF_ESC(p));
    }
    return GRAFT_OK;
}

static void note_left_out(const graft_model *m)
{
    if (!m->left_out.n) return;
    gf_text list = {0};
    enum { SHOWN = 6 };
    for (size_t i = 0; i < m->left_out.n && i < SHOWN; i++) {
        gf_text_printf(&list, "%s%s", i ? ", " : "", GF_ESC(m->left_out.item[i]));
    }
    if (m->left_out.n > SHOWN) gf_text_printf(&list, " and %zu more", m->left_out.n - SHOWN);
    gf_say(&m->context->log, GF_NOTE, "%s: %zu tensors are not part of the backbone and were left out: %s",
           GF_ESC(m->config.weights), m->left_out.n, list.s ? list.s : "");
    gf_text_free(&list);
}

static void fill_facts(graft_model *m)
{
    gf_model_facts *f = &m->facts;
    const gf_architecture *a = gf_zoo_find(m->config.architecture);
    snprintf(f->architecture, sizeof f->architecture, "%s", m->config.architecture);
    f->alpha = m->config.alpha;
    f->dropout = m->config.dropout;
    f->width = (int)m->config.width;
    f->height = (int)m->config.height;
    f->scale = a->scale;
    f->offset = a->offset;
}

static graft_status fill_config(graft_model *m, const graft_model_options *o, graft_error *err)
{
    gf_run_config *c = &m->config;
    GF_TRY(gf_config_text(&c->architecture, o->model ? o->model : "mobilenet_v2", err));
    GF_TRY(gf_config_text(&c->weights, o->weights, err));
    GF_TRY(gf_config_text(&c->precision, o->precision ? o->precision : "auto", err));
    c->alpha = o->alpha;
    c->width = o->width;
    c->height = o->height;
    c->dropout = o->dropout;
    c->model_seed = (int64_t)o->seed;
    return GRAFT_OK;
}

graft_status graft_model_open(graft_context *context, const graft_model_options *o, graft_model **out, graft_error *err)
{
    *out = NULL;
    graft_model *m = gf_new(graft_model);
    if (!m) return gf_fail_memory(err, sizeof *m, "a model");
    m->context = context;
    graft_status status = GRAFT_OK;
    GF_GOTO(check_options(o, err));
    GF_GOTO(fill_config(m, o, err));
    GF_GOTO(build(m, &m->model, o->classes, err));
    m->has_head = o->classes > 0;
    m->config.classes = o->classes;
    GF_GOTO(gf_api_resolve_boundary(m, o, err));
    fill_facts(m);
    if (o->weights) {
        GF_GOTO(gf_model_load_backbone(&m->model, o->weights, o->allow_nonfinite, &m->left_out, err));
        note_left_out(m);
    }
out:
    if (status != GRAFT_OK) {
        graft_model_free(m);
    } else {
        *out = m;
    }
    return status;
}

graft_status gf_api_model_path(const char *run, char **path, graft_error *err)
{
    *path = gf_is_dir(run) ? gf_path_join(run, "model.safetensors") : gf_strdup(run);
    if (!*path) return gf_fail_memory(err, strlen(run), "a file name");
    if (gf_is_file(*path)) return GRAFT_OK;
    char *config = gf_path_join(run, "config.json");
    bool begun = config && gf_is_file(config);
    gf_free(config);
    gf_free(*path);
    *path = NULL;
    return gf_fail(
        err, GF_E_NOT_A_RUN, begun ? "graft resume goes on with it" : "give the folder that graft train wrote",
        begun ? "%s: this run has not ended yet" : "%s: not a run folder: no model.safetensors in it", GF_ESC(run));
}

graft_status graft_run_open(graft_context *context, const char *run, graft_model **out, graft_error *err)
{
    *out = NULL;
    char *path;
    GF_TRY(gf_api_model_path(run, &path, err));
    graft_status status = GRAFT_OK;
    graft_model *m = gf_new(graft_model);
    if (!m) {
        status = gf_fail_memory(err, sizeof *m, "a model");
        goto out;
    }
    m->context = context;
    GF_GOTO(gf_model_file_read(&m->model, &m->facts, path, err));
    m->trained = m->has_head = true;
    GF_GOTO(gf_config_text(&m->config.architecture, m->facts.architecture, err));
    m->config.alpha = m->facts.alpha;
    m->config.dropout = m->facts.dropout;
    m->config.width = m->facts.width;
    m->config.height = m->facts.height;
    m->config.classes = (int64_t)m->facts.classes.n;
    m->config.fine_tune_at = -1;
    if (m->facts.dtype == GF_BF16 && !gf_ops_has_bf16(context->ops)) m->facts.dtype = GF_F32;
    GF_GOTO(gf_config_text(&m->config.precision, gf_dtype_name(m->facts.dtype), err));
out:
    gf_free(path);
    if (status != GRAFT_OK) {
        graft_model_free(m);
    } else {
        *out = m;
    }
    return status;
}

void graft_model_free(graft_model *m)
{
    if (!m) return;
    gf_model_free(&m->model);
    gf_model_facts_free(&m->facts);
    gf_names_free(&m->left_out);
    gf_config_free(&m->config);
    gf_free(m);
}

/* ---- head and precision */

static bool same_names(const gf_names *a, const gf_names *b)
{
    for (size_t i = 0; i < a->n && a->n == b->n; i++) {
        if (strcmp(a->item[i], b->item[i])) return false;
    }
    return a->n == b->n;
}

/* Values of layers that both models have, by name; both have the same backbone. */
static void copy_backbone(gf_model *to, const gf_model *from)
{
    for (size_t i = 0; i < from->n_params; i++) {
        const gf_param *p = &from->param[i];
        if (!from->layer[p->layer].backbone) continue;
        const gf_param *q = gf_model_param(to, p->layer, p->var);
        memcpy(to->value + q->offset, from->value + p->offset, p->count * sizeof *to->value);
    }
}

graft_status gf_api_set_classes(graft_model *m, const gf_names *classes, graft_error *err)
{
    if (m->has_head && same_names(&m->facts.classes, classes)) return GRAFT_OK;
    gf_model with_head;
    GF_TRY(build(m, &with_head, (int)classes->n, err));
    copy_backbone(&with_head, &m->model);
    with_head.boundary = m->model.boundary;
    gf_model_free(&m->model);
    m->model = with_head;
    m->has_head = true;
    m->config.classes = (int64_t)classes->n;
    gf_names_free(&m->facts.classes);
    for (size_t i = 0; i < classes->n; i++) GF_TRY(gf_names_add(&m->facts.classes, classes->item[i], err));
    return GRAFT_OK;
}

typedef struct trial {
    graft_model *m;
    gf_engine *engine[2];
} trial;

static graft_status grey(void *ctx, uint32_t epoch, uint32_t sample, bool training, float *dst, int worker,
                         graft_error *err)
{
    (void)epoch, (void)training, (void)worker, (void)err;
    const graft_model *m = ctx;
    size_t n = (size_t)(m->config.width * m->config.height * 3);
    for (size_t i = 0; i < n; i++) dst[i] = (float)((i * 97 + sample * 31) % 256);
    return GRAFT_OK;
}

static bool run_trial(void *ctx, int candidate)
{
    trial *t = ctx;
    if (!t->engine[candidate]) {
        gf_engine_spec spec;
        gf_engine_defaults(&spec);
        spec.dtype = candidate ? GF_BF16 : GF_F32;
        graft_status status =
            gf_engine_create(&t->engine[candidate], &t->m->model, t->m->context->ops, t->m->context->pool, &spec, NULL);
        if (status != GRAFT_OK) return false;
    }
    enum { PICTURES = 16 };
    uint32_t sample[PICTURES];
    bool lost[PICTURES];
    for (uint32_t i = 0; i < PICTURES; i++) sample[i] = i;
    float *out = gf_new_n(PICTURES * gf_engine_outputs(t->engine[candidate]), float);
    gf_feed feed = {grey, t->m};
    bool ok =
        out && gf_engine_forward(t->engine[candidate], &feed, NULL, sample, PICTURES, out, lost, NULL) == GRAFT_OK;
    gf_free(out);
    return ok;
}

graft_status gf_api_resolve_precision(graft_model *m, graft_error *err)
{
    const char *asked = m->config.precision;
    bool can = gf_ops_has_bf16(m->context->ops);
    if (!strcmp(asked, "bf16") && !can) {
        return gf_fail(err, GF_E_OPTION_VALUE, "use --precision auto",
                       "precision bf16: this processor (%s) has no bf16", gf_ops_machine(m->context->ops));
    }
    m->facts.dtype = !strcmp(asked, "bf16") ? GF_BF16 : GF_F32;
    if (!strcmp(asked, "auto") && can) {
        char key[160];
        snprintf(key, sizeof key, "model %s alpha %g %lldx%lld", m->config.architecture, m->config.alpha,
                 (long long)m->config.width, (long long)m->config.height);
        static const char *const names[] = {"f32", "bf16"};
        trial t = {.m = m};
        m->facts.dtype = gf_ops_choose(m->context->ops, key, names, 2, run_trial, &t) ? GF_BF16 : GF_F32;
        for (int i = 0; i < 2; i++) gf_engine_destroy(t.engine[i]);
    }
    return gf_config_text(&m->config.dtype, gf_dtype_name(m->facts.dtype), err);
}

/* ---- summary */

graft_status graft_summary(const graft_model *m, graft_result **out, graft_error *err)
{
    *out = NULL;
    gf_counts c = gf_model_counts(&m->model);
    gf_json *j = gf_json_object();
    gf_json_set(j, "layers", gf_json_int((int64_t)c.layers));
    gf_json_set(j, "total_params", gf_json_int((int64_t)c.total));
    gf_json_set(j, "trainable_params", gf_json_int((int64_t)c.trainable));
    gf_json_set(j, "non_trainable_params", gf_json_int((int64_t)c.non_trainable));
    gf_json_set(j, "trainable_variables", gf_json_int((int64_t)c.trainable_variables));
    gf_text text = {0};
    graft_status status = gf_model_summary(&m->model, &text, err);
    if (status != GRAFT_OK) {
        gf_json_free(j);
        gf_text_free(&text);
        return status;
    }
    return gf_result_create(out, j, text.s, err);
}
