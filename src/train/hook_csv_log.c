/* hook_csv_log.c - a row per epoch into a CSV file of one's own name and separator: Keras's CSVLogger. Its columns are
 * those of history.csv. */
#include "base/number.h"
#include "train/row_log.h"
#include "train/run.h"

#include <inttypes.h>
#include <string.h>

extern const gf_hook_class gf_hook_csv_log;

enum { FILE_NAME, SEPARATOR };
static const gf_argument arguments[] = {
    [FILE_NAME] = {"file", GF_ARG_WORD, "log.csv", 0, 0, NULL, "where to; a name is in the run folder"},
    [SEPARATOR] = {"separator", GF_ARG_WORD, "comma", 0, 0, "comma|semicolon|tab", "what stands between two values"},
};

static char separator(const gf_hook *h)
{
    const char *word = h->arguments.word[SEPARATOR];
    return !strcmp(word, "comma") ? ',' : !strcmp(word, "tab") ? '\t' : ';';
}

static void head(const gf_hook *h, gf_text *t, const gf_history *history)
{
    char name[GF_COLUMN_NAME], between = separator(h);
    gf_text_printf(t, "epoch%cphase", between);
    for (size_t i = 0; i < gf_history_width(history->metrics); i++) {
        gf_history_name(history->metrics, i, name);
        gf_text_printf(t, "%c%s", between, name);
    }
    gf_text_add(t, "\n");
}

static void row(const gf_hook *h, gf_text *t, const gf_history *history, const gf_history_row *row)
{
    enum { DIGITS = 9 };
    char between = separator(h);
    gf_text_printf(t, "%" PRId32 "%c%s", row->epoch, between, gf_history_phase(history, row->phase));
    for (size_t i = 0; i < gf_history_width(history->metrics); i++) {
        gf_text_printf(t, "%c%s", between, GF_GENERAL(gf_history_cell(history->metrics, row, i), DIGITS));
    }
    gf_text_add(t, "\n");
}

static graft_status open_log(gf_hook *h, gf_run *r, graft_error *err)
{
    return gf_row_log_open(h, r, h->arguments.word[FILE_NAME], &(gf_row_log){.head = head, .row = row}, err);
}

const gf_hook_class gf_hook_csv_log = {
    .name = "csv-log",
    .help = "a row per epoch into a CSV file of one's own (Keras's CSVLogger)",
    .argument = arguments,
    .n_arguments = sizeof arguments / sizeof *arguments,
    .writes = true,
    .open = open_log,
    .begin_run = gf_row_log_begin,
    .epoch = gf_row_log_add,
    .close = gf_row_log_close,
};
