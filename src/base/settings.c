#include "base/settings.h"

#include "base/alloc.h"
#include "base/distance.h"
#include "base/error.h"
#include "base/number.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const graft_option gf_setting_rows[] = {
#define GF_SETTING(id, title, ...) {.size = sizeof(graft_option), .name = (title), __VA_ARGS__},
#include "base/settings.def"
#undef GF_SETTING
};

enum { ROWS = sizeof gf_setting_rows / sizeof *gf_setting_rows };

int gf_settings_count(void) { return ROWS; }

struct graft_settings {
    char *text[ROWS]; /* in one spelling; NULL: not set */
};

enum { DIGITS = 64, WANTED = 320 };

/* ---- one value: from text to its one spelling */

/* What a value is to become: `text` as it came, `to` gets the spelling where that may be another. */
typedef struct reading {
    const graft_option *row;
    const char *text;
    char to[GF_NUMBER_SIZE];
} reading;

static bool in_range(const graft_option *o, double v)
{
    return v >= o->min && (o->below ? v < o->max : v <= o->max); /* NaN is not */
}

static bool only(const char *text, const char *these) { return text[0] && strspn(text, these) == strlen(text); }

static bool read_flag(reading *r)
{
    snprintf(r->to, sizeof r->to, "%s", r->text);
    return !strcmp(r->text, "0") || !strcmp(r->text, "1");
}

static bool read_whole(reading *r)
{
    if (!only(r->text + (r->text[0] == '-'), "0123456789")) return false;
    errno = 0;
    long long v = strtoll(r->text, NULL, 10);
    snprintf(r->to, sizeof r->to, "%lld", v);
    return !errno && in_range(r->row, (double)v);
}

static bool read_seed(reading *r)
{
    if (!only(r->text, "0123456789")) return false;
    errno = 0;
    snprintf(r->to, sizeof r->to, "%llu", strtoull(r->text, NULL, 10));
    return !errno;
}

static bool read_decimal(const char *text, size_t n, double *v)
{
    char copy[DIGITS];
    if (n >= sizeof copy) return false;
    memcpy(copy, text, n);
    copy[n] = 0;
    return only(copy, "0123456789.eE+-") && gf_number_parse(copy, n, v) && isfinite(*v);
}

static bool read_real(reading *r)
{
    double v;
    if (!read_decimal(r->text, strlen(r->text), &v) || !in_range(r->row, v)) return false;
    gf_number_shortest(r->to, v);
    return true;
}

static bool read_share(reading *r)
{
    double v;
    size_t n = strlen(r->text);
    bool percent = n && r->text[n - 1] == '%';
    if (!read_decimal(r->text, n - percent, &v)) return false;
    if (percent) v /= 100;
    gf_number_shortest(r->to, v);
    return in_range(r->row, v);
}

static bool read_bytes(reading *r)
{
    static const char units[] = "KMGT";
    size_t n = strspn(r->text, "0123456789.");
    const char *unit = r->text + n, *letter = *unit ? strchr(units, *unit & ~0x20) : NULL;
    double v, scale = 1;
    if (letter) {
        unit++;
        for (const char *u = units; u <= letter; u++) scale *= 1024;
        if (!strcmp(unit, "iB") || !strcmp(unit, "B")) unit += strlen(unit);
    }
    if (*unit || !read_decimal(r->text, n, &v) || !in_range(r->row, v * scale)) return false;
    snprintf(r->to, sizeof r->to, "%llu", (unsigned long long)(v * scale));
    return true;
}

/* The position of the n bytes at `text` in "a|b|c", -1 where they are not in it. */
static int choice_of(const char *choices, const char *text, size_t n)
{
    int i = 0;
    for (const char *c = choices; c; c = strchr(c, '|') ? strchr(c, '|') + 1 : NULL, i++) {
        if (n > 0 && strcspn(c, "|") == n && !memcmp(c, text, n)) return i;
    }
    return -1;
}

