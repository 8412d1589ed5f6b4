#include "json/json.h"

#include "base/alloc.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 64, DIGITS = 9 };

gf_json *gf_json_object(void) { return json_object(); }
gf_json *gf_json_array(void) { return json_array(); }
gf_json *gf_json_int(int64_t x) { return json_integer(x); }
gf_json *gf_json_real(double x) { return isfinite(x) ? json_real(x) : json_null(); }
gf_json *gf_json_bool(bool x) { return json_boolean(x); }
gf_json *gf_json_null(void) { return json_null(); }
void gf_json_free(gf_json *j) { json_decref(j); }

gf_json *gf_json_string(const char *s)
{
    if (!s) return json_null();
    gf_json *j = json_string(s);
    if (j) return j;
    size_t size = 4 * strlen(s) + 1;
    char *escaped = gf_alloc_raw(size, 1);
    if (!escaped) return NULL;
    j = json_string(gf_escape(escaped, size, s));
    gf_free(escaped);
    return j;
}

/* A piece that could not be made leaves its mark on the whole: the key is taken away again, so that a reader
 * never finds a wrong value, and "\1" tells gf_json_text to fail. */
static const char failed_key[] = "\001";

void gf_json_set(gf_json *object, const char *key, gf_json *value)
{
    if (!object) {
        json_decref(value);
    } else if (json_object_set_new(object, key, value)) {
        json_object_set_new(object, failed_key, json_null());
    }
}

void gf_json_add(gf_json *array, gf_json *value)
{
    if (!array) {
        json_decref(value);
    } else if (json_array_append_new(array, value)) {
        json_array_clear(array); /* seen by failed(): an array that lost an element is emptied and marked */
        json_array_append_new(array, json_string(failed_key));
    }
}

static bool failed(const gf_json *j)
{
    if (json_is_object(j)) {
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)j, key, value)
        {
            if (!strcmp(key, failed_key) || failed(value)) return true;
        }
    } else if (json_is_array(j)) {
        size_t i;
        json_t *value;
        json_array_foreach(j, i, value)
        {
            if (failed(value)) return true;
        }
    } else if (json_is_string(j)) {
        return !strcmp(json_string_value(j), failed_key);
    }
    return !j;
}

char *gf_json_text(const gf_json *j, int indent)
{
    if (failed(j)) return NULL;
    char *theirs = json_dumps(j, JSON_ENCODE_ANY | JSON_INDENT(indent) | JSON_REAL_PRECISION(DIGITS));
    if (!theirs) return NULL;
    char *ours = gf_strdup(theirs);
    free(theirs);
    return ours;
}

void gf_json_line(gf_json *j, gf_text *to)
{
    char *line = gf_json_text(j, 0);
    if (!line) to->failed = true;
    if (line) gf_text_printf(to, "%s\n", line);
    gf_free(line);
    gf_json_free(j);
}

/* Depth is bounded before jansson sees the text: its own bound (2048) uses as many stack frames. Returns where it is
 * exceeded; n: nowhere. */
static size_t too_deep(const char *text, size_t n)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\') i++;
            if (c == '"') in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > MAX_DEPTH) return i;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return n;
}

static graft_status fail_deep(const char *text, size_t at, const char *name, graft_error *err)
{
    size_t line = 1, begin = 0;
    for (size_t i = 0; i < at; i++) {
        if (text[i] != '\n') continue;
        line++;
        begin = i + 1;
    }
    return gf_fail(err, GF_E_JSON_SYNTAX, NULL, "%s:%zu:%zu: nested deeper than %d", GF_ESC(name), line, at - begin + 1,
                   MAX_DEPTH);
}

graft_status gf_json_parse(gf_json **out, const char *text, size_t n, const char *name, graft_error *err)
{
    *out = NULL;
    size_t deep = too_deep(text, n);
    if (deep < n) return fail_deep(text, deep, name, err);
    json_error_t e;
    json_t *j = json_loadb(text, n, JSON_REJECT_DUPLICATES, &e);
    if (!j) {
        return gf_fail(err, GF_E_JSON_SYNTAX, NULL, "%s:%d:%d: not valid JSON: %s", GF_ESC(name), e.line, e.column,
                       GF_ESC(e.text));
    }
    *out = j;
    return GRAFT_OK;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* The text up to `end`, and that the whole number which ends there is a real. */
static void add_as_real(gf_text *t, const char *text, size_t *from, size_t end)
{
    gf_text_add_n(t, text + *from, end - *from);
    gf_text_add(t, ".0");
    *from = end;
}

graft_status gf_json_parse_large(gf_json **out, const char *text, size_t n, const char *name, graft_error *err)
{
    enum { DIGITS_THAT_FIT = 18 };
    gf_text t = {0};
    bool quoted = false;
    size_t from = 0;
    for (size_t i = 0; i < n;) {
        const char c = text[i];
        size_t begin = i++;
        if (c == '"') quoted = !quoted;
        if (quoted && c == '\\') i++;
        if (quoted || !is_digit(c)) continue;
        bool whole = true;
        for (; i < n && (is_digit(text[i]) || (text[i] && strchr(".eE+-", text[i]))); i++) whole &= is_digit(text[i]);
        if (whole && i - begin > DIGITS_THAT_FIT) add_as_real(&t, text, &from, i);
    }
    if (!from) return gf_json_parse(out, text, n, name, err);
    gf_text_add_n(&t, text + from, n - from);
    *out = NULL;
    graft_status status = t.failed ? gf_fail_memory(err, t.cap, name) : gf_json_parse(out, t.s, t.n, name, err);
    gf_text_free(&t);
    return status;
}

const gf_json *gf_json_get(const gf_json *object, const char *key) { return json_object_get(object, key); }
const gf_json *gf_json_at(const gf_json *array, size_t i) { return json_array_get(array, i); }

size_t gf_json_size(const gf_json *j) { return json_is_object(j) ? json_object_size(j) : json_array_size(j); }

const char *gf_json_str(const gf_json *j, const char *fallback)
{
    return json_is_string(j) ? json_string_value(j) : fallback;
}

int64_t gf_json_i64(const gf_json *j, int64_t fallback)
{
    return json_is_integer(j) ? json_integer_value(j) : fallback;
}
double gf_json_f64(const gf_json *j, double fallback) { return json_is_number(j) ? json_number_value(j) : fallback; }
bool gf_json_true(const gf_json *j, bool fallback) { return json_is_boolean(j) ? json_is_true(j) : fallback; }
bool gf_json_is_object(const gf_json *j) { return json_is_object(j); }
bool gf_json_is_array(const gf_json *j) { return json_is_array(j); }
bool gf_json_is_null(const gf_json *j) { return !j || json_is_null(j); }

graft_status gf_json_each(const gf_json *object, graft_status (*fn)(void *ctx, const char *key, const gf_json *value),
                          void *ctx)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) { GF_TRY(fn(ctx, key, value)); }
    return GRAFT_OK;
}
