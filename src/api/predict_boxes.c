/* predict_boxes.c - what a detector finds in images: as JSON, as lines, drawn. */
#include "api/predict.h"
#include "api/session.h"

#include "base/io.h"
#include "boxes/detect.h"
#include "image/draw.h"
#include "image/png_encode.h"

#include <math.h>
#include <string.h>

enum { CHUNK = 256, MOST = 100 };

typedef struct finding {
    graft_model *m;
    gf_image_list *list;
    gf_task task;
    gf_detect_options options;
    const char *folder; /* where images are drawn; NULL: nowhere */
    gf_json *items;
    gf_text text;
} finding;

/* In pixels of the image as it is displayed, cut at its edges. */
static gf_box in_image(const finding *f, uint32_t image, const gf_extent *e)
{
    const gf_checked *c = &f->list->checked[image];
    const gf_model_facts *facts = &f->m->facts;
    double scale[2], offset[2];
    gf_fit_map(&facts->fit, (int)c->h, (int)c->w, facts->height, facts->width, scale, offset);
    double x1 = fmax((e->x1 - offset[0]) / scale[0], 0), y1 = fmax((e->y1 - offset[1]) / scale[1], 0);
    double x2 = fmin((e->x2 - offset[0]) / scale[0], c->w), y2 = fmin((e->y2 - offset[1]) / scale[1], c->h);
    return (gf_box){x1, y1, fmax(x2 - x1, 0), fmax(y2 - y1, 0)};
}

static gf_json *detection_json(const finding *f, const gf_detected *d, const gf_box *b)
{
    gf_json *j = gf_json_object(), *box = gf_json_array();
    const double side[] = {b->x, b->y, b->w, b->h};
    for (int k = 0; k < 4; k++) gf_json_add(box, gf_json_real(side[k]));
    gf_json_set(j, "class", gf_json_int(d->class_id));
    gf_json_set(j, "name", gf_json_string(f->m->facts.classes.item[d->class_id]));
    gf_json_set(j, "confidence", gf_json_real((double)d->score));
    gf_json_set(j, "box", box);
    return j;
}

/* The file's whole image with frames, as FOLDER/NAME.png. */
static graft_status draw(const finding *f, uint32_t image, const gf_box *box, size_t n, graft_error *err)
{
    static const uint8_t orange[3] = {255, 140, 0};
    const char *path = gf_index_path(f->list->index, image), *slash = strrchr(path, '/');
    gf_buffer file = {0};
    gf_image shown = {0};
    uint8_t *png = NULL;
    size_t bytes = 0;
    graft_status status = gf_sample_read(f->list->index, image, &file, err);
    if (status == GRAFT_OK)
        status = gf_image_decode(file.data, file.n, path, &f->list->options.image, &shown, NULL, err);
    gf_buffer_free(&file);
    for (size_t i = 0; i < n && status == GRAFT_OK; i++)
        gf_draw_box(shown.rgb, shown.w, shown.h, box[i].x, box[i].y, box[i].x + box[i].w, box[i].y + box[i].h, orange);
    if (status == GRAFT_OK) status = gf_png_encode(shown.rgb, shown.w, shown.h, &png, &bytes, err);
    gf_image_free(&shown);
    char *to = status == GRAFT_OK ? gf_sprintf("%s/%s.png", f->folder, slash ? slash + 1 : path) : NULL;
    if (status == GRAFT_OK && !to) status = gf_fail_memory(err, strlen(path), "a file name");
    if (status == GRAFT_OK) status = gf_file_write(to, &(gf_bytes){png, bytes}, 1, err);
    gf_free(to);
    gf_free(png);
    return status;
}

static graft_status list_found(finding *f, uint32_t image, const float *out, gf_json *item, graft_error *err)
{
    gf_detected found[MOST];
    gf_box box[MOST];
    size_t n;
    const char *path = gf_index_path(f->list->index, image);
    gf_json *list = gf_json_array();
    graft_status status = gf_detect(&f->task.places, f->task.classes, out, &f->options, found, &n, err);
    for (size_t i = 0; i < n; i++) {
        box[i] = in_image(f, image, &found[i].box);
        gf_json_add(list, detection_json(f, &found[i], &box[i]));
        gf_text_printf(&f->text, "%s\t%s\t%.4f\t%.1f\t%.1f\t%.1f\t%.1f\n", GF_ESC(path),
                       GF_ESC(f->m->facts.classes.item[found[i].class_id]), (double)found[i].score, box[i].x, box[i].y,
                       box[i].w, box[i].h);
    }
    gf_json_set(item, "width", gf_json_int(f->list->checked[image].w));
    gf_json_set(item, "height", gf_json_int(f->list->checked[image].h));
    gf_json_set(item, "detections", list);
    return status == GRAFT_OK && f->folder ? draw(f, image, box, n, err) : status;
}

