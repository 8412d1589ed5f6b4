/* compare.c - graft compare RUN RUN...: whether runs differ by more than chance. */
#include "errors.h"
#include "verbs.h"

static const option options[] = {
    HEADING("Data"),
    {"data", OPTION_FILE, PLACE(data_path), "DATA", NO_RANGE, NULL,
     "labelled images to compare on, as for `graft eval` (otherwise what all runs held out)"},
    {"split", OPTION_NAME, PLACE(part), "PART", NO_RANGE, "train|validation|test",
     "only this part of the data (otherwise test, or validation where there is none; with --data all)"},

    HEADING("Output"),
    SETTING("out", "compare.plot"),
    SETTING("calibration", "model.calibration"),

    OPTION_GENERAL_ROWS("has no effect here: nothing is random"),
};

static graft_status run(session *self, graft_error *err)
{
    const settings *s = self->settings;
    graft_result *result = NULL;
    graft_status status =
        graft_compare(self->context, s->arguments, s->n_arguments, s->data_path, s->part, &result, err);
    if (!status) status = session_print(self, result, err);
    graft_result_free(result);
    return status;
}

const verb verb_compare = {
    .name = "compare",
    .arguments = "RUN RUN...",
    .least = 2,
    .most = 20,
    .summary = "whether runs differ by more than chance",
    .about = "Evaluates all runs on the same images and tells, of each, accuracy with its 95 % interval, loss and "
             "calibration error, and of each against the first whether they differ: the difference with its interval "
             "(2000 resamples of the images), how many images only one of both has right, and how likely that is by "
             "chance (McNemar's exact test, corrected for the number of runs as Holm does). \"No difference shown\" is "
             "a result.\n\nWithout --data the runs must have had the same images, shared out in the same way.",
    .examples = "graft compare runs/a runs/b\n"
                "graft compare runs/a runs/b runs/c --data new_pets --out compared.png",
    OPTIONS(options),
    .run = run,
};
