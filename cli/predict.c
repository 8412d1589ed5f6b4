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
    SETTING("tta", "predict.tta"),
    SETTING("calibration", "model.calibration"),
    SETTING("csv", "predict.csv"),
    SETTING("draw", "predict.draw"),
    SETTING("sort-into", "predict.sort_into"),

    HEADING("Pictures"),
    SETTING("max-pixels", "data.max_pixels"),
    SETTING("allow-truncated", "data.allow_truncated"),
    SETTING("follow-links", "data.follow_links"),

    OPTION_TEXT_ROWS,

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

/* All labels that are told, with tabs between; "none" where there are none. */
static void write_labels(FILE *f, const graft_prediction *p, const char *gap)
{
    if (!p->n_top) fprintf(f, "%snone", gap);
    for (size_t i = 0; i < p->n_top; i++) {
        fputs(gap, f);
        text_write_escaped(f, p->top[i].label);
        fprintf(f, "%s%.6f", gap, p->top[i].probability);
    }
}

/* `width` columns for the path, 0: no columns but tabs. The best label alone unless more were asked for. */
static void write_prediction(FILE *f, const graft_prediction *p, size_t width, size_t top, bool several)
{
    const char *gap = width ? "  " : "\t";
    text_write_escaped(f, p->path);
    if (width) fprintf(f, "%*s", (int)(width - shown_length(p->path)), "");
    if (!p->label) {
        fputs(width ? "  error: " : "\t\terror: ", f);
        text_write_escaped(f, p->error ? p->error : "cannot be read");
    }
    if (p->label && several) write_labels(f, p, gap);
    for (size_t i = 0; p->label && !several && i < p->n_top && i < top; i++) {
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
    bool asked = options_given(self->verb, self->settings, "top"),
         several = graft_result_number(result, "labels_of") > 0;
    for (size_t i = 0; i < n && isatty(STDOUT_FILENO); i++) {
        size_t shown = shown_length(graft_result_prediction(result, i).path);
        if (shown > width && shown <= 60) width = shown;
    }
    FILE *f = open_memstream(&text, &length);
    if (!f) return fail(err, E_NO_MEMORY, NULL, "out of memory");
    for (size_t i = 0; i < n; i++) {
        graft_prediction p = graft_result_prediction(result, i);
        write_prediction(f, &p, shown_length(p.path) <= width ? width : 0, asked ? (size_t)self->settings->top : 1,
                         several);
    }
    graft_status status = fclose(f) ? fail(err, E_NO_MEMORY, NULL, "out of memory") : GRAFT_OK;
    if (!status) status = session_print_text(self, text, length, err);
    free(text);
    return status;
}

/* The lines of standard input, which hold a text each. */
typedef struct lines {
    char *text; /* a NUL behind each line */
    const char **line;
    size_t n;
} lines;

static graft_status read_lines(lines *l, graft_error *err)
{
    size_t size = 0, length = 0, at = 0, got;
    char room[1 << 14];
    FILE *f = open_memstream(&l->text, &size);
    if (!f) return fail(err, E_NO_MEMORY, NULL, "out of memory");
    while ((got = fread(room, 1, sizeof room, stdin)) > 0) fwrite(room, 1, got, f);
    if (fclose(f)) return fail(err, E_NO_MEMORY, NULL, "out of memory");
    for (size_t i = 0; i < size; i++) l->n += l->text[i] == '\n';
    l->line = calloc(l->n + 1, sizeof *l->line);
    if (!l->line) return fail(err, E_NO_MEMORY, NULL, "out of memory");
    for (l->n = 0; at < size; at += length + 1) {
        length = strcspn(l->text + at, "\n");
        l->text[at + length] = '\0';
        if (length && l->text[at + length - 1] == '\r') l->text[at + length - 1] = '\0';
        if (l->text[at]) l->line[l->n++] = l->text + at;
    }
    return l->n ? GRAFT_OK : fail(err, E_USAGE, NULL, "there is no text on standard input");
}

static graft_status label(session *self, graft_model *model, graft_result **result, graft_error *err)
{
    const settings *s = self->settings;
    if (s->n_arguments != 2 || strcmp(s->arguments[1], "-") != 0)
        return graft_predict(model, s->arguments + 1, s->n_arguments - 1, s->top, result, err);
    lines l = {0};
    graft_status status = read_lines(&l, err);
    if (!status) status = graft_predict(model, l.line, l.n, s->top, result, err);
    free(l.line);
    free(l.text);
    return status;
}

static graft_status run(session *self, graft_error *err)
{
    const settings *s = self->settings;
    graft_model *model = NULL;
    graft_result *result = NULL;
    graft_status status = session_open_classifier(self, s->arguments[0], &model, err);
    if (!status) status = label(self, model, &result, err);
    if (!status)
        status = s->json || options_given(self->verb, s, "output") ? session_print(self, result, err)
                                                                   : print_lines(self, result, err);
    graft_result_free(result);
    graft_model_free(model);
    return status;
}

const verb verb_predict = {
    .name = "predict",
    .arguments = "RUN|MODEL IMAGES|TEXTS...",
    .least = 2,
    .most = -1,
    .summary = "label images or texts with a run's best model",
    .about =
        "Prints a line for each image: path, label and probability, with tabs between. Folders are walked. RUN is a "
        "run folder or a model.safetensors; MODEL a file with a classifier (.keras, .h5, .onnx), or an architecture "
        "with --weights, whose own classifier is kept. An image that cannot be read, or is not there, gets an error "
        "in "
        "its line, and the exit code is 0 as long as one could be labelled; when none could, the command "
        "fails.\n\nWith a "
        "run of texts the arguments are texts, or files of them (a text a line; of tables the column of the texts); - "
        "alone reads standard input, a text a line.\n\nOf a model with several labels each, a line has every label "
        "that reaches its threshold, with its probability; --threshold takes another one for all.",
    .examples = "graft predict runs/pets photo.jpg\n"
                "graft predict runs/pets holiday/ --top 3 --json\n"
                "graft predict runs/reviews \"a wonderful, moving film\"\n"
                "graft predict efficientnet_lite0 --weights efficientnet_lite0.pth --labels imagenet.txt photo.jpg",
    OPTIONS(options),
    .run = run,
};
