#include "text/tokenizer_json.h"

#include <string.h>

static graft_status wrong(const char *name, const char *path, const char *wanted, graft_error *err)
{
    return gf_fail(err, GF_E_TOKENIZER_JSON, NULL, "%s: %s: %s is wanted", GF_ESC(name), GF_ESC(path), wanted);
}

static graft_status unsupported(const char *name, const char *part, const char *type, const char *known,
                                graft_error *err)
{
    return gf_fail(err, GF_E_TOKENIZER_UNSUPPORTED, NULL, "%s: %s is %s, of which graft knows %s", GF_ESC(name), part,
                   GF_ESC(type), known);
}

const char *gf_tokenizer_json_model(const gf_json *json)
{
    return gf_json_str(gf_json_get(gf_json_get(json, "model"), "type"), NULL);
}

graft_status gf_tokenizer_json_part(const gf_json *json, const char *name, const char *part, const char *known,
                                    graft_error *err)
{
    const gf_json *component = gf_json_get(json, part);
    const char *type = gf_json_str(gf_json_get(component, "type"), NULL);
    if (gf_json_is_null(component)) return known ? unsupported(name, part, "missing", known, err) : GRAFT_OK;
    if (!type) return wrong(name, part, "an object with a \"type\"", err);
    return known && !strcmp(type, known) ? GRAFT_OK
                                         : unsupported(name, part, type, known ? known : "none for this model", err);
}

typedef struct reading {
    gf_vocabulary *vocabulary;
    const char *name;
    graft_error *err;
} reading;

static graft_status add_piece(void *ctx, const char *piece, const gf_json *id)
{
    reading *r = ctx;
    int64_t i = gf_json_i64(id, -1);
    if (i < 0 || i >= GF_VOCABULARY_MAX) return wrong(r->name, "model.vocab", "an id of each piece", r->err);
    return gf_vocabulary_add(r->vocabulary, r->name, piece, strlen(piece), (uint32_t)i, r->err);
}

/* Special pieces may stand beside the model's vocabulary; others that the text is searched for are not done. */
static graft_status add_special(reading *r, const gf_json *added)
{
    for (size_t i = 0; i < gf_json_size(added); i++) {
        const gf_json *token = gf_json_at(added, i);
        const char *content = gf_json_str(gf_json_get(token, "content"), NULL);
        int64_t id = gf_json_i64(gf_json_get(token, "id"), -1);
        if (!content || id < 0 || id >= GF_VOCABULARY_MAX) {
            return wrong(r->name, "added_tokens", "a list of objects with \"id\" and \"content\"", r->err);
        }
        if (!gf_json_true(gf_json_get(token, "special"), false)) {
            return unsupported(r->name, "added_tokens", content, "special ones", r->err);
        }
        uint32_t there = gf_vocabulary_find(r->vocabulary, content, strlen(content));
        if (there == (uint32_t)id) continue;
        GF_TRY(gf_vocabulary_add(r->vocabulary, r->name, content, strlen(content), (uint32_t)id, r->err));
    }
    return GRAFT_OK;
}

/* *to as the field says; where it is null or not there *to stays. */
static graft_status read_flag(const gf_json *normalizer, const char *key, const char *name, bool *to, graft_error *err)
{
    const gf_json *field = gf_json_get(normalizer, key);
    bool is = gf_json_true(field, true);
    if (gf_json_is_null(field)) return GRAFT_OK;
    if (is != gf_json_true(field, false))
        return wrong(name, "normalizer", "true or false", err); /* the fallback was taken */
    *to = is;
    return GRAFT_OK;
}

static graft_status read_words(const gf_json *json, const char *name, gf_words_options *o, graft_error *err)
{
    const gf_json *n = gf_json_get(json, "normalizer");
    GF_TRY(gf_tokenizer_json_part(json, name, "normalizer", "BertNormalizer", err));
    GF_TRY(gf_tokenizer_json_part(json, name, "pre_tokenizer", "BertPreTokenizer", err));
    GF_TRY(read_flag(n, "lowercase", name, &o->lower, err));
    GF_TRY(read_flag(n, "clean_text", name, &o->clean, err));
    GF_TRY(read_flag(n, "handle_chinese_chars", name, &o->chinese, err));
    o->strip = o->lower;
    return read_flag(n, "strip_accents", name, &o->strip, err);
}

graft_status gf_wordpiece_json_read(const gf_json *json, const char *name, gf_wordpiece_json *said,
                                    gf_vocabulary *vocabulary, graft_error *err)
{
    const gf_json *model = gf_json_get(json, "model"), *pieces = gf_json_get(model, "vocab");
    reading r = {vocabulary, name, err};
    GF_TRY(read_words(json, name, &said->words, err));
    if (!gf_json_is_object(pieces)) return wrong(name, "model.vocab", "an object of pieces and ids", err);
    said->prefix = gf_json_str(gf_json_get(model, "continuing_subword_prefix"), said->prefix);
    said->unknown = gf_json_str(gf_json_get(model, "unk_token"), NULL);
    int64_t limit = gf_json_i64(gf_json_get(model, "max_input_chars_per_word"), 0);
    if (limit < 0 || limit > UINT32_MAX)
        return wrong(name, "model.max_input_chars_per_word", "a number of characters", err);
    said->limit = (uint32_t)limit;
    GF_TRY(gf_json_each(pieces, add_piece, &r));
    return add_special(&r, gf_json_get(json, "added_tokens"));
}
