#include "exchange/layer_words.h"

#include "base/arguments.h"
#include "base/number.h"
#include "json/json.h"

#include <stdio.h>
#include <string.h>

enum { MOST_LAYERS = 1000, MOST_NUMBERS = 2, MOST_SIDE = 1000000 };

/* The numbers that stand behind a word, in their order. */
typedef struct number {
    const char *key;
    bool pair, real; /* a side of a square, as [n, n]; 0.3 is one */
    double value;    /* where it is left out; 0: it has to be there */
} number;

static const struct word {
    const char *name, *cls, *help;
    number number[MOST_NUMBERS];
    bool acts, slides; /* takes an activation; `same`, stride=N */
} words[] = {
    {"conv", "Conv2D", "conv=FILTERS,SIDE,relu", {{"filters"}, {"kernel_size", true, false, 3}}, true, true},
    {"depthwise", "DepthwiseConv2D", "depthwise=SIDE,relu", {{"kernel_size", true, false, 3}}, true, true},
    {"separable",
     "SeparableConv2D",
     "separable=FILTERS,SIDE,relu",
     {{"filters"}, {"kernel_size", true, false, 3}},
     true,
     true},
    {"dense", "Dense", "dense=UNITS,relu", {{"units"}}, true, false},
    {"max-pool", "MaxPooling2D", "max-pool=SIDE", {{"pool_size", true, false, 2}}, false, true},
    {"avg-pool", "AveragePooling2D", "avg-pool=SIDE", {{"pool_size", true, false, 2}}, false, true},
    {"gap", "GlobalAveragePooling2D", "gap", {{0}}, false, false},
    {"flatten", "Flatten", "flatten", {{0}}, false, false},
    {"dropout", "Dropout", "dropout=SHARE", {{"rate", false, true, 0}}, false, false},
    {"bn", "BatchNormalization", "bn", {{0}}, false, false},
    {"act", "Activation", "act=relu", {{0}}, true, false},
};
enum { WORDS = sizeof words / sizeof *words };

static const char *name_at(size_t i) { return i < WORDS ? words[i].name : NULL; }

bool gf_layer_words_are(const char *text) { return !strncmp(text, GF_LAYER_WORDS, sizeof GF_LAYER_WORDS - 1); }

void gf_layer_words_help(gf_text *text)
{
    for (size_t i = 0; i < WORDS; i++) {
        gf_text_printf(text, "%s - Keras's %s%s\n", words[i].help, words[i].cls,
                       words[i].slides ? ", and ,same ,stride=N" : "");
    }
}

static graft_status wrong(const struct word *w, const char *at, size_t n, graft_error *err)
{
    char shown[64], *part = gf_strndup(at, n);
    graft_status status = gf_fail(err, GF_E_OPTION_VALUE, w->help, "layer %s: \"%s\" is not for it", w->name,
                                  gf_escape(shown, sizeof shown, part ? part : "?"));
    gf_free(part);
    return status;
}

static gf_json *square(int64_t n)
{
    gf_json *list = gf_json_array();
    gf_json_add(list, gf_json_int(n));
    gf_json_add(list, gf_json_int(n));
    return list;
}

static void set_number(gf_json *config, const number *k, double x)
{
    gf_json_set(config, k->key, k->pair ? square((int64_t)x) : k->real ? gf_json_real(x) : gf_json_int((int64_t)x));
}

static bool fits(const number *k, double x)
{
    if (k->real) return x >= 0 && x < 1;
    return x >= 1 && x <= MOST_SIDE && x == (double)(int64_t)x;
}

/* One argument of n bytes; *numbers: how many came before. */
static graft_status take(const struct word *w, const char *at, size_t n, size_t *numbers, gf_json *config,
                         graft_error *err)
{
    static const char stride[] = "stride=";
    const size_t s = sizeof stride - 1;
    double x;
    if (w->slides && n > s && !memcmp(at, stride, s)) {
        bool good = gf_number_parse(at + s, n - s, &x) && fits(&(number){"strides"}, x);
        if (good) gf_json_set(config, "strides", square((int64_t)x));
        return good ? GRAFT_OK : wrong(w, at, n, err);
    }
    bool same = n == 4 && !memcmp(at, "same", n);
    if (w->slides && same) {
        gf_json_set(config, "padding", gf_json_string("same"));
        return GRAFT_OK;
    }
    if (gf_number_parse(at, n, &x)) {
        const number *k = *numbers < MOST_NUMBERS ? &w->number[*numbers] : NULL;
        if (!k || !k->key || !fits(k, x)) return wrong(w, at, n, err);
        set_number(config, k, x);
        ++*numbers;
        return GRAFT_OK;
    }
    if (!w->acts || !n || same) return wrong(w, at, n, err);
    char *name = gf_strndup(at, n);
    if (!name) return gf_fail_memory(err, n, "a layer");
    gf_json_set(config, "activation", gf_json_string(name));
    gf_free(name);
    return GRAFT_OK;
}

