#include "api/internal.h"

#include "data/text_report.h"
#include "data/text_set.h"
#include "exchange/vectors.h"
#include "text/tokenizer.h"

#include <string.h>

bool gf_api_is_texts(const graft_context *context, const char *path)
{
    return gf_settings_given(context->settings, GF_SET_DATA_TEXT_COLUMN) || gf_texts_are(path);
}

/* ---- what texts are counted in */

static graft_status open_vectors(gf_tokenizer *t, const char *path, const char *segment, graft_error *err)
{
    gf_text lines = {0};
    gf_word_vectors v;
    const gf_tokenizer_argument argument = {"segment", segment};
    graft_status status = gf_vectors_read(path, &lines, NULL, &v, err);
    if (status == GRAFT_OK) status = gf_tokenizer_open_words(t, path, lines.s, lines.n, &argument, 1, err);
    gf_text_free(&lines);
    return status;
}

static graft_status open_tokenizer(const graft_context *context, const char *path, gf_tokenizer *t, graft_error *err)
{
    if (gf_vectors_are(path))
        return open_vectors(t, path, gf_settings_text(context->settings, GF_SET_DATA_SEGMENT), err);
    return gf_tokenizer_open(t, path, NULL, 0, err);
}

static graft_status report(graft_context *context, const gf_texts *texts, const char *tokenizer, graft_result **out,
                           graft_error *err)
{
    gf_tokenizer t = {0};
    gf_text_report r = {0};
    char *text = NULL;
    graft_status status = tokenizer ? open_tokenizer(context, tokenizer, &t, err) : GRAFT_OK;
    if (status == GRAFT_OK) status = gf_text_report_make(&r, texts, tokenizer ? &t : NULL, &context->log, err);
    if (status == GRAFT_OK) status = gf_text_report_text(&r, &text, err);
    if (status == GRAFT_OK) status = gf_result_create(out, gf_text_report_json(&r), text, err);
    gf_text_report_free(&r);
    gf_tokenizer_close(&t);
    return status;
}

graft_status gf_api_inspect_texts(graft_context *context, const char *path, graft_result **out, int64_t *bad,
                                  graft_error *err)
{
    const gf_settings *s = context->settings;
    gf_texts_options o = gf_texts_options_of(s, &context->log);
    o.labels.wanted = gf_api_task_labels(s);
    gf_texts texts;
    gf_api_begin(context, GRAFT_STAGE_CHECK);
    graft_status status = gf_texts_read(&texts, path, &o, err);
    if (status == GRAFT_OK) status = report(context, &texts, gf_settings_text(s, GF_SET_DATA_TOKENIZER), out, err);
    if (status == GRAFT_OK && bad) *bad = (int64_t)texts.n_bad;
    gf_texts_free(&texts);
    return status;
}
