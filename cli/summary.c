/* summary.c - graft summary MODEL: the layer table and the counts of parameters. */
#include "errors.h"
#include "verbs.h"

#include <string.h>

static const option options[] = {
    HEADING("Model"),
    OPTION_WEIGHTS_ROWS,
    OPTION_SIZE_ROW,
    OPTION_HEAD_ROWS,
    {"classes", OPTION_INT, PLACE(model.classes), "N", FROM_TO(2, 1000000), NULL,
     "outputs of the head (default: 2, which share one logit)"},
    OPTION_BOUNDARY_ROWS,

    HEADING("Output"),
    SETTING("variables", "summary.variables"),
    SETTING("values", "summary.values"),

    OPTION_GENERAL_ROWS("of the head's initial values"),
};

static graft_status check(const verb *v, settings *s, graft_error *err)
{
    if (options_given(v, s, "fine-tune-at") && options_given(v, s, "fine-tune-last"))
        return fail(err, E_USAGE, NULL,
                    "--fine-tune-at and --fine-tune-last both say where fine-tuning begins: give one");
    bool keeps = s->keep_top || !strcmp(s->model.head, "keep");
    if (!options_given(v, s, "classes") && !keeps) s->model.classes = 2;
    return GRAFT_OK;
}

static graft_status run(session *self, graft_error *err)
{
    graft_model *model = NULL;
    graft_result *result = NULL;
    graft_status status = session_open_model(self, self->settings->arguments[0], &model, err);
    if (!status) status = graft_summary(model, &result, err);
    if (!status) status = session_print(self, result, err);
    graft_result_free(result);
    graft_model_free(model);
    return status;
}

const verb verb_summary = {
    .name = "summary",
    .arguments = "MODEL",
    .least = 1,
    .most = 1,
    .summary = "the layers and parameters of a model",
    .about =
        "Prints the layer table (layer, output shape, parameters, trainable) and the counts. MODEL is the name of an "
        "architecture, such as mobilenet_v2, or a run folder or model file. With --fine-tune-at or --fine-tune-last, "
        "trainable is told for fine-tuning, else for feature extraction.",
    .examples = "graft summary mobilenet_v2 --size 160 --classes 2 --fine-tune-at 100\n"
                "graft summary runs/pets --variables --values\n"
                "graft summary runs/pets --json",
    OPTIONS(options),
    .check = check,
    .run = run,
};
