/* train.c - graft train DATA: feature extraction, then fine-tuning, into a run folder. */
#include "errors.h"
#include "output.h"
#include "recipe.h"
#include "text.h"
#include "verbs.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const option options[] = {
    HEADING("Recipe"),
    {"recipe", OPTION_FILE, PLACE(recipe), "FILE", NO_RANGE, NULL,
     "options from a file, YAML or JSON, where the command line does not give them; --save-recipe writes one"},
    {"save-recipe", OPTION_FILE, PLACE(save_recipe), "FILE", NO_RANGE, NULL,
     "write all options of this run there: JSON where its name ends in .json, else YAML"},

    HEADING("Model"),
    OPTION_MODEL_ROWS,
    {"from", OPTION_FOLDER, PLACE(from), "RUN", NO_RANGE, NULL, "the same as --model RUN: begin with a run's model"},
    OPTION_SIZE_ROW,
    OPTION_HEAD_ROWS,
    {"dropout", OPTION_NUMBER, PLACE(model.dropout), "SHARE", FROM_BELOW(0, 1), NULL, "dropout before the head"},
    OPTION_PRECISION_ROW,

    HEADING("Training"),
    {"epochs", OPTION_INT, PLACE(train.epochs), "N", FROM_TO(0, 100000), NULL,
     "epochs of feature extraction: the head alone is trained"},
    OPTION_BATCH_ROW,
    {"lr", OPTION_NUMBER, PLACE(train.lr), "RATE", FROM_TO(1e-12, 100), NULL, "learning rate of feature extraction"},
    SETTING("schedule", "train.schedule"),
    SETTING("optimizer", "train.optimizer"),
    OPTION_BOUNDARY_ROWS,
    {"fine-tune-epochs", OPTION_INT, PLACE(train.fine_tune_epochs), "N", FROM_TO(0, 100000), NULL,
     "epochs of fine-tuning, after the others; none without --fine-tune-at or --fine-tune-last"},
    {"fine-tune-lr", OPTION_NUMBER, PLACE(train.fine_tune_lr), "RATE", FROM_TO(1e-12, 100), NULL,
     "learning rate of fine-tuning (default: a tenth of --lr)"},
    SETTING("fine-tune-schedule", "train.fine_tune_schedule"),
    SETTING("fine-tune-optimizer", "train.fine_tune_optimizer"),
    SETTING("phases", "train.phases"),
    SETTING("hook", "train.hooks"),
    SETTING("augment", "train.augment"),
    SETTING("stored-size", "data.stored_size"),
    SETTING("groups", "train.groups"),
    SETTING("accumulate", "train.accumulate"),
    SETTING("clip-norm", "train.clip_norm"),
    SETTING("clip-tensor-norm", "train.clip_tensor_norm"),
    SETTING("clip-value", "train.clip_value"),
    SETTING("batch-norm", "train.batch_norm"),
    SETTING("on-nan", "train.on_nan"),
    SETTING("task", "train.task"),
    SETTING("loss", "train.loss"),
    SETTING("class-weight", "train.class_weight"),
    SETTING("metrics", "train.metrics"),

    SETTING("calibration", "model.calibration"),

    HEADING("Data"),
    {"test-from-validation", OPTION_SHARE, PLACE(data.test_from_validation), "SHARE", FROM_BELOW(0, 1), NULL,
     "this share of the validation batches becomes the test set"},
    OPTION_SHARING_ROWS,
    {"bad-images", OPTION_INDEX, PLACE(data.skip_bad), "POLICY", NO_RANGE, "refuse|skip",
     "whether images that cannot be read stop the run or are left out"},
    {"max-bad", OPTION_SHARE, PLACE(data.max_bad), "SHARE", FROM_TO(0, 1), NULL,
     "with --bad-images skip: the most that may be left out, as 0.01 or 1%"},
    {"allow-empty-class", OPTION_SET, PLACE(data.allow_empty_class), NULL, NO_RANGE, NULL,
     "take a class folder without images"},
    OPTION_FINDING_ROWS,
    OPTION_READING_ROWS,
    OPTION_CACHE_ROWS,

    HEADING("Run folder"),
    {"out", OPTION_FOLDER, PLACE(train.out), "DIR", NO_RANGE, NULL, "the run folder to write (needed)"},
    {"force", OPTION_SET, PLACE(force), NULL, NO_RANGE, NULL, "overwrite the run that is there"},
    {"checkpoint-seconds", OPTION_NUMBER, PLACE(train.checkpoint_seconds), "S", FROM_TO(0, 86400), NULL,
     "a checkpoint at least this often, and one an epoch"},
    {"no-report", OPTION_CLEAR, PLACE(train.report), NULL, NO_RANGE, NULL, "write no plots and no report.html"},
    OPTION_GENERAL_ROWS("seed of the head, the splits, shuffling, augmentation and dropout"),
};

/* The real path of what is there of `path`: the longest part of it that exists. */
static bool existing_part(const char *path, char real[PATH_MAX])
{
    char part[PATH_MAX];
    if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part) return false;
    while (!realpath(part, real)) {
        char *slash = strrchr(part, '/');
        if (slash == part) return realpath("/", real) != NULL;
        if (!slash) return realpath(".", real) != NULL;
        *slash = '\0';
    }
    return true;
}

