/* session_run.c - images in, numbers out: one call of a session, of which several may be under way. */
#include "api/session.h"

#include "base/sys.h"
#include "image/input.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 256, RGB = 3, MOST_SIZE = 1 << 16, MOST_SIDE = 1 << 30 };

/* ---- outputs */

static size_t logits_of(const graft_session *s) { return s->logits; }
/* None where a sample is of no one class. */
static size_t classes_of(const graft_session *s)
{
    return s->task.cls && s->task.cls->decode ? (size_t)s->task.classes : 0;
}
static size_t features_of(const graft_session *s) { return s->features; }

static void put_logits(const graft_session *s, const float *logits, const float *features, float *to)
{
    (void)features;
    memcpy(to, logits, s->logits * sizeof *to);
}

static void put_probabilities(const graft_session *s, const float *logits, const float *features, float *to)
{
    (void)features;
    s->task.cls->decode(&s->task, logits, s->logits, to);
}

static void put_features(const graft_session *s, const float *logits, const float *features, float *to)
{
    (void)logits;
    memcpy(to, features, s->features * sizeof *to);
}

static const gf_session_output outputs_known[] = {
    {"logits", logits_of, put_logits},
    {"probabilities", classes_of, put_probabilities},
    {"features", features_of, put_features},
};

const gf_session_output *gf_session_output_find(const char *name)
{
    for (size_t i = 0; i < sizeof outputs_known / sizeof *outputs_known; i++) {
        if (!strcmp(name, outputs_known[i].name)) return &outputs_known[i];
    }
    return NULL;
}

/* ---- a call */

typedef struct call {
    graft_session *s;
    const char *function;
    const char *images; /* elements of image_size bytes */
    size_t image_size;
    const char *outputs;
    size_t output_size, n_outputs;
    graft_error *errors; /* may be NULL; then the first bad image, and why */
    size_t bad_image;
    graft_error bad;
    size_t at; /* the chunk's first image */
    bool classifies, taps_features, layer;
    float *logits, *features, *layer_values; /* of a chunk */
    float *const *places;
    double *decode_seconds;
    bool lost[2][CHUNK];
} call;

static const graft_image *image_at(const call *c, size_t i)
{
    return (const graft_image *)(const void *)(c->images + i * c->image_size);
}

static const graft_output *output_at(const call *c, size_t i)
{
    return (const graft_output *)(const void *)(c->outputs + i * c->output_size);
}

/* ---- what a caller may have got wrong */

static graft_status check_size(const char *what, const void *element, size_t i, size_t size, size_t least,
                               graft_error *err)
{
    uint32_t told;
    memcpy(&told, element, sizeof told);
    if (told < least || told > MOST_SIZE || told % 8 || told != size) {
        return gf_fail(err, GF_E_SESSION_SIZE, "set .size = sizeof of each struct",
                       "%s %zu: its size field is %u, wanted is %zu or, of a newer header, more; the same for all",
                       what, i, told, least);
    }
    for (size_t k = least; k < size; k++) {
        if (!((const char *)element)[k]) continue;
        return gf_fail(err, GF_E_SESSION_NEWER, "use the library that belongs to the header",
                       "%s %zu: byte %zu is set, which this version does not know", what, i, k);
    }
    return GRAFT_OK;
}

static graft_status bad_image(size_t i, const char *what, graft_error *err)
{
    return gf_fail(err, GF_E_SESSION_IMAGE, "graft/session.h says what a graft_image holds", "image %zu: %s", i, what);
}

static graft_status check_rgb(const graft_image *p, size_t i, graft_error *err)
{
    if (p->width < 1 || p->height < 1 || p->width > MOST_SIDE || p->height > MOST_SIDE) {
        return gf_fail(err, GF_E_SESSION_IMAGE, NULL, "image %zu: %d x %d pixels", i, p->width, p->height);
    }
    size_t row = RGB * (size_t)p->width, stride = p->stride ? p->stride : row, wanted;
    if (stride < row) return bad_image(i, "its rows overlap: the stride is below 3 x width", err);
    bool fits = gf_mul_size((size_t)p->height - 1, stride, &wanted) && wanted <= SIZE_MAX - row;
    if (fits && wanted + row <= p->bytes) return GRAFT_OK;
    return gf_fail(err, GF_E_SESSION_IMAGE, NULL, "image %zu: %zu bytes are fewer than %d x %d pixels take", i,
                   p->bytes, p->width, p->height);
}

static graft_status check_image(const graft_image *p, size_t i, graft_error *err)
{
    if (!p->data) return bad_image(i, "data is NULL", err);
    if (p->kind == GRAFT_IMAGE_RGB8) return check_rgb(p, i, err);
    if (p->kind != GRAFT_IMAGE_ENCODED) return bad_image(i, "its kind is not known", err);
    if (p->width || p->height || p->stride) return bad_image(i, "it is encoded, and tells its size itself", err);
    return GRAFT_OK;
}

