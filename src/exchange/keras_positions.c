#include "exchange/keras_positions.h"

#include <math.h>
#include <string.h>

static bool is_class(const gf_json *j, const char *name)
{
    return !strcmp(gf_json_str(gf_json_get(j, "class_name"), ""), name);
}

/* [:, :, number] or [..., number] */
static bool is_one_channel(const gf_json *index)
{
    size_t n = gf_json_size(index);
    enum { AXES = 3 };
    const gf_json *last = n ? gf_json_at(index, n - 1) : NULL;
    if (!gf_json_is_array(index) || gf_json_i64(last, 0) != gf_json_i64(last, 1)) return false;
    if (n == 2) return is_class(gf_json_at(index, 0), "__ellipsis__");
    for (size_t i = 0; n == AXES && i < AXES - 1; i++) {
        static const char *const ends[] = {"start", "stop", "step"};
        const gf_json *slice = gf_json_at(index, i);
        if (!is_class(slice, "__slice__")) return false;
        for (int k = 0; k < 3; k++) {
            if (!gf_json_is_null(gf_json_get(gf_json_get(slice, "config"), ends[k]))) return false;
        }
    }
    return n == AXES;
}

/* of a constant: its multiples */
static bool cumulate(const gf_positions_call *c, const gf_positions *src, gf_positions *out)
{
    int64_t axis = gf_json_i64(gf_json_get(c->config, "axis"), 0);
    *out = (gf_positions){GF_POSITIONS_NUMBERS, src->first, src->first};
    return src->what == GF_POSITIONS_NUMBERS && src->slope == 0 && (axis == 1 || axis == -1);
}

static bool shift(const gf_positions_call *c, const gf_positions *src, double sign, gf_positions *out)
{
    *out = *src;
    out->first += sign * c->constant;
    return src->what == GF_POSITIONS_NUMBERS && c->has_constant && (sign > 0 || !c->constant_first);
}

bool gf_keras_positions(const gf_positions_call *c, const gf_positions *src, gf_positions *out)
{
    bool length = src->what != GF_POSITIONS_NONE;
    if (!strcmp(c->cls, "GetItem")) {
        *out = (gf_positions){.what = GF_POSITIONS_LENGTH};
        return !length && is_one_channel(gf_json_at(c->args, 1));
    }
    if (!strcmp(c->cls, "OnesLike") || !strcmp(c->cls, "ZerosLike")) {
        *out = (gf_positions){GF_POSITIONS_NUMBERS, 0, *c->cls == 'O'};
        return length;
    }
    if (!strcmp(c->cls, "Cumsum")) return cumulate(c, src, out);
    if (!strcmp(c->cls, "Add")) return shift(c, src, 1, out);
    if (!strcmp(c->cls, "Subtract")) return shift(c, src, -1, out);
    *out = *src;
    return !strcmp(c->cls, "Cast") && length;
}

bool gf_positions_count_up(const gf_positions *p)
{
    return p->what == GF_POSITIONS_NUMBERS && p->slope == 1 && p->first == 0;
}

/* ---- tables */

/* The rows; of a batch of one its only image's. */
static const gf_json *rows_of(const gf_json *table)
{
    const gf_json *first = gf_json_at(table, 0);
    return gf_json_size(table) == 1 && gf_json_is_array(gf_json_at(first, 0)) ? first : table;
}

bool gf_keras_table_fits(const gf_json *table, const gf_shape *sequence)
{
    const gf_json *rows = rows_of(table);
    bool fits = sequence->rank == 2 && (int64_t)gf_json_size(rows) == sequence->dim[0];
    for (int64_t i = 0; fits && i < sequence->dim[0]; i++) {
        const gf_json *row = gf_json_at(rows, (size_t)i);
        fits = gf_json_is_array(row) && (int64_t)gf_json_size(row) == sequence->dim[1];
    }
    return fits;
}

bool gf_keras_table_read(const gf_json *table, float *out, size_t n)
{
    const gf_json *rows = rows_of(table);
    size_t at = 0;
    for (size_t i = 0; i < gf_json_size(rows); i++) {
        const gf_json *row = gf_json_at(rows, i);
        for (size_t k = 0; k < gf_json_size(row) && at < n; k++) {
            out[at] = (float)gf_json_f64(gf_json_at(row, k), NAN);
            if (!isfinite(out[at++])) return false;
        }
    }
    return at == n;
}