static bool is_inside(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    return !strncmp(path, folder, n) && (path[n] == '/' || path[n] == '\0');
}

/* What the library cannot know, and a folder that cannot be written: found before the images are checked, which can
 * take minutes. */
static graft_status check_out(const settings *s, graft_error *err)
{
    const char *out = s->train.out, *data = s->arguments[0];
    char real_out[PATH_MAX], real_data[PATH_MAX];
    struct stat st;
    if (!existing_part(out, real_out)) return GRAFT_OK;
    if (stat(data, &st) == 0 && S_ISDIR(st.st_mode) && realpath(data, real_data) && is_inside(real_out, real_data))
        return fail(err, E_USAGE, "write the run next to the data, not into it", "--out: %s is in the data folder %s",
                    ESCAPED(out), ESCAPED(data));
    if (access(real_out, W_OK) != 0)
        return fail(err, E_USAGE, NULL, "--out: %s cannot be written: no permission for %s", ESCAPED(out),
                    ESCAPED(real_out));
    return GRAFT_OK;
}

static graft_status check(const verb *v, settings *s, graft_error *err)
{
    if (s->from && options_given(v, s, "model"))
        return fail(err, E_USAGE, NULL, "--from and --model both say what to begin with: give one");
    if (s->from) s->model.model = s->from;
    bool at = options_given(v, s, "fine-tune-at"), last = options_given(v, s, "fine-tune-last");
    bool listed = options_given(v, s, "phases");
    if (at && last)
        return fail(err, E_USAGE, NULL,
                    "--fine-tune-at and --fine-tune-last both say where fine-tuning begins: give one");
    if (!at && !last && !listed) {
        if (options_given(v, s, "fine-tune-epochs") && s->train.fine_tune_epochs > 0)
            return fail(err, E_USAGE, "for MobileNetV2, --fine-tune-at 100 is a good start",
                        "--fine-tune-epochs needs --fine-tune-at or --fine-tune-last");
        s->train.fine_tune_epochs = 0;
    }
    if (!listed && s->train.epochs + s->train.fine_tune_epochs == 0)
        return fail(err, E_USAGE, NULL, "--epochs 0 without fine-tuning epochs leaves nothing to train");
    if (!s->train.out)
        return fail(err, E_USAGE, "as in --out runs/first", "graft train needs --out DIR, the run folder to write");
    if (s->save_recipe && !s->force && access(s->save_recipe, F_OK) == 0)
        return fail(err, E_USAGE, "--force overwrites it", "--save-recipe: %s is there already",
                    ESCAPED(s->save_recipe));
    return check_out(s, err);
}

/* The model first: a bad weight file is told in a moment, the check of the images takes longer. */
static graft_status run(session *self, graft_error *err)
{
    settings *s = self->settings;
    graft_model *model = NULL;
    graft_data *data = NULL;
    graft_result *result = NULL;
    struct stat st;
    if (!s->model.weights && !strchr(s->model.model, '.') && stat(s->model.model, &st) != 0)
        output_message("warning", "no --weights: the backbone starts from random values, nothing is transferred");
    graft_status status = graft_train_check(&s->train, err);
    if (!status) status = graft_model_open(self->context, &s->model, &model, err);
    if (!status) graft_model_size(model, &s->data.width, &s->data.height);
    if (!status) status = graft_data_open(self->context, s->arguments[0], &s->data, &data, err);
    if (!status && s->save_recipe) status = recipe_save(self->verb, s, err);
    if (!status) status = graft_train(model, data, &s->train, &result, err);
    if (!status) status = session_print(self, result, err);
    graft_result_free(result);
    graft_data_free(data);
    graft_model_free(model);
    return status;
}

const verb verb_train = {
    .name = "train",
    .arguments = "DATA",
    .least = 1,
    .most = 1,
    .summary = "fine-tune a pretrained network on images or texts",
    .about =
        "Trains a new head on the frozen backbone (feature extraction), then the last layers of the backbone with it "
        "(fine-tuning), keeps the weights that were best on the validation set, and writes the run folder.\n"
        "DATA is a folder DATA/{train,validation[,test]}/CLASS/pictures, a folder DATA/CLASS/pictures, or a CSV file "
        "with the columns path,label[,split]; of texts a table (.tsv, .csv, .jsonl, fastText's lines), or a folder of "
        "train.tsv, dev.tsv .., with --weights a folder of an encoder of texts; parts and columns may have other usual "
        "names, and what was taken as what "
        "is said. An image or a text may have several labels: red|dress in a table's field, or a column of 0 and 1 for "
        "each; every class then has a probability of its own, and a threshold. A run that was stopped goes on with "
        "`graft resume`.",
    .examples = "graft train pets --weights mobilenet_v2.h5 --fine-tune-at 100 --out runs/pets\n"
                "graft train reviews.tsv --weights all-MiniLM-L6-v2 --lr 1e-3 --out runs/reviews\n"
                "graft train pets --weights mobilenet_v2.h5 --size 224 --epochs 5 --out runs/head --json",
    OPTIONS(options),
    .log_epochs = true,
    .check = check,
    .run = run,
};
