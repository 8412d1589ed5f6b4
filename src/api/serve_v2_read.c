/* serve_v2_read.c - a request of inference as the Open Inference Protocol has it: one input, pixels of UINT8 or files
 * as BYTES in base64. Room is made for what is there, not for what a shape claims. */
#include "api/serve_json.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

enum { RGB = 3, RANK = 4, MOST_SIDE = 1 << 16, MOST_DEPTH = 5 };

static const struct {
    const char *name, *output;
} names[] = {{"probabilities", "probabilities"}, {"logits", "logits"}, {"embedding", "features"}};

const char *gf_v2_name(const char *output)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!strcmp(output, names[i].output)) return names[i].name;
    }
    return output;
}

static graft_status wrong(const char *place, const char *why, graft_error *err)
{
    return gf_fail(err, GF_E_HTTP_BODY, "GET /v2/models/NAME tells inputs and outputs", "%s: %s", place, why);
}

/* ---- pixels */

typedef struct pixels {
    uint8_t *to; /* NULL: they are counted alone */
    size_t n, room;
    bool deep, bad; /* nested too deep; a value is no byte */
} pixels;

/* Flat, or nested as the shape is. */
static void walk(const gf_json *j, int depth, pixels *p)
{
    if (depth > MOST_DEPTH) p->deep = true;
    if (p->deep || p->bad) return;
    if (gf_json_is_array(j)) {
        for (size_t i = 0; i < gf_json_size(j) && !p->bad; i++) walk(gf_json_at(j, i), depth + 1, p);
        return;
    }
    int64_t value = gf_json_i64(j, -1);
    p->bad = value < 0 || value > UINT8_MAX;
    if (p->bad) return;
    if (p->to && p->n < p->room) p->to[p->n] = (uint8_t)value;
    p->n++;
}

static graft_status read_shape(const gf_json *shape, size_t rank, size_t side[RANK], graft_error *err)
{
    static const char place[] = "inputs[0].shape";
    if (!gf_json_is_array(shape) || gf_json_size(shape) != rank)
        return wrong(place, rank == RANK ? "[images, height, width, 3] is wanted" : "[images] is wanted", err);
    for (size_t i = 0; i < rank; i++) {
        int64_t value = gf_json_i64(gf_json_at(shape, i), -1);
        if (value < 1 || value > MOST_SIDE) return wrong(place, "numbers from 1 to 65536 are wanted", err);
        side[i] = (size_t)value;
    }
    return GRAFT_OK;
}

static graft_status check_count(size_t n, size_t most, graft_error *err)
{
    if (n <= most) return GRAFT_OK;
    return gf_fail(err, GF_E_HTTP_BODY, NULL, "inputs[0].shape: %zu images, the limit is %zu", n, most);
}

static graft_status read_pixels(const gf_json *input, size_t most, gf_v2_request *v, graft_error *err)
{
    const gf_json *data = gf_json_get(input, "data");
    size_t side[RANK] = {0};
    char why[128];
    GF_TRY(read_shape(gf_json_get(input, "shape"), RANK, side, err));
    GF_TRY(check_count(side[0], most, err));
    if (side[RANK - 1] != RGB) return wrong("inputs[0].shape", "the last is 3, the colors", err);
    size_t each = side[1] * side[2] * RGB; /* below 2^34 */
    pixels p = {.to = NULL};
    if (gf_json_is_array(data)) walk(data, 0, &p);
    snprintf(why, sizeof why, "value %zu is no number from 0 to 255", p.n);
    if (p.bad) return wrong("inputs[0].data", why, err);
    snprintf(why, sizeof why, "%zu values, the shape says %zu", p.n, each * side[0]);
    if (p.deep || p.n != each * side[0]) return wrong("inputs[0].data", p.deep ? "nested too deep" : why, err);
    GF_TRY(gf_body_images_new(&v->image, side[0], err));
    v->n = side[0];
    p = (pixels){.to = gf_alloc_raw(p.n, 1), .room = p.n};
    v->image[0].owned = p.to; /* of all */
    if (!p.to) return gf_fail_memory(err, p.room, "pixels");
    walk(data, 0, &p);
    for (size_t i = 0; i < v->n; i++) {
        v->image[i].data = p.to + i * each;
        v->image[i].n = each;
        v->image[i].height = (int)side[1];
        v->image[i].width = (int)side[2];
    }
    return GRAFT_OK;
}

/* ---- files */

