#include "formats/torch_pickle.h"

#include "base/alloc.h"

#include <string.h>

enum { MAX_DEPTH = 64, MAX_NODES = 1 << 20, MAX_MOVES = 8 << 20, MAX_LINE = 256 };

typedef struct machine {
    const uint8_t *start, *at, *end, *here; /* here: the running instruction */
    gf_pickle *p;
    uint32_t *stack;
    size_t n, cap;
    uint32_t mark[MAX_DEPTH]; /* heights of the stack */
    size_t marks;
    uint32_t *memo; /* node + 1; 0: empty */
    size_t n_memo, cap_memo;
    size_t moves; /* values put into containers: a list may be copied again and again */
    const char *name;
    graft_error *err;
    bool stopped;
} machine;

/* ---- failing ---- */

static graft_status nonsense(const machine *m, const char *what)
{
    return gf_fail(m->err, GF_E_PICKLE_DAMAGED, "the file is damaged, or made to attack its reader",
                   "%s: its pickle makes no sense at byte %zu: %s", GF_ESC(m->name), (size_t)(m->here - m->start),
                   what);
}

static graft_status too_large(const machine *m, const char *what)
{
    return gf_fail(m->err, GF_E_PICKLE_LIMIT, "this is no state dict, or made to attack its reader",
                   "%s: its pickle at byte %zu: %s", GF_ESC(m->name), (size_t)(m->here - m->start), what);
}

/* ---- nodes and the stack ---- */

static graft_status add_node(machine *m, gf_pickle_node node, uint32_t *index)
{
    if (m->p->n >= MAX_NODES) return too_large(m, "more values than any state dict has");
    if (!gf_grow(&m->p->node, m->p->n, &m->p->cap)) return gf_fail_memory(m->err, sizeof node, m->name);
    *index = (uint32_t)m->p->n;
    m->p->node[m->p->n++] = node;
    return GRAFT_OK;
}

static graft_status push(machine *m, uint32_t node)
{
    if (m->n >= MAX_NODES) return too_large(m, "more values than any state dict has");
    if (!gf_grow(&m->stack, m->n, &m->cap)) return gf_fail_memory(m->err, sizeof node, m->name);
    m->stack[m->n++] = node;
    return GRAFT_OK;
}

static graft_status push_new(machine *m, gf_pickle_node node)
{
    uint32_t index = 0;
    GF_TRY(add_node(m, node, &index));
    return push(m, index);
}

/* How many values stand above the last mark: an instruction may not reach below it. */
static size_t above(const machine *m) { return m->n - (m->marks ? m->mark[m->marks - 1] : 0); }

static gf_pickle_node *top(const machine *m, size_t from_top) { return &m->p->node[m->stack[m->n - 1 - from_top]]; }

/* Moves the topmost `count` values into a container, in their order. */
static graft_status move_into(machine *m, uint32_t container, size_t count)
{
    gf_pickle_node *c = &m->p->node[container];
    size_t wanted = c->n + count;
    m->moves += count;
    if (wanted > MAX_NODES || m->moves > MAX_MOVES) return too_large(m, "more values than any state dict has");
    if (wanted > c->cap) {
        size_t room = wanted > 2 * (size_t)c->cap ? wanted : 2 * (size_t)c->cap;
        uint32_t *grown = gf_realloc(c->item, room, sizeof *grown);
        if (!grown) return gf_fail_memory(m->err, room * sizeof *grown, m->name);
        c->item = grown;
        c->cap = (uint32_t)room;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t item = m->stack[m->n - count + i];
        uint8_t depth = m->p->node[item].depth;
        if (depth >= MAX_DEPTH) return too_large(m, "values nested deeper than 64");
        if (depth + 1 > c->depth) c->depth = (uint8_t)(depth + 1);
        c->item[c->n++] = item;
    }
    m->n -= count;
    return GRAFT_OK;
}

/* ---- arguments in the bytes ---- */

