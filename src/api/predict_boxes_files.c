/* predict_boxes_files.c - detections as files: each image with its boxes, and labels in a format of labelled boxes. */
#include "api/predict_boxes.h"

#include "annotations/format.h"
#include "image/encode.h"
#include "report/drawn.h"

#include <stdio.h>
#include <string.h>

static const char *asked(const graft_model *m, gf_setting row) { return gf_settings_text(m->context->settings, row); }

static graft_status check_folder(const graft_model *m, const char *folder, graft_error *err)
{
    GF_TRY(gf_api_check_out(m, NULL, 0, folder, err));
    return gf_new_folder(folder, err);
}

graft_status gf_found_boxes_check(const graft_model *m, graft_error *err)
{
    const char *drawn = asked(m, GF_SET_PREDICT_DRAW), *format = asked(m, GF_SET_PREDICT_SAVE);
    const char *saved = asked(m, GF_SET_PREDICT_SAVE_TO);
    const gf_annotation_format *f;
    if (!format != !saved)
        return gf_fail(err, GF_E_OPTION_VALUE, "as in --save coco --out detections/",
                       "predict.save, the format, and predict.save_to, the folder, go together");
    if (format) GF_TRY(gf_annotation_format_parse(&f, format, err));
    if (drawn) GF_TRY(check_folder(m, drawn, err));
    return saved ? check_folder(m, saved, err) : GRAFT_OK;
}

/* ---- drawn */

typedef struct drawing {
    const gf_found_boxes *f;
    const char *folder;
    gf_names name; /* of each image */
} drawing;

enum { LABEL = 320 };

static graft_status draw_found(const gf_found_boxes *f, size_t image, gf_image *shown, graft_error *err)
{
    const gf_annotated *i = &f->set.image[image];
    gf_drawn_box *box = gf_new_n(i->n, gf_drawn_box);
    char(*label)[LABEL] = gf_alloc_raw(i->n, LABEL);
    graft_status status = box && label ? GRAFT_OK : gf_fail_memory(err, i->n * LABEL, "a drawn image");
    for (size_t k = 0; k < i->n && status == GRAFT_OK; k++) {
        const gf_annotation *b = &f->set.box[i->first + k];
        snprintf(label[k], LABEL, "%s %.2f", f->set.classes.item[b->class_id], b->score);
        box[k] = (gf_drawn_box){b->box.x,
                                b->box.y,
                                b->box.x + b->box.w,
                                b->box.y + b->box.h,
                                label[k],
                                gf_class_color((int32_t)b->class_id)};
    }
    if (status == GRAFT_OK) status = gf_draw_boxes(shown->rgb, shown->w, shown->h, box, i->n, err);
    gf_free(box);
    gf_free(label);
    return status;
}

static graft_status write_drawn(const drawing *d, size_t image, const gf_image *shown, graft_error *err)
{
    const int quality = 92;
    uint8_t *jpeg = NULL;
    size_t bytes = 0;
    GF_TRY(gf_jpeg_encode(shown->rgb, shown->w, shown->h, quality, &jpeg, &bytes, err));
    const char *name = d->name.item[image];
    char *to = gf_sprintf("%s/%.*s.jpg", d->folder, (int)gf_stem_length(name), name);
    graft_status status =
        to ? gf_file_write(to, &(gf_bytes){jpeg, bytes}, 1, err) : gf_fail_memory(err, strlen(name), "a file name");
    gf_free(to);
    gf_free(jpeg);
    return status;
}

/* On a worker, whose stack is deep enough for drawing libraries. */
static graft_status draw_one(void *ctx, size_t image, int worker, graft_error *err)
{
    const drawing *d = ctx;
    const gf_image_list *list = d->f->list;
    gf_buffer *file = &list->buffer[worker];
    gf_image shown = {0};
    uint32_t number = d->f->number[image];
    GF_TRY(gf_sample_read(list->index, number, file, err));
    GF_TRY(gf_image_decode(file->data, file->n, gf_index_path(list->index, number), &list->options.image, &shown, NULL,
                           err));
    graft_status status = draw_found(d->f, image, &shown, err);
    if (status == GRAFT_OK) status = write_drawn(d, image, &shown, err);
    gf_image_free(&shown);
    return status;
}

static graft_status draw_all(const gf_found_boxes *f, const char *folder, graft_error *err)
{
    drawing d = {.f = f, .folder = folder};
    graft_status status = gf_flat_names(&d.name, &f->set, NULL, err);
    if (status == GRAFT_OK) status = gf_pool_run_watched(f->m->context->pool, f->set.images, draw_one, &d, err);
    gf_names_free(&d.name);
    return status;
}

/* ---- */

graft_status gf_found_boxes_write(const gf_found_boxes *f, graft_error *err)
{
    const char *drawn = asked(f->m, GF_SET_PREDICT_DRAW), *format = asked(f->m, GF_SET_PREDICT_SAVE);
    const gf_annotation_format *to;
    if (drawn) GF_TRY(draw_all(f, drawn, err));
    if (!format) return GRAFT_OK;
    GF_TRY(gf_annotation_format_parse(&to, format, err));
    return gf_annotations_write(&f->set, to, asked(f->m, GF_SET_PREDICT_SAVE_TO), true, err);
}
