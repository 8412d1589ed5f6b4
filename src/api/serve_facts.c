/* serve_facts.c - what a server tells of itself: health, models, metrics, its OpenAPI document. */
#include "api/serve.h"
#include "api/session.h"

#include <string.h>

static void answer_state(const gf_call *call, bool good, const char *state)
{
    gf_json *j = gf_json_object();
    gf_json_set(j, "status", gf_json_string(state));
    gf_serve_answer_json(call, good ? 200 : 503, j);
}

void gf_serve_live(const gf_call *call) { answer_state(call, true, "ok"); }

void gf_serve_ready(const gf_call *call)
{
    bool ready = !gf_http_server_draining(call->serve->server);
    answer_state(call, ready, ready ? "ready" : "stopping");
}

/* From which probability on a model of several labels tells each. */
static gf_json *thresholds_of(const gf_served *m)
{
    gf_json *list = gf_json_array();
    for (size_t k = 0; k < (size_t)m->classes; k++)
        gf_json_add(list, gf_json_real((double)gf_label_threshold(&m->session->task.labels, k)));
    return list;
}

void gf_serve_labels(const gf_call *call)
{
    const graft_serve *s = call->serve;
    gf_json *j = gf_json_object(), *list = gf_json_array();
    for (size_t i = 0; i < s->n_models; i++) {
        const gf_served *m = s->model[i];
        gf_json *one = gf_json_object(), *labels = gf_json_array();
        gf_json_set(one, "model", gf_json_string(m->name));
        gf_json_set(one, "version", gf_json_string(m->version));
        gf_json_set(one, "width", gf_json_int(m->width));
        gf_json_set(one, "height", gf_json_int(m->height));
        gf_json_set(one, "features", gf_json_int((int64_t)m->features));
        for (int k = 0; k < m->classes; k++)
            gf_json_add(labels, gf_json_string(graft_session_class_name(m->session, k)));
        gf_json_set(one, "labels", labels);
        if (m->session->task.cls && m->session->task.cls->labels) gf_json_set(one, "thresholds", thresholds_of(m));
        gf_json_add(list, one);
    }
    gf_json_set(j, "models", list);
    gf_serve_answer_json(call, 200, j);
}

void gf_serve_metrics_page(const gf_call *call)
{
    gf_text t = {0};
    gf_serve_metrics_text(call->serve, &t);
    gf_serve_answer_bytes(call, "text/plain; version=0.0.4; charset=utf-8", &t);
}

/* ---- the OpenAPI document */

static gf_json *text_type(const char *format)
{
    gf_json *j = gf_json_object();
    gf_json_set(j, "type", gf_json_string("string"));
    if (format) gf_json_set(j, "format", gf_json_string(format));
    return j;
}

static void add_schema(gf_json *content, const char *type, gf_json *schema)
{
    gf_json *of = gf_json_object();
    gf_json_set(of, "schema", schema);
    gf_json_set(content, type, of);
}

static gf_json *schema_of(const char *type, gf_json *schema)
{
    gf_json *j = gf_json_object();
    add_schema(j, type, schema);
    return j;
}

static gf_json *object_type(void)
{
    gf_json *j = gf_json_object();
    gf_json_set(j, "type", gf_json_string("object"));
    return j;
}

static gf_json *body_of(const gf_route *r)
{
    gf_json *body = gf_json_object(), *content = gf_json_object();
    static const struct {
        int takes;
        const char *type, *format;
    } kinds[] = {{GF_TAKES_IMAGE, "image/*", "binary"},
                 {GF_TAKES_IMAGE, "application/octet-stream", "binary"},
                 {GF_TAKES_FORM, "multipart/form-data", NULL},
                 {GF_TAKES_JSON, "application/json", NULL}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!(r->takes & kinds[i].takes)) continue;
        add_schema(content, kinds[i].type, kinds[i].format ? text_type(kinds[i].format) : object_type());
    }
    gf_json_set(body, "required", gf_json_bool(true));
    gf_json_set(body, "content", content);
    return body;
}

static gf_json *parameters_of(const gf_route *r)
{
    static const struct {
        const char *place, *name;
    } known[] = {{"{model}", "model"}, {"{version}", "version"}};
    gf_json *list = gf_json_array();
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!strstr(r->path, known[i].place)) continue;
        gf_json *p = gf_json_object();
        gf_json_set(p, "name", gf_json_string(known[i].name));
        gf_json_set(p, "in", gf_json_string("path"));
        gf_json_set(p, "required", gf_json_bool(true));
        gf_json_set(p, "schema", text_type(NULL));
        gf_json_add(list, p);
    }
    return list;
}

static gf_json *answer_of(const char *what, gf_json *content)
{
    gf_json *j = gf_json_object();
    gf_json_set(j, "description", gf_json_string(what));
    gf_json_set(j, "content", content);
    return j;
}

static gf_json *operation_of(const gf_route *r, bool post)
{
    gf_json *j = gf_json_object(), *answers = gf_json_object();
    bool text = strchr(r->gives, '/') != NULL;
    gf_json_set(j, "summary", gf_json_string(r->summary));
    gf_json_set(j, "parameters", parameters_of(r));
    if (post && r->takes) gf_json_set(j, "requestBody", body_of(r));
    gf_json_set(answers, "200",
                answer_of(text ? "text" : r->gives,
                          text ? schema_of(r->gives, text_type(NULL)) : schema_of("application/json", object_type())));
    gf_json_set(answers, "default", answer_of("what went wrong", schema_of("application/json", object_type())));
    gf_json_set(j, "responses", answers);
    return j;
}

/* The first route of its path. */
static bool is_first(size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (!strcmp(gf_routes[k].path, gf_routes[i].path)) return false;
    }
    return true;
}

void gf_serve_openapi(const gf_call *call)
{
    gf_json *j = gf_json_object(), *info = gf_json_object(), *paths = gf_json_object();
    gf_json_set(info, "title", gf_json_string("graft serve"));
    gf_json_set(info, "version", gf_json_string(GRAFT_VERSION));
    for (size_t i = 0; i < gf_routes_n; i++) {
        if (!is_first(i)) continue;
        gf_json *path = gf_json_object();
        for (size_t k = i; k < gf_routes_n; k++) {
            const gf_route *r = &gf_routes[k];
            if (strcmp(r->path, gf_routes[i].path) != 0) continue;
            if (r->methods & GF_GET) gf_json_set(path, "get", operation_of(r, false));
            if (r->methods & GF_POST) gf_json_set(path, "post", operation_of(r, true));
        }
        gf_json_set(paths, gf_routes[i].path, path);
    }
    gf_json_set(j, "openapi", gf_json_string("3.1.0"));
    gf_json_set(j, "info", info);
    gf_json_set(j, "paths", paths);
    gf_serve_answer_json(call, 200, j);
}
