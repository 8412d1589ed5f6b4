#include "api/serve_json.h"

#include "base/alloc.h"
#include "base/base64.h"
#include "http/multipart.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

gf_body_kind gf_body_kind_of(const char *type)
{
    static const struct {
        const char *type;
        gf_body_kind kind;
    } kinds[] = {{"application/json", GF_BODY_JSON},
                 {"application/octet-stream", GF_BODY_IMAGE},
                 {"application/x-www-form-urlencoded", GF_BODY_IMAGE}};
    if (!type || !strncasecmp(type, "image/", 6)) return GF_BODY_IMAGE;
    if (gf_multipart_is(type)) return GF_BODY_FORM;
    size_t n = strcspn(type, "; ");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strlen(kinds[i].type) == n && !strncasecmp(type, kinds[i].type, n)) return kinds[i].kind;
    }
    return GF_BODY_OTHER;
}

void gf_body_images_free(gf_body_image *image, size_t n)
{
    for (size_t i = 0; image && i < n; i++) {
        gf_free(image[i].name);
        gf_free(image[i].owned);
    }
    gf_free(image);
}

graft_status gf_body_images_new(gf_body_image **image, size_t n, graft_error *err)
{
    *image = gf_new_n(n, gf_body_image);
    return *image ? GRAFT_OK : gf_fail_memory(err, n * sizeof **image, "a request's images");
}

/* Of no bytes there is none to point to. */
static const uint8_t *some(const uint8_t *data)
{
    static const uint8_t nothing[1];
    return data ? data : nothing;
}

static graft_status take_body(const gf_http_request *r, gf_body_image **image, size_t *n, graft_error *err)
{
    GF_TRY(gf_body_images_new(image, 1, err));
    *n = 1;
    (*image)->data = some(r->body);
    (*image)->n = r->n_body;
    return GRAFT_OK;
}

graft_status gf_body_json(const gf_http_request *r, gf_json **out, graft_error *err)
{
    GF_TRY(gf_json_parse(out, (const char *)some(r->body), r->n_body, "body", err));
    if (gf_json_is_object(*out)) return GRAFT_OK;
    gf_json_free(*out);
    *out = NULL;
    return gf_fail(err, GF_E_HTTP_BODY, NULL, "body: an object is wanted, {..}");
}

gf_json *gf_json_floats(const float *x, size_t n)
{
    gf_json *list = gf_json_array();
    for (size_t i = 0; i < n; i++) gf_json_add(list, gf_json_real((double)x[i]));
    return list;
}

static graft_status take_form(const gf_http_request *r, size_t most, gf_body_image **image, size_t *n, graft_error *err)
{
    gf_multipart_part *part = gf_new_n(most, gf_multipart_part);
    size_t parts = 0;
    if (!part) return gf_fail_memory(err, most * sizeof *part, "a form");
    graft_status status =
        gf_multipart_parse(gf_http_header(r, "content-type"), some(r->body), r->n_body, part, most, &parts, err);
    if (status == GRAFT_OK) status = gf_body_images_new(image, parts, err);
    for (size_t i = 0; status == GRAFT_OK && i < parts; i++) {
        gf_body_image *to = &(*image)[i];
        *n = i + 1;
        to->data = part[i].data;
        to->n = part[i].n;
        to->name = gf_strdup(part[i].filename[0] ? part[i].filename : part[i].name);
        if (!to->name) status = gf_fail_memory(err, sizeof part[i].name, "a form");
    }
    gf_free(part);
    return status;
}

graft_status gf_body_take_base64(const gf_json *j, const char *what, gf_body_image *to, graft_error *err)
{
    const char *text = gf_json_str(j, NULL);
    if (!text) return gf_fail(err, GF_E_HTTP_BODY, NULL, "%s: an image's bytes as base64 are wanted", what);
    GF_TRY(gf_base64_decode(text, strlen(text), what, &to->owned, &to->n, err));
    to->data = to->owned;
    return GRAFT_OK;
}

graft_status gf_body_take_list(const gf_json *list, const char *what, const char *key, size_t most,
                               gf_body_image **image, size_t *n, graft_error *err)
{
    size_t size = gf_json_is_array(list) ? gf_json_size(list) : 0;
    if (!size || size > most) return gf_fail(err, GF_E_HTTP_BODY, NULL, "%s: a list of 1 to %zu is wanted", what, most);
    GF_TRY(gf_body_images_new(image, size, err));
    for (*n = 0; *n < size; ++*n) {
        char place[48];
        const gf_json *one = gf_json_at(list, *n);
        snprintf(place, sizeof place, "%s[%zu]%s%s", what, *n, key ? "." : "", key ? key : "");
        GF_TRY(gf_body_take_base64(key ? gf_json_get(one, key) : one, place, &(*image)[*n], err));
    }
    return GRAFT_OK;
}

static graft_status take_json(const gf_http_request *r, size_t most, gf_body_image **image, size_t *n, graft_error *err)
{
    gf_json *j;
    GF_TRY(gf_body_json(r, &j, err));
    const gf_json *one = gf_json_get(j, "image"), *list = gf_json_get(j, "images");
    graft_status status = GRAFT_OK;
    if (!one == !list) {
        status =
            gf_fail(err, GF_E_HTTP_BODY, NULL, "body: {\"image\": base64} or {\"images\": [base64, ..]} is wanted");
    } else if (list) {
        status = gf_body_take_list(list, "images", NULL, most, image, n, err);
    } else {
        status = gf_body_images_new(image, 1, err);
        if (status == GRAFT_OK) *n = 1;
        if (status == GRAFT_OK) status = gf_body_take_base64(one, "image", *image, err);
    }
    gf_json_free(j);
    return status;
}

graft_status gf_body_images(const gf_http_request *r, size_t most, gf_body_image **image, size_t *n, graft_error *err)
{
    graft_status status;
    *image = NULL;
    *n = 0;
    switch (gf_body_kind_of(gf_http_header(r, "content-type"))) {
    case GF_BODY_FORM: status = take_form(r, most, image, n, err); break;
    case GF_BODY_JSON: status = take_json(r, most, image, n, err); break;
    default: status = take_body(r, image, n, err);
    }
    if (status == GRAFT_OK) return GRAFT_OK;
    gf_body_images_free(*image, *n);
    *image = NULL;
    *n = 0;
    return status;
}