static bool read_choice(reading *r) { return choice_of(r->row->choices, r->text, strlen(r->text)) >= 0; }

static bool read_text(reading *r) { return r->text[0] != 0; }

static void say_range(const graft_option *o, char wanted[WANTED])
{
    const char *noun = o->kind == GRAFT_OPTION_WHOLE ? "a whole number" : "a number";
    char low[GF_NUMBER_SIZE], high[GF_NUMBER_SIZE];
    snprintf(wanted, WANTED, "%s from %.32s%s %.32s%s", noun, gf_number_shortest(low, o->min),
             o->below ? ", below" : " to", gf_number_shortest(high, o->max),
             o->kind == GRAFT_OPTION_SHARE ? " (or as a percentage)" : "");
}

static void say_choices(const graft_option *o, char wanted[WANTED])
{
    size_t n = (size_t)snprintf(wanted, WANTED, "one of ");
    for (const char *c = o->choices; *c && n + 2 < WANTED; c++) {
        n += (size_t)snprintf(wanted + n, WANTED - n, "%s", *c == '|' ? ", " : (char[2]){*c, 0});
    }
}

static void say_seed(const graft_option *o, char wanted[WANTED])
{
    (void)o;
    snprintf(wanted, WANTED, "a whole number from 0 to 18446744073709551615");
}

static void say_bytes(const graft_option *o, char wanted[WANTED])
{
    char low[GF_NUMBER_SIZE];
    snprintf(wanted, WANTED, "a number of bytes, at least %.32s, such as 512M or 2G", gf_number_shortest(low, o->min));
}

static void say_flag(const graft_option *o, char wanted[WANTED])
{
    (void)o;
    snprintf(wanted, WANTED, "0 or 1");
}

static void say_text(const graft_option *o, char wanted[WANTED])
{
    snprintf(wanted, WANTED, o->kind == GRAFT_OPTION_TEXT ? "some text" : "a path");
}

static const struct {
    bool (*read)(reading *r);
    void (*say)(const graft_option *o, char wanted[WANTED]);
} kinds[] = {
    [GRAFT_OPTION_FLAG] = {read_flag, say_flag},        [GRAFT_OPTION_WHOLE] = {read_whole, say_range},
    [GRAFT_OPTION_SEED] = {read_seed, say_seed},        [GRAFT_OPTION_REAL] = {read_real, say_range},
    [GRAFT_OPTION_SHARE] = {read_share, say_range},     [GRAFT_OPTION_BYTES] = {read_bytes, say_bytes},
    [GRAFT_OPTION_CHOICE] = {read_choice, say_choices}, [GRAFT_OPTION_TEXT] = {read_text, say_text},
    [GRAFT_OPTION_FILE] = {read_text, say_text},        [GRAFT_OPTION_FOLDER] = {read_text, say_text},
};

/* ---- names */

gf_setting gf_setting_find(const char *name)
{
    for (int i = 0; i < ROWS; i++) {
        if (!strcmp(gf_setting_rows[i].name, name)) return (gf_setting)i;
    }
    return GF_SETTING_NONE;
}

enum { LONGEST = 63 };

static graft_status fail_name(const char *name, graft_error *err)
{
    size_t least = SIZE_MAX, n = strlen(name);
    const char *best = NULL, *below = strchr(name, '.');
    char hint[128] = "";
    for (int i = 0; i < ROWS && n <= LONGEST; i++) {
        const char *row = gf_setting_rows[i].name;
        size_t d = gf_edit_distance(name, row),
               without_section = below ? SIZE_MAX : gf_edit_distance(name, strchr(row, '.') + 1);
        if (without_section < d) d = without_section;
        if (d < least) least = d, best = row;
    }
    const size_t near = 3;
    if (best && least <= near) snprintf(hint, sizeof hint, "did you mean %s?", best);
    return gf_fail(err, GF_E_OPTION_UNKNOWN, *hint ? hint : NULL, "%s: there is no such option", GF_ESC(name));
}

