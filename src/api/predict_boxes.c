/* predict_boxes.c - what a detector finds in images: as JSON, as lines, as files (predict_boxes_files.c). */
#include "api/predict_boxes.h"
#include "api/predict.h"
#include "api/session.h"

#include "annotations/build.h"
#include "boxes/detect.h"

#include <math.h>
#include <string.h>

enum { CHUNK = 256 };

typedef struct finding {
    graft_model *m;
    gf_image_list *list;
    gf_task task;
    gf_detect_options options;
    gf_found_boxes found;
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

static gf_json *detection_json(const finding *f, const gf_annotation *d)
{
    gf_json *j = gf_json_object(), *box = gf_json_array();
    const double side[] = {d->box.x, d->box.y, d->box.w, d->box.h};
    for (int k = 0; k < 4; k++) gf_json_add(box, gf_json_real(side[k]));
    gf_json_set(j, "class", gf_json_int(d->class_id));
    gf_json_set(j, "name", gf_json_string(f->m->facts.classes.item[d->class_id]));
    gf_json_set(j, "confidence", gf_json_real(d->score));
    gf_json_set(j, "box", box);
    return j;
}

/* A line for each. */
static void put_line(finding *f, const char *path, const gf_annotation *a)
{
    gf_text_printf(&f->text, "%s\t%s\t%.4f\t%.1f\t%.1f\t%.1f\t%.1f\n", GF_ESC(path),
                   GF_ESC(f->m->facts.classes.item[a->class_id]), a->score, a->box.x, a->box.y, a->box.w, a->box.h);
}

static graft_status list_found(finding *f, uint32_t image, const float *out, gf_json *item, graft_error *err)
{
    gf_detected found[GF_DETECTED_MOST];
    size_t n;
    const gf_checked *c = &f->list->checked[image];
    const char *path = gf_index_path(f->list->index, image);
    gf_json *list = gf_json_array();
    gf_annotations *set = &f->found.set;
    graft_status status = gf_detect(&f->task.places, f->task.classes, out, &f->options, found, &n, err);
    f->found.number[set->images] = image;
    if (status == GRAFT_OK) status = gf_annotations_add_image(set, path, (uint32_t)c->w, (uint32_t)c->h, err);
    for (size_t i = 0; i < n && status == GRAFT_OK; i++) {
        const gf_annotation one = {.image = (uint32_t)set->images - 1,
                                   .class_id = (uint32_t)found[i].class_id,
                                   .box = in_image(f, image, &found[i].box),
                                   .area = NAN,
                                   .score = (double)found[i].score};
        status = gf_annotations_add(set, &one, err);
        set->image[set->images - 1].n++;
        gf_json_add(list, detection_json(f, &one));
        put_line(f, path, &one);
    }
    gf_json_set(item, "width", gf_json_int(c->w));
    gf_json_set(item, "height", gf_json_int(c->h));
    gf_json_set(item, "detections", list);
    return status;
}

static graft_status list_image(finding *f, uint32_t image, const float *out, graft_error *err)
{
    gf_json *item = gf_json_object();
    graft_status status = GRAFT_OK;
    gf_json_set(item, "path", gf_json_string(gf_index_path(f->list->index, image)));
    if (f->list->lost[image]) {
        const graft_error *why = gf_image_list_error(f->list, image);
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
    if (err) *err = *gf_image_list_error(f->list, 0);
    if (err) err->status = GRAFT_DATA;
    return GRAFT_DATA;
}

static graft_status result_of(finding *f, graft_result **out, graft_error *err)
{
    gf_json *j = gf_json_object();
    gf_json_set(j, "predictions", f->items);
    gf_json_set(j, "confidence", gf_json_real(f->options.least));
    gf_json_set(j, "overlap", gf_json_real(f->options.overlap));
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

/* What was asked for; else what was chosen for the model; else the usual. */
static gf_detect_options options_of(const graft_model *m)
{
    const gf_settings *s = m->context->settings;
    gf_detect_options o = gf_threshold_options(&m->facts.threshold);
    if (gf_settings_given(s, GF_SET_PREDICT_CONFIDENCE)) o.least = gf_settings_real(s, GF_SET_PREDICT_CONFIDENCE);
    if (gf_settings_given(s, GF_SET_PREDICT_OVERLAP)) o.overlap = gf_settings_real(s, GF_SET_PREDICT_OVERLAP);
    return o;
}

static graft_status run(finding *f, graft_error *err)
{
    f->found.number = gf_new_n(f->list->index->n, uint32_t);
    if (!f->found.number) return gf_fail_memory(err, f->list->index->n * sizeof(uint32_t), "detections");
    f->found.set.found = true;
    GF_TRY(gf_names_add_all(&f->found.set.classes, &f->m->facts.classes, err));
    GF_TRY(gf_found_boxes_check(f->m, err));
    GF_TRY(find_all(f, err));
    GF_TRY(gf_check_tell(f->list->index, f->list->checked, &f->m->context->log, err));
    return gf_found_boxes_write(&f->found, err);
}

graft_status gf_api_predict_boxes(graft_model *m, const char *const *paths, size_t n, graft_result **out,
                                  graft_error *err)
{
    static const gf_setting of_classes[] = {GF_SET_PREDICT_UNKNOWN, GF_SET_PREDICT_OUTPUT, GF_SET_PREDICT_CSV,
                                            GF_SET_PREDICT_SORT_INTO, GF_SET_PREDICT_EXPLAIN};
    gf_image_list list;
    GF_TRY(gf_api_want_one_class(m, of_classes, sizeof of_classes / sizeof *of_classes, err));
    GF_TRY(gf_image_list_open(&list, m->context, &m->facts, paths, n, false, err));
    finding f = {.m = m,
                 .list = &list,
                 .task = gf_api_task(m),
                 .options = options_of(m),
                 .found = {.m = m, .list = &list},
                 .items = gf_json_array()};
    graft_status status = run(&f, err);
    if (status == GRAFT_OK) status = result_of(&f, out, err);
    gf_image_list_close(&list);
    gf_json_free(f.items);
    gf_text_free(&f.text);
    gf_annotations_free(&f.found.set);
    gf_free(f.found.number);
    return status;
}
