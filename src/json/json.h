/* json.h - JSON in and out; jansson stands behind it, here only. Builders swallow failed allocations: a document
 * with a failed piece gives NULL from gf_json_text, checked once. */
#ifndef GF_JSON_H
#define GF_JSON_H

#include "base/alloc.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct json_t gf_json; /* opaque */

gf_json *gf_json_object(void);
gf_json *gf_json_array(void);
gf_json *gf_json_string(const char *s); /* bytes that are not UTF-8 are written as \xNN text; NULL -> null */
gf_json *gf_json_int(int64_t x);
gf_json *gf_json_real(double x); /* NaN and infinities -> null */
gf_json *gf_json_bool(bool x);
gf_json *gf_json_null(void);
void gf_json_set(gf_json *object, const char *key, gf_json *value); /* takes over value */
void gf_json_add(gf_json *array, gf_json *value);                   /* takes over value */
void gf_json_free(gf_json *j);

/* The document as text (gf_free); indent 0 for one line. Numbers are written with up to 9 significant digits that
 * read back as the same float. NULL: no memory. */
char *gf_json_text(const gf_json *j, int indent);
/* Adds it to a text as a line of its own, and frees it. */
void gf_json_line(gf_json *j, gf_text *to);

/* Parses one document of n bytes. Duplicate keys, trailing text and a depth over 64 are errors with line and column
 * (E3201, `name` is the file named in the message). */
graft_status gf_json_parse(gf_json **out, const char *text, size_t n, const char *name, graft_error *err);

/* The same, but that a whole number which 64 bits cannot hold is a real: Python's tools write such ones, as
 * 1000000000000000019884624838656 for "no limit". */
graft_status gf_json_parse_large(gf_json **out, const char *text, size_t n, const char *name, graft_error *err);

/* Reading: a value of another type, or none, gives the fallback. The pointers are borrowed. */
const gf_json *gf_json_get(const gf_json *object, const char *key);
const gf_json *gf_json_at(const gf_json *array, size_t i);
size_t gf_json_size(const gf_json *array_or_object);
const char *gf_json_str(const gf_json *j, const char *fallback);
int64_t gf_json_i64(const gf_json *j, int64_t fallback);
double gf_json_f64(const gf_json *j, double fallback);
bool gf_json_true(const gf_json *j, bool fallback);
bool gf_json_is_object(const gf_json *j);
bool gf_json_is_array(const gf_json *j);
bool gf_json_is_null(const gf_json *j); /* null, or none */
/* Calls fn for each member in file order; stops at the first status that is not OK. */
graft_status gf_json_each(const gf_json *object, graft_status (*fn)(void *ctx, const char *key, const gf_json *value),
                          void *ctx);

#endif
