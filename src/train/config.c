#include "train/config.h"

#include "base/alloc.h"
#include "base/io.h"
#include "base/number.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

typedef enum kind { TEXT, WHOLE, REAL } kind;

static const struct {
    const char *section, *name;
    kind kind;
    size_t offset;
    bool added, shapes; /* shapes: checkpoints must agree with it; of those of 0.1 see shapes_result */
} field[] = {
#define ROW_TEXT(section, name) {#section, #name, TEXT, offsetof(gf_run_config, name)},
#define ROW_WHOLE(section, name) {#section, #name, WHOLE, offsetof(gf_run_config, name)},
#define ROW_REAL(section, name) {#section, #name, REAL, offsetof(gf_run_config, name)},
#define ROW_ADDED(section, name, shapes) {#section, #name, TEXT, offsetof(gf_run_config, name), true, shapes},
    GF_CONFIG_MAP(ROW_TEXT, ROW_WHOLE, ROW_REAL) GF_CONFIG_ADDED(ROW_ADDED)};
/* Format 1 is graft 0.1's, without what came later; in 1 and 2 an option that is not there has the value `before` of
 * its row, where there is one. */
enum { FIELDS = sizeof field / sizeof *field, FORMAT = 3, LAST_WITHOUT_BEFORE = 2 };

static const char *const sections[] = {"model", "data", "train", "versions"};

static void *at(const gf_run_config *c, size_t i) { return (char *)c + field[i].offset; }

void gf_config_free(gf_run_config *c)
{
    for (size_t i = 0; i < FIELDS; i++) {
        if (field[i].kind == TEXT) gf_free(*(char **)at(c, i));
    }
    gf_settings_free(c->settings);
    gf_free(c->phases);
    *c = (gf_run_config){0};
}

bool gf_config_frozen_in_int8(const gf_run_config *c)
{
    static const char word[] = "int8";
    size_t n = sizeof word - 1;
    return c->frozen && !strncmp(c->frozen, word, n) && (!c->frozen[n] || c->frozen[n] == ',');
}

gf_head_spec gf_config_head(const gf_run_config *c)
{
    gf_head_spec spec = {0};
    double dropout;
    if (c->head && gf_head_parse(c->head, &spec, &dropout, NULL) != GRAFT_OK) spec = (gf_head_spec){0};
    return spec;
}

bool gf_config_uses_batch_stats(const gf_run_config *c) { return c->batch_norm && !strcmp(c->batch_norm, "batch"); }

graft_status gf_config_text(char **text, const char *value, graft_error *err)
{
    char *copy = value ? gf_strdup(value) : NULL;
    if (value && !copy) return gf_fail_memory(err, strlen(value), "a configuration");
    gf_free(*text);
    *text = copy;
    return GRAFT_OK;
}

static gf_json *value_of(const gf_run_config *c, size_t i)
{
    switch (field[i].kind) {
    case TEXT: return gf_json_string(*(char **)at(c, i));
    case WHOLE: return gf_json_int(*(int64_t *)at(c, i));
    default: break;
    }
    /* all 17 digits, as text: a resumed run must meet the same number */
    return gf_json_string(GF_GENERAL(*(double *)at(c, i), 17));
}

static bool has_settings(const gf_run_config *c)
{
    for (int i = 0; i < gf_settings_count(); i++) {
        if (gf_settings_kept(c->settings, (gf_setting)i)) return true;
    }
    return false;
}

static gf_json *settings_value(const gf_run_config *c)
{
    gf_json *object = gf_json_object();
    for (int i = 0; i < gf_settings_count(); i++) {
        if (!gf_settings_kept(c->settings, (gf_setting)i)) continue;
        gf_json_set(object, gf_setting_rows[i].name, gf_json_string(gf_settings_text(c->settings, (gf_setting)i)));
    }
    return object;
}

static gf_json *phases_value(const gf_run_config *c)
{
    gf_json *list = NULL;
    gf_json_parse(&list, c->phases, strlen(c->phases), "phases", NULL);
    return list;
}

