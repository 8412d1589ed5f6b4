/* export.c - graft export RUN: the model in a format that other tools read. */
#include "errors.h"
#include "text.h"
#include "verbs.h"

#include <string.h>
#include <sys/stat.h>

static const option options[] = {
    HEADING("Output"),
    SETTING("calibration", "model.calibration"),
    {"to", OPTION_NAME, PLACE(to), "FORMAT", NO_RANGE, "keras|onnx|safetensors|npz|hf|labels",
     "the format, hf for a folder (otherwise by the ending of --out)"},
    {"out", OPTION_FILE, PLACE(out), "FILE", NO_RANGE, NULL, "the file to write (otherwise RUN/model.ENDING)"},
    {"force", OPTION_SET, PLACE(force), NULL, NO_RANGE, NULL, "overwrite the file that is there"},
    {"check", OPTION_FOLDER, PLACE(check), "IMAGES", NO_RANGE, NULL,
     "images to compare the file with the model on (otherwise the run's own data)"},
    OPTION_GENERAL_ROWS("has no effect here: nothing is random"),
};

static graft_status check(const verb *v, settings *s, graft_error *err)
{
    (void)v;
    if (s->to || s->out) return GRAFT_OK;
    return fail(err, E_USAGE, "as in --to onnx", "graft export needs --to FORMAT or --out FILE");
}

/* RUN/model.ENDING into buf, which `out` then is. */
static const char *default_out(const settings *s, char *buf, size_t size)
{
    const char *ending = !strcmp(s->to, "labels") ? "txt" : s->to;
    snprintf(buf, size, "%s/%s.%s", s->arguments[0], strcmp(s->to, "safetensors") ? "model" : "model.pytorch", ending);
    return buf;
}

graft_status verbs_export_to(session *self, graft_model *model, const char *out, graft_error *err)
{
    const settings *s = self->settings;
    struct stat st;
    if (stat(out, &st) == 0 && !s->force)
        return fail(err, E_USAGE, "give another name, or --force to overwrite it", "%s: is there already",
                    ESCAPED(out));
    graft_export_options o;
    graft_export_defaults(&o);
    o.to = s->to;
    o.pictures = &s->check;
    o.n_pictures = s->check != NULL;
    graft_result *result = NULL;
    graft_status status = graft_export(model, out, &o, &result, err);
    if (!status) status = session_print(self, result, err);
    graft_result_free(result);
    return status;
}

static graft_status run(session *self, graft_error *err)
{
    const settings *s = self->settings;
    graft_model *model = NULL;
    char buf[4096];
    struct stat st;
    if (!s->out && (stat(s->arguments[0], &st) != 0 || !S_ISDIR(st.st_mode)))
        return fail(err, E_USAGE, "as in --out model.onnx", "%s is no run folder: --out FILE is needed",
                    ESCAPED(s->arguments[0]));
    graft_status status = graft_run_open(self->context, s->arguments[0], &model, err);
    if (!status) status = verbs_export_to(self, model, s->out ? s->out : default_out(s, buf, sizeof buf), err);
    graft_model_free(model);
    return status;
}

const verb verb_export = {
    .name = "export",
    .arguments = "RUN",
    .least = 1,
    .most = 1,
    .summary = "write a run's model in a format of other tools",
    .about =
        "Writes the best model with its preprocessing and class names: for Keras 3 (.keras), ONNX Runtime (.onnx), "
        "PyTorch (.safetensors with PyTorch's names and layouts), NumPy (.npz), or the class names alone (labels). The "
        "file is read back and must give what the model gives on real images, within 1e-4; else it is not left "
        "behind.",
    .examples = "graft export runs/pets --to onnx\n"
                "graft export runs/pets --out pets.keras --check pets/validation",
    OPTIONS(options),
    .check = check,
    .run = run,
};