static graft_status take(machine *m, size_t n, const uint8_t **out)
{
    if ((size_t)(m->end - m->at) < n) return nonsense(m, "it ends early");
    *out = m->at;
    m->at += n;
    return GRAFT_OK;
}

static graft_status take_number(machine *m, size_t bytes, uint64_t *out)
{
    const uint8_t *p = NULL;
    GF_TRY(take(m, bytes, &p));
    *out = 0;
    for (size_t i = bytes; i > 0; i--) *out = *out << 8 | p[i - 1];
    return GRAFT_OK;
}

static graft_status take_line(machine *m, char out[MAX_LINE])
{
    size_t left = (size_t)(m->end - m->at), n = 0;
    while (n < left && n < MAX_LINE && m->at[n] != '\n') n++;
    if (n == left || n == MAX_LINE) return nonsense(m, "a name without an end");
    memcpy(out, m->at, n);
    out[n] = 0;
    if (strlen(out) != n) return nonsense(m, "a NUL in a name");
    m->at += n + 1;
    return GRAFT_OK;
}

/* ---- plain values ---- */

static graft_status push_value(machine *m, gf_pickle_kind kind, int64_t value)
{
    return push_new(m, (gf_pickle_node){.kind = kind, .value = value});
}

static graft_status op_none(machine *m) { return push_value(m, GF_PICKLE_NONE, 0); }
static graft_status op_true(machine *m) { return push_value(m, GF_PICKLE_BOOL, 1); }
static graft_status op_false(machine *m) { return push_value(m, GF_PICKLE_BOOL, 0); }
static graft_status op_empty_list(machine *m) { return push_value(m, GF_PICKLE_LIST, 0); }
static graft_status op_empty_tuple(machine *m) { return push_value(m, GF_PICKLE_TUPLE, 0); }
static graft_status op_empty_dict(machine *m) { return push_value(m, GF_PICKLE_DICT, 0); }

static graft_status push_unsigned(machine *m, size_t bytes)
{
    uint64_t value = 0;
    GF_TRY(take_number(m, bytes, &value));
    return push_value(m, GF_PICKLE_INT, (int64_t)value);
}

static graft_status op_int1(machine *m) { return push_unsigned(m, 1); }
static graft_status op_int2(machine *m) { return push_unsigned(m, 2); }

static graft_status op_int4(machine *m)
{
    uint64_t value = 0;
    GF_TRY(take_number(m, 4, &value));
    return push_value(m, GF_PICKLE_INT, (int32_t)(uint32_t)value);
}

/* Two's complement of any length, the lowest byte first. */
static graft_status op_long1(machine *m)
{
    uint64_t length = 0;
    const uint8_t *p = NULL;
    GF_TRY(take_number(m, 1, &length));
    GF_TRY(take(m, (size_t)length, &p));
    if (length > 8) return push_value(m, GF_PICKLE_BIG, 0);
    uint64_t value = length && p[length - 1] & 0x80 ? ~(uint64_t)0 : 0;
    for (size_t i = (size_t)length; i > 0; i--) value = value << 8 | p[i - 1];
    return push_value(m, GF_PICKLE_INT, (int64_t)value);
}

static graft_status op_float(machine *m)
{
    const uint8_t *p = NULL;
    GF_TRY(take(m, 8, &p)); /* epochs, learning rates: no state dict needs their value */
    return push_value(m, GF_PICKLE_FLOAT, 0);
}

static graft_status push_text(machine *m, size_t length_bytes)
{
    uint64_t length = 0;
    const uint8_t *p = NULL;
    GF_TRY(take_number(m, length_bytes, &length));
    GF_TRY(take(m, (size_t)length, &p));
    return push_new(m, (gf_pickle_node){.kind = GF_PICKLE_TEXT, .n = (uint32_t)length, .text = (const char *)p});
}

static graft_status op_text1(machine *m) { return push_text(m, 1); }
static graft_status op_text4(machine *m) { return push_text(m, 4); }

/* ---- containers ---- */

