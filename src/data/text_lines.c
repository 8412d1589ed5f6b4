/* text_lines.c - texts out of JSON lines ({"text": .., "label": ..}) and of fastText's lines (__label__X text). */
#include "data/parts.h"
#include "data/texts_build.h"
#include "json/json.h"

#include <string.h>

/* ---- JSON lines */

static const char *const text_keys[] = {"text", "sentence", "review", "content", "comment", "text_a", NULL};
static const char *const label_keys[] = {"label", "category", "class", "sentiment", "target", "labels", "tags", NULL};

/* What the user says, else the first of the list that is there. */
static const gf_json *value_of(const gf_json *object, const char *said, const char *const *keys)
{
    if (said) return gf_json_get(object, said);
    for (size_t i = 0; keys[i]; i++) {
        if (!gf_json_is_null(gf_json_get(object, keys[i]))) return gf_json_get(object, keys[i]);
    }
    return NULL;
}

/* A label is a text or a whole number, which is written into `number`; NULL: neither. */
static const char *label_of(const gf_json *value, gf_text *number)
{
    int64_t low = gf_json_i64(value, INT64_MIN), high = gf_json_i64(value, INT64_MAX);
    if (low != high) return gf_json_str(value, NULL);
    number->n = 0;
    gf_text_printf(number, "%lld", (long long)low);
    return number->s;
}

/* All items are labels. */
static graft_status add_list(gf_texts_build *b, const char *text, const gf_json *list, gf_split split, uint32_t line,
                             gf_text *number, graft_error *err)
{
    GF_TRY(gf_texts_take(b, "a list", "labels of one text", true, err));
    b->labels.several = true;
    size_t rows = b->texts->n;
    GF_TRY(gf_texts_add(b, text, strlen(text), "", 0, split, line, err));
    for (size_t i = 0; b->texts->n > rows && i < gf_json_size(list); i++) {
        const char *name = label_of(gf_json_at(list, i), number);
        if (name) GF_TRY(gf_texts_add_label(b, name, strlen(name), err));
    }
    return number->failed ? gf_fail_memory(err, 32, "a label") : GRAFT_OK;
}

static graft_status read_object(gf_texts_build *b, const gf_json *object, uint32_t line, gf_text *number,
                                graft_error *err)
{
    const char *text = gf_json_str(value_of(object, b->o->text_column, text_keys), NULL);
    const gf_json *label = value_of(object, b->o->label_column, label_keys);
    const char *name = label_of(label, number),
               *part = gf_json_str(gf_json_get(object, b->o->split_column ? b->o->split_column : "split"), NULL);
    gf_split split = b->split;
    if (number->failed) return gf_fail_memory(err, 32, "a label");
    if (!text) return gf_texts_bad(b, line, "the object has no text", err);
    if (!name && !gf_json_is_null(label) && !gf_json_is_array(label))
        return gf_texts_bad(b, line, "the label is neither a text nor a whole number", err);
    for (size_t i = 0; gf_json_is_array(label) && i < gf_json_size(label); i++) {
        if (!label_of(gf_json_at(label, i), number))
            return gf_texts_bad(b, line, "the list of labels holds something that is neither a text nor a whole number",
                                err);
    }
    if (part) {
        gf_part_kind kind = gf_part_of_name(part);
        if (kind == GF_PART_NONE || kind == GF_PART_UNLABELLED) {
            return gf_texts_bad(b, line, "the split is neither train, validation nor test", err);
        }
        split = gf_part_split(kind);
        b->texts->parts = true;
    }
    if (gf_json_is_array(label)) return add_list(b, text, label, split, line, number, err);
    return gf_texts_add(b, text, strlen(text), name, name ? strlen(name) : 0, split, line, err);
}

static graft_status read_json_line(gf_texts_build *b, const char *text, size_t n, uint32_t line, gf_text *number,
                                   graft_error *err)
{
    gf_json *object = NULL;
    graft_error why = {0};
    graft_status status = gf_json_parse(&object, text, n, b->name, &why);
    if (status == GRAFT_RESOURCE) {
        if (err) *err = why;
        return status;
    }
    if (status != GRAFT_OK || !gf_json_is_object(object)) {
        status = gf_texts_bad(b, line, "the line is no JSON object", err);
    } else {
        status = read_object(b, object, line, number, err);
    }
    gf_json_free(object);
    return status;
}

/* ---- fastText */

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/* The next label of the line from *at on, behind its mark; false: the text begins at *at. */
static bool next_label(const char *text, size_t n, size_t *at, const char **label, size_t *length)
{
    static const char mark[] = "__label__";
    enum { MARK = sizeof mark - 1 };
    while (*at < n && is_space(text[*at])) ++*at;
    if (n - *at < MARK || memcmp(text + *at, mark, MARK) != 0) return false;
    *label = text + *at + MARK;
    while (*at < n && !is_space(text[*at])) ++*at;
    *length = (size_t)(text + *at - *label);
    return true;
}

static graft_status read_fasttext_line(gf_texts_build *b, const char *text, size_t n, uint32_t line, graft_error *err)
{
    const char *label;
    size_t length, at = 0, labels = 0, rows = b->texts->n;
    while (next_label(text, n, &at, &label, &length)) labels++;
    while (n > at && is_space(text[n - 1])) n--;
    if (labels > 1) {
        GF_TRY(gf_texts_take(b, "several __label__ of a line", "labels of one text", true, err));
        b->labels.several = true;
    }
    GF_TRY(gf_texts_add(b, text + at, n - at, "", 0, b->split, line, err));
    for (at = 0; b->texts->n > rows && next_label(text, n, &at, &label, &length);)
        GF_TRY(gf_texts_add_label(b, label, length, err));
    return GRAFT_OK;
}

/* ---- lines */

static graft_status read_lines(gf_texts_build *b, const char *text, size_t n, bool json, graft_error *err)
{
    gf_text number = {0};
    uint32_t line = 1;
    graft_status status = GRAFT_OK;
    for (size_t at = 0; at < n && status == GRAFT_OK; line++) {
        const char *end = memchr(text + at, '\n', n - at);
        size_t length = end ? (size_t)(end - text) - at : n - at, blank = 0;
        while (blank < length && is_space(text[at + blank])) blank++;
        if (blank < length) {
            status = json ? read_json_line(b, text + at, length, line, &number, err)
                          : read_fasttext_line(b, text + at, length, line, err);
        }
        at += length + 1;
    }
    gf_text_free(&number);
    return status;
}

graft_status gf_texts_read_json_lines(gf_texts_build *b, const char *text, size_t n, graft_error *err)
{
    return read_lines(b, text, n, true, err);
}

graft_status gf_texts_read_fasttext(gf_texts_build *b, const char *text, size_t n, graft_error *err)
{
    return read_lines(b, text, n, false, err);
}
