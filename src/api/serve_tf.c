/* serve_tf.c - TensorFlow Serving's REST interface: images as {"b64": ..}, probabilities as lists. */
#include "api/serve.h"

#include "api/serve_json.h"

void gf_serve_tf_status(const gf_call *call)
{
    gf_json *j = gf_json_object(), *list = gf_json_array(), *one = gf_json_object(), *status = gf_json_object();
    gf_json_set(one, "version", gf_json_string(call->model->version));
    gf_json_set(one, "state", gf_json_string("AVAILABLE"));
    gf_json_set(status, "error_code", gf_json_string("OK"));
    gf_json_set(status, "error_message", gf_json_string(""));
    gf_json_set(one, "status", status);
    gf_json_add(list, one);
    gf_json_set(j, "model_version_status", list);
    gf_serve_answer_json(call, 200, j);
}

graft_status gf_tf_images(const gf_http_request *r, size_t most, gf_body_image **image, size_t *n, graft_error *err)
{
    gf_json *j;
    *image = NULL;
    *n = 0;
    GF_TRY(gf_body_json(r, &j, err));
    graft_status status = gf_body_take_list(gf_json_get(j, "instances"), "instances", "b64", most, image, n, err);
    gf_json_free(j);
    if (status == GRAFT_OK) return GRAFT_OK;
    gf_body_images_free(*image, *n);
    *image = NULL;
    *n = 0;
    return status;
}

static void answer_predictions(gf_serve_job *job)
{
    if (gf_serve_any_failed(job)) return;
    gf_json *j = gf_json_object(), *list = gf_json_array();
    for (size_t i = 0; i < job->n; i++) gf_json_add(list, gf_json_floats(job->item[i].out[0], job->n_values[0]));
    gf_json_set(j, "predictions", list);
    gf_serve_answer_json(&job->call, 200, j);
}

void gf_serve_tf_predict(const gf_call *call)
{
    gf_body_image *image;
    size_t n;
    graft_error why;
    if (gf_tf_images(call->request, call->serve->most_images, &image, &n, &why) != GRAFT_OK) {
        gf_serve_fail(call, &why);
    } else {
        gf_serve_start(call, &(gf_serve_wish){.output = {"probabilities"}, .answer = answer_predictions}, image, n);
    }
}