static graft_status check_output(call *c, const graft_output *o, size_t i, graft_error *err)
{
    if (!o->name || !o->data) return gf_api_missing(c->function, o->name ? "data" : "name", err);
    size_t values = graft_session_values(c->s, o->name);
    if (!values) {
        return gf_fail(err, GF_E_SESSION_OUTPUT, "logits, probabilities, features, or the layer named by session.layer",
                       "output %zu: the session has no %s", i, GF_ESC(o->name));
    }
    if (o->values != values) {
        return gf_fail(err, GF_E_SESSION_OUTPUT, "graft_session_values tells how many",
                       "output %zu: %s has %zu values per image, there is room for %zu", i, GF_ESC(o->name), values,
                       o->values);
    }
    const gf_session_output *known = gf_session_output_find(o->name);
    c->layer = c->layer || !known;
    c->classifies = c->classifies || known;
    c->taps_features = c->taps_features || (known && known->values == features_of);
    return GRAFT_OK;
}

static graft_status check(call *c, size_t n, graft_error *err)
{
    if (!n || !c->n_outputs) {
        return gf_fail(err, GF_E_USAGE, NULL, "%s: %zu images, %zu outputs", c->function, n, c->n_outputs);
    }
    c->image_size = image_at(c, 0)->size;
    c->output_size = output_at(c, 0)->size;
    for (size_t i = 0; i < n; i++) {
        GF_TRY(check_size("image", image_at(c, i), i, c->image_size, sizeof(graft_image), err));
        GF_TRY(check_image(image_at(c, i), i, err));
    }
    for (size_t i = 0; i < c->n_outputs; i++) {
        GF_TRY(check_size("output", output_at(c, i), i, c->output_size, sizeof(graft_output), err));
        GF_TRY(check_output(c, output_at(c, i), i, err));
    }
    return GRAFT_OK;
}

/* ---- images */

static graft_status fit_rgb(const graft_session *s, const graft_image *p, const char *name, uint8_t *dst,
                            graft_error *err)
{
    const gf_data_options *o = &s->options;
    size_t row = RGB * (size_t)p->width, stride = p->stride ? p->stride : row;
    uint8_t *packed = NULL;
    if ((uint64_t)p->width * (uint64_t)p->height > o->image.max_pixels) {
        return gf_fail(err, GF_E_IMAGE_TOO_LARGE, NULL, "%s: %d x %d pixels, the limit is %llu", name, p->width,
                       p->height, (unsigned long long)o->image.max_pixels);
    }
    if (stride != row) {
        packed = gf_alloc_raw((size_t)p->height, row);
        if (!packed) return gf_fail_memory(err, (size_t)p->height * row, name);
        for (size_t y = 0; y < (size_t)p->height; y++) {
            memcpy(packed + y * row, (const uint8_t *)p->data + y * stride, row);
        }
    }
    graft_status status = gf_fit_image_u8(&o->fit, packed ? packed : p->data, p->height, p->width, dst, o->height,
                                          o->width, o->antialias, err);
    gf_free(packed);
    return status;
}

static graft_status prepare(const graft_session *s, const graft_image *p, size_t i, uint8_t *dst, graft_error *err)
{
    char name[32];
    snprintf(name, sizeof name, "image %zu", i);
    if (p->kind == GRAFT_IMAGE_RGB8) return fit_rgb(s, p, name, dst, err);
    return gf_encoded_decode(p->data, p->bytes, name, &s->options, dst, NULL, err);
}

/* A bad image is lost, and told in its place. */
static graft_status lose(call *c, size_t i, const graft_error *why)
{
    if (c->errors) {
        c->errors[i] = *why;
    } else {
        pthread_mutex_lock(&c->s->lock);
        if (i < c->bad_image) c->bad = *why;
        if (i < c->bad_image) c->bad_image = i;
        pthread_mutex_unlock(&c->s->lock);
    }
    return GRAFT_DATA;
}

static graft_status fill(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[], void *target,
                         graft_error *err)
{
    (void)target;
    call *c = ctx;
    size_t i = c->at + q->sample;
    uint8_t *pixels = c->s->pixels[q->worker];
    graft_error why = {0};
    double began = c->decode_seconds ? gf_sys_seconds() : 0;
    graft_status status = prepare(c->s, image_at(c, i), i, pixels, &why);
    if (c->decode_seconds) c->decode_seconds[i] = gf_sys_seconds() - began;
    if (status == GRAFT_DATA) return lose(c, i, &why);
    if (status != GRAFT_OK) *err = why;
    if (status == GRAFT_OK) gf_input_put(&in[0], NULL, pixels, q->scratch, NULL, dst[0]);
    return status;
}

/* ---- chunks */

static graft_status make_room(call *c, size_t n, graft_error *err)
{
    const graft_session *s = c->s;
    size_t rows = n < CHUNK ? n : CHUNK, outputs = gf_engine_outputs(s->engine);
    if (c->classifies) c->logits = gf_new_n(rows * outputs, float);
    if (c->taps_features && s->logits) c->features = gf_new_n(rows * s->features, float);
    if (c->layer) c->layer_values = gf_new_n(rows * s->layer_values, float);
    bool ok = (!c->classifies || c->logits) && (!c->taps_features || !s->logits || c->features) &&
              (!c->layer || c->layer_values);
    return ok ? GRAFT_OK
              : gf_fail_memory(err, rows * (outputs + s->features + s->layer_values) * 4, "a session's call");
}

