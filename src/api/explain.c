/* explain.c - predict.explain: of each image what speaks for its label, drawn over it as DIR/NAME.png, with the numbers
 * beside it in DIR/NAME.json. */
#include "api/predict.h"

#include "base/io.h"
#include "image/png_encode.h"
#include "train/explain.h"

#include <math.h>
#include <string.h>

enum { AT_A_TIME = 16 };

typedef struct explaining {
    graft_model *m;
    gf_image_list *list;
    const char *folder;
    const float *logits; /* of all images */
    gf_explain x;
    float *map, *heat, *p; /* of AT_A_TIME images; of one */
} explaining;

/* ---- from places of the map to pixels of the image as it is displayed */

typedef struct projection {
    double scale[2], offset[2]; /* image -> network */
    double places_per[2];       /* network -> map */
    int w, h;
} projection;

static projection projection_of(const explaining *e, int w, int h)
{
    const gf_model_facts *f = &e->m->facts;
    projection p = {.places_per = {(double)e->x.w / f->width, (double)e->x.h / f->height}, .w = w, .h = h};
    gf_fit_map(&f->fit, h, w, f->height, f->width, p.scale, p.offset);
    return p;
}

/* Bilinear between the places' middles; outside of what the network saw 0. */
static double heat_at(const explaining *e, const projection *p, double x, double y)
{
    const gf_model_facts *f = &e->m->facts;
    double nx = x * p->scale[0] + p->offset[0], ny = y * p->scale[1] + p->offset[1];
    if (nx < 0 || ny < 0 || nx > f->width || ny > f->height) return 0;
    double mx = fmin(fmax(nx * p->places_per[0] - 0.5, 0), (double)e->x.w - 1);
    double my = fmin(fmax(ny * p->places_per[1] - 0.5, 0), (double)e->x.h - 1);
    size_t x0 = (size_t)mx, y0 = (size_t)my, x1 = x0 + 1 < e->x.w ? x0 + 1 : x0, y1 = y0 + 1 < e->x.h ? y0 + 1 : y0;
    double ax = mx - (double)x0, ay = my - (double)y0;
    const float *up = e->heat + y0 * e->x.w, *down = e->heat + y1 * e->x.w;
    return (1 - ay) * ((1 - ax) * (double)up[x0] + ax * (double)up[x1]) +
           ay * ((1 - ax) * (double)down[x0] + ax * (double)down[x1]);
}

static double ramp(double heat, double middle) { return fmin(fmax(1.5 - fabs(4 * heat - middle), 0), 1); }

/* Blue is cold, red is hot; as a veil through which the image is seen. */
static void veil(const explaining *e, const projection *p, uint8_t *rgb)
{
    const double share = 0.45, middle[3] = {3, 2, 1}, half = 0.5, top = 255;
    for (int y = 0; y < p->h; y++) {
        for (int x = 0; x < p->w; x++, rgb += 3) {
            double heat = heat_at(e, p, x + half, y + half);
            for (int k = 0; k < 3; k++)
                rgb[k] = (uint8_t)lround((1 - share) * rgb[k] + share * top * ramp(heat, middle[k]));
        }
    }
}

/* ---- files */

/* "a/b.jpg" as the name of one file. */
static char *file_for(const explaining *e, const char *path, const char *ending)
{
    while (*path == '/' || !strncmp(path, "./", 2)) path++;
    char *name = gf_sprintf("%s/%s%s", e->folder, path, ending);
    for (char *s = name ? name + strlen(e->folder) + 1 : NULL; s && *s; s++) *s = *s == '/' ? '_' : *s;
    return name;
}

static graft_status write_png(const explaining *e, const char *path, const gf_image *image, graft_error *err)
{
    uint8_t *png = NULL;
    size_t bytes = 0;
    char *to = file_for(e, path, ".png");
    graft_status status = to ? gf_png_encode(image->rgb, image->w, image->h, &png, &bytes, err)
                             : gf_fail_memory(err, strlen(path), "a file name");
    if (status == GRAFT_OK) status = gf_file_write(to, &(gf_bytes){png, bytes}, 1, err);
    gf_free(png);
    gf_free(to);
    return status;
}

static gf_json *heat_json(const explaining *e)
{
    gf_json *rows = gf_json_array();
    for (size_t y = 0; y < e->x.h; y++) {
        gf_json *row = gf_json_array();
        for (size_t x = 0; x < e->x.w; x++) gf_json_add(row, gf_json_real((double)e->heat[y * e->x.w + x]));
        gf_json_add(rows, row);
    }
    return rows;
}

/* The middle of the hottest place, in pixels of the image; null where there is none. */
static gf_json *peak_json(const explaining *e, const projection *p)
{
    size_t peak = 0;
    const double half = 0.5;
    for (size_t i = 1; i < e->x.w * e->x.h; i++)
        if (e->heat[i] > e->heat[peak]) peak = i;
    if (!(e->heat[peak] > 0)) return gf_json_null();
    double nx = ((double)(peak % e->x.w) + half) / p->places_per[0],
           ny = ((double)(peak / e->x.w) + half) / p->places_per[1];
    gf_json *at = gf_json_array();
    gf_json_add(at, gf_json_real((nx - p->offset[0]) / p->scale[0]));
    gf_json_add(at, gf_json_real((ny - p->offset[1]) / p->scale[1]));
    return at;
}

