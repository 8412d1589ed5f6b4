#include "formats/keras_names.h"

#include "base/alloc.h"
#include "formats/keras_ranks.h"

#include <stdlib.h>
#include <string.h>

/* A piece of a path; not terminated. */
typedef struct part {
    const char *s;
    size_t n;
} part;

enum { MAX_PARTS = 16 };

static bool is(part p, const char *text) { return strlen(text) == p.n && !memcmp(p.s, text, p.n); }
static part part_of(const char *s) { return (part){s, strlen(s)}; }

/* Keras on Windows wrote backslashes between the names. false: deeper than any Keras file. */
static bool split(const char *path, part out[MAX_PARTS], size_t *n)
{
    *n = 0;
    for (const char *s = path;; s++) {
        size_t length = strcspn(s, "/\\");
        if (*n == MAX_PARTS) return false;
        out[(*n)++] = (part){s, length};
        s += length;
        if (!*s) return true;
    }
}

static bool number_of(part p, size_t *out)
{
    *out = 0;
    for (size_t i = 0; i < p.n; i++) {
        if (p.s[i] < '0' || p.s[i] > '9') return false;
        *out = 10 * *out + (size_t)(p.s[i] - '0');
    }
    return p.n > 0 && p.n < 10;
}

/* ---- the wanted layers ---- */

/* The order in which Keras keeps a layer's variables: what vars/0, vars/1 ... are. */
static const char *const var_order[] = {
    "depthwise_kernel",     "pointwise_kernel", "kernel",   "gamma",        "beta",       "bias",
    "moving_mean",          "moving_variance",  "mean",     "variance",     "embeddings", "query/kernel",
    "query/bias",           "key/kernel",       "key/bias", "value/kernel", "value/bias", "attention_output/kernel",
    "attention_output/bias"};
enum { VARS = sizeof var_order / sizeof *var_order };

typedef struct layer {
    part name, key;    /* key: of no letters where it is not known */
    size_t first;      /* where it first stands in the wanted list */
    int32_t var[VARS]; /* the wanted tensors by var_order; -1: none */
    size_t ordinal;    /* among the layers of its class */
    const char *class;
} layer;

typedef struct wanted {
    layer *layer; /* sorted by name once it is made */
    size_t n;
} wanted;

