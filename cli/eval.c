/* eval.c - graft eval RUN DATA: metrics and confusion matrix on labelled images. */
#include "errors.h"
#include "verbs.h"

#include <graft/boxes.h>

static const option options[] = {
    HEADING("Data"),
    {"split", OPTION_NAME, PLACE(part), "PART", NO_RANGE, "train|validation|test",
     "only this part of the data (otherwise all)"},
    SETTING("loss", "train.loss"),
    SETTING("metrics", "train.metrics"),
    SETTING("intervals", "eval.intervals"),
    SETTING("csv", "eval.csv"),
    SETTING("confusion-csv", "eval.confusion_csv"),
    SETTING("reliability", "eval.reliability"),
    SETTING("grid", "eval.grid"),
    SETTING("out", "eval.grid_file"),
    SETTING("unknown", "predict.unknown"),
    SETTING("tta", "predict.tta"),
    SETTING("calibration", "model.calibration"),
    {"bad-images", OPTION_INDEX, PLACE(data.skip_bad), "POLICY", NO_RANGE, "refuse|skip",
     "whether images that cannot be read are an error or are left out"},
    SETTING("max-bad", "data.max_bad"),
    SETTING("allow-truncated", "data.allow_truncated"),
    OPTION_FINDING_ROWS,

    HEADING("Detections of any tool (instead of RUN and DATA)"),
    {"truth", OPTION_FILE, PLACE(truth), "FILE", NO_RANGE, NULL, "labelled boxes, as COCO's JSON has them"},
    {"results", OPTION_FILE, PLACE(results), "FILE", NO_RANGE, NULL,
     "detections, as COCO's results are: [{image_id, category_id, bbox, score}, ..]"},
    SETTING("nms", "eval.nms"),
    SETTING("measure", "eval.measure"),

    OPTION_FOREIGN_ROWS,
    OPTION_GENERAL_ROWS("has no effect here: nothing is random"),
};

/* graft_evaluate takes no data options but those by name. */
static graft_status check(const verb *v, settings *s, graft_error *err)
{
    (void)v;
    if (s->truth || s->results) {
        if (!s->truth || !s->results) return fail(err, E_USAGE, NULL, "--truth and --results go together");
        if (s->n_arguments)
            return fail(err, E_USAGE, NULL, "with --truth and --results graft eval takes no RUN and no DATA");
        return GRAFT_OK;
    }
    if (s->n_arguments < 2) return fail(err, E_USAGE, NULL, "graft eval needs RUN and DATA, or --truth and --results");
    return s->data.skip_bad ? graft_settings_set(s->by_name, "data.skip_bad", "1", err) : GRAFT_OK;
}

static graft_status run_detections(session *self, graft_error *err)
{
    const settings *s = self->settings;
    graft_result *result = NULL;
    graft_status status = graft_evaluate_detections(self->context, s->truth, s->results, &result, err);
    if (!status) status = session_print(self, result, err);
    graft_result_free(result);
    return status;
}

static graft_status run(session *self, graft_error *err)
{
    const settings *s = self->settings;
    if (s->truth) return run_detections(self, err);
    graft_model *model = NULL;
    graft_result *result = NULL;
    graft_status status = session_open_classifier(self, s->arguments[0], &model, err);
    if (!status) status = graft_evaluate(model, s->arguments[1], s->part, &result, err);
    if (!status) status = session_print(self, result, err);
    graft_result_free(result);
    graft_model_free(model);
    return status;
}

const verb verb_eval = {
    .name = "eval",
    .arguments = "RUN|MODEL DATA",
    .least = 0,
    .most = 2,
    .summary = "measure a run on labelled images",
    .about =
        "Tells the loss, the accuracy, what --metrics asks for and the confusion matrix (rows: true class) of a run's "
        "best model on labelled images. RUN is a run folder or a model.safetensors, MODEL as for `graft predict`; DATA "
        "as for `graft train`.\n\nWith --truth and --results it judges detections of any tool instead: COCO's twelve "
        "numbers, as pycocotools has them, and each category's AP; with --measure the VOC challenge's AP.",
    .examples = "graft eval runs/pets pets --split validation\n"
                "graft eval runs/pets other_pets --json\n"
                "graft eval --truth labels.json --results detections.json",
    OPTIONS(options),
    .check = check,
    .run = run,
};
