/* What becomes of names and calls: nothing is ever called. */
#include "formats/torch_machine.h"

#include "base/alloc.h"
#include "formats/torch_pickle_names.h"

#include <stdio.h>
#include <string.h>

static graft_status forbidden(const gf_machine *m, const char *name)
{
    char shown[600];
    return gf_fail(m->err, GF_E_PICKLE_FORBIDDEN, "do not load this file with any program: it may run what it names",
                   "%s: its pickle wants `%s`: not weight data", GF_ESC(m->name), gf_escape(shown, sizeof shown, name));
}

/* ---- names ---- */

/* `node` becomes the name "module.name", unless that is dangerous. */
static graft_status name_node(gf_machine *m, const char *module, const char *name, gf_pickle_node *node)
{
    char whole[4 * GF_PICKLE_LINE];
    int n = snprintf(whole, sizeof whole, "%s.%s", module, name);
    if (n >= (int)sizeof whole || gf_pickle_is_dangerous(whole)) return forbidden(m, whole);
    *node = (gf_pickle_node){.kind = GF_PICKLE_GLOBAL};
    node->value = gf_pickle_name(whole, &node->text);
    if (node->text) return GRAFT_OK;
    GF_TRY(gf_names_add(&m->p->names, whole, m->err));
    node->text = m->p->names.item[m->p->names.n - 1];
    return GRAFT_OK;
}

static graft_status push_name(gf_machine *m, const char *module, const char *name)
{
    gf_pickle_node node;
    GF_TRY(name_node(m, module, name, &node));
    return gf_machine_push_new(m, node);
}

graft_status gf_op_global(gf_machine *m)
{
    char module[GF_PICKLE_LINE], name[GF_PICKLE_LINE];
    GF_TRY(gf_machine_line(m, module));
    GF_TRY(gf_machine_line(m, name));
    return push_name(m, module, name);
}

static bool copy_text(const gf_pickle_node *node, char out[GF_PICKLE_LINE])
{
    if (node->kind != GF_PICKLE_TEXT || node->n >= GF_PICKLE_LINE) return false;
    memcpy(out, node->text, node->n);
    out[node->n] = 0;
    return strlen(out) == node->n;
}

graft_status gf_op_stack_global(gf_machine *m)
{
    char module[GF_PICKLE_LINE], name[GF_PICKLE_LINE];
    if (gf_machine_above(m) < 2) return gf_machine_nonsense(m, "too few values on the stack");
    if (!copy_text(gf_machine_top(m, 1), module) || !copy_text(gf_machine_top(m, 0), name)) {
        return gf_machine_nonsense(m, "a name that is no text");
    }
    m->n -= 2;
    return push_name(m, module, name);
}

/* ---- calls ---- */

/* Makers of objects in general, whose first argument is the class. */
static bool is_maker(const char *name)
{
    static const char *const maker[] = {"copyreg._reconstructor", "copy_reg._reconstructor", "copyreg.__newobj__",
                                        "copyreg.__newobj_ex__"};
    for (size_t i = 0; i < sizeof maker / sizeof *maker; i++) {
        if (!strcmp(maker[i], name)) return true;
    }
    return false;
}

/* getattr(x, "name") is the name "x.name": a class within a class, or a method. */
static graft_status make_attribute(gf_machine *m, uint32_t arguments, uint32_t *result)
{
    char name[GF_PICKLE_LINE];
    gf_pickle_node node;
    const gf_pickle_node *a = &m->p->node[arguments];
    bool pair = a->kind == GF_PICKLE_TUPLE && a->n == 2 && copy_text(gf_pickle_item(m->p, a, 1), name);
    const gf_pickle_node *of = pair ? gf_pickle_item(m->p, a, 0) : NULL;
    if (!pair || (of->kind != GF_PICKLE_GLOBAL && of->kind != GF_PICKLE_OBJECT))
        return forbidden(m, "builtins.getattr");
    GF_TRY(name_node(m, of->text, name, &node));
    return gf_machine_add(m, node, result);
}

