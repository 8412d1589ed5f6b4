#include "values.h"
#include "errors.h"
#include "text.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef graft_status value_parser(const option *o, const char *text, void *place, graft_error *err);

static bool number_in(const option_range *r, double v)
{
    return v >= r->min && (r->below ? v < r->max : v <= r->max); /* NaN is not */
}

/* A decimal number that is all of `text`. setlocale is never called, so that the point is a point. */
static bool parse_number(const char *text, double *out)
{
    if (!text[0] || strspn(text, "0123456789.eE+-") != strlen(text)) return false;
    char *end;
    *out = strtod(text, &end);
    return end != text && !*end && isfinite(*out);
}

static bool parse_int(const char *text, int64_t *out)
{
    const char *digits = text + (text[0] == '-');
    if (!digits[0] || strspn(digits, "0123456789") != strlen(digits)) return false;
    errno = 0;
    *out = strtoll(text, NULL, 10);
    return errno == 0;
}

/* "1" and not "1.0000": the shortest of a few that reads back the same. */
static const char *number_text(double v, char *buf, size_t size)
{
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(buf, size, "%.*g", digits, v);
        if (strtod(buf, NULL) == v) break;
    }
    return buf;
}

static bool is_whole(option_kind kind) { return kind == OPTION_INT || kind == OPTION_SIZE || kind == OPTION_BOUNDARY; }

const char *value_range_text(const option *o, char *buf, size_t size)
{
    char low[32], high[32];
    const option_range *r = &o->range;
    const char *noun = is_whole(o->kind) ? "a whole number" : "a number";
    if (o->kind == OPTION_SEED) {
        snprintf(buf, size, "a whole number from 0 to 18446744073709551615");
        return buf;
    }
    number_text(r->min, low, sizeof low);
    number_text(r->max, high, sizeof high);
    snprintf(buf, size, "%s from %s%s %s", noun, low, r->below ? ", below" : " to", high);
    return buf;
}
#define RANGE_TEXT(o) value_range_text((o), (char[128]){0}, 128)

static graft_status bad_value(const option *o, const char *text, const char *wanted, graft_error *err)
{
    return fail(err, E_OPTION_VALUE, NULL, "--%s: '%s' cannot be used, wanted %s", o->name, ESCAPED(text), wanted);
}

static graft_status set_int(const option *o, const char *text, void *place, graft_error *err)
{
    int64_t v;
    if (!parse_int(text, &v) || !number_in(&o->range, (double)v)) return bad_value(o, text, RANGE_TEXT(o), err);
    *(int *)place = (int)v;
    return GRAFT_OK;
}

static graft_status set_seed(const option *o, const char *text, void *place, graft_error *err)
{
    bool digits = text[0] && strspn(text, "0123456789") == strlen(text);
    errno = 0;
    uint64_t v = digits ? strtoull(text, NULL, 10) : 0;
    if (!digits || errno) return bad_value(o, text, RANGE_TEXT(o), err);
    *(uint64_t *)place = v;
    return GRAFT_OK;
}

static graft_status set_number(const option *o, const char *text, void *place, graft_error *err)
{
    double v;
    if (!parse_number(text, &v) || !number_in(&o->range, v)) return bad_value(o, text, RANGE_TEXT(o), err);
    *(double *)place = v;
    return GRAFT_OK;
}

static graft_status set_share(const option *o, const char *text, void *place, graft_error *err)
{
    char digits[64], wanted[192];
    size_t n = strlen(text);
    bool percent = n > 0 && text[n - 1] == '%';
    snprintf(wanted, sizeof wanted, "%s (or as a percentage)", RANGE_TEXT(o));
    if (n >= sizeof digits) return bad_value(o, text, wanted, err);
    memcpy(digits, text, n + 1);
    if (percent) digits[n - 1] = '\0';
    double v;
    if (!parse_number(digits, &v)) return bad_value(o, text, wanted, err);
    if (percent) v /= 100;
    if (!number_in(&o->range, v)) return bad_value(o, text, wanted, err);
    *(double *)place = v;
    return GRAFT_OK;
}

static graft_status set_bytes(const option *o, const char *text, void *place, graft_error *err)
{
    static const char *const wanted = "a size of at least 1M such as 512M or 2G";
    static const char units[] = "KMGT";
    char digits[64];
    size_t n = strspn(text, "0123456789.");
    const char *unit = text + n;
    double v, scale = 1;
    if (n == 0 || n >= sizeof digits) return bad_value(o, text, wanted, err);
    memcpy(digits, text, n);
    digits[n] = '\0';
    const char *letter = *unit ? strchr(units, *unit & ~0x20) : NULL;
    if (letter) {
        unit++;
        for (const char *u = units; u <= letter; u++) scale *= 1024;
        if (!strcmp(unit, "iB") || !strcmp(unit, "B")) unit += strlen(unit);
    }
    if (*unit || !parse_number(digits, &v) || !number_in(&o->range, v * scale)) return bad_value(o, text, wanted, err);
    *(uint64_t *)place = (uint64_t)(v * scale);
    return GRAFT_OK;
}

static graft_status set_text(const option *o, const char *text, void *place, graft_error *err)
{
    if (!text[0]) return bad_value(o, text, "some text", err);
    *(const char **)place = text;
    return GRAFT_OK;
}

/* The index of `text` in "a|b|c"; -1: it is not there. */
static int choice_index(const char *choices, const char *text)
{
    int i = 0;
    size_t n = strlen(text);
    for (const char *c = choices; c; c = strchr(c, '|') ? strchr(c, '|') + 1 : NULL, i++)
        if (n > 0 && strcspn(c, "|") == n && !memcmp(c, text, n)) return i;
    return -1;
}