static graft_status op_mark(machine *m)
{
    if (m->marks == MAX_DEPTH) return too_large(m, "values nested deeper than 64");
    m->mark[m->marks++] = (uint32_t)m->n;
    return GRAFT_OK;
}

static graft_status pop_mark(machine *m, size_t *count)
{
    if (!m->marks) return nonsense(m, "no mark on the stack");
    *count = above(m);
    m->marks--;
    return GRAFT_OK;
}

static graft_status make_tuple(machine *m, size_t count)
{
    uint32_t tuple = 0;
    if (above(m) < count) return nonsense(m, "too few values on the stack");
    GF_TRY(add_node(m, (gf_pickle_node){.kind = GF_PICKLE_TUPLE}, &tuple));
    GF_TRY(move_into(m, tuple, count));
    return push(m, tuple);
}

static graft_status op_tuple1(machine *m) { return make_tuple(m, 1); }
static graft_status op_tuple2(machine *m) { return make_tuple(m, 2); }
static graft_status op_tuple3(machine *m) { return make_tuple(m, 3); }

static graft_status op_tuple(machine *m)
{
    size_t count = 0;
    GF_TRY(pop_mark(m, &count));
    return make_tuple(m, count);
}

static graft_status add_to(machine *m, gf_pickle_kind kind, size_t count)
{
    if (above(m) < count + 1) return nonsense(m, "too few values on the stack");
    if (top(m, count)->kind != kind) return nonsense(m, "a value is put into what cannot hold it");
    if (kind == GF_PICKLE_DICT && count % 2) return nonsense(m, "a key without a value");
    return move_into(m, m->stack[m->n - 1 - count], count);
}

static graft_status op_append(machine *m) { return add_to(m, GF_PICKLE_LIST, 1); }
static graft_status op_setitem(machine *m) { return add_to(m, GF_PICKLE_DICT, 2); }

static graft_status op_appends(machine *m)
{
    size_t count = 0;
    GF_TRY(pop_mark(m, &count));
    return add_to(m, GF_PICKLE_LIST, count);
}

static graft_status op_setitems(machine *m)
{
    size_t count = 0;
    GF_TRY(pop_mark(m, &count));
    return add_to(m, GF_PICKLE_DICT, count);
}

/* ---- the memo ---- */

static graft_status put(machine *m, size_t bytes)
{
    uint64_t index = 0;
    GF_TRY(take_number(m, bytes, &index));
    if (!above(m)) return nonsense(m, "nothing on the stack to remember");
    if (index > m->n_memo) return nonsense(m, "a memo number out of turn"); /* a pickler counts them up one by one */
    if (index == m->n_memo) {
        if (!gf_grow(&m->memo, m->n_memo, &m->cap_memo)) return gf_fail_memory(m->err, sizeof *m->memo, m->name);
        m->n_memo++;
    }
    m->memo[index] = m->stack[m->n - 1];
    return GRAFT_OK;
}

static graft_status get(machine *m, size_t bytes)
{
    uint64_t index = 0;
    GF_TRY(take_number(m, bytes, &index));
    if (index >= m->n_memo) return nonsense(m, "a memo number that was never given");
    return push(m, m->memo[index]);
}

static graft_status op_put1(machine *m) { return put(m, 1); }
static graft_status op_put4(machine *m) { return put(m, 4); }
static graft_status op_get1(machine *m) { return get(m, 1); }
static graft_status op_get4(machine *m) { return get(m, 4); }

/* ---- names and calls ---- */

