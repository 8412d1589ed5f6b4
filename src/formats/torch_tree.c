#include "formats/torch_tree.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

enum { DEEPEST = 64 };

typedef struct walk {
    const gf_pickle *p;
    const gf_torch_visitor *v;
    bool *seen; /* of each node */
    char path[GF_TORCH_MAX_NAME + 1];
} walk;

/* Appends `n` letters to the path of `length`; false: no name can be such. */
static bool append(walk *w, size_t length, const char *text, size_t n, size_t *out)
{
    *out = length + (length > 0) + n;
    if (!n || *out > GF_TORCH_MAX_NAME || memchr(text, 0, n)) return false;
    if (length) w->path[length] = '.';
    memcpy(w->path + length + (length > 0), text, n);
    w->path[*out] = 0;
    return true;
}

/* Appends a key, or the place in the container: of a list, of what has keys that are no text. */
static bool extend(walk *w, size_t length, const gf_pickle_node *key, size_t place, bool tensor, size_t *out)
{
    char number[24];
    bool text = key && key->kind == GF_PICKLE_TEXT, integer = key && key->kind == GF_PICKLE_INT;
    if (text && append(w, length, key->text, key->n, out)) return true;
    if (text && tensor) return false;
    int n = snprintf(number, sizeof number, "%lld", (long long)(integer ? key->value : (int64_t)place));
    return append(w, length, number, (size_t)n, out);
}

/* What people call the entry of a checkpoint that holds the model. */
static bool is_models_key(const char *path)
{
    static const char *const usual[] = {"model", "net", "network", "ema", "model_ema", "module", "learner", "learn"};
    const char *dot = strrchr(path, '.'), *key = dot ? dot + 1 : path;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        if (!strcmp(usual[i], key)) return true;
    }
    return false;
}

static graft_status see_object(const walk *w, size_t length, const gf_pickle_node *o)
{
    static const char *const usual[] = {"torch.nn.", "torchvision.models.", "timm.", "ultralytics.nn.", "fastai."};
    int model = o->value ? 3 : !length || is_models_key(w->path) ? 2 : 0;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        if (!strncmp(usual[i], o->text, strlen(usual[i])) && model < 2) model = 1;
    }
    return w->v->on_object(w->v->ctx, w->path, o, model);
}

static bool has_parts(const gf_pickle_node *node)
{
    return node->kind == GF_PICKLE_TENSOR || node->kind == GF_PICKLE_OBJECT || node->kind == GF_PICKLE_DICT ||
           node->kind == GF_PICKLE_LIST || node->kind == GF_PICKLE_TUPLE;
}

static graft_status visit(walk *w, uint32_t index, size_t length, int depth)
{
    const gf_pickle_node *node = &w->p->node[index];
    if (node->kind == GF_PICKLE_TENSOR) return length ? w->v->on_tensor(w->v->ctx, w->path, node) : GRAFT_OK;
    if (w->seen[index] || depth > DEEPEST) return GRAFT_OK;
    w->seen[index] = true;
    if (node->kind == GF_PICKLE_OBJECT) GF_TRY(see_object(w, length, node));
    size_t step = node->kind == GF_PICKLE_DICT || node->kind == GF_PICKLE_OBJECT ? 2 : 1;
    for (size_t i = 0; i + step <= node->n; i += step) {
        const gf_pickle_node *part = gf_pickle_item(w->p, node, i + step - 1);
        size_t inner = 0;
        if (!has_parts(part)) continue;
        bool tensor = part->kind == GF_PICKLE_TENSOR;
        if (extend(w, length, step == 2 ? gf_pickle_item(w->p, node, i) : NULL, i / step, tensor, &inner)) {
            GF_TRY(visit(w, node->item[i + step - 1], inner, depth + 1));
        } else if (tensor) {
            return gf_fail(w->v->err, GF_E_TORCH_LAYOUT, NULL, "%s: a tensor without a proper name, in `%s`",
                           GF_ESC(w->v->name), GF_ESC(w->path));
        }
        w->path[length] = 0;
    }
    return GRAFT_OK;
}

graft_status gf_torch_walk(const gf_pickle *p, const gf_torch_visitor *visitor)
{
    walk w = {.p = p, .v = visitor};
    w.seen = gf_new_n(p->n, bool);
    if (!w.seen) return gf_fail_memory(visitor->err, p->n, visitor->name);
    graft_status status = visit(&w, p->root, 0, 0);
    gf_free(w.seen);
    return status;
}
