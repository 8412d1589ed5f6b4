#include "formats/found.h"

#include "base/alloc.h"

#include <string.h>

enum { LISTED = 6, SHOWN = 4 };

graft_status gf_found_add(gf_found *found, const char *path, const char *layer_name, gf_found_tensor **item,
                          graft_error *err)
{
    gf_found_tensor t = {.path = gf_strdup(path), .want = GF_FOUND_OTHER, .dtype = GF_DTYPES, .layer_place = -1};
    if (layer_name) t.layer_name = gf_strdup(layer_name);
    if (!t.path || (layer_name && !t.layer_name) || !gf_grow(&found->item, found->n, &found->cap)) {
        gf_free(t.path);
        gf_free(t.layer_name);
        return gf_fail_memory(err, strlen(path), "a list of tensors");
    }
    found->item[found->n] = t;
    *item = &found->item[found->n++];
    return GRAFT_OK;
}

void gf_found_free(gf_found *found)
{
    for (size_t i = 0; i < found->n; i++) {
        gf_free(found->item[i].path);
        gf_free(found->item[i].layer_name);
    }
    gf_free(found->item);
    gf_free(found->taken);
    gf_free(found->why);
    *found = (gf_found){0};
}

typedef enum fault { MISSING, MISSHAPED, WRONG_TYPE, UNEXPECTED, AMBIGUOUS, FAULTS } fault;

static const struct {
    gf_errno number;
    const char *count; /* "3 are missing" */
    const char *hint;
} fault_row[FAULTS] = {
    [MISSING] = {GF_E_WEIGHTS_MISSING, "missing", "is the file of this architecture, and of this variant of it?"},
    [MISSHAPED] = {GF_E_WEIGHTS_SHAPE, "of another shape", "does the model's width (alpha) or its input differ?"},
    [WRONG_TYPE] = {GF_E_WEIGHTS_DTYPE, "of a type that cannot be read", "16, 32 and 64 bit floats can be read"},
    [UNEXPECTED] = {GF_E_WEIGHTS_UNEXPECTED, "too many", "the file's layers compute something else than the model's"},
    [AMBIGUOUS] = {GF_E_WEIGHTS_AMBIGUOUS, "there twice", "does the file hold the base more than once?"},
};

typedef struct verdict {
    gf_text list;
    size_t count[FAULTS], total;
} verdict;

/* One line of the list: what is wrong with `want` (NULL where nothing was wanted) as found in `t` (NULL: nowhere). */
static void failed(verdict *v, fault kind, const gf_weight *want, const gf_found_tensor *t)
{
    char name[400], path[400];
    v->count[kind]++;
    if (v->total++ >= LISTED) return;
    if (want) gf_escape(name, sizeof name, want->layer);
    gf_text_add(&v->list, v->list.n ? "; " : "");
    switch (kind) {
    case MISSING: gf_text_printf(&v->list, "no %s/%s %s", name, want->var, GF_SHAPE_TEXT(&want->shape)); break;
    case MISSHAPED:
        gf_text_printf(&v->list, "%s/%s is %s, wanted %s", name, want->var, GF_SHAPE_TEXT(&t->shape),
                       GF_SHAPE_TEXT(&want->shape));
        break;
    case WRONG_TYPE: gf_text_printf(&v->list, "%s/%s is not of floats", name, want->var); break;
    case UNEXPECTED: gf_text_printf(&v->list, "%s is not in the model", gf_escape(path, sizeof path, t->path)); break;
    case AMBIGUOUS:
        gf_text_printf(&v->list, "%s/%s is also %s", name, want->var, gf_escape(path, sizeof path, t->path));
        break;
    case FAULTS: break;
    }
}

static void weigh(verdict *v, const gf_found *found, const gf_weight *want, size_t n, int32_t *which)
{
    for (size_t i = 0; i < n; i++) which[i] = -1;
    for (size_t i = 0; i < found->n; i++) {
        const gf_found_tensor *t = &found->item[i];
        if (t->want == GF_FOUND_UNEXPECTED) failed(v, UNEXPECTED, NULL, t);
        if (t->want < 0 || (size_t)t->want >= n) continue;
        if (which[t->want] >= 0) {
            failed(v, AMBIGUOUS, &want[t->want], t);
        } else {
            which[t->want] = (int32_t)i;
        }
    }
    for (size_t i = 0; i < n; i++) {
        const gf_found_tensor *t = which[i] < 0 ? NULL : &found->item[which[i]];
        if (!t) {
            failed(v, MISSING, &want[i], NULL);
        } else if (!gf_shape_equal(&t->shape, &want[i].shape)) {
            failed(v, MISSHAPED, &want[i], t);
        } else if (t->dtype == GF_DTYPES) {
            failed(v, WRONG_TYPE, &want[i], t);
        }
    }
}

static bool has_ending(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && !strcmp(s + n - m, end);
}

/* What is in the file beside all that is missing: the reader of the message sees whose names they are. */
static void show_names(const gf_found *found, gf_text *text)
{
    size_t shown = 0, others = 0;
    char path[300];
    for (size_t i = 0; i < found->n; i++) {
        const gf_found_tensor *t = &found->item[i];
        if (t->want != GF_FOUND_OTHER || has_ending(t->path, ".num_batches_tracked")) continue;
        if (shown == SHOWN) {
            others++;
            continue;
        }
        gf_text_printf(text, "%s%s %s", shown++ ? ", " : ". The file has ", gf_escape(path, sizeof path, t->path),
                       GF_SHAPE_TEXT(&t->shape));
    }
    if (others) gf_text_printf(text, " and %zu more", others);
}

static graft_status pronounce(const char *path, const verdict *v, const gf_found *found, size_t n, graft_error *err)
{
    if (!v->total) return GRAFT_OK;
    gf_text counts = {0}, names = {0};
    fault worst = FAULTS;
    for (int kind = FAULTS - 1; kind >= 0; kind--) {
        if (v->count[kind]) worst = (fault)kind;
    }
    for (int kind = 0; kind < FAULTS; kind++) {
        if (!v->count[kind]) continue;
        gf_text_printf(&counts, "%s%zu %s", counts.n ? ", " : "", v->count[kind], fault_row[kind].count);
    }
    if (v->count[MISSING]) show_names(found, &names);
    graft_status status;
    if (counts.failed || v->list.failed || names.failed) {
        status = gf_fail_memory(err, 0, "a list of tensors");
    } else {
        status = gf_fail(err, fault_row[worst].number, fault_row[worst].hint,
                         "%s: of %zu tensors of the model %s: %s%s%s", GF_ESC(path), n, counts.s, v->list.s,
                         v->total > LISTED ? "; and so on" : "", names.s ? names.s : "");
    }
    gf_text_free(&counts);
    gf_text_free(&names);
    return status;
}

graft_status gf_found_judge(const char *path, const gf_found *found, const gf_weight *want, size_t n, int32_t *which,
                            graft_error *err)
{
    int32_t *own = which ? which : gf_new_n(n, int32_t);
    if (!own) return gf_fail_memory(err, n * sizeof *own, "a list of tensors");
    verdict v = {0};
    weigh(&v, found, want, n, own);
    graft_status status = pronounce(path, &v, found, n, err);
    gf_text_free(&v.list);
    if (!which) gf_free(own);
    return status;
}