char *gf_config_document(const gf_run_config *c)
{
    gf_json *document = gf_json_object();
    gf_json_set(document, "format", gf_json_int(FORMAT));
    for (size_t s = 0; s < sizeof sections / sizeof *sections; s++) {
        gf_json *section = gf_json_object();
        for (size_t i = 0; i < FIELDS; i++) {
            if (!strcmp(field[i].section, sections[s])) gf_json_set(section, field[i].name, value_of(c, i));
        }
        gf_json_set(document, sections[s], section);
    }
    if (has_settings(c)) gf_json_set(document, "settings", settings_value(c));
    if (c->phases) gf_json_set(document, "phases", phases_value(c));
    char *text = gf_json_text(document, 2);
    gf_json_free(document);
    return text;
}

graft_status gf_config_write(const char *path, const gf_run_config *c, graft_error *err)
{
    char *text = gf_config_document(c);
    if (!text) return gf_fail_memory(err, 4096, "a configuration");
    graft_status status = gf_file_write(path, (gf_bytes[]){{text, strlen(text)}, {"\n", 1}}, 2, err);
    gf_free(text);
    return status;
}

static graft_status read_field(gf_run_config *c, size_t i, const gf_json *j, const char *path, graft_error *err)
{
    const char *text = gf_json_str(j, NULL);
    if (field[i].kind == TEXT) return gf_config_text(at(c, i), text, err);
    if (field[i].kind == WHOLE && j && gf_json_i64(j, 0) == gf_json_i64(j, 1)) {
        *(int64_t *)at(c, i) = gf_json_i64(j, 0);
        return GRAFT_OK;
    }
    if (field[i].kind == REAL && text && gf_number_parse(text, strlen(text), at(c, i))) return GRAFT_OK;
    return gf_fail(err, GF_E_CONFIG, "was the run made by another version of graft?",
                   "%s: %s.%s is missing or of another type", GF_ESC(path), field[i].section, field[i].name);
}

typedef struct taking {
    gf_settings *settings;
    const char *path;
    graft_error *err;
} taking;

static graft_status take_setting(void *ctx, const char *name, const gf_json *value)
{
    const taking *t = ctx;
    graft_error why = {0};
    const char *text = gf_json_str(value, NULL);
    graft_status status = text ? gf_settings_set(t->settings, name, text, &why) : GRAFT_USAGE;
    if (status == GRAFT_OK || status == GRAFT_RESOURCE) return status;
    return gf_fail(t->err, GF_E_CONFIG, "was the run made by a newer version of graft?", "%s: settings: %s",
                   GF_ESC(t->path), text ? why.message : "a value is not a text");
}

/* What a run of an old format did where today's default is something else. */
static graft_status take_before(gf_run_config *c, graft_error *err)
{
    for (int i = 0; i < gf_settings_count(); i++) {
        const graft_option *o = &gf_setting_rows[i];
        if (o->before) GF_TRY(gf_settings_set(c->settings, o->name, o->before, err));
    }
    return GRAFT_OK;
}

/* Their absence is their default, or what was done before there were defaults. */
static graft_status read_settings(gf_run_config *c, const gf_json *document, const char *path, graft_error *err)
{
    const gf_json *object = gf_json_get(document, "settings");
    bool old = gf_json_i64(gf_json_get(document, "format"), 1) <= LAST_WITHOUT_BEFORE, any = !gf_json_is_null(object);
    if (!any && !old) return GRAFT_OK;
    if (any && !gf_json_is_object(object))
        return gf_fail(err, GF_E_CONFIG, NULL, "%s: settings is not an object", GF_ESC(path));
    c->settings = gf_settings_new();
    if (!c->settings) return gf_fail_memory(err, 1024, "a configuration");
    if (old) GF_TRY(take_before(c, err));
    return any ? gf_json_each(object, take_setting, &(taking){c->settings, path, err}) : GRAFT_OK;
}

static graft_status read_phases(gf_run_config *c, const gf_json *list, graft_error *err)
{
    if (gf_json_is_null(list)) return GRAFT_OK;
    c->phases = gf_json_text(list, 0);
    return c->phases ? GRAFT_OK : gf_fail_memory(err, 1024, "a configuration");
}

