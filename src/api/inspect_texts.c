#include "api/internal.h"

#include "data/text_report.h"
#include "data/texts.h"
#include "text/tokenizer.h"

bool gf_api_is_texts(const graft_context *context, const char *path)
{
    return gf_settings_given(context->settings, GF_SET_DATA_TEXT_COLUMN) || gf_texts_are(path);
}

static graft_status report(graft_context *context, const gf_texts *texts, const char *tokenizer, graft_result **out,
                           graft_error *err)
{
    gf_tokenizer t = {0};
    gf_text_report r = {0};
    char *text = NULL;
    graft_status status = tokenizer ? gf_tokenizer_open(&t, tokenizer, NULL, 0, err) : GRAFT_OK;
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
    const gf_texts_options o = {
        .encoding = gf_settings_text(s, GF_SET_DATA_ENCODING),
        .text_column = gf_settings_text(s, GF_SET_DATA_TEXT_COLUMN),
        .label_column = gf_settings_text(s, GF_SET_DATA_LABEL_COLUMN),
        .split_column = gf_settings_text(s, GF_SET_DATA_SPLIT_COLUMN),
        .log = &context->log,
    };
    gf_texts texts;
    gf_api_begin(context, GRAFT_STAGE_CHECK);
    graft_status status = gf_texts_read(&texts, path, &o, err);
    if (status == GRAFT_OK) status = report(context, &texts, gf_settings_text(s, GF_SET_DATA_TOKENIZER), out, err);
    if (status == GRAFT_OK && bad) *bad = (int64_t)texts.n_bad;
    gf_texts_free(&texts);
    return status;
}