static graft_status write_json(const explaining *e, const char *path, int label, const projection *p, graft_error *err)
{
    gf_json *j = gf_json_object();
    gf_json_set(j, "path", gf_json_string(path));
    gf_json_set(j, "label", gf_json_string(e->m->facts.classes.item[label]));
    gf_json_set(j, "layer", gf_json_string(e->m->model.layer[e->x.map].name));
    gf_json_set(j, "width", gf_json_int(p->w));
    gf_json_set(j, "height", gf_json_int(p->h));
    gf_json_set(j, "peak", peak_json(e, p));
    gf_json_set(j, "heat", heat_json(e));
    char *text = gf_json_text(j, 0), *to = file_for(e, path, ".json");
    gf_json_free(j);
    graft_status status =
        text && to ? gf_file_write_text(to, text, err) : gf_fail_memory(err, strlen(path), "a heat map");
    gf_free(text);
    gf_free(to);
    return status;
}

/* ---- the images */

static int likeliest(const explaining *e, const float *logits)
{
    const gf_task t = gf_api_task(e->m);
    t.cls->decode(&t, logits, gf_api_outputs(e->m), e->p);
    return gf_largest(e->p, e->m->model.classes);
}

static graft_status explain_one(explaining *e, uint32_t i, const float *map, graft_error *err)
{
    const char *path = gf_index_path(e->list->index, i);
    size_t outputs = gf_api_outputs(e->m);
    int label = likeliest(e, e->logits + i * outputs);
    gf_image shown = {0};
    gf_explain_heat(&e->x, map, outputs == 1 ? 0 : (size_t)label, outputs == 1 && label == 0, e->heat);
    gf_buffer *file = &e->list->buffer[0];
    GF_TRY(gf_sample_read(e->list->index, i, file, err));
    GF_TRY(gf_image_decode(file->data, file->n, path, &e->list->options.image, &shown, NULL, err));
    const projection p = projection_of(e, shown.w, shown.h);
    veil(e, &p, shown.rgb);
    graft_status status = write_png(e, path, &shown, err);
    if (status == GRAFT_OK) status = write_json(e, path, label, &p, err);
    gf_image_free(&shown);
    return status;
}

static graft_status explain_all(explaining *e, gf_engine *engine, graft_error *err)
{
    gf_feed feed = gf_image_list_feed(e->list);
    size_t values = e->x.h * e->x.w * e->x.c;
    uint32_t images = e->list->index->n;
    for (uint32_t at = 0; at < images; at += AT_A_TIME) {
        size_t n = images - at < AT_A_TIME ? images - at : AT_A_TIME;
        bool lost[AT_A_TIME];
        GF_TRY(gf_engine_forward(engine, &feed, NULL, e->list->sample + at, n, e->map, lost, err));
        for (uint32_t i = 0; i < n; i++)
            if (!lost[i] && !e->list->lost[at + i]) GF_TRY(explain_one(e, at + i, e->map + i * values, err));
        GF_TRY(gf_api_stop_asked(e->m->context, err));
    }
    return GRAFT_OK;
}

graft_status gf_prediction_explain_check(const graft_model *m, graft_error *err)
{
    const char *folder = gf_settings_text(m->context->settings, GF_SET_PREDICT_EXPLAIN);
    gf_explain x;
    if (!folder) return GRAFT_OK;
    GF_TRY(gf_api_check_out(m, NULL, 0, folder, err));
    GF_TRY(gf_api_want_images(m, "explain", err));
    GF_TRY(gf_explain_open(&x, &m->model, err));
    gf_explain_close(&x);
    return GRAFT_OK;
}

graft_status gf_prediction_explain(graft_model *m, gf_image_list *list, const float *logits, graft_error *err)
{
    explaining e = {.m = m,
                    .list = list,
                    .folder = gf_settings_text(m->context->settings, GF_SET_PREDICT_EXPLAIN),
                    .logits = logits};
    gf_engine *engine = NULL;
    gf_engine_spec spec;
    if (!e.folder) return GRAFT_OK;
    GF_TRY(gf_explain_open(&e.x, &m->model, err));
    size_t places = e.x.h * e.x.w;
    graft_status status = gf_make_dirs(e.folder, err);
    gf_engine_defaults(&spec);
    spec.output_layer = e.x.map; /* in f32, whatever the prediction was made in */
    e.map = gf_new_n(AT_A_TIME * places * e.x.c, float);
    e.heat = gf_new_n(places, float);
    e.p = gf_new_n((size_t)m->model.classes, float);
    if (status == GRAFT_OK && !(e.map && e.heat && e.p))
        status = gf_fail_memory(err, AT_A_TIME * places * e.x.c * sizeof(float), "maps of images");
    if (status == GRAFT_OK)
        status = gf_engine_create(&engine, &m->model, m->context->ops, m->context->pool, &spec, err);
    if (status == GRAFT_OK) status = explain_all(&e, engine, err);
    gf_engine_destroy(engine);
    gf_free(e.map);
    gf_free(e.heat);
    gf_free(e.p);
    gf_explain_close(&e.x);
    return status;
}
