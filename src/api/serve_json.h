/* serve_json.h - bodies of JSON in the words of other servers: pure readers of a request, each fuzzed. */
#ifndef GF_API_SERVE_JSON_H
#define GF_API_SERVE_JSON_H

#include "api/serve_body.h"
#include "json/json.h"

enum { GF_MOST_TOP = 1000 }; /* labels that a client may ask for */

/* The body as a document that is an object. E3201, E3513. */
graft_status gf_body_json(const gf_http_request *r, gf_json **out, graft_error *err);
graft_status gf_body_images_new(gf_body_image **image, size_t n, graft_error *err);
/* An image's bytes as a text of base64; `what` is named in the message. */
graft_status gf_body_take_base64(const gf_json *j, const char *what, gf_body_image *to, graft_error *err);
/* A list of 1 to `most` of them, each under `key` of an object (NULL: the text itself); n are taken, also where one is
 * wrong. */
graft_status gf_body_take_list(const gf_json *list, const char *what, const char *key, size_t most,
                               gf_body_image **image, size_t *n, graft_error *err);
gf_json *gf_json_floats(const float *x, size_t n);

/* TensorFlow Serving's {"instances": [{"b64": ..}]}. */
graft_status gf_tf_images(const gf_http_request *r, size_t most, gf_body_image **image, size_t *n, graft_error *err);

/* The Open Inference Protocol's request of inference. */
enum { GF_V2_OUTPUTS = 3, GF_V2_ID = 128 };
typedef struct gf_v2_request {
    gf_body_image *image; /* gf_body_images_free */
    size_t n;
    const char *output[GF_V2_OUTPUTS]; /* as sessions call them; NULL behind the last */
    int top[GF_V2_OUTPUTS];            /* "classification": so many labels; 0: numbers */
    char id[GF_V2_ID];
} gf_v2_request;
graft_status gf_v2_read(const gf_http_request *r, size_t most, gf_v2_request *v, graft_error *err);
/* What the protocol's clients call a session's output. */
const char *gf_v2_name(const char *output);

#endif
