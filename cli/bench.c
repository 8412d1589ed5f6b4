/* bench.c - graft bench: how fast the steps of training are on this machine. */
#include "errors.h"
#include "verbs.h"

static const option options[] = {
    HEADING("Model"),
    OPTION_MODEL_ROWS,
    OPTION_SIZE_ROW,
    OPTION_HEAD_ROWS,
    OPTION_PRECISION_ROW,
    OPTION_BOUNDARY_ROWS,

    HEADING("Steps"),
    OPTION_BATCH_ROW,
    {"steps", OPTION_INT, PLACE(bench.steps), "N", FROM_TO(1, 100000), NULL, "timed steps of each kind"},
    SETTING("augment", "bench.augment"),
    OPTION_GENERAL_ROWS("of weights and images"),
};

static graft_status check(const verb *v, settings *s, graft_error *err)
{
    bool at = options_given(v, s, "fine-tune-at"), last = options_given(v, s, "fine-tune-last");
    if (at && last)
        return fail(err, E_USAGE, NULL,
                    "--fine-tune-at and --fine-tune-last both say where fine-tuning begins: give one");
    s->bench.batch = s->train.batch;
    return GRAFT_OK;
}

static graft_status run(session *self, graft_error *err)
{
    settings *s = self->settings;
    graft_model *model = NULL;
    graft_result *result = NULL;
    graft_status status = graft_model_open(self->context, &s->model, &model, err);
    if (!status) status = graft_bench(model, &s->bench, &result, err);
    if (!status) status = session_print(self, result, err);
    graft_result_free(result);
    graft_model_free(model);
    return status;
}

const verb verb_bench = {
    .name = "bench",
    .arguments = "",
    .least = 0,
    .most = 0,
    .summary = "time training steps on this machine",
    .about =
        "Times steps of feature extraction and, with --fine-tune-at or --fine-tune-last, of fine-tuning on a synthetic "
        "batch, and a matrix product to compare them with.",
    .examples = "graft bench --size 160 --batch 32 --fine-tune-at 100 --threads 2\n"
                "graft bench --precision f32 --json",
    OPTIONS(options),
    .check = check,
    .run = run,
};