static const struct {
    const char *name; /* module.name */
    gf_pickle_global what;
} global_row[] = {
    {"collections.OrderedDict", GF_PICKLE_ORDERED_DICT},
    {"torch._utils._rebuild_tensor_v2", GF_PICKLE_REBUILD_TENSOR},
    {"torch._utils._rebuild_tensor", GF_PICKLE_REBUILD_TENSOR}, /* before 0.4: the same first four arguments */
    {"torch._utils._rebuild_parameter", GF_PICKLE_REBUILD_PARAMETER},
    {"torch.Size", GF_PICKLE_SIZE},
    {"torch.device", GF_PICKLE_DEVICE},
    {"torch.FloatStorage", GF_PICKLE_STORAGE_TYPE},
    {"torch.HalfStorage", GF_PICKLE_STORAGE_TYPE},
    {"torch.BFloat16Storage", GF_PICKLE_STORAGE_TYPE},
    {"torch.DoubleStorage", GF_PICKLE_STORAGE_TYPE},
    {"torch.LongStorage", GF_PICKLE_STORAGE_TYPE},
    {"torch.IntStorage", GF_PICKLE_STORAGE_TYPE},
    {"torch.ShortStorage", GF_PICKLE_STORAGE_TYPE},
    {"torch.CharStorage", GF_PICKLE_STORAGE_TYPE},
    {"torch.ByteStorage", GF_PICKLE_STORAGE_TYPE},
    {"torch.BoolStorage", GF_PICKLE_STORAGE_TYPE},
    {"torch.float32", GF_PICKLE_DTYPE},
    {"torch.float16", GF_PICKLE_DTYPE},
    {"torch.bfloat16", GF_PICKLE_DTYPE},
    {"torch.float64", GF_PICKLE_DTYPE},
    {"torch.int64", GF_PICKLE_DTYPE},
};

/* What to do about a name that is refused, by what it begins with. */
static const struct {
    const char *begins, *what, *hint;
} refused_row[] = {
    {"torch.nn.", "a whole model", "save its weights alone: torch.save(model.state_dict(), 'weights.pth')"},
    {"torchvision.", "a whole model", "save its weights alone: torch.save(model.state_dict(), 'weights.pth')"},
    {"timm.", "a whole model", "save its weights alone: torch.save(model.state_dict(), 'weights.pth')"},
    {"__main__.", "a whole model", "save its weights alone: torch.save(model.state_dict(), 'weights.pth')"},
    {"argparse.", "not weight data", "save the weights alone: torch.save(checkpoint['state_dict'], 'weights.pth')"},
    {"numpy.", "not weight data", "save the weights alone: torch.save(checkpoint['state_dict'], 'weights.pth')"},
    {"torch.", "not weight data", "torch.save(model.state_dict(), ...) of plain tensors writes none of this"},
    {"", "not weight data", "do not load this file with any program: it may run what it names"},
};

static graft_status op_global(machine *m)
{
    char module[MAX_LINE], name[MAX_LINE], whole[2 * MAX_LINE], shown[300];
    GF_TRY(take_line(m, module));
    GF_TRY(take_line(m, name));
    size_t n = strlen(module);
    memcpy(whole, module, n);
    whole[n] = '.';
    memcpy(whole + n + 1, name, strlen(name) + 1);
    for (size_t i = 0; i < sizeof global_row / sizeof *global_row; i++) {
        if (strcmp(global_row[i].name, whole)) continue;
        return push_new(
            m, (gf_pickle_node){.kind = GF_PICKLE_GLOBAL, .text = global_row[i].name, .value = global_row[i].what});
    }
    size_t i = 0;
    while (strncmp(refused_row[i].begins, whole, strlen(refused_row[i].begins))) i++;
    return gf_fail(m->err, GF_E_PICKLE_FORBIDDEN, refused_row[i].hint, "%s: its pickle wants `%s`: %s", GF_ESC(m->name),
                   gf_escape(shown, sizeof shown, whole), refused_row[i].what);
}

/* OrderedDict() or, as Python 2 wrote it, OrderedDict([[key, value], ...]). */
static graft_status call_ordered_dict(machine *m, const gf_pickle_node *arguments, uint32_t *result)
{
    uint32_t dict = 0;
    GF_TRY(add_node(m, (gf_pickle_node){.kind = GF_PICKLE_DICT}, &dict));
    *result = dict;
    if (!arguments->n) return GRAFT_OK;
    uint32_t list = arguments->item[0];
    if (arguments->n != 1 || m->p->node[list].kind != GF_PICKLE_LIST) return nonsense(m, "a dict of no list of pairs");
    for (size_t i = 0; i < m->p->node[list].n; i++) {
        const gf_pickle_node *pair = gf_pickle_item(m->p, &m->p->node[list], i);
        if ((pair->kind != GF_PICKLE_LIST && pair->kind != GF_PICKLE_TUPLE) || pair->n != 2) {
            return nonsense(m, "a dict of no list of pairs");
        }
        GF_TRY(push(m, pair->item[0]));
        GF_TRY(push(m, pair->item[1]));
        GF_TRY(move_into(m, dict, 2));
    }
    return GRAFT_OK;
}

