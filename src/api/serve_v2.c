/* serve_v2.c - the Open Inference Protocol (version 2), as KServe and Triton have it. */
#include "api/predict.h"
#include "api/serve.h"
#include "api/serve_json.h"
#include "base/number.h"

#include <string.h>

/* ---- the server and its models */

static gf_json *texts(const char *const *text, size_t n)
{
    gf_json *list = gf_json_array();
    for (size_t i = 0; i < n; i++) gf_json_add(list, gf_json_string(text[i]));
    return list;
}

void gf_serve_v2_server(const gf_call *call)
{
    static const char *const extensions[] = {"classification"};
    gf_json *j = gf_json_object();
    gf_json_set(j, "name", gf_json_string("graft"));
    gf_json_set(j, "version", gf_json_string(GRAFT_VERSION));
    gf_json_set(j, "extensions", texts(extensions, 1));
    gf_serve_answer_json(call, 200, j);
}

static void answer_flag(const gf_call *call, const char *key, bool value)
{
    gf_json *j = gf_json_object();
    gf_json_set(j, key, gf_json_bool(value));
    gf_serve_answer_json(call, value ? 200 : 503, j);
}

void gf_serve_v2_live(const gf_call *call) { answer_flag(call, "live", true); }

void gf_serve_v2_ready(const gf_call *call)
{
    answer_flag(call, "ready", !gf_http_server_draining(call->serve->server));
}

void gf_serve_v2_model_ready(const gf_call *call)
{
    gf_json *j = gf_json_object();
    gf_json_set(j, "name", gf_json_string(call->model->name));
    gf_json_set(j, "ready", gf_json_bool(true));
    gf_serve_answer_json(call, 200, j);
}

static gf_json *shape_of(const int64_t *side, size_t n)
{
    gf_json *list = gf_json_array();
    for (size_t i = 0; i < n; i++) gf_json_add(list, gf_json_int(side[i]));
    return list;
}

static gf_json *tensor(const char *name, const char *type, gf_json *shape)
{
    gf_json *j = gf_json_object();
    gf_json_set(j, "name", gf_json_string(name));
    gf_json_set(j, "datatype", gf_json_string(type));
    gf_json_set(j, "shape", shape);
    return j;
}

void gf_serve_v2_model(const gf_call *call)
{
    static const char *const outputs[] = {"probabilities", "logits", "features"};
    const gf_served *m = call->model;
    const char *version = m->version;
    gf_json *j = gf_json_object(), *in = gf_json_array(), *out = gf_json_array();
    gf_json_set(j, "name", gf_json_string(m->name));
    gf_json_set(j, "versions", texts(&version, 1));
    gf_json_set(j, "platform", gf_json_string("graft"));
    gf_json_add(in, tensor("image", "UINT8", shape_of((int64_t[]){-1, -1, -1, 3}, 4)));
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
        int64_t n = (int64_t)graft_session_values(m->session, outputs[i]);
        gf_json_add(out, tensor(gf_v2_name(outputs[i]), "FP32", shape_of((int64_t[]){-1, n}, 2)));
    }
    gf_json_set(j, "inputs", in);
    gf_json_set(j, "outputs", out);
    gf_serve_answer_json(call, 200, j);
}

/* ---- inference */

/* "0.998:0:cats", probability, class and label, as Triton has it. */
static gf_json *classes_of(const gf_serve_job *job, int k)
{
    const gf_served *m = job->call.model;
    int top = job->wish.top[k] < m->classes ? job->wish.top[k] : m->classes, order[GF_MOST_TOP];
    gf_json *data = gf_json_array();
    for (size_t i = 0; i < job->n; i++) {
        const float *p = job->item[i].out[k];
        gf_api_likeliest(p, m->classes, top, order);
        for (int c = 0; c < top; c++) {
            gf_text t = {0};
            gf_text_printf(&t, "%s:%d:%s", GF_GENERAL((double)p[order[c]], 9), order[c],
                           graft_session_class_name(m->session, order[c]));
            gf_json_add(data, t.failed ? NULL : gf_json_string(t.s));
            gf_text_free(&t);
        }
    }
    gf_json *j = tensor(gf_v2_name(job->wish.output[k]), "BYTES", shape_of((int64_t[]){(int64_t)job->n, top}, 2));
    gf_json_set(j, "data", data);
    return j;
}

static gf_json *numbers_of(const gf_serve_job *job, int k)
{
    int64_t row = (int64_t)job->n_values[k];
    gf_json *j = tensor(gf_v2_name(job->wish.output[k]), "FP32", shape_of((int64_t[]){(int64_t)job->n, row}, 2));
    gf_json_set(j, "data", gf_json_floats(job->item[0].out[k], job->n * job->n_values[k]));
    return j;
}

static void answer_inference(gf_serve_job *job)
{
    if (gf_serve_any_failed(job)) return;
    gf_json *j = gf_json_object(), *out = gf_json_array();
    gf_json_set(j, "model_name", gf_json_string(job->call.model->name));
    gf_json_set(j, "model_version", gf_json_string(job->call.model->version));
    if (job->wish.id[0]) gf_json_set(j, "id", gf_json_string(job->wish.id));
    for (int k = 0; k < GF_SERVE_OUTPUTS && job->wish.output[k]; k++) {
        gf_json_add(out, job->wish.top[k] ? classes_of(job, k) : numbers_of(job, k));
    }
    gf_json_set(j, "outputs", out);
    gf_serve_answer_json(&job->call, 200, j);
}

void gf_serve_v2_infer(const gf_call *call)
{
    gf_v2_request v;
    graft_error why;
    if (gf_v2_read(call->request, call->serve->most_images, &v, &why) != GRAFT_OK) {
        gf_serve_fail(call, &why);
        return;
    }
    gf_serve_wish wish = {.answer = answer_inference};
    for (int k = 0; k < GF_SERVE_OUTPUTS; k++) {
        wish.output[k] = v.output[k];
        wish.top[k] = v.top[k];
    }
    memcpy(wish.id, v.id, sizeof wish.id);
    gf_serve_start(call, &wish, v.image, v.n);
}