typedef struct known {
    const char *section, *path;
    graft_error *err;
} known;

static graft_status check_key(void *ctx, const char *key, const gf_json *value)
{
    const known *k = ctx;
    (void)value;
    for (size_t i = 0; i < FIELDS; i++) {
        if (!strcmp(field[i].section, k->section) && !strcmp(field[i].name, key)) return GRAFT_OK;
    }
    return gf_fail(k->err, GF_E_CONFIG, "was the run made by a newer version of graft?", "%s: %s.%s is not known",
                   GF_ESC(k->path), k->section, GF_ESC(key));
}

/* A newer graft's run: its format, or an option that is not known here. */
static graft_status check_known(const gf_json *document, const char *path, graft_error *err)
{
    int64_t format = gf_json_i64(gf_json_get(document, "format"), 1);
    if (format < 1 || format > FORMAT) {
        return gf_fail(err, GF_E_CONFIG, "was the run made by a newer version of graft?",
                       "%s: of format %lld, this graft reads 1 to %d", GF_ESC(path), (long long)format, FORMAT);
    }
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        const gf_json *section = gf_json_get(document, sections[i]);
        known k = {sections[i], path, err};
        if (gf_json_is_object(section)) GF_TRY(gf_json_each(section, check_key, &k));
    }
    return GRAFT_OK;
}

graft_status gf_config_parse(gf_run_config *c, const char *text, size_t n, const char *path, graft_error *err)
{
    *c = (gf_run_config){0};
    gf_json *document = NULL;
    graft_status status = gf_json_parse(&document, text, n, path, err);
    if (status == GRAFT_OK) status = check_known(document, path, err);
    for (size_t i = 0; status == GRAFT_OK && i < FIELDS; i++) {
        const gf_json *section = gf_json_get(document, field[i].section);
        status = read_field(c, i, gf_json_get(section, field[i].name), path, err);
    }
    if (status == GRAFT_OK) status = read_settings(c, document, path, err);
    if (status == GRAFT_OK) status = read_phases(c, gf_json_get(document, "phases"), err);
    gf_json_free(document);
    if (status != GRAFT_OK) gf_config_free(c);
    return status;
}

graft_status gf_config_read(gf_run_config *c, const char *path, graft_error *err)
{
    *c = (gf_run_config){0};
    enum { LARGEST = 1 << 20 };
    uint8_t *bytes;
    size_t n;
    GF_TRY(gf_file_read(path, LARGEST, &bytes, &n, err));
    graft_status status = gf_config_parse(c, (const char *)bytes, n, path, err);
    gf_free(bytes);
    return status;
}

/* ---- what a checkpoint has to agree with */

static bool shapes_result(const gf_run_config *c, size_t row)
{
    static const char *const free_ones[] = {
        "weights", "data",         "cache", "memory_limit", "cache_dir", "checkpoint_seconds",
        "report",  "command_line", "graft", "machine",      "choices"};
    if (field[row].added) return field[row].shapes && *(char **)at(c, row);
    for (size_t i = 0; i < sizeof free_ones / sizeof *free_ones; i++) {
        if (!strcmp(field[row].name, free_ones[i])) return false;
    }
    return true;
}

static void add_line(gf_text *t, const gf_run_config *c, size_t i)
{
    const char *text = field[i].kind == TEXT ? *(char **)at(c, i) : NULL;
    gf_text_printf(t, "%s ", field[i].name);
    if (field[i].kind == TEXT) gf_text_add(t, text ? text : "-");
    if (field[i].kind == WHOLE) gf_text_printf(t, "%lld", (long long)*(int64_t *)at(c, i));
    if (field[i].kind == REAL) gf_text_add(t, GF_GENERAL(*(double *)at(c, i), 17));
    gf_text_add(t, "\n");
}

/* Whether a run's identity names the option: not where it is what every run did before there was this option. */
static bool identifies(const gf_settings *s, gf_setting id)
{
    const graft_option *o = &gf_setting_rows[id];
    if (!(o->flags & GRAFT_OPTION_RESULT)) return false;
    return o->before ? strcmp(gf_settings_text(s, id), o->before) != 0 : gf_settings_kept(s, id);
}