static graft_status list_image(finding *f, uint32_t image, const float *out, graft_error *err)
{
    gf_json *item = gf_json_object();
    graft_status status = GRAFT_OK;
    gf_json_set(item, "path", gf_json_string(gf_index_path(f->list->index, image)));
    if (f->list->lost[image]) {
        const graft_error *why = &f->list->error[image];
        gf_json_set(item, "error", gf_json_string(why->message));
        gf_log_say(&f->m->context->log, GF_WARNING, "E%d: %s", why->number, why->message);
    } else {
        status = list_found(f, image, out, item, err);
    }
    gf_json_add(f->items, item);
    return status;
}

static graft_status find_all(finding *f, graft_error *err)
{
    graft_session *s;
    size_t outputs = gf_api_outputs(f->m);
    float *out = gf_new_n(CHUNK * outputs, float);
    graft_status status = out ? gf_api_session(f->m, &s, err) : gf_fail_memory(err, CHUNK * outputs * 4, "detections");
    gf_feed feed = gf_image_list_feed(f->list);
    uint32_t images = f->list->index->n, lost = 0;
    for (uint32_t at = 0; status == GRAFT_OK && at < images; at += CHUNK) {
        uint32_t n = images - at < CHUNK ? images - at : CHUNK;
        status = gf_engine_forward(s->engine, &feed, NULL, f->list->sample + at, n, out, f->list->lost + at, err);
        for (uint32_t i = 0; i < n && status == GRAFT_OK; i++) {
            lost += f->list->lost[at + i];
            status = list_image(f, at + i, out + i * outputs, err);
        }
        if (status == GRAFT_OK) status = gf_api_stop_asked(f->m->context, err);
    }
    gf_free(out);
    if (status != GRAFT_OK || lost < images) return status;
    if (err) *err = f->list->error[0];
    if (err) err->status = GRAFT_DATA;
    return GRAFT_DATA;
}

static graft_status result_of(finding *f, graft_result **out, graft_error *err)
{
    gf_json *j = gf_json_object();
    gf_json_set(j, "predictions", f->items);
    gf_json_set(j, "confidence", gf_json_real(f->options.least));
    f->items = NULL;
    if (f->text.failed) {
        gf_json_free(j);
        return gf_fail_memory(err, f->text.n, "detections");
    }
    char *text = f->text.s;
    f->text = (gf_text){0};
    return gf_result_create(out, j, text, err);
}

graft_status gf_api_want_one_class(const graft_model *m, const gf_setting *row, size_t n, graft_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!gf_settings_given(m->context->settings, row[i])) continue;
        return gf_fail(err, GF_E_OPTION_VALUE, "leave it out; --json has all that is found",
                       "%s is of models that give an image one class; this one detects", gf_setting_rows[row[i]].name);
    }
    return GRAFT_OK;
}

graft_status gf_api_predict_boxes(graft_model *m, const char *const *paths, size_t n, graft_result **out,
                                  graft_error *err)
{
    const gf_settings *s = m->context->settings;
    gf_image_list list;
    finding f = {.m = m,
                 .list = &list,
                 .task = gf_api_task(m),
                 .options = {.least = gf_settings_real(s, GF_SET_PREDICT_CONFIDENCE),
                             .overlap = gf_settings_real(s, GF_SET_PREDICT_OVERLAP),
                             .candidates = 1000,
                             .most = MOST},
                 .folder = gf_settings_text(s, GF_SET_PREDICT_BOXES),
                 .items = gf_json_array()};
    static const gf_setting of_classes[] = {GF_SET_PREDICT_UNKNOWN, GF_SET_PREDICT_OUTPUT, GF_SET_PREDICT_CSV,
                                            GF_SET_PREDICT_SORT_INTO, GF_SET_PREDICT_DRAW};
    graft_status status = gf_api_want_one_class(m, of_classes, sizeof of_classes / sizeof *of_classes, err);
    if (status != GRAFT_OK) {
        gf_json_free(f.items);
        return status;
    }
    status = gf_image_list_open(&list, m->context, &m->facts, paths, n, false, err);
    if (status == GRAFT_OK) {
        if (f.folder) status = gf_make_dirs(f.folder, err);
        if (status == GRAFT_OK) status = find_all(&f, err);
        if (status == GRAFT_OK) status = gf_check_tell(list.index, list.checked, &m->context->log, err);
        if (status == GRAFT_OK) status = result_of(&f, out, err);
        gf_image_list_close(&list);
    }
    gf_json_free(f.items);
    gf_text_free(&f.text);
    return status;
}
