/* predict.c - graft predict RUN IMAGES: the label of each image, a line each. */
#include "errors.h"
#include "text.h"
#include "verbs.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const option options[] = {
    HEADING("Output"),
    {"top", OPTION_INT, PLACE(top), "K", FROM_TO(1, 1000), NULL,
     "the K most probable labels of each image (in lines of text: one, unless this is given)"},
    SETTING("output", "predict.output"),
    SETTING("unknown", "predict.unknown"),
    SETTING("calibration", "model.calibration"),
    SETTING("csv", "predict.csv"),
    SETTING("draw", "predict.draw"),
    SETTING("sort-into", "predict.sort_into"),

    HEADING("Pictures"),
    SETTING("max-pixels", "data.max_pixels"),
    SETTING("allow-truncated", "data.allow_truncated"),
    SETTING("follow-links", "data.follow_links"),

    OPTION_FOREIGN_ROWS,
    OPTION_GENERAL_ROWS("has no effect here: nothing is random"),
};

/* Escaped text is at most four times as long. */
static size_t shown_length(const char *text)
{
    char *buf = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&buf, &n);
    if (!f) return 0;
    text_write_escaped(f, text);
    fclose(f);
    free(buf);
    return n;
}

/* `width` columns for the path, 0: no columns but tabs. The best label alone unless more were asked for. */
static void write_prediction(FILE *f, const graft_prediction *p, size_t width, size_t top)
{
    const char *gap = width ? "  " : "\t";
    text_write_escaped(f, p->path);
    if (width) fprintf(f, "%*s", (int)(width - shown_length(p->path)), "");
    if (!p->label) {
        fputs(width ? "  error: " : "\t\terror: ", f);
        text_write_escaped(f, p->error ? p->error : "cannot be read");
    }
    for (size_t i = 0; p->label && i < p->n_top && i < top; i++) {
        fputs(gap, f);
        text_write_escaped(f, i ? p->top[i].label : p->label);
        fprintf(f, "%s%.6f", gap, p->top[i].probability);
    }
    fputc('\n', f);
}

/* Columns for a terminal; tabs for a pipe, so that `cut` works. */
static graft_status print_lines(session *self, const graft_result *result, graft_error *err)
{
    size_t n = graft_result_predictions(result), width = 0;
    char *text = NULL;
    size_t length = 0;
    bool asked = options_given(self->verb, self->settings, "top");
    for (size_t i = 0; i < n && isatty(STDOUT_FILENO); i++) {
        size_t shown = shown_length(graft_result_prediction(result, i).path);
        if (shown > width && shown <= 60) width = shown;
    }
    FILE *f = open_memstream(&text, &length);
    if (!f) return fail(err, E_NO_MEMORY, NULL, "out of memory");
    for (size_t i = 0; i < n; i++) {
        graft_prediction p = graft_result_prediction(result, i);
        write_prediction(f, &p, shown_length(p.path) <= width ? width : 0, asked ? (size_t)self->settings->top : 1);
    }
    graft_status status = fclose(f) ? fail(err, E_NO_MEMORY, NULL, "out of memory") : GRAFT_OK;
    if (!status) status = session_print_text(self, text, length, err);
    free(text);
    return status;
}

static graft_status run(session *self, graft_error *err)
{
    const settings *s = self->settings;
    graft_model *model = NULL;
    graft_result *result = NULL;
    graft_status status = session_open_classifier(self, s->arguments[0], &model, err);
    if (!status) status = graft_predict(model, s->arguments + 1, s->n_arguments - 1, s->top, &result, err);
    if (!status)
        status = s->json || options_given(self->verb, s, "output") ? session_print(self, result, err)
                                                                   : print_lines(self, result, err);
    graft_result_free(result);
    graft_model_free(model);
    return status;
}

const verb verb_predict = {
    .name = "predict",
    .arguments = "RUN|MODEL IMAGES...",
    .least = 2,
    .most = -1,
    .summary = "label images with a run's best model",
    .about =
        "Prints a line for each image: path, label and probability, with tabs between. Folders are walked. RUN is a "
        "run folder or a model.safetensors; MODEL a file with a classifier (.keras, .h5, .onnx), or an architecture "
        "with --weights, whose own classifier is kept. An image that cannot be read, or is not there, gets an error "
        "in "
        "its line, and the exit code is 0 as long as one could be labelled; when none could, the command fails.",
    .examples = "graft predict runs/pets photo.jpg\n"
                "graft predict runs/pets holiday/ --top 3 --json\n"
                "graft predict efficientnet_lite0 --weights efficientnet_lite0.pth --labels imagenet.txt photo.jpg",
    OPTIONS(options),
    .run = run,
};
