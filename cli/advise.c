/* advise.c - graft advise DATA: what to train of a network on these images. */
#include "errors.h"
#include "verbs.h"

#include <stdio.h>

static const option options[] = {
    HEADING("Model"),
    OPTION_MODEL_ROWS,
    OPTION_SIZE_ROW,

    HEADING("Advice"),
    SETTING("dataset-size", "advise.dataset_size"),
    SETTING("similarity", "advise.similarity"),
    {"apply", OPTION_SET, PLACE(apply), NULL, NO_RANGE, NULL, "train as advised, into --out"},
    {"out", OPTION_FOLDER, PLACE(train.out), "DIR", NO_RANGE, NULL, "with --apply: the run folder to write"},
    {"force", OPTION_SET, PLACE(force), NULL, NO_RANGE, NULL, "with --apply: overwrite the run that is there"},

    HEADING("Data"),
    {"split", OPTION_SPLIT, PLACE(data.split), "T,V[,S]", NO_RANGE, NULL,
     "shares of training, validation and test of a folder without such parts"},
    OPTION_FINDING_ROWS,
    OPTION_GENERAL_ROWS("seed of the head, the splits, shuffling and random changes"),
};

static graft_status check(const verb *v, settings *s, graft_error *err)
{
    bool asked = options_given(v, s, "dataset-size") && options_given(v, s, "similarity");
    if (!s->n_arguments && (!asked || s->apply))
        return fail(err, E_USAGE, "or give --dataset-size and --similarity", "graft advise needs DATA");
    if (s->apply && !s->train.out)
        return fail(err, E_USAGE, "as in --out runs/first", "--apply needs --out DIR, the run folder to write");
    if (!s->apply && (s->train.out || s->force))
        return fail(err, E_USAGE, "leave it out", "--out and --force belong to --apply");
    return GRAFT_OK;
}

/* As the advice says. */
static graft_status apply(session *self, graft_data *data, const graft_result *advice, graft_error *err)
{
    settings *s = self->settings;
    graft_model *model = NULL;
    graft_result *result = NULL;
    int last = (int)graft_result_number(advice, "fine_tune_last");
    graft_status status = graft_settings_set(s->by_name, "train.probe", "1", err);
    if (!status && last > 0) {
        status = graft_settings_set(s->by_name, "train.hooks", "early-stopping:patience=3", err);
        s->model.fine_tune_last = last;
        s->train.fine_tune_lr = graft_result_number(advice, "fine_tune_lr");
        if (graft_result_number(advice, "more_changes") > 0) s->train.augment = "medium";
    } else {
        s->train.fine_tune_epochs = 0;
    }
    if (!status) status = graft_context_settings(self->context, s->by_name, err);
    if (!status) status = graft_model_open(self->context, &s->model, &model, err);
    if (!status) status = graft_train(model, data, &s->train, &result, err);
    if (!status) status = session_print(self, result, err);
    graft_result_free(result);
    graft_model_free(model);
    return status;
}

static graft_status run(session *self, graft_error *err)
{
    settings *s = self->settings;
    graft_model *model = NULL;
    graft_data *data = NULL;
    graft_result *advice = NULL;
    graft_status status = GRAFT_OK;
    if (s->n_arguments) {
        status = graft_model_open(self->context, &s->model, &model, err);
        if (!status) graft_model_size(model, &s->data.width, &s->data.height);
        if (!status) status = graft_data_open(self->context, s->arguments[0], &s->data, &data, err);
    }
    if (!status) status = graft_advise(self->context, model, data, &advice, err);
    if (!status && !(s->apply && s->json)) status = session_print(self, advice, err);
    graft_model_free(model);
    if (!status && s->apply) status = apply(self, data, advice, err);
    graft_result_free(advice);
    graft_data_free(data);
    return status;
}

const verb verb_advise = {
    .name = "advise",
    .arguments = "[DATA]",
    .least = 0,
    .most = 1,
    .summary = "what to train of a network on a folder of images",
    .about = "Counts the training images, measures how much they are like those that the network was trained on (by "
             "what its "
             "batch normalization knows of them), and says how many layers to fine-tune, with what options, and why. "
             "--apply "
             "trains so. Without DATA, --dataset-size and --similarity ask the table alone.",
    .examples = "graft advise pets --weights imagenet\n"
                "graft advise pets --weights imagenet --apply --out runs/pets\n"
                "graft advise --dataset-size 5000 --similarity low",
    OPTIONS(options),
    .log_epochs = true,
    .check = check,
    .run = run,
};