/* The callee and its arguments are off the stack; their nodes stay. */
static graft_status call(machine *m, gf_pickle_global what, uint32_t arguments, uint32_t *result)
{
    gf_pickle_node *a = &m->p->node[arguments];
    switch (what) {
    case GF_PICKLE_ORDERED_DICT: {
        gf_pickle_node copy = *a; /* adding nodes moves them */
        return call_ordered_dict(m, &copy, result);
    }
    case GF_PICKLE_REBUILD_TENSOR:
        if (a->n < 4 || gf_pickle_item(m->p, a, 0)->kind != GF_PICKLE_STORAGE) {
            return nonsense(m, "a tensor without a storage");
        }
        a->kind = GF_PICKLE_TENSOR;
        *result = arguments;
        return GRAFT_OK;
    case GF_PICKLE_REBUILD_PARAMETER:
        if (!a->n || gf_pickle_item(m->p, a, 0)->kind != GF_PICKLE_TENSOR) {
            return nonsense(m, "a parameter without a tensor");
        }
        *result = a->item[0];
        return GRAFT_OK;
    case GF_PICKLE_SIZE:
        if (a->n != 1 || gf_pickle_item(m->p, a, 0)->kind != GF_PICKLE_TUPLE) return nonsense(m, "a size of no tuple");
        *result = a->item[0];
        return GRAFT_OK;
    case GF_PICKLE_DEVICE: return add_node(m, (gf_pickle_node){.kind = GF_PICKLE_VALUE}, result);
    case GF_PICKLE_DTYPE:
    case GF_PICKLE_STORAGE_TYPE: break;
    }
    return nonsense(m, "a type is called");
}

static graft_status op_reduce(machine *m)
{
    if (above(m) < 2) return nonsense(m, "too few values on the stack");
    if (top(m, 1)->kind != GF_PICKLE_GLOBAL || top(m, 0)->kind != GF_PICKLE_TUPLE) {
        return nonsense(m, "a call of what is no name, or without arguments");
    }
    gf_pickle_global what = (gf_pickle_global)top(m, 1)->value;
    uint32_t arguments = m->stack[m->n - 1], result = 0;
    m->n -= 2;
    GF_TRY(call(m, what, arguments, &result));
    return push(m, result);
}

/* An OrderedDict's attributes (_metadata: versions of modules) are of no use here. */
static graft_status op_build(machine *m)
{
    if (above(m) < 2) return nonsense(m, "too few values on the stack");
    if (top(m, 1)->kind != GF_PICKLE_DICT || top(m, 0)->kind != GF_PICKLE_DICT) {
        return nonsense(m, "attributes of what is no dict");
    }
    m->n--;
    return GRAFT_OK;
}

static graft_status op_persistent(machine *m)
{
    if (!above(m)) return nonsense(m, "too few values on the stack");
    gf_pickle_node *id = top(m, 0);
    if (id->kind != GF_PICKLE_TUPLE || !id->n) return nonsense(m, "a storage that is no tuple");
    if (gf_pickle_is_text(gf_pickle_item(m->p, id, 0), "module")) {
        return gf_fail(m->err, GF_E_PICKLE_FORBIDDEN, refused_row[0].hint, "%s: its pickle is a whole model",
                       GF_ESC(m->name));
    }
    bool right = id->n >= 5 && gf_pickle_is_text(gf_pickle_item(m->p, id, 0), "storage") &&
                 gf_pickle_item(m->p, id, 1)->kind == GF_PICKLE_GLOBAL &&
                 gf_pickle_item(m->p, id, 1)->value == GF_PICKLE_STORAGE_TYPE &&
                 gf_pickle_item(m->p, id, 2)->kind == GF_PICKLE_TEXT &&
                 gf_pickle_item(m->p, id, 4)->kind == GF_PICKLE_INT;
    bool view = right && id->n > 5 && gf_pickle_item(m->p, id, 5)->kind != GF_PICKLE_NONE;
    if (!right || view)
        return nonsense(m, view ? "a storage that is a part of another" : "a storage without its facts");
    id->kind = GF_PICKLE_STORAGE;
    return GRAFT_OK;
}

