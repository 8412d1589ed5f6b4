#include "exchange/keras_args.h"

#include <math.h>
#include <string.h>

void gf_keras_refuse(gf_keras_reader *r, const char *key, const char *wanted)
{
    if (r->status != GRAFT_OK) return;
    enum { SHOWN = 80 };
    const gf_json *value = gf_json_get(r->config, key);
    char *text = value ? gf_json_text(value, 0) : NULL;
    r->status =
        gf_fail(r->err, GF_E_KERAS_ARGUMENT, NULL, "%s: layer %s (%s): %s is %.*s, wanted is %s", GF_ESC(r->file),
                GF_ESC(r->l->name), GF_ESC(r->cls), key, SHOWN, text ? GF_ESC(text) : "missing", wanted);
    gf_free(text);
}

const gf_json *gf_keras_arg(const gf_keras_reader *r, const char *key)
{
    const gf_json *j = gf_json_get(r->config, key);
    return gf_json_is_null(j) ? NULL : j;
}

const gf_json *gf_keras_list(const gf_json *j)
{
    if (gf_json_is_object(j)) { /* {"class_name": "__tuple__", "items": [...]}, {"config": {"value": [...]}} */
        const gf_json *items = gf_json_get(j, "items");
        j = items ? items : gf_json_get(gf_json_get(j, "config"), "value");
    }
    return gf_json_is_array(j) ? j : NULL;
}

bool gf_keras_in_range(const gf_json *j, int lowest, int highest, int *out)
{
    int64_t x = gf_json_i64(j, INT64_MIN);
    if (x < lowest || x > highest) return false;
    *out = (int)x;
    return true;
}

int gf_keras_int(gf_keras_reader *r, const char *key, int lowest, int highest, int fallback)
{
    const gf_json *j = gf_keras_arg(r, key);
    int x = fallback;
    if (j && !gf_keras_in_range(j, lowest, highest, &x)) gf_keras_refuse(r, key, "a whole number in its range");
    return x;
}

/* One number for both, or a list of two. */
void gf_keras_pair(gf_keras_reader *r, const char *key, int lowest, int fallback, int *a, int *b)
{
    const gf_json *j = gf_keras_arg(r, key), *list = gf_keras_list(j);
    *a = *b = fallback;
    if (!j) return;
    bool good = list ? gf_json_size(list) == 2 &&
                           gf_keras_in_range(gf_json_at(list, 0), lowest, GF_KERAS_LARGEST_SIDE, a) &&
                           gf_keras_in_range(gf_json_at(list, 1), lowest, GF_KERAS_LARGEST_SIDE, b)
                     : gf_keras_in_range(j, lowest, GF_KERAS_LARGEST_SIDE, a);
    if (!list) *b = *a;
    if (!good) gf_keras_refuse(r, key, "a whole number or two");
}

void gf_keras_sides(gf_keras_reader *r, const char *key, int lowest, int fallback, int row, int *h, int *w)
{
    const gf_json *j = gf_keras_arg(r, key), *list = gf_keras_list(j);
    if (!r->l->at.sequence) {
        gf_keras_pair(r, key, lowest, fallback, h, w);
        return;
    }
    *h = row;
    *w = fallback;
    bool good = !list || gf_json_size(list) == 1;
    good = good && (!j || gf_keras_in_range(list ? gf_json_at(list, 0) : j, lowest, GF_KERAS_LARGEST_SIDE, w));
    if (!good) gf_keras_refuse(r, key, "a whole number");
}

bool gf_keras_flag(gf_keras_reader *r, const char *key, bool fallback)
{
    const gf_json *j = gf_keras_arg(r, key);
    if (j && gf_json_true(j, true) != gf_json_true(j, false)) gf_keras_refuse(r, key, "true or false");
    return gf_json_true(j, fallback);
}

bool gf_keras_is_float(double x) { return isfinite((float)x); }

float gf_keras_float(gf_keras_reader *r, const char *key, double fallback)
{
    const gf_json *j = gf_keras_arg(r, key);
    if (gf_json_is_object(j)) j = gf_json_get(gf_json_get(j, "config"), "value"); /* a NumPy number */
    double x = j ? gf_json_f64(j, NAN) : fallback;
    if (!gf_keras_is_float(x)) gf_keras_refuse(r, key, "a number");
    return gf_keras_is_float(x) ? (float)x : 0;
}

const char *gf_keras_word(gf_keras_reader *r, const char *key, const char *fallback)
{
    const gf_json *j = gf_keras_arg(r, key);
    const char *s = j ? gf_json_str(j, NULL) : fallback;
    if (!s) gf_keras_refuse(r, key, "a word");
    return s ? s : "";
}

/* What only one value of is known. */
void gf_keras_must_be(gf_keras_reader *r, const char *key, const char *value)
{
    if (strcmp(gf_keras_word(r, key, value), value)) gf_keras_refuse(r, key, value);
}

/* Whether `axis` (which counts the batch) is the last one of the layer's input. */
static bool is_last(const gf_keras_reader *r, const gf_json *j)
{
    int64_t axis = gf_json_i64(j, INT64_MIN);
    return axis == -1 || (r->src && axis == r->src->rank);
}

void gf_keras_last_axis(gf_keras_reader *r)
{
    const gf_json *j = gf_keras_arg(r, "axis"), *list = gf_keras_list(j);
    bool last = !j || (list ? gf_json_size(list) == 1 && is_last(r, gf_json_at(list, 0)) : is_last(r, j));
    if (!last) gf_keras_refuse(r, "axis", "the last one, that of the channels");
}

gf_json *gf_keras_real(float x)
{
    const double most = 1e9; /* what nine digits hold */
    double tens = 1;
    for (int digits = 0; digits <= 9 && fabs((double)x) * tens < most; digits++, tens *= 10) {
        double y = rint((double)x * tens) / tens;
        if ((float)y == x) return gf_json_real(y);
    }
    return gf_json_real((double)x);
}
