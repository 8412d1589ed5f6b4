/* inspect_boxes.c - labelled boxes: what inspect says of them, and their conversion. */
#include "api/internal.h"

#include "annotations/dataset.h"
#include "annotations/format.h"
#include "annotations/statistics.h"

#include <graft/boxes.h>
#include <string.h>

bool gf_api_is_boxes(const graft_context *context, const char *path)
{
    return gf_settings_given(context->settings, GF_SET_DATA_LABEL_FORMAT) || gf_annotations_are(path);
}

bool gf_api_task_detects(const gf_settings *s)
{
    const gf_task_class *c = gf_task_find(gf_settings_text(s, GF_SET_TRAIN_TASK));
    return c && c->keep;
}

bool gf_api_detects(const graft_context *context) { return gf_api_task_detects(context->settings); }

static graft_status take_options(const gf_settings *s, gf_annotation_options *o, graft_error *err)
{
    const char *format = gf_settings_text(s, GF_SET_DATA_LABEL_FORMAT);
    *o = (gf_annotation_options){
        .voc_pixels = (gf_voc_pixels)gf_settings_choice(s, GF_SET_DATA_VOC_PIXELS),
        .background = gf_settings_choice(s, GF_SET_DATA_UNLABELLED) == 1,
        .skip_bad = gf_settings_flag(s, GF_SET_DATA_SKIP_BAD),
        .scale = gf_settings_flag(s, GF_SET_DATA_LABELS_SCALE),
        .ignore_exif = gf_settings_flag(s, GF_SET_DATA_IGNORE_EXIF),
        .rename = gf_settings_text(s, GF_SET_DATA_RENAME),
    };
    return format ? gf_annotation_format_parse(&o->format, format, err) : GRAFT_OK;
}

static graft_status read_boxes(graft_context *context, const char *path, gf_annotations *a, graft_error *err)
{
    gf_annotation_options o;
    GF_TRY(take_options(context->settings, &o, err));
    gf_api_begin(context, GRAFT_STAGE_CHECK);
    return gf_api_end(gf_annotations_read(a, path, &o, context->pool, err), err);
}

static graft_status report(const gf_annotations *a, graft_result **out, graft_error *err)
{
    gf_json *document;
    char *text;
    GF_TRY(gf_annotations_report(a, &document, &text, err));
    return gf_result_create(out, document, text, err);
}

graft_status gf_api_inspect_boxes(graft_context *context, const char *path, graft_result **out, int64_t *bad,
                                  graft_error *err)
{
    gf_annotations a;
    GF_TRY(read_boxes(context, path, &a, err));
    if (bad) *bad = (int64_t)a.problems;
    graft_status status = report(&a, out, err);
    gf_annotations_free(&a);
    return status;
}

graft_status gf_api_open_boxes(graft_data *d, const gf_data_options *o, graft_error *err)
{
    gf_annotation_options labels;
    GF_TRY(take_options(d->settings, &labels, err));
    labels.skip_bad = labels.skip_bad || o->bad_images == GF_BAD_SKIP;
    labels.ignore_exif = o->image.ignore_exif;
    labels.log = o->log;
    return gf_boxes_open(&d->data, d->path, &labels, o, d->context->pool, err);
}

graft_status graft_convert_labels(graft_context *context, const char *path, const char *format, const char *folder,
                                  graft_result **out, graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(context, "context");
    GF_NEEDS(path, "path");
    GF_NEEDS(format, "format");
    GF_NEEDS(folder, "folder");
    const gf_annotation_format *to;
    gf_annotations a;
    GF_TRY(gf_annotation_format_parse(&to, format, err));
    GF_TRY(read_boxes(context, path, &a, err));
    graft_status status = gf_annotations_refuse(&a, err);
    if (status == GRAFT_OK)
        status = gf_annotations_write(&a, to, folder, gf_settings_flag(context->settings, GF_SET_LABELS_ONLY), err);
    if (status == GRAFT_OK) status = report(&a, out, err);
    gf_annotations_free(&a);
    return status;
}