char *gf_config_identity(const gf_run_config *c)
{
    gf_text t = {0};
    for (size_t i = 0; i < FIELDS; i++) {
        if (shapes_result(c, i)) add_line(&t, c, i);
    }
    for (int i = 0; i < gf_settings_count(); i++) {
        if (!identifies(c->settings, (gf_setting)i)) continue;
        gf_text_printf(&t, "%s %s\n", gf_setting_rows[i].name, gf_settings_text(c->settings, (gf_setting)i));
    }
    if (t.failed) gf_text_free(&t);
    return t.s;
}

/* The value of a line "NAME NUMBER"; `fallback` where there is none such. */
static int64_t kept_number(const char *kept, const char *name, int64_t fallback)
{
    size_t n = strlen(name);
    for (const char *at = kept; at && *at; at = strchr(at, '\n'), at = at ? at + 1 : NULL) {
        double value;
        if (strncmp(at, name, n) || at[n] != ' ') continue;
        size_t length = strcspn(at + n + 1, "\n");
        if (gf_number_parse(at + n + 1, length, &value) && value > -2 && value < INT32_MAX) return (int64_t)value;
    }
    return fallback;
}

static graft_status differs(char *own, char *other, const char *path, graft_error *err)
{
    size_t line = 0;
    for (size_t i = 0; own[i] && own[i] == other[i]; i++) line = own[i] == '\n' ? i + 1 : line;
    own[line + strcspn(own + line, "\n")] = 0;
    other[line + strcspn(other + line, "\n")] = 0;
    return gf_fail(err, GF_E_CHECKPOINT_OTHER_RUN, "undo the change of config.json, or train anew",
                   "%s: written with \"%s\", config.json says \"%s\"", GF_ESC(path), GF_ESC(other + line),
                   GF_ESC(own + line));
}

graft_status gf_config_check_identity(const gf_run_config *c, const char *kept, size_t n, const char *path,
                                      gf_config_length *length, graft_error *err)
{
    char *other = gf_strndup(kept, n), *own = NULL;
    graft_status status = GRAFT_OK;
    if (other) {
        gf_run_config then = *c; /* the run as long as it was then; texts are borrowed */
        *length = (gf_config_length){kept_number(other, "epochs", c->epochs),
                                     kept_number(other, "fine_tune_epochs", c->fine_tune_epochs),
                                     kept_number(other, "fine_tune_at", c->fine_tune_at)};
        then.epochs = length->epochs;
        then.fine_tune_epochs = length->fine_tune_epochs;
        then.fine_tune_at = length->fine_tune_at;
        if (!strstr(other, "\nbase_digest ")) then.base_digest = NULL; /* begun by 0.1, given more epochs by this one */
        own = gf_config_identity(&then);
    }
    if (!own || !other) {
        status = gf_fail_memory(err, n, "a configuration");
    } else if (strlen(other) != n || strcmp(own, other)) {
        status = differs(own, other, path, err);
    }
    gf_free(own);
    gf_free(other);
    return status;
}

graft_status gf_config_each(const gf_run_config *c,
                            graft_status (*fn)(void *ctx, const char *section, const char *name, const char *value),
                            void *ctx)
{
    for (size_t i = 0; i < FIELDS; i++) {
        char text[32];
        const char *value = text;
        if (field[i].kind == TEXT) value = *(char **)at(c, i);
        if (field[i].kind == WHOLE) snprintf(text, sizeof text, "%lld", (long long)*(int64_t *)at(c, i));
        if (field[i].kind == REAL) snprintf(text, sizeof text, "%.9g", *(double *)at(c, i));
        GF_TRY(fn(ctx, field[i].section, field[i].name, value ? value : ""));
    }
    for (int i = 0; i < gf_settings_count(); i++) {
        if (!gf_settings_kept(c->settings, (gf_setting)i)) continue;
        GF_TRY(fn(ctx, "settings", gf_setting_rows[i].name, gf_settings_text(c->settings, (gf_setting)i)));
    }
    return GRAFT_OK;
}