static graft_status read_files(const gf_json *j, const gf_json *input, size_t most, gf_v2_request *v, graft_error *err)
{
    const gf_json *data = gf_json_get(input, "data");
    const char *of_input = gf_json_str(gf_json_get(gf_json_get(input, "parameters"), "content_type"), "");
    const char *of_all = gf_json_str(gf_json_get(gf_json_get(j, "parameters"), "content_type"), "");
    size_t side[RANK] = {0};
    if (strcmp(of_input, "base64") != 0 && strcmp(of_all, "base64") != 0)
        return wrong("inputs[0].parameters.content_type", "base64 is wanted of BYTES", err);
    GF_TRY(read_shape(gf_json_get(input, "shape"), 1, side, err));
    GF_TRY(check_count(side[0], most, err));
    if (!gf_json_is_array(data) || gf_json_size(data) != side[0])
        return wrong("inputs[0].data", "as many texts as the shape says are wanted", err);
    GF_TRY(gf_body_images_new(&v->image, side[0], err));
    v->n = side[0];
    for (size_t i = 0; i < v->n; i++) {
        char what[48];
        snprintf(what, sizeof what, "inputs[0].data[%zu]", i);
        GF_TRY(gf_body_take_base64(gf_json_at(data, i), what, &v->image[i], err));
    }
    return GRAFT_OK;
}

/* ---- the request */

static graft_status read_output(const gf_json *o, size_t i, gf_v2_request *v, graft_error *err)
{
    char place[64];
    const char *name = gf_json_str(gf_json_get(o, "name"), "");
    const gf_json *k = gf_json_get(gf_json_get(o, "parameters"), "classification");
    snprintf(place, sizeof place, "outputs[%zu].name", i);
    for (size_t at = 0; at < sizeof names / sizeof *names; at++) {
        if (!strcmp(names[at].name, name)) v->output[i] = names[at].output;
    }
    if (!v->output[i]) return wrong(place, "probabilities, logits or embedding is wanted", err);
    for (size_t before = 0; before < i; before++) {
        if (v->output[before] == v->output[i]) return wrong(place, "it is there twice", err);
    }
    if (!k) return GRAFT_OK;
    int64_t top = gf_json_i64(k, -1);
    snprintf(place, sizeof place, "outputs[%zu].parameters.classification", i);
    if (strcmp(v->output[i], "probabilities") != 0) return wrong(place, "of probabilities alone", err);
    if (top < 1 || top > GF_MOST_TOP) return wrong(place, "a number from 1 to 1000 is wanted", err);
    v->top[i] = (int)top;
    return GRAFT_OK;
}

static graft_status read_outputs(const gf_json *list, gf_v2_request *v, graft_error *err)
{
    v->output[0] = names[0].output;
    if (!list) return GRAFT_OK;
    size_t n = gf_json_is_array(list) ? gf_json_size(list) : 0;
    if (!n || n > GF_V2_OUTPUTS) return wrong("outputs", "a list of 1 to 3 is wanted", err);
    v->output[0] = NULL;
    for (size_t i = 0; i < n; i++) GF_TRY(read_output(gf_json_at(list, i), i, v, err));
    return GRAFT_OK;
}

static graft_status read_document(const gf_json *j, size_t most, gf_v2_request *v, graft_error *err)
{
    const gf_json *list = gf_json_get(j, "inputs"), *input = gf_json_at(list, 0);
    const char *id = gf_json_str(gf_json_get(j, "id"), "");
    if (!gf_json_is_array(list) || gf_json_size(list) != 1) return wrong("inputs", "a list of one is wanted", err);
    if (strlen(id) >= sizeof v->id) return wrong("id", "127 bytes are the most", err);
    memcpy(v->id, id, strlen(id) + 1);
    GF_TRY(read_outputs(gf_json_get(j, "outputs"), v, err));
    const char *type = gf_json_str(gf_json_get(input, "datatype"), "");
    if (!strcmp(type, "UINT8")) return read_pixels(input, most, v, err);
    if (!strcmp(type, "BYTES")) return read_files(j, input, most, v, err);
    return wrong("inputs[0].datatype", "UINT8 or BYTES is wanted", err);
}

graft_status gf_v2_read(const gf_http_request *r, size_t most, gf_v2_request *v, graft_error *err)
{
    gf_json *j;
    *v = (gf_v2_request){.image = NULL};
    GF_TRY(gf_body_json(r, &j, err));
    graft_status status = read_document(j, most, v, err);
    gf_json_free(j);
    if (status == GRAFT_OK) return GRAFT_OK;
    gf_body_images_free(v->image, v->n);
    v->image = NULL;
    v->n = 0;
    return status;
}