static int compare_parts(part a, part b)
{
    int c = memcmp(a.s, b.s, a.n < b.n ? a.n : b.n);
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

static int by_name(const void *a, const void *b)
{
    return compare_parts(((const layer *)a)->name, ((const layer *)b)->name);
}

static int by_key(const void *a, const void *b)
{
    return compare_parts(((const layer *)a)->key, ((const layer *)b)->key);
}

static int by_first(const void *a, const void *b)
{
    size_t x = ((const layer *)a)->first, y = ((const layer *)b)->first;
    return (x > y) - (x < y);
}

static const layer *find_layer(const wanted *w, part name)
{
    layer key = {.name = name};
    return w->n ? bsearch(&key, w->layer, w->n, sizeof key, by_name) : NULL;
}

static int var_index(part name)
{
    for (int i = 0; i < VARS; i++) {
        if (is(name, var_order[i])) return i;
    }
    return -1;
}

static bool is_attention(const layer *l) { return l->var[var_index(part_of("query/kernel"))] >= 0; }

/* Keras's own name of the layer's class, as far as it shows in what the layer holds. */
static const char *class_of(const layer *l, const gf_weight *want)
{
    int kernel = var_index(part_of("kernel")), gamma = var_index(part_of("gamma"));
    int deep = l->var[var_index(part_of("depthwise_kernel"))];
    bool separable = l->var[var_index(part_of("pointwise_kernel"))] >= 0 && deep >= 0;
    if (separable) return want[deep].shape.rank == 3 ? "separable_conv1d" : "separable_conv2d";
    if (is_attention(l)) return "multi_head_attention";
    if (l->var[var_index(part_of("embeddings"))] >= 0) return "embedding";
    if (l->var[var_index(part_of("moving_mean"))] >= 0) return "batch_normalization";
    if (l->var[var_index(part_of("mean"))] >= 0) return "normalization";
    if (l->var[kernel] < 0) return l->var[gamma] >= 0 ? "layer_normalization" : "";
    const gf_shape *s = &want[l->var[kernel]].shape;
    if (s->rank == 3) return s->dim[2] == 1 && s->dim[1] > 1 ? "depthwise_conv1d" : "conv1d";
    if (s->rank != 4) return "dense";
    return s->dim[3] == 1 && s->dim[2] > 1 ? "depthwise_conv2d" : "conv2d";
}

static void number_classes(wanted *w, const gf_weight *want)
{
    for (size_t i = 0; i < w->n; i++) {
        layer *l = &w->layer[i];
        l->class = class_of(l, want);
        for (size_t k = 0; k < i; k++) l->ordinal += !strcmp(w->layer[k].class, l->class);
    }
}

static graft_status list_wanted(wanted *w, const gf_weight *want, size_t n, graft_error *err)
{
    w->layer = gf_new_n(n, layer);
    if (!w->layer) return gf_fail_memory(err, n * sizeof *w->layer, "a list of layers");
    for (size_t i = 0; i < n; i++) {
        w->layer[i] =
            (layer){.name = part_of(want[i].layer), .key = part_of(want[i].key ? want[i].key : ""), .first = i};
        memset(w->layer[i].var, 0xff, sizeof w->layer[i].var);
        int v = var_index(part_of(want[i].var));
        if (v < 0) {
            return gf_fail(err, GF_E_INTERNAL, NULL, "%s/%s: no layer of Keras has such a variable", want[i].layer,
                           want[i].var);
        }
        w->layer[i].var[v] = (int32_t)i;
    }
    if (n) qsort(w->layer, n, sizeof *w->layer, by_name);
    for (size_t i = 0; i < n; i++) { /* one entry a layer, with all its variables */
        layer *last = w->n ? &w->layer[w->n - 1] : NULL;
        if (!last || compare_parts(last->name, w->layer[i].name)) {
            w->layer[w->n++] = w->layer[i];
            continue;
        }
        if (w->layer[i].first < last->first) last->first = w->layer[i].first;
        for (int v = 0; v < VARS; v++) {
            if (w->layer[i].var[v] >= 0) last->var[v] = w->layer[i].var[v];
        }
    }
    qsort(w->layer, w->n, sizeof *w->layer, by_first);
    number_classes(w, want);
    qsort(w->layer, w->n, sizeof *w->layer, by_name);
    return GRAFT_OK;
}

/* ---- one data set ---- */

/* A Normalization keeps, third, how many values its mean came from: nothing is computed from that. */
static bool is_adapted(const layer *l) { return !strcmp(l->class, "normalization"); }

static int32_t by_var_name(const layer *l, part var)
{
    for (size_t i = 1; i < var.n; i++) { /* "kernel:0" */
        if (var.s[i] == ':') var.n = i;
    }
    int v = var_index(var);
    /* TensorFlow 2's DepthwiseConv2D says depthwise_kernel where Keras 3 says kernel */
    if (v >= 0 && l->var[v] < 0 && is(var, "depthwise_kernel")) v = var_index(part_of("kernel"));
    if (is(var, "count") && is_adapted(l)) return GF_FOUND_OTHER;
    return v >= 0 && l->var[v] >= 0 ? l->var[v] : GF_FOUND_UNEXPECTED;
}

static int32_t by_var_place(const layer *l, size_t place)
{
    size_t k = place;
    for (int v = 0; v < VARS; v++) {
        if (l->var[v] >= 0 && k-- == 0) return l->var[v];
    }
    return place == 2 && is_adapted(l) ? GF_FOUND_OTHER : GF_FOUND_UNEXPECTED;
}

static int32_t by_var_number(const layer *l, part number)
{
    size_t place;
    return number_of(number, &place) ? by_var_place(l, place) : GF_FOUND_UNEXPECTED;
}

/* MultiHeadAttention keeps dense layers in these attributes: KEY/query_dense/vars/0 is its query/kernel. */
static const struct {
    const char *attribute, *var[2];
} inner_layers[] = {{"query_dense", {"query/kernel", "query/bias"}},
                    {"key_dense", {"key/kernel", "key/bias"}},
                    {"value_dense", {"value/kernel", "value/bias"}},
                    {"output_dense", {"attention_output/kernel", "attention_output/bias"}}};
enum { INNER_LAYERS = sizeof inner_layers / sizeof *inner_layers };

/* Its row in that table, of "... / KEY / attribute / vars / number"; -1: the path is no such. */
static int inner_layer(const part *p, size_t n)
{
    for (int i = 0; n >= 5 && is(p[n - 2], "vars") && i < INNER_LAYERS; i++) {
        if (is(p[n - 3], inner_layers[i].attribute)) return i;
    }
    return -1;
}

static int32_t by_inner_number(const layer *l, int inner, part number)
{
    size_t place;
    if (!is_attention(l) || !number_of(number, &place) || place > 1) return GF_FOUND_UNEXPECTED;
    return by_var_name(l, part_of(inner_layers[inner].var[place]));
}

static int32_t match_named(const wanted *w, const part *p, size_t n)
{
    if (is(p[0], "optimizer_weights")) return GF_FOUND_OTHER;
    size_t first = is(p[0], "model_weights");
    if (n < first + 2) return GF_FOUND_OTHER;
    const layer *l = find_layer(w, p[first]);
    const char *end = p[n - 2].s + p[n - 2].n;
    for (size_t i = first; !l && i < n - 1; i++) { /* names of Keras 2 have slashes: "conv1/conv" */
        l = find_layer(w, (part){p[i].s, (size_t)(end - p[i].s)});
    }
    if (!l) return GF_FOUND_OTHER;
    part var = p[n - 1];
    if (is_attention(l)) var = (part){p[n - 2].s, (size_t)(var.s + var.n - p[n - 2].s)}; /* "query/kernel" */
    return by_var_name(l, var);
}

/* "conv2d_12" is layer 12 of class conv2d; "conv2d" is layer 0. */
static const layer *find_key(const wanted *w, part key)
{
    size_t ordinal = 0, end = key.n;
    while (end > 0 && key.s[end - 1] != '_') end--;
    if (end > 1 && number_of((part){key.s + end, key.n - end}, &ordinal)) {
        key.n = end - 1;
    } else {
        ordinal = 0;
    }
    for (size_t i = 0; i < w->n; i++) {
        if (w->layer[i].ordinal == ordinal && is(key, w->layer[i].class)) return &w->layer[i];
    }
    return NULL;
}

static bool is_container(part p) { return is(p, "layers") || is(p, "_layer_checkpoint_dependencies"); }

/* A container is what stands before KEY; 0: the path is not of this layout. */
static size_t container_length(const char *path, const part *p, size_t n)
{
    size_t key = inner_layer(p, n) >= 0 ? n - 4 : n - 3;
    if (n < 4 || !is(p[n - 2], "vars") || !is_container(p[key - 1])) return 0;
    return (size_t)(p[key].s - path);
}

enum { MAX_KEY = 512 };

/* "functional/conv2d_1" for "layers/functional/layers/conv2d_1"; false: longer than any key. */
static bool key_of_path(const part *p, size_t n, char text[MAX_KEY])
{
    size_t length = 0;
    for (size_t i = 0; i < n; i++) {
        if (is_container(p[i])) continue;
        if (length + 2 + p[i].n > MAX_KEY) return false;
        if (length) text[length++] = '/';
        memcpy(text + length, p[i].s, p[i].n);
        length += p[i].n;
    }
    text[length] = 0;
    return length > 0;
}

/* Of those sorted by key. */
static const layer *find_by_key(const wanted *w, const char *key)
{
    layer sought = {.key = part_of(key)};
    return w->n ? bsearch(&sought, w->layer, w->n, sizeof sought, by_key) : NULL;
}

static const layer *find_path(const wanted *w, const part *p, size_t n)
{
    char text[MAX_KEY];
    return key_of_path(p, n, text) ? find_by_key(w, text) : NULL;
}

/* A layer of a nested model may have its model's name before the one that the file knows: "base/conv". */
static bool has_name(const layer *l, const char *name)
{
    size_t n = strlen(name);
    if (l->name.n < n || memcmp(l->name.s + l->name.n - n, name, n)) return false;
    return l->name.n == n || l->name.s[l->name.n - n - 1] == '/';
}

static int32_t match_path(const wanted *w, const gf_found_tensor *t)
{
    part p[MAX_PARTS];
    size_t n;
    if (!w->n || !split(t->path, p, &n) || n < 4 || !is(p[n - 2], "vars") || !is_container(p[0])) return GF_FOUND_OTHER;
    int inner = inner_layer(p, n);
    const layer *l = find_path(w, p, inner >= 0 ? n - 3 : n - 2);
    if (!l || (inner < 0 && t->layer_name && !has_name(l, t->layer_name))) return GF_FOUND_OTHER;
    return inner >= 0 ? by_inner_number(l, inner, p[n - 1]) : by_var_number(l, p[n - 1]);
}

static bool is_by_name(gf_keras_by by) { return by == GF_KERAS_BY_NAME || by == GF_KERAS_BY_OWN_NAME; }

static int32_t match(const wanted *w, const gf_found_tensor *t, gf_keras_by by)
{
    part p[MAX_PARTS];
    size_t n;
    if (!split(t->path, p, &n) || n < 2) return GF_FOUND_OTHER;
    if (!is(p[n - 2], "vars")) return match_named(w, p, n);
    const layer *l = NULL;
    int inner = inner_layer(p, n); /* whose name is not the layer's */
    if (inner >= 0 && container_length(t->path, p, n)) {
        l = find_key(w, p[n - 4]);
        return l ? by_inner_number(l, inner, p[n - 1]) : GF_FOUND_OTHER;
    }
    if (t->layer_name && is_by_name(by)) {
        l = find_layer(w, part_of(t->layer_name));
    } else if (by != GF_KERAS_BY_OWN_NAME && container_length(t->path, p, n)) {
        l = find_key(w, p[n - 3]);
    }
    return l ? by_var_number(l, p[n - 1]) : GF_FOUND_OTHER;
}

/* ---- by ranks ---- */

/* The path's key where the layer stands right below a container of TensorFlow 2's. */
static bool old_key(const gf_found_tensor *t, char text[MAX_KEY])
{
    part p[MAX_PARTS];
    size_t n;
    return split(t->path, p, &n) && n >= 4 && is(p[0], "_layer_checkpoint_dependencies") && is(p[n - 2], "vars") &&
           is_container(p[n - 4]) && key_of_path(p, n - 2, text);
}

/* Copies of the keys of the file's data sets (NULL: it has none of that kind), then of the model's layers. */
static graft_status copy_keys(const gf_found *found, const wanted *w, char **key, graft_error *err)
{
    for (size_t i = 0; i < found->n + w->n; i++) {
        char text[MAX_KEY];
        const layer *l = i < found->n ? NULL : &w->layer[i - found->n];
        if (!l && !old_key(&found->item[i], text)) continue;
        key[i] = l ? gf_strndup(l->key.s, l->key.n) : gf_strdup(text);
        if (!key[i]) return gf_fail_memory(err, MAX_KEY, "a list of layers");
    }
    return GRAFT_OK;
}

static graft_status rank_keys(char **key, size_t n, graft_error *err)
{
    char **there = gf_new_n(n, char *);
    size_t kept = 0;
    if (!there) return gf_fail_memory(err, n * sizeof *there, "a list of layers");
    for (size_t i = 0; i < n; i++) {
        if (key[i]) there[kept++] = key[i];
    }
    graft_status status = gf_keras_rank(there, kept, err);
    gf_free(there);
    return status;
}

static graft_status match_ranks(gf_found *found, wanted *w, graft_error *err)
{
    size_t n = found->n + w->n;
    char **key = gf_new_n(n, char *);
    graft_status status =
        key ? copy_keys(found, w, key, err) : gf_fail_memory(err, n * sizeof *key, "a list of layers");
    if (status == GRAFT_OK) status = rank_keys(key, found->n, err);
    if (status == GRAFT_OK) status = rank_keys(key + found->n, w->n, err);
    if (status == GRAFT_OK) {
        for (size_t i = 0; i < w->n; i++) w->layer[i].key = part_of(key[found->n + i]);
        if (w->n) qsort(w->layer, w->n, sizeof *w->layer, by_key);
    }
    for (size_t i = 0; i < found->n && status == GRAFT_OK; i++) {
        const char *path = found->item[i].path;
        size_t last = strlen(path);
        while (last > 0 && path[last - 1] != '/' && path[last - 1] != '\\') last--;
        const layer *l = key[i] ? find_by_key(w, key[i]) : NULL;
        found->item[i].want = l && l->key.n ? by_var_number(l, part_of(path + last)) : GF_FOUND_OTHER;
    }
    for (size_t i = 0; key && i < n; i++) gf_free(key[i]);
    gf_free(key);
    return status;
}

/* ---- by keys ---- */

static size_t container_of(const gf_found_tensor *t, gf_keras_by by)
{
    part p[MAX_PARTS];
    size_t n;
    bool named = t->layer_name && is_by_name(by);
    if (!split(t->path, p, &n) || (named && inner_layer(p, n) < 0)) return 0;
    return container_length(t->path, p, n);
}

typedef struct container {
    const char *path; /* its first `length` letters */
    size_t length, matched;
} container;
enum { CONTAINERS = 64 };

/* The container of `t` in the list, added where it is new; NULL: it has none, or there are too many. */
static container *find_container(container *list, size_t *n, const gf_found_tensor *t, gf_keras_by by)
{
    size_t length = container_of(t, by);
    if (!length) return NULL;
    for (size_t i = 0; i < *n; i++) {
        if (list[i].length == length && !memcmp(list[i].path, t->path, length)) return &list[i];
    }
    if (*n == CONTAINERS) return NULL;
    list[*n] = (container){t->path, length, 0};
    return &list[(*n)++];
}

/* A model around the base numbers its own layers in a container of its own, and its conv2d is not the base's: only
 * the container in which most was matched counts. (Two equal ones stay, and are refused as ambiguous.) */
static void keep_best_container(gf_found *found, gf_keras_by by)
{
    container list[CONTAINERS];
    size_t n = 0, best = 0;
    for (size_t i = 0; i < found->n; i++) {
        container *c = find_container(list, &n, &found->item[i], by);
        if (c) c->matched += found->item[i].want >= 0;
    }
    for (size_t i = 0; i < n; i++) {
        if (list[i].matched > best) best = list[i].matched;
    }
    for (size_t i = 0; i < found->n; i++) {
        if (!container_of(&found->item[i], by)) continue;
        const container *c = find_container(list, &n, &found->item[i], by);
        if (!c || c->matched < best) found->item[i].want = GF_FOUND_OTHER;
    }
}

/* ---- by order ---- */

static int by_place(const void *a, const void *b)
{
    const gf_found_tensor *x = *(gf_found_tensor *const *)a, *y = *(gf_found_tensor *const *)b;
    return x->layer_place != y->layer_place ? x->layer_place - y->layer_place : x->var_place - y->var_place;
}

static graft_status match_in_order(gf_found *found, wanted *w, graft_error *err)
{
    gf_found_tensor **listed = gf_new_n(found->n, gf_found_tensor *);
    if (!listed) return gf_fail_memory(err, found->n * sizeof *listed, "a list of tensors");
    size_t n = 0, at = 0;
    for (size_t i = 0; i < found->n; i++) {
        found->item[i].want = GF_FOUND_OTHER;
        if (found->item[i].layer_place >= 0) listed[n++] = &found->item[i];
    }
    if (n) qsort(listed, n, sizeof *listed, by_place);
    if (w->n) qsort(w->layer, w->n, sizeof *w->layer, by_first);
    for (size_t i = 0; i < w->n && at < n; i++) { /* a layer of the file for each of the model */
        int32_t place = listed[at]->layer_place;
        for (size_t k = 0; at < n && listed[at]->layer_place == place; k++, at++) {
            listed[at]->want = by_var_place(&w->layer[i], k);
        }
    }
    gf_free(listed);
    return GRAFT_OK;
}

graft_status gf_keras_match(gf_found *found, const gf_weight *want, size_t n, gf_keras_by by, graft_error *err)
{
    wanted w = {0};
    graft_status status = list_wanted(&w, want, n, err);
    if (status == GRAFT_OK && by == GF_KERAS_BY_PATH) {
        if (w.n) qsort(w.layer, w.n, sizeof *w.layer, by_key);
        for (size_t i = 0; i < found->n; i++) found->item[i].want = match_path(&w, &found->item[i]);
    } else if (status == GRAFT_OK && by == GF_KERAS_BY_RANK) {
        status = match_ranks(found, &w, err);
    } else if (status == GRAFT_OK && by == GF_KERAS_BY_ORDER) {
        status = match_in_order(found, &w, err);
    } else if (status == GRAFT_OK) {
        for (size_t i = 0; i < found->n; i++) found->item[i].want = match(&w, &found->item[i], by);
        keep_best_container(found, by);
    }
    gf_free(w.layer);
    return status;
}