static void put_row(const call *c, size_t row)
{
    const graft_session *s = c->s;
    bool lost = (c->classifies && c->lost[0][row]) || (c->layer && c->lost[1][row]);
    for (size_t k = 0; k < c->n_outputs; k++) {
        const graft_output *o = output_at(c, k);
        const gf_session_output *known = gf_session_output_find(o->name);
        size_t at = c->at + row;
        float *to = c->places ? c->places[at * c->n_outputs + k] : o->data + at * o->values;
        if (lost) {
            for (size_t i = 0; i < o->values; i++) to[i] = NAN;
        } else if (known) {
            const float *logits = c->logits + row * (s->logits ? s->logits : s->features);
            known->put(s, logits, c->features ? c->features + row * s->features : logits, to);
        } else {
            memcpy(to, c->layer_values + row * s->layer_values, o->values * sizeof *to);
        }
    }
}

static graft_status run_chunk(call *c, size_t n, graft_error *err)
{
    uint32_t sample[CHUNK];
    gf_feed feed = {fill, c};
    for (uint32_t i = 0; i < n; i++) sample[i] = i;
    gf_forward f = {.sample = sample, .n = n, .out = c->logits, .features = c->features, .lost = c->lost[0]};
    if (c->classifies) GF_TRY(gf_engine_infer(c->s->engine, &feed, &f, err));
    f = (gf_forward){.sample = sample, .n = n, .out = c->layer_values, .lost = c->lost[1]};
    if (c->layer) GF_TRY(gf_engine_infer(c->s->layer, &feed, &f, err));
    for (size_t row = 0; row < n; row++) put_row(c, row);
    return GRAFT_OK;
}

static graft_status run(call *c, size_t n, graft_error *err)
{
    graft_status status = make_room(c, n, err);
    for (size_t i = 0; c->errors && i < n; i++) c->errors[i] = (graft_error){0};
    for (c->at = 0; status == GRAFT_OK && c->at < n; c->at += CHUNK) {
        status = run_chunk(c, n - c->at < CHUNK ? n - c->at : CHUNK, err);
        bool bad = status == GRAFT_OK && c->bad_image != SIZE_MAX;
        if (bad && err) *err = c->bad;
        if (bad) status = GRAFT_DATA;
    }
    gf_free(c->logits);
    gf_free(c->features);
    gf_free(c->layer_values);
    return status;
}

graft_status gf_session_enter(graft_session *s, graft_error *err)
{
    if (s->process != getpid()) {
        return gf_fail(err, GF_E_SESSION_PROCESS, "open one in this process",
                       "the session was opened by process %d, whose threads are not in this one", (int)s->process);
    }
    pthread_mutex_lock(&s->lock);
    bool closed = s->closed;
    if (!closed) s->under_way++;
    pthread_mutex_unlock(&s->lock);
    return closed ? gf_fail(err, GF_E_SESSION_CLOSED, NULL, "the session was closed") : GRAFT_OK;
}

void gf_session_leave(graft_session *s)
{
    pthread_mutex_lock(&s->lock);
    if (!--s->under_way) pthread_cond_broadcast(&s->idle);
    pthread_mutex_unlock(&s->lock);
}

static call call_of(graft_session *s, const gf_session_images *a)
{
    return (call){.s = s,
                  .function = a->function,
                  .images = (const char *)a->images,
                  .outputs = (const char *)a->outputs,
                  .n_outputs = a->n_outputs,
                  .places = a->places,
                  .decode_seconds = a->decode_seconds,
                  .errors = a->errors,
                  .bad_image = SIZE_MAX};
}

graft_status gf_session_check(graft_session *s, const gf_session_images *a, graft_error *err)
{
    call c = call_of(s, a);
    return check(&c, a->n, err);
}

graft_status gf_session_run(graft_session *s, const gf_session_images *a, graft_error *err)
{
    call c = call_of(s, a);
    GF_TRY(check(&c, a->n, err));
    return run(&c, a->n, err);
}

graft_status graft_session_run(graft_session *s, const graft_image *images, size_t n, const graft_output *outputs,
                               size_t n_outputs, graft_error *errors, graft_error *err)
{
    GF_NEEDS(s, "session");
    GF_NEEDS(images, "images");
    GF_NEEDS(outputs, "outputs");
    const gf_session_images a = {
        .function = __func__, .images = images, .n = n, .outputs = outputs, .n_outputs = n_outputs, .errors = errors};
    GF_TRY(gf_session_check(s, &a, err));
    GF_TRY(gf_session_enter(s, err));
    graft_status status = gf_session_run(s, &a, err);
    gf_session_leave(s);
    return status;
}
