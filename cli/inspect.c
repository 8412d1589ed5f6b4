/* inspect.c - graft inspect DATA: what is in a data set, and what is wrong with it. */
#include "errors.h"
#include "verbs.h"

#include <inttypes.h>

static const option options[] = {
    HEADING("Data"),
    OPTION_SHARING_ROWS,
    {"allow-empty-class", OPTION_SET, PLACE(data.allow_empty_class), NULL, NO_RANGE, NULL,
     "take a class folder without images"},
    SETTING("allow-truncated", "data.allow_truncated"),
    SETTING("no-exif", "data.ignore_exif"),
    OPTION_FINDING_ROWS,

    HEADING("Texts"),
    SETTING("text-column", "data.text_column"),
    SETTING("encoding", "data.encoding"),
    SETTING("weights", "data.tokenizer"),
    SETTING("segment", "data.segment"),
    OPTION_GENERAL_ROWS("of the splits"),
};

static graft_status run(session *self, graft_error *err)
{
    enum { E_BAD_IMAGES = 1120, E_LABELS = 1130, E_TEXT_ROWS = 1303 };
    settings *s = self->settings;
    graft_result *result = NULL;
    int64_t bad = 0;
    graft_status status = graft_inspect(self->context, s->arguments[0], &s->data, &result, &bad, err);
    if (!status) status = session_print(self, result, err);
    bool texts = result && graft_result_number(result, "conflicts") >= 0;
    bool boxes = result && graft_result_number(result, "problems") >= 0;
    graft_result_free(result);
    if (status || bad == 0) return status;
    if (boxes) {
        fail(err, E_LABELS, NULL, "%" PRId64 " thing%s in the labels cannot be right", bad, bad == 1 ? "" : "s");
        return err->status = GRAFT_DATA;
    }
    if (texts) {
        fail(err, E_TEXT_ROWS, NULL, "%" PRId64 " row%s cannot be used", bad, bad == 1 ? "" : "s");
        return err->status = GRAFT_DATA;
    }
    fail(err, E_BAD_IMAGES, "`graft train --bad-images skip` leaves them out", "%" PRId64 " image%s cannot be used",
         bad, bad == 1 ? "" : "s");
    return err->status = GRAFT_DATA;
}

const verb verb_inspect = {
    .name = "inspect",
    .arguments = "DATA",
    .least = 1,
    .most = 1,
    .summary = "check a data set: counts, sizes, bad files, duplicates",
    .about =
        "Decodes every image once and reports classes, counts, sizes, files that are no images, bad images and "
        "duplicates. Ends with exit code 3 if there are bad images. DATA as for `graft train`. Of texts "
        "(.tsv, .csv, .jsonl, fastText's lines, a folder of train.tsv, dev.tsv .., or of classes of .txt files) it "
        "tells encoding, columns, classes, equal texts, and with --weights their lengths in pieces. Of labelled "
        "boxes (VOC XML, COCO JSON, YOLO text, CreateML JSON, CSV) it tells classes, sizes of boxes, and all that "
        "cannot be right.",
    .examples = "graft inspect pets\n"
                "graft inspect pets --json > pets.json\n"
                "graft inspect reviews.tsv --weights bert-base-chinese",
    OPTIONS(options),
    .run = run,
};