/* ---- settings */

gf_settings *gf_settings_new(void) { return gf_new(gf_settings); }

void gf_settings_free(gf_settings *s)
{
    for (int i = 0; s && i < ROWS; i++) gf_free(s->text[i]);
    gf_free(s);
}

graft_status gf_settings_set(gf_settings *s, const char *name, const char *value, graft_error *err)
{
    gf_setting id = gf_setting_find(name);
    if (id == GF_SETTING_NONE) return fail_name(name, err);
    char *copy = NULL;
    if (value) {
        reading r = {.row = &gf_setting_rows[id], .text = value};
        if (!kinds[r.row->kind].read(&r)) {
            char wanted[WANTED];
            kinds[r.row->kind].say(r.row, wanted);
            return gf_fail(err, GF_E_OPTION_VALUE, NULL, "%s: '%s' cannot be used, wanted %s", name, GF_ESC(value),
                           wanted);
        }
        copy = gf_strdup(r.to[0] ? r.to : value);
        if (!copy) return gf_fail_memory(err, strlen(value), "an option");
    }
    gf_free(s->text[id]);
    s->text[id] = copy;
    return GRAFT_OK;
}

graft_status gf_settings_take(gf_settings *to, const gf_settings *from, const char *section, graft_error *err)
{
    for (int i = 0; i < ROWS; i++) {
        const char *name = gf_setting_rows[i].name;
        if (strncmp(name, section, strlen(section)) != 0) continue;
        GF_TRY(gf_settings_set(to, name, from ? from->text[i] : NULL, err));
    }
    return GRAFT_OK;
}

graft_status gf_settings_copy(gf_settings **to, const gf_settings *from, graft_error *err)
{
    *to = NULL;
    if (!from) return GRAFT_OK;
    gf_settings *s = gf_settings_new();
    if (!s) return gf_fail_memory(err, sizeof *s, "options");
    graft_status status = gf_settings_take(s, from, "", err);
    if (status != GRAFT_OK) {
        gf_settings_free(s);
        return status;
    }
    *to = s;
    return GRAFT_OK;
}

bool gf_settings_given(const gf_settings *s, gf_setting id) { return s && s->text[id]; }

const char *gf_settings_text(const gf_settings *s, gf_setting id)
{
    return gf_settings_given(s, id) ? s->text[id] : gf_setting_rows[id].default_value;
}

bool gf_settings_kept(const gf_settings *s, gf_setting id)
{
    const graft_option *o = &gf_setting_rows[id];
    if (!gf_settings_given(s, id) || (o->flags & GRAFT_OPTION_LOCAL) || !strcmp(o->since, "0.1")) return false;
    return !o->default_value || strcmp(s->text[id], o->default_value) != 0;
}

/* ---- values by kind; a row without a default gives 0 */

static const char *number_text(const gf_settings *s, gf_setting id)
{
    const char *text = gf_settings_text(s, id);
    return text ? text : "0";
}

bool gf_settings_flag(const gf_settings *s, gf_setting id) { return number_text(s, id)[0] == '1'; }

int64_t gf_settings_whole(const gf_settings *s, gf_setting id) { return strtoll(number_text(s, id), NULL, 10); }

uint64_t gf_settings_seed(const gf_settings *s, gf_setting id) { return strtoull(number_text(s, id), NULL, 10); }

double gf_settings_real(const gf_settings *s, gf_setting id)
{
    double v = 0;
    const char *text = number_text(s, id);
    gf_number_parse(text, strlen(text), &v);
    return v;
}

int gf_settings_choice(const gf_settings *s, gf_setting id)
{
    const char *text = gf_settings_text(s, id);
    return text ? choice_of(gf_setting_rows[id].choices, text, strlen(text)) : -1;
}
