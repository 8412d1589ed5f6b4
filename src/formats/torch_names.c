#include "formats/torch_names.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *ours, *theirs;
} var_row[] = {
    {"kernel", "weight"},
    {"bias", "bias"},
    {"gamma", "weight"},
    {"beta", "bias"},
    {"moving_mean", "running_mean"},
    {"moving_variance", "running_var"},
    {"depthwise_kernel", "depthwise.weight"},
    {"pointwise_kernel", "pointwise.weight"},
    {"embeddings", "weight"},
    {"query/kernel", "query.weight"},
    {"query/bias", "query.bias"},
    {"key/kernel", "key.weight"},
    {"key/bias", "key.bias"},
    {"value/kernel", "value.weight"},
    {"value/bias", "value.bias"},
    {"attention_output/kernel", "attention_output.weight"},
    {"attention_output/bias", "attention_output.bias"},
};
static const char *const wrapper[] = {"module.", "_orig_mod.", "model.", "backbone.", "encoder."};
enum { ALIASES = sizeof((gf_weight *)0)->alias / sizeof(char *), PREFIXES = 32 };

const char *gf_torch_var(const char *var)
{
    for (size_t i = 0; i < sizeof var_row / sizeof *var_row; i++) {
        if (!strcmp(var_row[i].ours, var)) return var_row[i].theirs;
    }
    return var;
}

/* One name that a wanted tensor may have in the file, and the length of its layer. */
typedef struct key {
    char *name;
    size_t layer;
    int32_t want;
} key;

typedef struct keys {
    key *item; /* sorted by name; keys of one layer (and its sublayers) stand together */
    size_t n;
} keys;

/* ---- the wanted names ---- */

static int by_name(const void *a, const void *b) { return strcmp(((const key *)a)->name, ((const key *)b)->name); }

static void free_keys(keys *k)
{
    for (size_t i = 0; i < k->n; i++) gf_free(k->item[i].name);
    gf_free(k->item);
}

static graft_status list_keys(keys *k, const gf_weight *want, size_t n, graft_error *err)
{
    k->item = gf_alloc(n, (1 + ALIASES) * sizeof *k->item);
    if (!k->item) return gf_fail_memory(err, n * sizeof *k->item, "a list of names");
    for (size_t i = 0; i < n; i++) {
        for (int a = -1; a < ALIASES; a++) {
            const char *layer = a < 0 ? want[i].layer : want[i].alias[a];
            if (!layer) continue;
            char *name = gf_sprintf("%s.%s", layer, gf_torch_var(want[i].var));
            if (!name) return gf_fail_memory(err, strlen(layer), "a list of names");
            k->item[k->n++] = (key){name, strlen(layer), (int32_t)i};
        }
    }
    if (k->n) qsort(k->item, k->n, sizeof *k->item, by_name);
    return GRAFT_OK;
}

/* The first key not before `name`. */
static size_t lower_bound(const keys *k, const char *name)
{
    size_t low = 0, high = k->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(k->item[middle].name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Has the layer whose name is the first `length` letters a key? Its keys all end in one more dot and a variable of the
 * table, so that some key of it is found by asking for each. */
static bool is_layer(const keys *k, const char *name, size_t length)
{
    enum { LONGEST = 32 }; /* a variable, its dot and a NUL */
    char text[512];
    if (length + LONGEST > sizeof text) return false;
    memcpy(text, name, length);
    for (size_t v = 0; v < sizeof var_row / sizeof *var_row; v++) {
        text[length] = '.';
        memcpy(text + length + 1, var_row[v].theirs, strlen(var_row[v].theirs) + 1);
        size_t at = lower_bound(k, text);
        if (at < k->n && !strcmp(k->item[at].name, text)) return true;
    }
    return false;
}

/* ---- names of the file ---- */

static int32_t match(const keys *k, const char *name)
{
    size_t at = lower_bound(k, name);
    if (at < k->n && !strcmp(k->item[at].name, name)) return k->item[at].want;
    const char *dot = strrchr(name, '.');
    if (!dot || !strcmp(dot, ".num_batches_tracked")) return GF_FOUND_OTHER;
    return is_layer(k, name, (size_t)(dot - name)) ? GF_FOUND_UNEXPECTED : GF_FOUND_OTHER;
}

/* A beginning of names: the first `length` letters of `name`. */
typedef struct prefix {
    const char *name;
    size_t length, matched;
} prefix;

static bool has_prefix(const char *name, const prefix *p) { return !strncmp(name, p->name, p->length); }

static void add_prefix(prefix *list, size_t *n, const char *name, size_t length)
{
    for (size_t i = 0; i < *n; i++) {
        if (list[i].length == length && has_prefix(name, &list[i])) return;
    }
    if (*n < PREFIXES) list[(*n)++] = (prefix){name, length, 0};
}

/* Every stack of wrappers that some name begins with; the empty one is the first. */
static size_t list_prefixes(const gf_found *found, prefix list[PREFIXES])
{
    size_t n = 0;
    list[n++] = (prefix){"", 0, 0};
    for (size_t i = 0; i < found->n; i++) {
        const char *name = found->item[i].path, *rest = name;
        for (size_t w = 0; w < sizeof wrapper / sizeof *wrapper;) {
            size_t length = strlen(wrapper[w]);
            if (strncmp(rest, wrapper[w], length)) {
                w++;
                continue;
            }
            rest += length;
            add_prefix(list, &n, name, (size_t)(rest - name));
            w = 0;
        }
    }
    return n;
}

graft_status gf_torch_match(gf_found *found, const gf_weight *want, size_t n, graft_error *err)
{
    keys k = {0};
    prefix list[PREFIXES];
    graft_status status = list_keys(&k, want, n, err);
    if (status == GRAFT_OK) {
        size_t prefixes = list_prefixes(found, list);
        const prefix *best = list;
        for (size_t p = 0; p < prefixes; p++) {
            for (size_t i = 0; i < found->n; i++) {
                const char *name = found->item[i].path;
                list[p].matched += has_prefix(name, &list[p]) && match(&k, name + list[p].length) >= 0;
            }
            if (list[p].matched > best->matched) best = &list[p];
        }
        for (size_t i = 0; i < found->n; i++) {
            const char *name = found->item[i].path;
            found->item[i].want = has_prefix(name, best) ? match(&k, name + best->length) : GF_FOUND_OTHER;
        }
    }
    free_keys(&k);
    return status;
}
