/* The header of a .npy: magic, version, a length, then a Python dictionary of three keys as text. The format is NEP 1's
 * ("A simple file format for NumPy arrays"). */
#include "formats/npy.h"

#include "base/alloc.h"

#include "formats/convert.h"

#include <string.h>

typedef struct text {
    const char *at, *end;
} text;

static void skip_blanks(text *t)
{
    while (t->at < t->end && (*t->at == ' ' || *t->at == '\n' || *t->at == '\t')) t->at++;
}

/* The next word, behind blanks: true and passed over where it stands there. */
static bool take(text *t, const char *word)
{
    size_t n = strlen(word);
    skip_blanks(t);
    if ((size_t)(t->end - t->at) < n || memcmp(t->at, word, n)) return false;
    t->at += n;
    return true;
}

/* ---- values ---- */

static const struct {
    const char *name;
    gf_dtype dtype;
} type_row[] = {{"<f4", GF_F32}, {"<f2", GF_F16}, {"<f8", GF_F64}};

/* Other types, also structured ones in brackets, are passed over whole: the array is listed, not read. */
static bool take_type(text *t, gf_npy_array *out)
{
    out->dtype = GF_DTYPES;
    skip_blanks(t);
    if (t->at < t->end && *t->at == '[') {
        int depth = 0;
        for (; t->at < t->end; t->at++) {
            depth += *t->at == '[' ? 1 : *t->at == ']' ? -1 : 0;
            if (!depth) break;
        }
        return take(t, "]");
    }
    if (t->at == t->end || (*t->at != '\'' && *t->at != '"')) return false;
    char quote = *t->at++;
    const char *close = memchr(t->at, quote, (size_t)(t->end - t->at));
    if (!close) return false;
    size_t n = (size_t)(close - t->at);
    for (size_t i = 0; i < sizeof type_row / sizeof *type_row; i++) {
        if (strlen(type_row[i].name) == n && !memcmp(type_row[i].name, t->at, n)) out->dtype = type_row[i].dtype;
    }
    t->at = close + 1;
    return true;
}

static bool take_order(text *t, gf_npy_array *out)
{
    out->fortran = take(t, "True");
    return out->fortran || take(t, "False");
}

static bool take_number(text *t, int64_t *out)
{
    skip_blanks(t);
    const char *begin = t->at;
    *out = 0;
    for (; t->at < t->end && *t->at >= '0' && *t->at <= '9'; t->at++) {
        if (__builtin_mul_overflow(*out, 10, out) || __builtin_add_overflow(*out, *t->at - '0', out)) return false;
    }
    bool any = t->at > begin;
    take(t, "L"); /* Python 2's */
    return any;
}

static bool take_shape(text *t, gf_npy_array *out)
{
    out->shape = (gf_shape){0};
    if (!take(t, "(")) return false;
    while (!take(t, ")")) {
        if (out->shape.rank == GF_MAX_RANK || !take_number(t, &out->shape.dim[out->shape.rank++])) return false;
        if (!take(t, ",")) return take(t, ")");
    }
    return true;
}

/* ---- the dictionary ---- */

static const struct {
    const char *name;
    bool (*take)(text *t, gf_npy_array *out);
} key_row[] = {{"descr", take_type}, {"fortran_order", take_order}, {"shape", take_shape}};
enum { KEYS = sizeof key_row / sizeof *key_row };

static bool take_key(text *t, bool seen[KEYS], gf_npy_array *out)
{
    if (!take(t, "'") && !take(t, "\"")) return false;
    for (int i = 0; i < KEYS; i++) {
        if (seen[i] || !take(t, key_row[i].name)) continue;
        seen[i] = true;
        return (take(t, "'") || take(t, "\"")) && take(t, ":") && key_row[i].take(t, out);
    }
    return false;
}

static bool take_dictionary(text t, gf_npy_array *out)
{
    bool seen[KEYS] = {false};
    if (!take(&t, "{")) return false;
    while (!take(&t, "}")) {
        if (!take_key(&t, seen, out)) return false;
        if (take(&t, ",")) continue;
        if (!take(&t, "}")) return false;
        break;
    }
    skip_blanks(&t);
    for (int i = 0; i < KEYS; i++) {
        if (!seen[i]) return false;
    }
    return t.at == t.end;
}

/* ---- the whole ---- */

static graft_status refuse(const char *file, const char *name, const char *why, graft_error *err)
{
    return gf_fail(err, GF_E_NPZ_ARRAY, "numpy.savez writes arrays that can be read", "%s: the array `%s` %s",
                   GF_ESC(file), GF_ESC(name), why);
}

graft_status gf_npy_parse(const uint8_t *bytes, size_t n, const char *file, const char *name, gf_npy_array *out,
                          graft_error *err)
{
    static const uint8_t magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
    *out = (gf_npy_array){.dtype = GF_DTYPES};
    if (n < 12 || memcmp(bytes, magic, sizeof magic)) return refuse(file, name, "does not begin as a .npy does", err);
    bool wide = bytes[6] > 1; /* the length has four bytes */
    if (bytes[6] < 1 || bytes[6] > 3 || bytes[7]) return refuse(file, name, "is of a version that is not known", err);
    size_t begin = wide ? 12 : 10, length = bytes[8] | (size_t)bytes[9] << 8;
    if (wide) length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (length > n - begin) return refuse(file, name, "ends within its header", err);
    out->offset = begin + length;
    const char *header = (const char *)bytes + begin;
    if (!take_dictionary((text){header, header + length}, out)) {
        return refuse(file, name, "has a header that makes no sense, or more than 6 dimensions", err);
    }
    if (out->dtype == GF_DTYPES) return GRAFT_OK;
    size_t count, size;
    if (!gf_shape_count(&out->shape, &count) || !gf_mul_size(count, gf_dtype_size(out->dtype), &size) ||
        size != n - out->offset) {
        return refuse(file, name, "has more or less values than its shape says", err);
    }
    return GRAFT_OK;
}

/* In Fortran's order index k steps by the product of the dimensions before it. */
static void turn(const uint8_t *values, const gf_npy_array *array, float *out)
{
    const gf_shape *s = &array->shape;
    int64_t index[GF_MAX_RANK] = {0};
    size_t size = gf_dtype_size(array->dtype), count = gf_count(s);
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        for (int k = s->rank - 1; k >= 0; k--) at = at * (size_t)s->dim[k] + (size_t)index[k];
        gf_convert_f32(values + at * size, array->dtype, 1, out + i);
        for (int k = s->rank - 1; k >= 0 && ++index[k] == s->dim[k]; k--) index[k] = 0;
    }
}

void gf_npy_values(const uint8_t *bytes, const gf_npy_array *array, float *out)
{
    const uint8_t *values = bytes + array->offset;
    if (array->fortran && array->shape.rank > 1) {
        turn(values, array, out);
    } else {
        gf_convert_f32(values, array->dtype, gf_count(&array->shape), out);
    }
}
