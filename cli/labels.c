/* labels.c - graft labels DATA OUT: labelled boxes from one format into another. */
#include "errors.h"
#include "verbs.h"

#include <graft/boxes.h>

static const option options[] = {
    HEADING("Boxes"),
    {"bad-images", OPTION_INDEX, PLACE(data.skip_bad), "POLICY", NO_RANGE, "refuse|skip",
     "whether labels without an image, and images that cannot be read, are an error or are left out"},
    SETTING("no-exif", "data.ignore_exif"),

    HEADING("Output"),
    {"to", OPTION_NAME, PLACE(to), "FORMAT", NO_RANGE, "voc|coco|yolo|createml|csv", "the format to write (needed)"},
    OPTION_GENERAL_ROWS("has no effect here: nothing is random"),
};

static graft_status check(const verb *v, settings *s, graft_error *err)
{
    (void)v;
    if (!s->to) return fail(err, E_USAGE, "as in graft labels data/ --to yolo OUT/", "graft labels needs --to FORMAT");
    return s->data.skip_bad ? graft_settings_set(s->by_name, "data.skip_bad", "1", err) : GRAFT_OK;
}

static graft_status run(session *self, graft_error *err)
{
    const settings *s = self->settings;
    graft_result *result = NULL;
    graft_status status = graft_convert_labels(self->context, s->arguments[0], s->to, s->arguments[1], &result, err);
    if (!status) status = session_print(self, result, err);
    graft_result_free(result);
    return status;
}

const verb verb_labels = {
    .name = "labels",
    .arguments = "DATA OUT",
    .least = 2,
    .most = 2,
    .summary = "convert labelled boxes to another format",
    .about =
        "Reads labelled boxes of a folder of images (VOC XML, COCO JSON, YOLO text with data.yaml, CreateML JSON or "
        "CSV, "
        "found by themselves; or one file of labels beside the images), checks them as `graft inspect` does, and "
        "writes them with copies of the images into the new folder OUT. Nothing is written where a label cannot be "
        "right; all that is wrong is told at once.",
    .examples = "graft labels raccoon/ raccoon-yolo/ --to yolo\n"
                "graft labels bccd/annotations/train.json bccd-voc/ --to voc --labels-only",
    OPTIONS(options),
    .check = check,
    .run = run,
};
