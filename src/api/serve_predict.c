/* serve_predict.c - /predict and /embed: images in, labels or features out, as JSON or as a NumPy file. */
#include "api/predict.h"
#include "api/serve.h"
#include "api/serve_json.h"
#include "api/session.h"
#include "formats/npy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what an image's part of an answer holds */

static void add_times(gf_json *j, const gf_serve_item *item)
{
    gf_json *ms = gf_json_object();
    gf_json_set(ms, "queue", gf_json_real(item->queue_seconds * 1e3));
    gf_json_set(ms, "decode", gf_json_real(item->decode_seconds * 1e3));
    gf_json_set(ms, "infer", gf_json_real(item->run_seconds * 1e3));
    gf_json_set(j, "ms", ms);
}

static void add_label(gf_json *j, const gf_served *m, const float *p, int k, const char *score)
{
    gf_json_set(j, "label", gf_json_string(graft_session_class_name(m->session, k)));
    gf_json_set(j, score, gf_json_real((double)p[k]));
}

/* The likeliest labels as a list, each with its probability under that key. */
static gf_json *label_list(const gf_served *m, const float *p, int top, const char *score)
{
    int order[GF_MOST_TOP], n = top < m->classes ? top : m->classes;
    gf_json *list = gf_json_array();
    gf_api_likeliest(p, m->classes, n, order);
    for (int k = 0; k < n; k++) {
        gf_json *row = gf_json_object();
        add_label(row, m, p, order[k], score);
        gf_json_add(list, row);
    }
    return list;
}

/* Of a model of several labels those whose probability is their threshold or more, by class. */
static void add_told(gf_json *j, const gf_served *m, const float *p)
{
    const gf_labelling *labels = &m->session->task.labels;
    gf_json *list = gf_json_array();
    for (int k = 0; k < m->classes; k++) {
        if (!(p[k] >= gf_label_threshold(labels, (size_t)k))) continue;
        gf_json *row = gf_json_object();
        add_label(row, m, p, k, "probability");
        gf_json_add(list, row);
    }
    gf_json_set(j, "labels", list);
}

static void add_labels(gf_json *j, const gf_served *m, const float *p, int top)
{
    int best;
    if (m->session->task.cls->labels) add_told(j, m, p);
    gf_api_likeliest(p, m->classes, 1, &best);
    add_label(j, m, p, best, "probability");
    gf_json_set(j, "top", label_list(m, p, top, "probability"));
}

static gf_json *failed(const gf_serve_item *item)
{
    graft_error none;
    if (!item->error) gf_fail_memory(&none, sizeof none, "an image");
    return gf_serve_error_json(item->error ? item->error : &none);
}

/* Fills j with what there is of an image; an error is a part like another. */
typedef void (*fill)(gf_json *j, const gf_serve_job *job, const gf_serve_item *item);

static void fill_prediction(gf_json *j, const gf_serve_job *job, const gf_serve_item *item)
{
    const gf_served *m = job->call.model;
    add_labels(j, m, item->out[0], job->wish.top[0]);
    add_times(j, item);
}

static void fill_embedding(gf_json *j, const gf_serve_job *job, const gf_serve_item *item)
{
    gf_json_set(j, "embedding", gf_json_floats(item->out[0], job->n_values[0]));
    add_times(j, item);
}

/* One image without a name stands for itself; others are a list. */
static void answer_with(const gf_serve_job *job, const char *key, fill fill_one)
{
    const gf_served *m = job->call.model;
    bool alone = job->n == 1 && !job->image[0].name;
    if (alone && gf_serve_any_failed(job)) return;
    gf_json *j = gf_json_object(), *list = alone ? NULL : gf_json_array();
    gf_json_set(j, "model", gf_json_string(m->name));
    gf_json_set(j, "version", gf_json_string(m->version));
    if (alone) fill_one(j, job, &job->item[0]);
    for (size_t i = 0; !alone && i < job->n; i++) {
        gf_json *one = gf_json_object();
        if (job->image[i].name) gf_json_set(one, "name", gf_json_string(job->image[i].name));
        if (job->item[i].failed) {
            gf_json_set(one, "error", failed(&job->item[i]));
        } else {
            fill_one(one, job, &job->item[i]);
        }
        gf_json_add(list, one);
    }
    if (!alone) gf_json_set(j, key, list);
    gf_serve_answer_json(&job->call, 200, j);
}

/* ---- predictions */

static void answer_predictions(gf_serve_job *job) { answer_with(job, "predictions", fill_prediction); }

static graft_status read_top(const gf_http_request *r, int *top, graft_error *err)
{
    char text[16], *end;
    bool there;
    GF_TRY(gf_http_query(r, "top", text, sizeof text, &there, err));
    if (!there) return GRAFT_OK;
    long k = strtol(text, &end, 10);
    if (*end || end == text || k < 1 || k > GF_MOST_TOP)
        return gf_fail(err, GF_E_HTTP_BODY, NULL, "top=%s: a number from 1 to %d is wanted", GF_ESC(text), GF_MOST_TOP);
    *top = (int)k;
    return GRAFT_OK;
}

static void answer_by(const gf_call *call, void (*answer)(gf_serve_job *job))
{
    gf_serve_wish wish = {.output = {"probabilities"}, .top = {GF_SERVE_TOP}, .answer = answer};
    graft_error why;
    if (read_top(call->request, &wish.top[0], &why) != GRAFT_OK) {
        gf_serve_fail(call, &why);
    } else {
        gf_serve_images(call, &wish);
    }
}

void gf_serve_predict(const gf_call *call) { answer_by(call, answer_predictions); }

/* Hugging Face's image classification: a list of labels and scores; of several images a list of those. */
static void answer_scores(gf_serve_job *job)
{
    if (gf_serve_any_failed(job)) return;
    gf_json *all = job->n > 1 ? gf_json_array() : NULL;
    for (size_t i = 0; i < job->n; i++) {
        gf_json *one = label_list(job->call.model, job->item[i].out[0], job->wish.top[0], "score");
        if (job->n > 1) {
            gf_json_add(all, one);
        } else {
            all = one;
        }
    }
    gf_serve_answer_json(&job->call, 200, all);
}

void gf_serve_scores(const gf_call *call) { answer_by(call, answer_scores); }

/* ---- embeddings */

/* NumPy's file of n rows of floats; failed images are rows of NaN. */
static void answer_npy(const gf_serve_job *job)
{
    char header[GF_NPY_HEADER];
    size_t row = job->n_values[0];
    gf_npy_header(&GF_SHAPE((int64_t)job->n, (int64_t)row), header);
    gf_text t = {0};
    for (size_t i = 0; i < job->n; i++) {
        for (size_t k = 0; job->item[i].failed && k < row; k++) job->item[i].out[0][k] = NAN;
    }
    gf_text_add_n(&t, header, sizeof header);
    gf_text_add_n(&t, job->values, job->n * row * sizeof(float));
    gf_serve_answer_bytes(&job->call, "application/x-npy", &t);
}

static void answer_embeddings(gf_serve_job *job)
{
    const char *accept = gf_http_header(job->call.request, "accept");
    if (accept && strstr(accept, "application/x-npy")) {
        answer_npy(job);
    } else {
        answer_with(job, "embeddings", fill_embedding);
    }
}

void gf_serve_embed(const gf_call *call)
{
    gf_serve_images(call, &(gf_serve_wish){.output = {"features"}, .answer = answer_embeddings});
}