static graft_status bad_choice(const option *o, const char *text, graft_error *err)
{
    char wanted[192] = "one of ";
    for (const char *c = o->choices; *c; c++) {
        size_t n = strlen(wanted);
        snprintf(wanted + n, sizeof wanted - n, "%s", *c == '|' ? ", " : (char[2]){*c, 0});
    }
    return bad_value(o, text, wanted, err);
}

static graft_status set_name(const option *o, const char *text, void *place, graft_error *err)
{
    if (choice_index(o->choices, text) < 0) return bad_choice(o, text, err);
    *(const char **)place = text;
    return GRAFT_OK;
}

static graft_status set_index(const option *o, const char *text, void *place, graft_error *err)
{
    int i = choice_index(o->choices, text);
    if (i < 0) return bad_choice(o, text, err);
    *(int *)place = i;
    return GRAFT_OK;
}

static graft_status set_size(const option *o, const char *text, void *place, graft_error *err)
{
    graft_model_options *model = place;
    char first[32], wanted[192];
    const char *x = strchr(text, 'x');
    size_t n = x ? (size_t)(x - text) : strlen(text);
    int64_t w, h;
    snprintf(wanted, sizeof wanted, "%s, or two of them as 160x192 (width x height)", RANGE_TEXT(o));
    if (n >= sizeof first) return bad_value(o, text, wanted, err);
    memcpy(first, text, n);
    first[n] = '\0';
    if (!parse_int(first, &w) || !parse_int(x ? x + 1 : first, &h)) return bad_value(o, text, wanted, err);
    if (!number_in(&o->range, (double)w) || !number_in(&o->range, (double)h)) return bad_value(o, text, wanted, err);
    model->width = (int)w;
    model->height = (int)h;
    return GRAFT_OK;
}

static graft_status set_split(const option *o, const char *text, void *place, graft_error *err)
{
    static const char *const wanted = "two or three shares, as 0.8,0.2 or 50/25/25";
    double shares[3] = {0}, sum = 0;
    const char *at = text;
    int n = 0;
    while (at) {
        char part[32];
        size_t length = strcspn(at, ",/");
        if (n == 3 || length >= sizeof part) return bad_value(o, text, wanted, err);
        memcpy(part, at, length);
        part[length] = '\0';
        if (!parse_number(part, &shares[n]) || !(shares[n] >= 0 && shares[n] <= 100))
            return bad_value(o, text, wanted, err);
        sum += shares[n++];
        at = at[length] ? at + length + 1 : NULL;
    }
    for (int i = 0; i < n && fabs(sum - 100) <= 1e-6; i++) shares[i] /= 100; /* per cent */
    if (fabs(sum - 100) <= 1e-6) sum = 1;
    if (n < 2 || !(shares[0] > 0) || !(fabs(sum - 1) <= 1e-6)) return bad_value(o, text, wanted, err);
    memcpy(place, shares, sizeof shares);
    return GRAFT_OK;
}

/* Digits are a number, anything that could be a layer's name is one; whether the model has it, the library says. */
static graft_status set_boundary(const option *o, const char *text, void *place, graft_error *err)
{
    graft_model_options *model = place;
    char wanted[192];
    int64_t v;
    bool letter = (text[0] >= 'a' && text[0] <= 'z') || (text[0] >= 'A' && text[0] <= 'Z');
    if (letter) {
        model->fine_tune_at_name = text;
        return GRAFT_OK;
    }
    snprintf(wanted, sizeof wanted, "%s, or the name of a layer", RANGE_TEXT(o));
    if (!parse_int(text, &v) || !number_in(&o->range, (double)v)) return bad_value(o, text, wanted, err);
    model->fine_tune_at = (int)v;
    model->fine_tune_at_name = NULL;
    return GRAFT_OK;
}

static graft_status set_flag(const option *o, const char *text, void *place, graft_error *err)
{
    (void)text, (void)err;
    *(int *)place = o->kind == OPTION_SET;
    return GRAFT_OK;
}

/* The library's message begins with the row's name: for who types, the option's stands there. */
static graft_status set_setting(const option *o, const char *text, graft_settings *by_name, graft_error *err)
{
    graft_error why = {0};
    graft_status status = graft_settings_set(by_name, o->setting, text ? text : o->sets ? o->sets : "1", &why);
    size_t n = strlen(o->setting);
    if (!status) return status;
    bool named = !strncmp(why.message, o->setting, n);
    *err = why;
    snprintf(err->message, sizeof err->message, "--%s%s%.1400s", o->name, named ? "" : ": ",
             why.message + (named ? n : 0));
    return status;
}

graft_status value_set(const option *o, const char *text, settings *s, graft_error *err)
{
    static value_parser *const parsers[] = {
        [OPTION_SET] = set_flag,    [OPTION_CLEAR] = set_flag,    [OPTION_INT] = set_int,
        [OPTION_SEED] = set_seed,   [OPTION_NUMBER] = set_number, [OPTION_SHARE] = set_share,
        [OPTION_BYTES] = set_bytes, [OPTION_TEXT] = set_text,     [OPTION_FILE] = set_text,
        [OPTION_FOLDER] = set_text, [OPTION_NAME] = set_name,     [OPTION_INDEX] = set_index,
        [OPTION_SIZE] = set_size,   [OPTION_SPLIT] = set_split,   [OPTION_BOUNDARY] = set_boundary,

    };
    if (o->setting) return set_setting(o, text, s->by_name, err);
    return parsers[o->kind](o, text, (char *)s + o->place, err);
}
