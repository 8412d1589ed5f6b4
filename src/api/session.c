/* session.c - a model at work for whoever has images: what it was when the session was opened, on threads of its own.
 */
#include "api/session.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

/* ---- what a model can do here */

/* What of the model is computed otherwise here than in its run: "int8", "bf16"; NULL: nothing. */
static const char *lacking(const graft_model *m, const gf_engine *e)
{
    if (m->facts.int8_layers && !gf_engine_int8_layers(e)) return "int8";
    return m->facts.saved_dtype != m->facts.dtype ? gf_dtype_name(m->facts.saved_dtype) : NULL;
}

/* Other arithmetic, other labels now and then: told once per model, and in results. */
static void tell_arithmetic(graft_model *m, const gf_engine *e)
{
    const gf_elsewhere *f = &m->facts.elsewhere;
    const char *was = m->trained ? lacking(m, e) : NULL, *is = gf_dtype_name(m->facts.dtype);
    bool told = m->lacks != NULL;
    m->lacks = was;
    if (!was || told) return;
    const char *part = !strcmp(was, "int8") ? "this model's frozen part" : "this model";
    if (f->images) {
        gf_log_say(
            &m->context->log, GF_NOTE,
            "%s was trained in %s; on this processor (%s) it runs in %s: of %d validation and test images of its run "
            "%d are labelled otherwise so, and probabilities differ by up to %.3f",
            part, was, gf_ops_machine(m->context->ops), is, f->images, f->labels, f->probability);
    } else {
        gf_log_say(
            &m->context->log, GF_NOTE,
            "%s was trained in %s; on this processor (%s) it runs in %s: labels may differ (how many was not measured)",
            part, was, gf_ops_machine(m->context->ops), is);
    }
}

/* int8 by name stands on ranges that training takes from its images. */
graft_status gf_api_want_ranges(const graft_model *m, graft_error *err)
{
    if (m->trained || strcmp(m->config.precision, "int8")) return GRAFT_OK;
    return gf_fail(err, GF_E_OPTION_VALUE, "auto, f32 or bf16",
                   "precision int8: the model has not been trained, and its values' ranges are not known");
}

static bool has_classifier(const graft_model *m) { return m->trained || (m->head.keep_last && m->has_values); }

graft_status gf_api_want_head(const graft_model *m, graft_error *err)
{
    GF_TRY(gf_api_want_ranges(m, err));
    if (has_classifier(m)) return GRAFT_OK;
    return gf_fail(err, GF_E_NOT_A_RUN, "train it first, or open a run",
                   "the model has not been trained: it has no classes");
}

/* ---- opening */

static graft_status make_engine(const graft_session *s, graft_model *m, int output_layer, gf_dtype dtype, gf_engine **e,
                                graft_error *err)
{
    gf_engine_spec spec;
    gf_engine_defaults(&spec);
    spec.dtype = dtype;
    spec.int8_layers = output_layer < 0 ? m->facts.int8_layers : 0;
    spec.output_layer = output_layer;
    if (m->has_head) spec.target_bytes = gf_api_task(m).cls->target_bytes;
    return gf_engine_create(e, &m->model, s->ops, s->pool, &spec, err);
}

/* Maps are given in f32; pooled features in what was asked for by name. */
static gf_dtype dtype_of(const graft_model *m, int layer)
{
    bool bf16 = !strcmp(m->config.precision, "bf16") && m->model.layer[layer].shape.rank == 1;
    return bf16 ? GF_BF16 : GF_F32;
}

/* What the model makes of the self-test's image must be what it made of it when it was saved. */
static graft_status self_test(const graft_session *s, const graft_model *m, graft_error *err)
{
    if (!m->facts.n_self_test) return GRAFT_OK;
    size_t outputs = gf_engine_outputs(s->engine);
    float *out = gf_new_n(outputs, float);
    if (!out) return gf_fail_memory(err, outputs * sizeof *out, "the self-test");
    gf_feed feed = gf_self_test_feed();
    graft_status status = gf_engine_forward(s->engine, &feed, NULL, &(uint32_t){0}, 1, out, NULL, err);
    if (status == GRAFT_OK) status = gf_self_test_check(&m->facts, out, gf_engine_int8_layers(s->engine) > 0, err);
    gf_free(out);
    return status;
}

