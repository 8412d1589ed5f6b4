/* clean.c - graft clean DATA: labels and copies that deserve a look. */
#include "errors.h"
#include "verbs.h"

static const option options[] = {
    HEADING("Model"),
    OPTION_MODEL_ROWS,
    OPTION_SIZE_ROW,

    HEADING("Data"),
    OPTION_FINDING_ROWS,
    OPTION_GEOMETRY_ROWS,

    HEADING("Output"),
    SETTING("most", "clean.most"),
    SETTING("out", "clean.plot"),

    OPTION_GENERAL_ROWS("has no effect here: nothing is random"),
};

static graft_status run(session *self, graft_error *err)
{
    settings *s = self->settings;
    graft_model *model = NULL;
    graft_result *result = NULL;
    graft_status status = graft_model_open(self->context, &s->model, &model, err);
    if (!status) status = graft_clean(model, s->arguments[0], &result, err);
    if (!status) status = session_print(self, result, err);
    graft_result_free(result);
    graft_model_free(model);
    return status;
}

const verb verb_clean = {
    .name = "clean",
    .arguments = "DATA",
    .least = 1,
    .most = 1,
    .summary = "list labels that are probably wrong, and near copies; changes nothing",
    .about =
        "Computes the backbone's features of all images, fits a linear head five times, each time without a fifth of "
        "the images, and lets it judge that fifth: where it is surer of another class than images of that class "
        "usually are, the label is suspect (confident learning). Images that are the same but for size, quality or a "
        "mirror are found by their perceptual hashes and confirmed by their features. DATA as for `graft train`.",
    .examples = "graft clean pets --weights imagenet --out suspects.png\n"
                "graft clean pets --weights mobilenet_v2.h5 --most 50 --json",
    OPTIONS(options),
    .run = run,
};
