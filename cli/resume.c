/* resume.c - graft resume RUN: goes on with a run that was stopped. */
#include "verbs.h"

static const option options[] = {
    HEADING("Data"),
    {"data", OPTION_FOLDER, PLACE(data_path), "DATA", NO_RANGE, NULL, "where the data are now, if they were moved"},

    HEADING("More epochs"),
    SETTING("epochs", "train.epochs"),
    SETTING("fine-tune-epochs", "train.fine_tune_epochs"),
    OPTION_GENERAL_ROWS("has no effect here: a run keeps its seed"),
};

static graft_status run(session *self, graft_error *err)
{
    const settings *s = self->settings;
    graft_result *result = NULL;
    graft_status status = graft_resume(self->context, s->arguments[0], s->data_path, &result, err);
    if (!status) status = session_print(self, result, err);
    graft_result_free(result);
    return status;
}

const verb verb_resume = {
    .name = "resume",
    .arguments = "RUN",
    .least = 1,
    .most = 1,
    .summary = "go on with a run that was stopped",
    .about =
        "Takes the newest whole checkpoint of the run folder and trains on to the end, with the same result to the bit "
        "as if the run had never been stopped; the number of threads may differ. A run that had ended is reported "
        "again, and what is missing of it or damaged is made again.\n"
        "With --epochs or --fine-tune-epochs it goes on to that many, with the same result to the bit as if they had "
        "been "
        "asked for at the start. Once fine-tuning has begun only its epochs can grow.",
    .examples = "graft resume runs/pets\n"
                "graft resume runs/pets --fine-tune-epochs 20\n"
                "graft resume runs/pets --data /mnt/pets --threads 4",
    OPTIONS(options),
    .log_epochs = true,
    .run = run,
};