/* What was left out. */
static graft_status complete(const struct word *w, size_t numbers, gf_json *config, graft_error *err)
{
    for (size_t i = numbers; i < MOST_NUMBERS && w->number[i].key; i++) {
        if (!(w->number[i].value > 0)) {
            return gf_fail(err, GF_E_OPTION_VALUE, w->help, "layer %s: its %s is missing", w->name, w->number[i].key);
        }
        set_number(config, &w->number[i], w->number[i].value);
    }
    if (strcmp(w->name, "act") != 0 || !gf_json_is_null(gf_json_get(config, "activation"))) return GRAFT_OK;
    return gf_fail(err, GF_E_OPTION_VALUE, w->help, "layer act: its activation is missing");
}

static void add(gf_json *layers, const char *cls, gf_json *config)
{
    gf_json *layer = gf_json_object();
    gf_json_set(layer, "class_name", gf_json_string(cls));
    gf_json_set(layer, "config", config);
    gf_json_add(layers, layer);
}

/* The n bytes of one layer, the i-th. */
static graft_status add_layer(gf_json *layers, const char *at, size_t n, int i, graft_error *err)
{
    const char *end = at + n, *equals = memchr(at, '=', n);
    size_t length = equals ? (size_t)(equals - at) : n, found = gf_name_find(name_at, at, length), numbers = 0;
    if (found == SIZE_MAX) return gf_name_fail(GF_E_OPTION_VALUE, "layer", name_at, at, length, err);
    const struct word *w = &words[found];
    char name[64];
    snprintf(name, sizeof name, "%s_%d", w->name, i);
    for (char *c = name; (c = strchr(c, '-'));) *c = '_';
    gf_json *config = gf_json_object();
    gf_json_set(config, "name", gf_json_string(name));
    graft_status status = GRAFT_OK;
    for (const char *from = equals ? equals + 1 : end; equals && from <= end && status == GRAFT_OK;) {
        const char *comma = memchr(from, ',', (size_t)(end - from)), *to = comma ? comma : end;
        status = take(w, from, (size_t)(to - from), &numbers, config, err);
        from = to + 1;
    }
    if (status == GRAFT_OK) status = complete(w, numbers, config, err);
    if (status != GRAFT_OK) {
        gf_json_free(config);
        return status;
    }
    add(layers, w->cls, config);
    return GRAFT_OK;
}

static gf_json *input(void)
{
    const int64_t rgb = 3;
    gf_json *config = gf_json_object(), *shape = gf_json_array();
    for (int i = 0; i < 3; i++) gf_json_add(shape, gf_json_null());
    gf_json_add(shape, gf_json_int(rgb));
    gf_json_set(config, "batch_shape", shape);
    gf_json_set(config, "name", gf_json_string("image"));
    return config;
}

static graft_status add_layers(gf_json *layers, const char *text, graft_error *err)
{
    int n = 0;
    for (const char *at = text; *at; n++) {
        size_t length = strcspn(at, ";");
        if (n == MOST_LAYERS)
            return gf_fail(err, GF_E_OPTION_VALUE, NULL, "there are more than %d layers", MOST_LAYERS);
        GF_TRY(add_layer(layers, at, length, n + 1, err));
        at += length + (at[length] == ';');
    }
    return n ? GRAFT_OK
             : gf_fail(err, GF_E_OPTION_VALUE, "as in " GF_LAYER_WORDS "conv=32,3,relu;gap", "there is no layer");
}

graft_status gf_layer_words_config(const char *text, char **json, graft_error *err)
{
    *json = NULL;
    gf_json *model = gf_json_object(), *config = gf_json_object(), *layers = gf_json_array();
    add(layers, "InputLayer", input());
    graft_status status = add_layers(layers, text + (gf_layer_words_are(text) ? sizeof GF_LAYER_WORDS - 1 : 0), err);
    gf_json_set(config, "name", gf_json_string("layers"));
    gf_json_set(config, "layers", layers);
    gf_json_set(model, "class_name", gf_json_string("Sequential"));
    gf_json_set(model, "config", config);
    if (status == GRAFT_OK) *json = gf_json_text(model, 0);
    if (status == GRAFT_OK && !*json) status = gf_fail_memory(err, strlen(text), "layers");
    gf_json_free(model);
    return status;
}
