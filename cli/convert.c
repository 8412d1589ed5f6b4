/* convert.c - graft convert IN OUT: a network from one tool's format into another's. */
#include "errors.h"
#include "text.h"
#include "verbs.h"

#include <string.h>
#include <sys/stat.h>

static const option options[] = {
    HEADING("Model"),
    {"model", OPTION_TEXT, PLACE(convert_model), "NAME", NO_RANGE, NULL,
     "the architecture, where IN holds weights alone (.pth, .safetensors, .npz, .weights.h5)"},
    {"alpha", OPTION_NUMBER, PLACE(model.alpha), "X", FROM_TO(0.1, 4), NULL, "width multiplier of MobileNet"},
    {"classes", OPTION_INT, PLACE(model.classes), "N", FROM_TO(2, 1000000), NULL,
     "classes of the architecture's classifier (default: 1000)"},
    OPTION_PREPROCESS_ROW,
    OPTION_SIZE_ROW,
    OPTION_LABELS_ROW,

    HEADING("Output"),
    {"to", OPTION_NAME, PLACE(to), "FORMAT", NO_RANGE, "keras|onnx|safetensors|npz|hf|labels",
     "the format, hf for a folder (otherwise by the ending of OUT)"},
    {"force", OPTION_SET, PLACE(force), NULL, NO_RANGE, NULL, "overwrite the file that is there"},
    {"check", OPTION_FOLDER, PLACE(check), "IMAGES", NO_RANGE, NULL, "images to compare both files on"},
    OPTION_GENERAL_ROWS("has no effect here: nothing is random"),
};

/* The whole network with its classifier; where it has none, as it is. */
static graft_status open_network(session *self, graft_model **model, graft_error *err)
{
    settings *s = self->settings;
    const char *in = s->arguments[0];
    static const char *const heads[] = {"keep", "none"};
    graft_error first = {0};
    graft_status status = GRAFT_OK;
    for (int i = 0; i < 2; i++) {
        graft_error why = {0};
        s->model.head = heads[i];
        s->model.model = s->convert_model ? s->convert_model : in;
        s->model.weights = s->convert_model ? in : NULL;
        status = s->convert_model ? graft_model_open(self->context, &s->model, model, &why)
                                  : session_open_model(self, in, model, &why);
        if (!status) return status;
        if (!i) first = why;
        if (s->model.labels || s->model.classes) break; /* a classifier was meant */
    }
    if (err) *err = first;
    return first.status;
}

/* The tensors of a checkpoint of TensorFlow, of whatever network. */
static graft_status convert_checkpoint(session *self, graft_error *err)
{
    const settings *s = self->settings;
    struct stat st;
    graft_result *result = NULL;
    if (stat(s->arguments[1], &st) == 0 && !s->force) {
        return fail(err, E_USAGE, "give another name, or --force to overwrite it", "%s: is there already",
                    ESCAPED(s->arguments[1]));
    }
    graft_status status = graft_checkpoint_convert(self->context, s->arguments[0], s->arguments[1], &result, err);
    if (!status) status = session_print(self, result, err);
    graft_result_free(result);
    return status;
}

static bool is_safetensors(const settings *s)
{
    const char *out = s->arguments[1], *end = ".safetensors";
    size_t n = strlen(out), m = strlen(end);
    return s->to ? !strcmp(s->to, "safetensors") : n > m && !strcmp(out + n - m, end);
}

static graft_status run(session *self, graft_error *err)
{
    const settings *s = self->settings;
    if (!s->convert_model && is_safetensors(s) && graft_checkpoint_is(s->arguments[0]))
        return convert_checkpoint(self, err);
    graft_model *model = NULL;
    graft_status status = open_network(self, &model, err);
    if (!status) status = verbs_export_to(self, model, self->settings->arguments[1], err);
    graft_model_free(model);
    return status;
}

const verb verb_convert = {
    .name = "convert",
    .arguments = "IN OUT",
    .least = 2,
    .most = 2,
    .summary = "a network from one tool's format into another's",
    .about = "Reads a network (.keras, whole .h5, .onnx, a run) or, with --model, the weights of an architecture, and "
             "writes "
             "it as OUT says. What is written is read back and must compute the same. Of a TensorFlow checkpoint "
             "(model.ckpt, a "
             "SavedModel's folder) without --model all tensors go into a .safetensors file, by their variables' names.",
    .examples = "graft convert classifier.h5 classifier.onnx\n"
                "graft convert resnet18.pth resnet18.keras --model resnet18\n"
                "graft convert bert_model.ckpt bert.safetensors",
    OPTIONS(options),
    .run = run,
};