static graft_status make_classifier(graft_session *s, graft_model *m, graft_error *err)
{
    GF_TRY(make_engine(s, m, -1, m->facts.dtype, &s->engine, err));
    tell_arithmetic(m, s->engine);
    GF_TRY(self_test(s, m, err));
    s->logits = gf_engine_outputs(s->engine);
    s->features = gf_engine_features(s->engine);
    s->task = gf_api_task(m);
    if (s->task.labels.threshold) { /* the model may go before the session */
        size_t n = m->facts.labels.n;
        s->thresholds = gf_new_n(n, float);
        if (!s->thresholds) return gf_fail_memory(err, n * sizeof *s->thresholds, "a session");
        memcpy(s->thresholds, s->task.labels.threshold, n * sizeof *s->thresholds);
        s->task.labels.threshold = s->thresholds;
    }
    return gf_names_add_all(&s->classes, &m->facts.classes, err);
}

static graft_status make_backbone(graft_session *s, graft_model *m, graft_error *err)
{
    int at = m->model.features;
    GF_TRY(make_engine(s, m, at, dtype_of(m, at), &s->engine, err));
    s->features = gf_engine_outputs(s->engine);
    return GRAFT_OK;
}

static graft_status make_layer(graft_session *s, graft_model *m, const char *name, graft_error *err)
{
    if (!name) return GRAFT_OK;
    int at = gf_model_find(&m->model, name);
    if (at < 0) {
        return gf_fail(err, GF_E_LAYER_UNKNOWN, "graft summary lists the layers",
                       "session.layer: the model has no layer called %s", GF_ESC(name));
    }
    s->layer_name = gf_strdup(name);
    if (!s->layer_name) return gf_fail_memory(err, strlen(name), "a session");
    GF_TRY(make_engine(s, m, at, dtype_of(m, at), &s->layer, err));
    s->layer_values = gf_engine_outputs(s->layer);
    return GRAFT_OK;
}

static graft_status fill(graft_session *s, graft_model *m, const char *layer, graft_error *err)
{
    GF_TRY(has_classifier(m) ? make_classifier(s, m, err) : make_backbone(s, m, err));
    return make_layer(s, m, layer, err);
}

static graft_session *begin(gf_ops *ops)
{
    graft_session *s = gf_new(graft_session);
    if (!s) return NULL;
    s->ops = gf_ops_hold(ops);
    s->process = getpid();
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->idle, NULL);
    return s;
}

graft_status gf_api_session(graft_model *m, graft_session **out, graft_error *err)
{
    const gf_model_facts *f = &m->facts;
    graft_session *kept = m->session;
    *out = kept;
    if (kept && kept->dtype == f->dtype && kept->int8_layers == f->int8_layers) return GRAFT_OK;
    gf_api_drop_session(m);
    GF_TRY(gf_api_want_head(m, err));
    graft_session *s = begin(m->context->ops);
    if (!s) return gf_fail_memory(err, sizeof *s, "a session");
    s->pool = m->context->pool;
    s->dtype = f->dtype;
    s->int8_layers = f->int8_layers;
    graft_status status = fill(s, m, NULL, err);
    if (status != GRAFT_OK) {
        graft_session_free(s);
    } else {
        *out = m->session = s;
    }
    return status;
}

void gf_api_drop_session(graft_model *m)
{
    graft_session_free(m->session);
    m->session = NULL;
}

/* ---- the public one */

static graft_status make_room(graft_session *s, graft_error *err)
{
    size_t threads = (size_t)gf_pool_threads(s->pool);
    size_t bytes = 3 * (size_t)s->options.width * (size_t)s->options.height;
    s->pixels = gf_new_n(threads, uint8_t *);
    bool ok = s->pixels != NULL;
    for (size_t i = 0; ok && i < threads; i++) {
        s->pixels[i] = gf_alloc_raw(bytes, 1);
        ok = s->pixels[i] != NULL;
    }
    return ok ? GRAFT_OK : gf_fail_memory(err, threads * bytes, "a session's images");
}

