/* models.c - graft models: the architectures there are. */
#include "verbs.h"

static const option options[] = {
    HEADING("Output"),
    {"time", OPTION_SET, PLACE(time), NULL, NO_RANGE, NULL,
     "measure the milliseconds a picture takes on this machine, too (a minute or two)"},
    OPTION_GENERAL_ROWS("of the weights that are timed"),
};

static graft_status run(session *self, graft_error *err)
{
    graft_result *result = NULL;
    graft_status status = graft_models(self->context, self->settings->time, &result, err);
    if (!status) status = session_print(self, result, err);
    graft_result_free(result);
    return status;
}

const verb verb_models = {
    .name = "models",
    .arguments = "",
    .least = 0,
    .most = 0,
    .summary = "list the architectures",
    .about =
        "Lists every architecture with its parameters (without and with the classifier for 1000 classes), the work a "
        "picture takes, the size it was trained on, its preprocessing and when to choose it. With --time also how long "
        "a picture takes here.",
    .examples = "graft models\n"
                "graft models --time --json",
    OPTIONS(options),
    .run = run,
};
