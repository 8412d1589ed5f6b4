/* eval.c - graft eval RUN DATA: metrics and confusion matrix on labelled images. */
#include "verbs.h"

static const option options[] = {
    HEADING("Data"),
    {"split", OPTION_NAME, PLACE(part), "PART", NO_RANGE, "train|validation|test",
     "only this part of the data (otherwise all)"},
    SETTING("metrics", "train.metrics"),
    {"bad-images", OPTION_INDEX, PLACE(data.skip_bad), "POLICY", NO_RANGE, "refuse|skip",
     "whether images that cannot be read are an error or are left out"},
    SETTING("max-bad", "data.max_bad"),
    SETTING("allow-truncated", "data.allow_truncated"),
    OPTION_FINDING_ROWS,

    OPTION_FOREIGN_ROWS,
    OPTION_GENERAL_ROWS("has no effect here: nothing is random"),
};

/* graft_evaluate takes no data options but those by name. */
static graft_status check(const verb *v, settings *s, graft_error *err)
{
    (void)v;
    return s->data.skip_bad ? graft_settings_set(s->by_name, "data.skip_bad", "1", err) : GRAFT_OK;
}

static graft_status run(session *self, graft_error *err)
{
    const settings *s = self->settings;
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
    .least = 2,
    .most = 2,
    .summary = "measure a run on labelled images",
    .about =
        "Tells the loss, the accuracy, what --metrics asks for and the confusion matrix (rows: true class) of a run's best model on labelled "
        "images. RUN is a run folder or a model.safetensors, MODEL as for `graft predict`; DATA as for `graft "
        "train`.",
    .examples = "graft eval runs/pets pets --split validation\n"
                "graft eval runs/pets other_pets --json",
    OPTIONS(options),
    .check = check,
    .run = run,
};
