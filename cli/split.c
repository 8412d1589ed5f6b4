/* split.c - graft split DATA OUT: data shared out into folders of parts. */
#include "errors.h"
#include "verbs.h"

static const option options[] = {
    HEADING("Data"),
    OPTION_SHARING_ROWS,
    OPTION_FINDING_ROWS,
    OPTION_GENERAL_ROWS("seed of the split"),
};

/* By content unless something else is asked for: what is laid out once is there to stay. */
static graft_status check(const verb *v, settings *s, graft_error *err)
{
    if (options_given(v, s, "split-by")) return GRAFT_OK;
    return graft_settings_set(s->by_name, "data.split_by", "content", err);
}

static graft_status run(session *self, graft_error *err)
{
    const settings *s = self->settings;
    graft_result *result = NULL;
    graft_status status = graft_split(self->context, s->arguments[0], &s->data, s->arguments[1], &result, err);
    if (!status) status = session_print(self, result, err);
    graft_result_free(result);
    return status;
}

const verb verb_split = {
    .name = "split",
    .arguments = "DATA OUT",
    .least = 2,
    .most = 2,
    .summary = "share images out into folders of training, validation and test",
    .about =
        "Copies the images of DATA to OUT/{train,validation,test}/CLASS and writes OUT/split.csv, a line for each: its "
        "path in DATA, label, group, SHA-256 and part. --split-file takes such a list again, so that what it holds "
        "keeps its part when there are more images. Each class is shared out by itself; files of equal bytes, and "
        "images of a group, stay together. DATA as for `graft train`.",
    .examples = "graft split pets parts --split 50/25/25\n"
                "graft split xrays parts --group-by '(P[0-9]+)_' --split 0.75,0.15,0.10",
    OPTIONS(options),
    .check = check,
    .run = run,
};
