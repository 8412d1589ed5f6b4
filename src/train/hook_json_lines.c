/* hook_json_lines.c - a JSON object per epoch, a line each, for programs that follow a run. What was not measured is
 * null. */
#include "train/row_log.h"
#include "train/run.h"
#include "json/json.h"

extern const gf_hook_class gf_hook_json_lines;

enum { FILE_NAME };
static const gf_argument arguments[] = {
    [FILE_NAME] = {"file", GF_ARG_WORD, "log.jsonl", 0, 0, NULL, "where to; a name is in the run folder"},
};

static void row(const gf_hook *h, gf_text *t, const gf_history *history, const gf_history_row *row)
{
    (void)h;
    char name[GF_COLUMN_NAME];
    gf_json *j = gf_json_object();
    gf_json_set(j, "epoch", gf_json_int(row->epoch));
    gf_json_set(j, "phase", gf_json_string(gf_history_phase(history, row->phase)));
    for (size_t i = 0; i < gf_history_width(history->metrics); i++) {
        gf_history_name(history->metrics, i, name);
        gf_json_set(j, name, gf_json_real(gf_history_cell(history->metrics, row, i)));
    }
    gf_json_line(j, t);
}

static graft_status open_log(gf_hook *h, gf_run *r, graft_error *err)
{
    return gf_row_log_open(h, r, h->arguments.word[FILE_NAME], &(gf_row_log){.row = row}, err);
}

const gf_hook_class gf_hook_json_lines = {
    .name = "json-lines",
    .help = "a JSON object per epoch, a line each",
    .argument = arguments,
    .n_arguments = sizeof arguments / sizeof *arguments,
    .writes = true,
    .open = open_log,
    .begin_run = gf_row_log_begin,
    .epoch = gf_row_log_add,
    .close = gf_row_log_close,
};