static graft_status make_object(gf_machine *m, const char *class, uint32_t arguments, uint32_t *result)
{
    const gf_pickle_node *a = &m->p->node[arguments];
    if (gf_pickle_is_getattr(class)) return make_attribute(m, arguments, result);
    const gf_pickle_node *first = a->kind == GF_PICKLE_TUPLE && a->n ? gf_pickle_item(m->p, a, 0) : NULL;
    if (is_maker(class) && first && first->kind == GF_PICKLE_GLOBAL) class = first->text;
    return gf_machine_add(m, (gf_pickle_node){.kind = GF_PICKLE_OBJECT, .text = class}, result);
}

static bool is_pair(const gf_pickle_node *node)
{
    return (node->kind == GF_PICKLE_LIST || node->kind == GF_PICKLE_TUPLE) && node->n == 2;
}

/* OrderedDict(), of another dict, or, as Python 2 wrote it, OrderedDict([[key, value], ...]). */
static graft_status call_dict(gf_machine *m, uint32_t arguments, uint32_t *result)
{
    const gf_pickle_node *a = &m->p->node[arguments];
    uint32_t source = a->n ? a->item[0] : 0;
    size_t n = a->n;
    if (n == 1 && m->p->node[source].kind == GF_PICKLE_DICT) {
        *result = source;
        return GRAFT_OK;
    }
    GF_TRY(gf_machine_add(m, (gf_pickle_node){.kind = GF_PICKLE_DICT}, result));
    if (!n) return GRAFT_OK;
    if (n != 1 || m->p->node[source].kind != GF_PICKLE_LIST) {
        return gf_machine_nonsense(m, "a dict of no list of pairs");
    }
    for (size_t i = 0; i < m->p->node[source].n; i++) {
        const gf_pickle_node *pair = gf_pickle_item(m->p, &m->p->node[source], i);
        if (!is_pair(pair)) return gf_machine_nonsense(m, "a dict of no list of pairs");
        uint32_t key = pair->item[0], value = pair->item[1];
        GF_TRY(gf_machine_push(m, key));
        GF_TRY(gf_machine_push(m, value));
        GF_TRY(gf_machine_move(m, *result, 2));
    }
    return GRAFT_OK;
}

static graft_status call_tensor(gf_machine *m, uint32_t arguments, uint32_t *result)
{
    gf_pickle_node *a = &m->p->node[arguments];
    gf_pickle_kind storage = a->n < 4 ? GF_PICKLE_NONE : gf_pickle_item(m->p, a, 0)->kind;
    if (storage == GF_PICKLE_OBJECT) return make_object(m, "torch.Tensor", arguments, result);
    if (storage != GF_PICKLE_STORAGE) return gf_machine_nonsense(m, "a tensor without a storage");
    a->kind = GF_PICKLE_TENSOR;
    *result = arguments;
    return GRAFT_OK;
}

static graft_status call_parameter(gf_machine *m, uint32_t arguments, uint32_t *result)
{
    const gf_pickle_node *a = &m->p->node[arguments];
    gf_pickle_kind first = a->n ? gf_pickle_item(m->p, a, 0)->kind : GF_PICKLE_NONE;
    if (first != GF_PICKLE_TENSOR && first != GF_PICKLE_OBJECT) {
        return gf_machine_nonsense(m, "a parameter without a tensor");
    }
    *result = a->item[0];
    return GRAFT_OK;
}