static graft_status op_proto(machine *m)
{
    uint64_t version = 0;
    GF_TRY(take_number(m, 1, &version));
    if (version == 2) return GRAFT_OK;
    return gf_fail(m->err, GF_E_PICKLE_FORBIDDEN, "save it again with torch.save and its own pickle_protocol",
                   "%s: its pickle is of protocol %d, 2 is read", GF_ESC(m->name), (int)version);
}

static graft_status op_stop(machine *m)
{
    if (m->n != 1 || m->marks) return nonsense(m, "its end leaves not one value");
    m->p->root = m->stack[0];
    m->stopped = true;
    return GRAFT_OK;
}

static graft_status (*const instruction[256])(machine *m) = {
    [0x80] = op_proto,      ['.'] = op_stop,       ['('] = op_mark,       ['N'] = op_none,    [0x88] = op_true,
    [0x89] = op_false,      ['K'] = op_int1,       ['M'] = op_int2,       ['J'] = op_int4,    [0x8a] = op_long1,
    ['G'] = op_float,       ['U'] = op_text1,      ['T'] = op_text4,      ['X'] = op_text4,   ['c'] = op_global,
    [')'] = op_empty_tuple, [']'] = op_empty_list, ['}'] = op_empty_dict, ['t'] = op_tuple,   [0x85] = op_tuple1,
    [0x86] = op_tuple2,     [0x87] = op_tuple3,    ['a'] = op_append,     ['e'] = op_appends, ['s'] = op_setitem,
    ['u'] = op_setitems,    ['q'] = op_put1,       ['r'] = op_put4,       ['h'] = op_get1,    ['j'] = op_get4,
    ['R'] = op_reduce,      ['b'] = op_build,      ['Q'] = op_persistent,
};

static graft_status step(machine *m)
{
    m->here = m->at;
    if (m->at == m->end) return nonsense(m, "it ends without its last instruction");
    uint8_t code = *m->at++;
    if (instruction[code]) return instruction[code](m);
    return gf_fail(m->err, GF_E_PICKLE_FORBIDDEN, "a state dict that torch.save wrote has none such",
                   "%s: its pickle at byte %zu has instruction 0x%02x, which no state dict needs", GF_ESC(m->name),
                   (size_t)(m->here - m->start), code);
}

graft_status gf_pickle_run(gf_pickle *out, const uint8_t *bytes, size_t n, const char *name, size_t *used,
                           graft_error *err)
{
    *out = (gf_pickle){0};
    machine m = {.start = bytes, .at = bytes, .end = bytes + n, .p = out, .name = name, .err = err};
    graft_status status = GRAFT_OK;
    while (status == GRAFT_OK && !m.stopped) status = step(&m);
    if (used) *used = (size_t)(m.at - m.start);
    gf_free(m.stack);
    gf_free(m.memo);
    if (status != GRAFT_OK) gf_pickle_free(out);
    return status;
}

void gf_pickle_free(gf_pickle *p)
{
    if (!p) return;
    for (size_t i = 0; i < p->n; i++) gf_free(p->node[i].item);
    gf_free(p->node);
    *p = (gf_pickle){0};
}

bool gf_pickle_is_text(const gf_pickle_node *node, const char *text)
{
    return node->kind == GF_PICKLE_TEXT && node->n == strlen(text) && !memcmp(node->text, text, node->n);
}