static graft_status fill_public(graft_session *s, graft_model *m, const gf_settings *settings, graft_error *err)
{
    int threads = (int)gf_settings_whole(settings, GF_SET_SESSION_THREADS);
    if (!threads) threads = gf_pool_threads(m->context->pool);
    GF_TRY(gf_pool_create(&s->pool, threads, gf_ops_start_worker, err));
    s->own_pool = true;
    gf_api_image_options(&s->options, &m->facts, settings);
    s->options.settings = NULL; /* what it says of single images has been taken from it */
    GF_TRY(make_room(s, err));
    gf_api_watch(m->context, s->pool);
    graft_status status = fill(s, m, gf_settings_text(settings, GF_SET_SESSION_LAYER), err);
    gf_pool_watch(s->pool, NULL);
    return status;
}

graft_status graft_session_open(graft_model *m, const graft_settings *settings, graft_session **out, graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(m, "model");
    GF_TRY(gf_api_whole(m, err));
    GF_TRY(gf_api_check_settings(settings, err));
    GF_TRY(gf_api_want_ranges(m, err));
    GF_TRY(gf_api_want_images(m, "a session", err));
    gf_api_begin(m->context, GRAFT_STAGE_PLAN);
    graft_session *s = begin(m->context->ops);
    if (!s) return gf_fail_memory(err, sizeof *s, "a session");
    graft_status status = fill_public(s, m, settings ? settings : m->context->settings, err);
    if (status != GRAFT_OK) {
        graft_session_free(s);
    } else {
        *out = s;
    }
    return gf_api_end(status, err);
}

void graft_session_close(graft_session *s)
{
    if (!s) return;
    pthread_mutex_lock(&s->lock);
    s->closed = true;
    while (s->under_way) pthread_cond_wait(&s->idle, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

void graft_session_free(graft_session *s)
{
    if (!s) return;
    graft_session_close(s);
    gf_session_end_queue(s);
    gf_engine_destroy(s->engine);
    gf_engine_destroy(s->layer);
    for (int i = 0; s->pixels && i < gf_pool_threads(s->pool); i++) gf_free(s->pixels[i]);
    gf_free(s->pixels);
    if (s->own_pool) gf_pool_destroy(s->pool);
    gf_ops_destroy(s->ops);
    gf_names_free(&s->classes);
    gf_free(s->layer_name);
    gf_free(s->thresholds);
    pthread_cond_destroy(&s->idle);
    pthread_mutex_destroy(&s->lock);
    gf_free(s);
}

/* ---- facts */

size_t graft_session_values(const graft_session *s, const char *name)
{
    if (!s || !name) return 0;
    const gf_session_output *o = gf_session_output_find(name);
    if (o) return o->values(s);
    return s->layer_name && !strcmp(name, s->layer_name) ? s->layer_values : 0;
}

void graft_session_size(const graft_session *s, int *width, int *height)
{
    if (width) *width = s ? s->options.width : 0;
    if (height) *height = s ? s->options.height : 0;
}

int graft_session_classes(const graft_session *s) { return s ? s->task.classes : 0; }

const char *graft_session_class_name(const graft_session *s, int i)
{
    return s && i >= 0 && (size_t)i < s->classes.n ? s->classes.item[i] : NULL;
}

/* The same of a model. */
int graft_model_classes(const graft_model *m) { return m ? (int)m->facts.classes.n : 0; }

const char *graft_model_class_name(const graft_model *m, int i)
{
    return m && i >= 0 && (size_t)i < m->facts.classes.n ? m->facts.classes.item[i] : NULL;
}

const char *graft_model_samples(const graft_model *m) { return m ? gf_api_samples(&m->model) : NULL; }

const char *graft_model_task(const graft_model *m) { return m ? gf_api_task(m).cls->name : NULL; }