/* (what rebuilds the tensor, its type, the arguments for that, attributes) */
static graft_status call_from_type(gf_machine *m, uint32_t arguments, uint32_t *result)
{
    const gf_pickle_node *a = &m->p->node[arguments];
    if (a->n < 3 || gf_pickle_item(m->p, a, 0)->kind != GF_PICKLE_GLOBAL) {
        return gf_machine_nonsense(m, "a tensor without what rebuilds it");
    }
    int64_t what = gf_pickle_item(m->p, a, 0)->value;
    uint32_t inner = a->item[2];
    bool tuple = m->p->node[inner].kind == GF_PICKLE_TUPLE;
    if (tuple && what == GF_PICKLE_REBUILD_TENSOR) return call_tensor(m, inner, result);
    if (tuple && what == GF_PICKLE_REBUILD_PARAMETER) return call_parameter(m, inner, result);
    return make_object(m, "torch.Tensor", arguments, result);
}

/* The callee and its arguments are off the stack; their nodes stay. */
static graft_status call(gf_machine *m, uint32_t callee, uint32_t arguments, uint32_t *result)
{
    const gf_pickle_node *c = &m->p->node[callee], *a = &m->p->node[arguments];
    switch ((gf_pickle_global)c->value) {
    case GF_PICKLE_ORDERED_DICT: return call_dict(m, arguments, result);
    case GF_PICKLE_DEFAULT_DICT: return gf_machine_add(m, (gf_pickle_node){.kind = GF_PICKLE_DICT}, result);
    case GF_PICKLE_REBUILD_TENSOR: return call_tensor(m, arguments, result);
    case GF_PICKLE_REBUILD_PARAMETER: return call_parameter(m, arguments, result);
    case GF_PICKLE_REBUILD_FROM_TYPE: return call_from_type(m, arguments, result);
    case GF_PICKLE_SIZE:
        if (a->n != 1 || gf_pickle_item(m->p, a, 0)->kind != GF_PICKLE_TUPLE) {
            return gf_machine_nonsense(m, "a size of no tuple");
        }
        *result = a->item[0];
        return GRAFT_OK;
    case GF_PICKLE_DEVICE: return gf_machine_add(m, (gf_pickle_node){.kind = GF_PICKLE_VALUE}, result);
    case GF_PICKLE_UNKNOWN: return make_object(m, c->text, arguments, result);
    case GF_PICKLE_DTYPE:
    case GF_PICKLE_STORAGE_TYPE: break;
    }
    return gf_machine_nonsense(m, "a type is called");
}

static graft_status call_above(gf_machine *m, size_t values)
{
    uint32_t result = 0;
    if (gf_machine_above(m) < values) return gf_machine_nonsense(m, "too few values on the stack");
    uint32_t callee = m->stack[m->n - values], arguments = m->stack[m->n - values + 1];
    const gf_pickle_node *c = &m->p->node[callee], *a = &m->p->node[arguments];
    bool callable = c->kind == GF_PICKLE_GLOBAL || c->kind == GF_PICKLE_OBJECT;
    if (!callable || (a->kind != GF_PICKLE_TUPLE && c->kind == GF_PICKLE_GLOBAL)) {
        return gf_machine_nonsense(m, "a call of what is no name, or without arguments");
    }
    m->n -= values;
    GF_TRY(c->kind == GF_PICKLE_GLOBAL ? call(m, callee, arguments, &result)
                                       : make_object(m, c->text, arguments, &result));
    return gf_machine_push(m, result);
}

graft_status gf_op_reduce(gf_machine *m) { return call_above(m, 2); }
graft_status gf_op_new(gf_machine *m) { return call_above(m, 2); }
graft_status gf_op_new_keywords(gf_machine *m) { return call_above(m, 3); }

graft_status gf_op_instance(gf_machine *m)
{
    size_t count = 0;
    GF_TRY(gf_machine_pop_mark(m, &count));
    GF_TRY(gf_machine_tuple(m, count));
    GF_TRY(gf_op_global(m));
    uint32_t name = m->stack[m->n - 1];
    m->stack[m->n - 1] = m->stack[m->n - 2];
    m->stack[m->n - 2] = name;
    return call_above(m, 2);
}

graft_status gf_op_object(gf_machine *m)
{
    size_t count = 0;
    GF_TRY(gf_machine_pop_mark(m, &count));
    if (!count) return gf_machine_nonsense(m, "too few values on the stack");
    GF_TRY(gf_machine_tuple(m, count - 1));
    return call_above(m, 2);
}

