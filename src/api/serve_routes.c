/* serve_routes.c - every path that a server knows: one line each. What the OpenAPI document says is made from these. */
#include "api/serve.h"

#include <stdio.h>
#include <string.h>

#define ALL_BODIES (GF_TAKES_IMAGE | GF_TAKES_FORM | GF_TAKES_JSON)

const gf_route gf_routes[] = {
    {"/predict", GF_POST, ALL_BODIES, false, gf_serve_predict, "Labels of images, by the first model", "Prediction"},
    {"/predict/{model}", GF_POST, ALL_BODIES, false, gf_serve_predict, "Labels of images", "Prediction"},
    {"/embed", GF_POST, ALL_BODIES, false, gf_serve_embed, "Features of images, of the first model", "Embedding"},
    {"/embed/{model}", GF_POST, ALL_BODIES, false, gf_serve_embed, "Features of images", "Embedding"},
    {"/", GF_GET, 0, true, gf_serve_page, "A page to try the models on", "text/html"},
    {"/", GF_POST, ALL_BODIES, false, gf_serve_scores, "Labels of an image, as Hugging Face's classifiers", "Scores"},
    {"/v1/models/{model}", GF_GET, 0, false, gf_serve_tf_status, "Whether the model is there, as TensorFlow Serving",
     "Status"},
    {"/v1/models/{model}:predict", GF_POST, GF_TAKES_JSON, false, gf_serve_tf_predict,
     "Probabilities of images, as TensorFlow Serving", "Predictions"},
    {"/v2", GF_GET, 0, false, gf_serve_v2_server, "The server, as the Open Inference Protocol has it", "Server"},
    {"/v2/health/live", GF_GET, 0, true, gf_serve_v2_live, "Whether the server runs", "Health"},
    {"/v2/health/ready", GF_GET, 0, true, gf_serve_v2_ready, "Whether the server takes requests", "Health"},
    {"/v2/models/{model}", GF_GET, 0, false, gf_serve_v2_model, "Inputs and outputs", "Model"},
    {"/v2/models/{model}/versions/{version}", GF_GET, 0, false, gf_serve_v2_model, "Inputs and outputs", "Model"},
    {"/v2/models/{model}/ready", GF_GET, 0, false, gf_serve_v2_model_ready, "Whether the model is there", "Health"},
    {"/v2/models/{model}/versions/{version}/ready", GF_GET, 0, false, gf_serve_v2_model_ready,
     "Whether the model is there", "Health"},
    {"/v2/models/{model}/infer", GF_POST, GF_TAKES_JSON, false, gf_serve_v2_infer, "Outputs of images", "Outputs"},
    {"/v2/models/{model}/versions/{version}/infer", GF_POST, GF_TAKES_JSON, false, gf_serve_v2_infer,
     "Outputs of images", "Outputs"},
    {"/labels", GF_GET, 0, false, gf_serve_labels, "The models, their classes and sizes", "Models"},
    {"/healthz", GF_GET, 0, true, gf_serve_live, "Whether the server runs", "Health"},
    {"/readyz", GF_GET, 0, true, gf_serve_ready, "Whether the server takes requests: not while it stops", "Health"},
    {"/metrics", GF_GET, 0, false, gf_serve_metrics_page, "What was counted, for Prometheus", "text/plain"},
    {"/admin/reload", GF_POST, 0, false, gf_serve_reload, "Opens the models' files anew; needs a token", "Models"},
    {"/openapi.json", GF_GET, 0, false, gf_serve_openapi, "This document", "object"},
};
const size_t gf_routes_n = sizeof gf_routes / sizeof *gf_routes;

/* Whether the path is the route's, part by part. */
static bool matches(const char *route, const char *path, gf_path_parts *parts)
{
    *parts = (gf_path_parts){.model = ""};
    while (*route) {
        if (*route != '{') {
            if (*route++ != *path++) return false;
            continue;
        }
        char *part = route[1] == 'm' ? parts->model : parts->version;
        size_t n = strcspn(path, "/:");
        if (!n || n >= GF_SERVE_NAME) return false;
        memcpy(part, path, n);
        part[n] = '\0';
        path += n;
        route += strcspn(route, "}") + 1;
    }
    return !*path;
}

const char *gf_route_methods(int methods)
{
    static const char *const text[] = {"", "GET, HEAD", "POST", "GET, HEAD, POST"};
    return text[methods & (GF_GET | GF_POST)];
}

static int method_of(const char *name)
{
    if (!strcmp(name, "GET") || !strcmp(name, "HEAD")) return GF_GET;
    return strcmp(name, "POST") ? 0 : GF_POST;
}

graft_status gf_route_find(const gf_http_request *r, const gf_route **route, gf_path_parts *parts, int *allowed,
                           graft_error *err)
{
    int method = method_of(r->method);
    *allowed = 0;
    for (size_t i = 0; i < gf_routes_n; i++) {
        if (!matches(gf_routes[i].path, r->path, parts)) continue;
        *allowed |= gf_routes[i].methods;
        *route = &gf_routes[i];
        if (gf_routes[i].methods & method) return GRAFT_OK;
    }
    if (!*allowed)
        return gf_fail(err, GF_E_HTTP_NO_ROUTE, "/openapi.json lists what there is", "there is nothing at %s",
                       GF_ESC(r->path));
    return gf_fail(err, GF_E_HTTP_METHOD, NULL, "%s takes %s, not %s", GF_ESC(r->path), gf_route_methods(*allowed),
                   r->method);
}
