/* models.c - graft models: the architectures there are. */
#include "verbs.h"

static const option options[] = {
    HEADING("Output"),
    {"time", OPTION_SET, PLACE(time), NULL, NO_RANGE, NULL,
     "measure now the milliseconds an image takes on this machine, and remember them (all: some minutes)"},
    OPTION_GENERAL_ROWS("of the weights that are timed"),
};

static graft_status run(session *self, graft_error *err)
{
    const settings *s = self->settings;
    graft_result *result = NULL;
    graft_status status = graft_models(self->context, s->arguments, s->n_arguments, s->time, &result, err);
    if (!status) status = session_print(self, result, err);
    graft_result_free(result);
    return status;
}

const verb verb_models = {
    .name = "models",
    .arguments = "[NAME...]",
    .least = 0,
    .most = -1,
    .summary = "list the architectures",
    .about =
        "Lists every architecture, or those named, with its parameters (without and with the classifier for 1000 "
        "classes), the size of the images it was trained on, the work that one takes (GFLOP: a multiply-add is two "
        "operations; without the classifier), the milliseconds it takes on this machine, its preprocessing and when "
        "to choose it. Milliseconds are measured by --time, with that --threads, and told from then on.",
    .examples = "graft models\n"
                "graft models --time\n"
                "graft models mobilenet_v2 resnet50 --time --json",
    OPTIONS(options),
    .run = run,
};
