/* features.c - graft features IMAGES: activations of the backbone as a .npy file. */
#include "errors.h"
#include "out_file.h"
#include "output.h"
#include "text.h"
#include "verbs.h"

#include <string.h>
#include <sys/stat.h>

static const option options[] = {
    HEADING("Model"),
    OPTION_MODEL_ROWS,
    OPTION_SIZE_ROW,
    OPTION_HEAD_ROWS,
    OPTION_PRECISION_ROW,
    {"layer", OPTION_TEXT, PLACE(layer), "NAME", NO_RANGE, NULL,
     "the output of this layer, [n, h, w, c], instead of the pooled features"},

    HEADING("Pictures"),
    OPTION_GEOMETRY_ROWS,
    SETTING("max-pixels", "data.max_pixels"),
    SETTING("allow-truncated", "data.allow_truncated"),
    SETTING("follow-links", "data.follow_links"),

    OPTION_TEXT_ROWS,

    HEADING("Output"),
    {"out", OPTION_FILE, PLACE(out), "FILE.npy", NO_RANGE, NULL,
     "the file to write (needed); with --shard or --part a folder"},
    {"force", OPTION_SET, PLACE(force), NULL, NO_RANGE, NULL, "overwrite the file that is there"},
    OPTION_GENERAL_ROWS("of random weights, where none are given"),
};

static graft_status check(const verb *v, settings *s, graft_error *err)
{
    struct stat st;
    if (!options_given(v, s, "shard") && !options_given(v, s, "part"))
        return out_file_check(v->name, "features.npy", s, err);
    if (!s->out) return fail(err, E_USAGE, "as in --out feats", "graft %s needs --out FOLDER for shards", v->name);
    if (s->force)
        return fail(err, E_USAGE, "name another folder", "--force: shards that are there are never written again");
    if (stat(s->out, &st) || S_ISDIR(st.st_mode)) return GRAFT_OK;
    return fail(err, E_USAGE, NULL, "--out: %s is a file, wanted is a folder for the shards", ESCAPED(s->out));
}

static graft_status run(session *self, graft_error *err)
{
    settings *s = self->settings;
    graft_model *model = NULL;
    graft_result *result = NULL;
    struct stat st;
    if (!s->model.weights && !strchr(s->model.model, '.') && stat(s->model.model, &st) != 0)
        output_message("warning", "no --weights: the features are those of random weights");
    graft_status status = graft_model_open(self->context, &s->model, &model, err);
    if (!status) status = graft_features(model, s->arguments, s->n_arguments, s->layer, s->out, &result, err);
    if (!status) status = session_print(self, result, err);
    graft_result_free(result);
    graft_model_free(model);
    return status;
}

const verb verb_features = {
    .name = "features",
    .arguments = "IMAGES|TEXTS...",
    .least = 1,
    .most = -1,
    .summary = "write a backbone's activations for images or texts to a .npy file",
    .about =
        "Runs the frozen backbone and writes what comes out as float32, a row per image in the order given: the pooled "
        "features [n, c], or with --layer the output of one layer. An encoder of texts (a folder of Hugging Face's) "
        "takes "
        "texts, or files of them: a text a line; of tables the column of the texts.",
    .examples = "graft features --weights mobilenet_v2.h5 --size 160 --out features.npy a.jpg b.jpg\n"
                "graft features --weights mobilenet_v2.h5 --layer block_12_add --out maps.npy photos/*.jpg\n"
                "graft features --weights all-MiniLM-L6-v2 --out vectors.npy reviews.txt\n"
                "graft features --weights mobilenet_v2.h5 --out feats --part 0/4 photos/   # one of four processes",
    OPTIONS(options),
    .check = check,
    .run = run,
};