/* ---- states, storages ---- */

/* What a torch.nn.Module keeps its parts under. */
static bool is_module_state(const gf_pickle *p, const gf_pickle_node *state)
{
    if (state->kind == GF_PICKLE_TUPLE && state->n) state = gf_pickle_item(p, state, 0);
    for (size_t i = 0; state->kind == GF_PICKLE_DICT && i + 1 < state->n; i += 2) {
        const gf_pickle_node *key = gf_pickle_item(p, state, i);
        if (gf_pickle_is_text(key, "_modules") || gf_pickle_is_text(key, "_parameters")) return true;
    }
    return false;
}

/* Attributes are of no use here: an OrderedDict's _metadata are versions of modules. */
graft_status gf_op_build(gf_machine *m)
{
    if (gf_machine_above(m) < 2) return gf_machine_nonsense(m, "too few values on the stack");
    gf_pickle_node *object = gf_machine_top(m, 1);
    const gf_pickle_node *state = gf_machine_top(m, 0);
    bool dict = object->kind == GF_PICKLE_DICT && (state->kind == GF_PICKLE_DICT || state->kind == GF_PICKLE_TUPLE);
    bool opaque = object->kind == GF_PICKLE_OBJECT || object->kind == GF_PICKLE_VALUE;
    if (!dict && !opaque && object->kind != GF_PICKLE_TENSOR) {
        return gf_machine_nonsense(m, "attributes of what is no dict");
    }
    if (object->kind == GF_PICKLE_OBJECT && is_module_state(m->p, state)) object->value = 1;
    m->n--;
    return GRAFT_OK;
}

/* Before 1.6 a module's class came with its source: ("module", class, file, source) stands for the class. */
static graft_status persistent_class(gf_machine *m, const gf_pickle_node *id)
{
    if (id->n < 2 || gf_pickle_item(m->p, id, 1)->kind != GF_PICKLE_GLOBAL) {
        return gf_machine_nonsense(m, "a module without a class");
    }
    m->stack[m->n - 1] = id->item[1];
    return GRAFT_OK;
}

graft_status gf_op_persistent(gf_machine *m)
{
    if (!gf_machine_above(m)) return gf_machine_nonsense(m, "too few values on the stack");
    gf_pickle_node *id = gf_machine_top(m, 0);
    if (id->kind != GF_PICKLE_TUPLE || !id->n) return gf_machine_nonsense(m, "a storage that is no tuple");
    if (gf_pickle_is_text(gf_pickle_item(m->p, id, 0), "module")) return persistent_class(m, id);
    bool right = id->n >= 5 && gf_pickle_is_text(gf_pickle_item(m->p, id, 0), "storage") &&
                 gf_pickle_item(m->p, id, 1)->kind == GF_PICKLE_GLOBAL &&
                 gf_pickle_item(m->p, id, 2)->kind == GF_PICKLE_TEXT &&
                 gf_pickle_item(m->p, id, 4)->kind == GF_PICKLE_INT;
    if (!right) return gf_machine_nonsense(m, "a storage without its facts");
    int64_t type = gf_pickle_item(m->p, id, 1)->value;
    if (type == GF_PICKLE_UNKNOWN) { /* of elements that no weights have */
        m->n--;
        return gf_machine_push_new(m, (gf_pickle_node){.kind = GF_PICKLE_OBJECT, .text = "torch.UntypedStorage"});
    }
    if (type != GF_PICKLE_STORAGE_TYPE) return gf_machine_nonsense(m, "a storage without its facts");
    if (id->n > 5 && gf_pickle_item(m->p, id, 5)->kind != GF_PICKLE_NONE) {
        return gf_machine_nonsense(m, "a storage that is a part of another");
    }
    id->kind = GF_PICKLE_STORAGE;
    return GRAFT_OK;
}
