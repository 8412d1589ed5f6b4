#include "formats/wanted_names.h"

#include "base/alloc.h"
#include "formats/torch_view.h"

#include <ctype.h>
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
enum { KEYS = 3, ALIASES = sizeof((gf_weight *)0)->alias / sizeof(char *), DEEPEST = 64, TOLD = 3 };

const char *gf_torch_var(const char *var)
{
    for (size_t i = 0; i < sizeof var_row / sizeof *var_row; i++) {
        if (!strcmp(var_row[i].ours, var)) return var_row[i].theirs;
    }
    return var;
}

/* ---- the wanted names ---- */

/* A piece of a name; not terminated. */
typedef struct part {
    const char *s;
    size_t n;
} part;

/* One name that a wanted tensor may have in the file. */
typedef struct key {
    part name, layer; /* its beginning; in text of `keys` */
    int32_t want;
    bool transposed;
} key;

typedef struct keys {
    char **text; /* owned, one for each key */
    key *by_name, *by_layer;
    size_t n, want;
} keys;

static int compare_parts(part a, part b)
{
    int c = memcmp(a.s, b.s, a.n < b.n ? a.n : b.n);
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

static int by_name(const void *a, const void *b)
{
    return compare_parts(((const key *)a)->name, ((const key *)b)->name);
}

static int by_layer(const void *a, const void *b)
{
    const key *x = a, *y = b;
    int c = compare_parts(x->layer, y->layer);
    return c ? c : x->transposed - y->transposed;
}

static void free_keys(keys *k)
{
    for (size_t i = 0; k->text && i < k->n; i++) gf_free(k->text[i]);
    gf_free(k->text);
    gf_free(k->by_name);
    gf_free(k->by_layer);
    *k = (keys){0};
}

/* `separator` '.': the layout is PyTorch's. */
static graft_status add_key(keys *k, const char *layer, char separator, const char *var, size_t want, graft_error *err)
{
    char *name = gf_sprintf("%s%c%s", layer, separator, var);
    if (!name) return gf_fail_memory(err, strlen(layer), "a list of names");
    const bool torch = separator == '.';
    k->text[k->n] = name;
    size_t end = torch ? (size_t)(strrchr(name, '.') - name) : strlen(layer); /* of "attention.query.weight", too */
    k->by_name[k->n++] = (key){{name, strlen(name)}, {name, end}, (int32_t)want, torch};
    return GRAFT_OK;
}

/* Older files of Hugging Face's have a normalisation's gamma and beta under these names. */
static bool is_old_name(const char *var) { return !strcmp(var, "gamma") || !strcmp(var, "beta"); }

/* How freely names are taken; each way only where the one before it does not find all. */
typedef enum way { MAIN, ALIASED, INSIDE, WAYS } way;

/* `layer` without what all names of the network begin with: "conv0" for "features.conv0". */
static const char *inside(const char *layer, const char *first)
{
    size_t n = strcspn(first, ".");
    return first[n] && !strncmp(layer, first, n + 1) ? layer + n + 1 : layer;
}

static graft_status list_keys(keys *k, const gf_weight *want, size_t n, way how, graft_error *err)
{
    k->want = n;
    k->text = gf_alloc(n, (KEYS + ALIASES) * sizeof *k->text);
    k->by_name = gf_alloc(n, (KEYS + ALIASES) * sizeof *k->by_name);
    k->by_layer = gf_alloc(n, (KEYS + ALIASES) * sizeof *k->by_layer);
    if (!k->text || !k->by_name || !k->by_layer) return gf_fail_memory(err, n * sizeof(key), "a list of names");
    for (size_t i = 0; i < n; i++) {
        GF_TRY(add_key(k, want[i].layer, '/', want[i].var, i, err));
        if (is_old_name(want[i].var)) GF_TRY(add_key(k, want[i].layer, '.', want[i].var, i, err));
        for (int a = -1; a < (how == MAIN ? 0 : ALIASES); a++) {
            const char *layer = a < 0 ? want[i].layer : want[i].alias[a], *first = a < 0 ? want->layer : want->alias[a];
            if (!layer) continue;
            if (how == INSIDE && first) layer = inside(layer, first);
            GF_TRY(add_key(k, layer, '.', gf_torch_var(want[i].var), i, err));
        }
    }
    memcpy(k->by_layer, k->by_name, k->n * sizeof *k->by_layer);
    if (k->n) qsort(k->by_name, k->n, sizeof *k->by_name, by_name);
    if (k->n) qsort(k->by_layer, k->n, sizeof *k->by_layer, by_layer);
    return GRAFT_OK;
}

/* "LAYER/kernel:0" is TensorFlow's. */
static part without_number(const char *name)
{
    size_t n = strlen(name), end = n;
    while (end > 0 && isdigit((unsigned char)name[end - 1])) end--;
    return (part){name, end > 0 && end < n && name[end - 1] == ':' ? end - 1 : n};
}

static const key *find_key(const keys *k, part name)
{
    key wanted = {.name = name};
    return k->n ? bsearch(&wanted, k->by_name, k->n, sizeof wanted, by_name) : NULL;
}

/* A key of the layer that a name is of, where that name itself is no key. */
static const key *find_layer(const keys *k, part name)
{
    size_t end = name.n;
    while (end > 0 && name.s[end - 1] != '.' && name.s[end - 1] != '/') end--;
    static const char counter[] = "num_batches_tracked";
    part var = {name.s + end, name.n - end};
    if (!end || !k->n || !compare_parts(var, (part){counter, sizeof counter - 1})) return NULL;
    key wanted = {.layer = {name.s, end - 1}, .transposed = name.s[end - 1] == '.'};
    return bsearch(&wanted, k->by_layer, k->n, sizeof wanted, by_layer);
}

/* ---- what stands before them ---- */

/* A name of the file that is a wanted one behind its first letters. */
typedef struct hit {
    part prefix;
    int32_t want;
    uint32_t item;
    bool fits; /* shape and type, too */
} hit;

typedef struct hits {
    hit *item; /* sorted by prefix, then by what is wanted */
    size_t n, cap;
} hits;

/* All hits with one prefix. */
typedef struct group {
    const hit *first;
    size_t n;
    size_t matched, fits; /* wanted tensors */
    int rank;             /* 0: weights as they are; else an average of them, or an optimizer's */
} group;

gf_shape gf_wanted_shape(const gf_found_tensor *item, const gf_weight *want)
{
    gf_view plain = gf_view_plain(&item->shape), view;
    gf_shape shape = item->shape;
    if (item->transposed) gf_view_turn(&plain, want, &view, &shape);
    return shape;
}

static bool fits(gf_found_tensor t, bool transposed, const gf_weight *want)
{
    t.transposed = transposed;
    gf_shape shape = gf_wanted_shape(&t, want);
    return t.dtype != GF_DTYPES && gf_shape_equal(&shape, &want->shape);
}

static graft_status add_hits(hits *h, const keys *k, const gf_found *found, uint32_t item, const gf_weight *want,
                             graft_error *err)
{
    part name = without_number(found->item[item].path);
    size_t begin = 0;
    for (int depth = 0; depth < DEEPEST && begin < name.n; depth++) {
        const key *match = find_key(k, (part){name.s + begin, name.n - begin});
        if (match) {
            if (!gf_grow(&h->item, h->n, &h->cap)) return gf_fail_memory(err, sizeof(hit), "a list of names");
            bool fit = fits(found->item[item], match->transposed, &want[match->want]);
            h->item[h->n++] = (hit){{name.s, begin}, match->want, item, fit};
        }
        while (begin < name.n && name.s[begin] != '.' && name.s[begin] != '/') begin++;
        begin++;
    }
    return GRAFT_OK;
}

static int by_prefix(const void *a, const void *b)
{
    const hit *x = a, *y = b;
    int c = compare_parts(x->prefix, y->prefix);
    if (!c) c = (x->want > y->want) - (x->want < y->want);
    if (!c) c = y->fits - x->fits;
    return c ? c : (x->item > y->item) - (x->item < y->item);
}

static bool is_one_of(part word, const char *const *list)
{
    for (; *list; list++) {
        if (strlen(*list) == word.n && !strncmp(*list, word.s, word.n)) return true;
    }
    return false;
}

/* By the words between dots and underscores. */
static int rank_of(part prefix)
{
    static const char *const average[] = {"ema", "teacher", "momentum", "target", "shadow", "averaged", "average",
                                          "avg", "swa",     "k",        "key",    "mean",   NULL};
    static const char *const optimizer[] = {"optimizer", "optimizers", "optim", "opt", "exp", "grad", "grads", NULL};
    int rank = 0;
    for (size_t i = 0; i < prefix.n; i++) {
        size_t n = 0;
        while (i + n < prefix.n && isalpha((unsigned char)prefix.s[i + n])) n++;
        part word = {prefix.s + i, n};
        if (is_one_of(word, optimizer)) return 2;
        if (is_one_of(word, average)) rank = 1;
        i += n;
    }
    return rank;
}

/* The group that begins with hit `at`. */
static group group_at(const hits *h, size_t at)
{
    group g = {.first = &h->item[at], .rank = rank_of(h->item[at].prefix)};
    for (; at < h->n && !compare_parts(h->item[at].prefix, g.first->prefix); at++, g.n++) {
        if (g.n && h->item[at].want == h->item[at - 1].want) continue; /* under another of its names */
        g.matched++;
        g.fits += h->item[at].fits;
    }
    return g;
}

static int depth_of(part prefix)
{
    int depth = 0;
    for (size_t i = 0; i < prefix.n; i++) depth += prefix.s[i] == '.' || prefix.s[i] == '/';
    return depth;
}

static bool is_better(const group *a, const group *b)
{
    if (!b->first) return true;
    if (a->fits != b->fits) return a->fits > b->fits;
    if (a->matched != b->matched) return a->matched > b->matched;
    if (a->rank != b->rank) return a->rank < b->rank;
    int x = depth_of(a->first->prefix), y = depth_of(b->first->prefix);
    return x != y ? x < y : a->first->item < b->first->item;
}

static group best_group(const hits *h)
{
    group best = {0};
    for (size_t at = 0; at < h->n;) {
        group g = group_at(h, at);
        if (is_better(&g, &best)) best = g;
        at += g.n;
    }
    return best;
}

/* ---- the choice ---- */

typedef struct choice {
    keys keys;
    hits hits;
    group best;
} choice;

static void free_choice(choice *c)
{
    free_keys(&c->keys);
    gf_free(c->hits.item);
    *c = (choice){0};
}

static graft_status try_way(choice *c, const gf_found *found, const gf_weight *want, size_t n, way how,
                            graft_error *err)
{
    GF_TRY(list_keys(&c->keys, want, n, how, err));
    for (size_t i = 0; i < found->n; i++) GF_TRY(add_hits(&c->hits, &c->keys, found, (uint32_t)i, want, err));
    if (c->hits.n) qsort(c->hits.item, c->hits.n, sizeof *c->hits.item, by_prefix);
    c->best = best_group(&c->hits);
    return GRAFT_OK;
}

static graft_status choose(choice *best, const gf_found *found, const gf_weight *want, size_t n, graft_error *err)
{
    graft_status status = GRAFT_OK;
    for (int how = MAIN; how < WAYS && status == GRAFT_OK && (best->best.fits < n || how == MAIN); how++) {
        choice c = {0};
        status = try_way(&c, found, want, n, (way)how, err);
        const group *a = &c.best, *b = &best->best;
        bool more = a->fits > b->fits || (a->fits == b->fits && a->matched > b->matched);
        more &= 2 * a->matched >= n; /* what is another network's is told by the plain names */
        if (status == GRAFT_OK && (how == MAIN || more)) {
            free_choice(best);
            *best = c;
        } else {
            free_choice(&c);
        }
    }
    return status;
}

/* Takes what stands behind a prefix: all of it, or only what is of the wanted tensors in `missing`. */
static void take(gf_found *found, const keys *k, part prefix, const bool *missing)
{
    for (size_t i = 0; i < found->n; i++) {
        gf_found_tensor *t = &found->item[i];
        part name = without_number(t->path);
        if (name.n < prefix.n || memcmp(name.s, prefix.s, prefix.n)) continue;
        name = (part){name.s + prefix.n, name.n - prefix.n};
        const key *own = find_key(k, name), *layer = own ? own : find_layer(k, name);
        if (!layer || (missing && !missing[layer->want])) continue;
        t->want = own ? own->want : GF_FOUND_UNEXPECTED;
        t->transposed = layer->transposed;
    }
}

/* A group that has all that is missing; of several the best. */
static group complement(const choice *c, const bool *missing)
{
    group best = {0};
    size_t wanted = 0;
    for (size_t i = 0; i < c->keys.want; i++) wanted += missing[i];
    for (size_t at = 0; at < c->hits.n;) {
        group g = group_at(&c->hits, at), part_of_it = {.first = g.first, .rank = g.rank};
        for (size_t i = 0; i < g.n; i++) {
            bool counts = missing[g.first[i].want] && (!i || g.first[i].want != g.first[i - 1].want);
            part_of_it.matched += counts;
            part_of_it.fits += counts && g.first[i].fits;
        }
        if (wanted && part_of_it.fits == wanted && is_better(&part_of_it, &best)) best = part_of_it;
        at += g.n;
    }
    return best;
}

/* ---- what is said of it ---- */

static void print_prefix(gf_text *t, part prefix)
{
    if (prefix.n) {
        gf_text_printf(t, "`%.*s`", (int)prefix.n - 1, prefix.s);
    } else {
        gf_text_add(t, "the file's outermost names");
    }
}

/* Those that have all, too. */
static void print_others(gf_text *t, const choice *c, size_t n)
{
    size_t others = 0;
    for (size_t at = 0; at < c->hits.n && c->best.fits == n;) {
        group g = group_at(&c->hits, at);
        at += g.n;
        if (g.fits < n || g.first == c->best.first || others++ >= TOLD) continue;
        if (others > 1) gf_text_add(t, ", ");
        print_prefix(t, g.first->prefix);
    }
    if (others > TOLD) gf_text_printf(t, " and %zu more", others - TOLD);
    if (others)
        gf_text_add(t, others > 1 ? " have all tensors of the model, too" : " has all tensors of the model, too");
}

/* `more`: where what the best lacks came from; first NULL: it lacks nothing, or nothing else has it. */
static graft_status tell(gf_found *found, const choice *c, const group *more, graft_error *err)
{
    gf_text taken = {0}, why = {0};
    print_others(&why, c, c->keys.want);
    if (more->first) {
        gf_text_printf(&why, "%s%zu tensors that are not there come from ", why.n ? "; " : "", more->fits);
        print_prefix(&why, more->first->prefix);
    }
    if (why.n) print_prefix(&taken, c->best.first->prefix);
    bool failed = taken.failed || why.failed;
    gf_free(found->taken);
    gf_free(found->why);
    found->taken = failed ? NULL : taken.s;
    found->why = failed ? NULL : why.s;
    if (!failed) return GRAFT_OK;
    gf_text_free(&taken);
    gf_text_free(&why);
    return gf_fail_memory(err, 0, "a note");
}

static graft_status apply(gf_found *found, const choice *c, size_t n, graft_error *err)
{
    bool *missing = gf_new_n(n, bool);
    if (!missing) return gf_fail_memory(err, n, "a list of names");
    take(found, &c->keys, c->best.first->prefix, NULL);
    for (size_t i = 0; i < n; i++) missing[i] = true;
    for (size_t i = 0; i < found->n; i++) {
        if (found->item[i].want >= 0) missing[found->item[i].want] = false;
    }
    group more = complement(c, missing);
    if (more.first) take(found, &c->keys, more.first->prefix, missing);
    gf_free(missing);
    return tell(found, c, &more, err);
}

graft_status gf_wanted_match(gf_found *found, const gf_weight *want, size_t n, graft_error *err)
{
    choice c = {0};
    for (size_t i = 0; i < found->n; i++) {
        found->item[i].want = GF_FOUND_OTHER;
        found->item[i].transposed = false;
    }
    graft_status status = choose(&c, found, want, n, err);
    if (status == GRAFT_OK && c.best.first) status = apply(found, &c, n, err);
    free_choice(&c);
    return status;
}
