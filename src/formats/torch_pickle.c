#include "formats/torch_pickle.h"

#include "base/alloc.h"
#include "formats/torch_machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NODES = 1 << 20, MAX_MOVES = 8 << 20 };
typedef gf_machine machine;

/* ---- failing ---- */

graft_status gf_machine_nonsense(const machine *m, const char *what)
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

graft_status gf_machine_add(machine *m, gf_pickle_node node, uint32_t *index)
{
    if (m->p->n >= MAX_NODES) return too_large(m, "more values than any state dict has");
    if (!gf_grow(&m->p->node, m->p->n, &m->p->cap)) return gf_fail_memory(m->err, sizeof node, m->name);
    *index = (uint32_t)m->p->n;
    m->p->node[m->p->n++] = node;
    return GRAFT_OK;
}

graft_status gf_machine_push(machine *m, uint32_t node)
{
    if (m->n >= MAX_NODES) return too_large(m, "more values than any state dict has");
    if (!gf_grow(&m->stack, m->n, &m->cap)) return gf_fail_memory(m->err, sizeof node, m->name);
    m->stack[m->n++] = node;
    return GRAFT_OK;
}

graft_status gf_machine_push_new(machine *m, gf_pickle_node node)
{
    uint32_t index = 0;
    GF_TRY(gf_machine_add(m, node, &index));
    return gf_machine_push(m, index);
}

/* How many values stand above the last mark: an instruction may not reach below it. */
size_t gf_machine_above(const machine *m) { return m->n - (m->marks ? m->mark[m->marks - 1] : 0); }

gf_pickle_node *gf_machine_top(const machine *m, size_t from_top) { return &m->p->node[m->stack[m->n - 1 - from_top]]; }

/* Moves the topmost `count` values into a container, in their order. */
graft_status gf_machine_move(machine *m, uint32_t container, size_t count)
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
        if (depth >= GF_PICKLE_DEPTH) return too_large(m, "values nested deeper than 64");
        if (depth + 1 > c->depth) c->depth = (uint8_t)(depth + 1);
        c->item[c->n++] = item;
    }
    m->n -= count;
    return GRAFT_OK;
}

/* ---- arguments in the bytes ---- */

static graft_status take(machine *m, size_t n, const uint8_t **out)
{
    if ((size_t)(m->end - m->at) < n) return gf_machine_nonsense(m, "it ends early");
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

graft_status gf_machine_line(machine *m, char out[GF_PICKLE_LINE])
{
    size_t left = (size_t)(m->end - m->at), n = 0;
    while (n < left && n < GF_PICKLE_LINE && m->at[n] != '\n') n++;
    if (n == left || n == GF_PICKLE_LINE) return gf_machine_nonsense(m, "a name without an end");
    memcpy(out, m->at, n);
    out[n] = 0;
    if (strlen(out) != n) return gf_machine_nonsense(m, "a NUL in a name");
    m->at += n + 1;
    return GRAFT_OK;
}

/* ---- plain values ---- */

static graft_status push_value(machine *m, gf_pickle_kind kind, int64_t value)
{
    return gf_machine_push_new(m, (gf_pickle_node){.kind = kind, .value = value});
}

/* One node stands for all numbers whose value has no say: a history of losses may be long. */
static graft_status push_float(machine *m)
{
    if (!m->has_float) GF_TRY(gf_machine_add(m, (gf_pickle_node){.kind = GF_PICKLE_FLOAT}, &m->a_float));
    m->has_float = true;
    return gf_machine_push(m, m->a_float);
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
static graft_status push_long(machine *m, size_t length_bytes)
{
    uint64_t length = 0;
    const uint8_t *p = NULL;
    GF_TRY(take_number(m, length_bytes, &length));
    GF_TRY(take(m, (size_t)length, &p));
    if (length > 8) return push_value(m, GF_PICKLE_BIG, 0);
    uint64_t value = length && p[length - 1] & 0x80 ? ~(uint64_t)0 : 0;
    for (size_t i = (size_t)length; i > 0; i--) value = value << 8 | p[i - 1];
    return push_value(m, GF_PICKLE_INT, (int64_t)value);
}

static graft_status op_long1(machine *m) { return push_long(m, 1); }
static graft_status op_long4(machine *m) { return push_long(m, 4); }

static graft_status op_float(machine *m)
{
    const uint8_t *p = NULL;
    GF_TRY(take(m, 8, &p)); /* epochs, learning rates: no state dict needs their value */
    return push_float(m);
}

static graft_status push_text(machine *m, size_t length_bytes)
{
    uint64_t length = 0;
    const uint8_t *p = NULL;
    GF_TRY(take_number(m, length_bytes, &length));
    GF_TRY(take(m, (size_t)length, &p));
    return gf_machine_push_new(
        m, (gf_pickle_node){.kind = GF_PICKLE_TEXT, .n = (uint32_t)length, .text = (const char *)p});
}

static graft_status op_text1(machine *m) { return push_text(m, 1); }
static graft_status op_text4(machine *m) { return push_text(m, 4); }
static graft_status op_text8(machine *m) { return push_text(m, 8); }

static graft_status op_byte_array(machine *m)
{
    GF_TRY(push_text(m, 8));
    m->n--;
    return push_value(m, GF_PICKLE_VALUE, 0); /* its bytes may change, so that they are nobody's name */
}

/* ---- plain values as lines of text: protocols 0 and 1 ---- */

static graft_status op_int_line(machine *m)
{
    char line[GF_PICKLE_LINE], *end;
    GF_TRY(gf_machine_line(m, line));
    if (!strcmp(line, "00") || !strcmp(line, "01")) return push_value(m, GF_PICKLE_BOOL, line[1] == '1');
    errno = 0;
    long long value = strtoll(line, &end, 10);
    if (*end == 'L') end++; /* of Python 2 */
    if (end == line || *end) return gf_machine_nonsense(m, "a number that is none");
    return push_value(m, errno ? GF_PICKLE_BIG : GF_PICKLE_INT, errno ? 0 : (int64_t)value);
}

static graft_status op_float_line(machine *m)
{
    char line[GF_PICKLE_LINE];
    GF_TRY(gf_machine_line(m, line));
    return push_float(m);
}

/* A text to the line's end, without the quotes that Python 2's have; escapes in it stay as they are. */
static graft_status op_text_line(machine *m)
{
    const uint8_t *end = memchr(m->at, '\n', (size_t)(m->end - m->at));
    if (!end) return gf_machine_nonsense(m, "a text without an end");
    gf_pickle_node node = {.kind = GF_PICKLE_TEXT, .n = (uint32_t)(end - m->at), .text = (const char *)m->at};
    bool quoted = *m->here == 'S' && node.n >= 2 && (*node.text == '\'' || *node.text == '"');
    if (quoted) {
        node.text++;
        node.n -= 2;
    }
    m->at = end + 1;
    return gf_machine_push_new(m, node);
}

/* ---- containers ---- */

static graft_status op_mark(machine *m)
{
    if (m->marks == GF_PICKLE_DEPTH) return too_large(m, "values nested deeper than 64");
    m->mark[m->marks++] = (uint32_t)m->n;
    return GRAFT_OK;
}

graft_status gf_machine_pop_mark(machine *m, size_t *count)
{
    if (!m->marks) return gf_machine_nonsense(m, "no mark on the stack");
    *count = gf_machine_above(m);
    m->marks--;
    return GRAFT_OK;
}

graft_status gf_machine_tuple(machine *m, size_t count)
{
    uint32_t tuple = 0;
    if (gf_machine_above(m) < count) return gf_machine_nonsense(m, "too few values on the stack");
    GF_TRY(gf_machine_add(m, (gf_pickle_node){.kind = GF_PICKLE_TUPLE}, &tuple));
    GF_TRY(gf_machine_move(m, tuple, count));
    return gf_machine_push(m, tuple);
}

static graft_status op_tuple1(machine *m) { return gf_machine_tuple(m, 1); }
static graft_status op_tuple2(machine *m) { return gf_machine_tuple(m, 2); }
static graft_status op_tuple3(machine *m) { return gf_machine_tuple(m, 3); }

static graft_status op_tuple(machine *m)
{
    size_t count = 0;
    GF_TRY(gf_machine_pop_mark(m, &count));
    return gf_machine_tuple(m, count);
}

/* Of an object only what stands under keys is kept. */
static graft_status add_to(machine *m, gf_pickle_kind kind, size_t count)
{
    if (gf_machine_above(m) < count + 1) return gf_machine_nonsense(m, "too few values on the stack");
    gf_pickle_kind holder = gf_machine_top(m, count)->kind;
    bool opaque = holder == GF_PICKLE_OBJECT || holder == GF_PICKLE_VALUE;
    if (holder != kind && !opaque) return gf_machine_nonsense(m, "a value is put into what cannot hold it");
    if (kind == GF_PICKLE_DICT && count % 2) return gf_machine_nonsense(m, "a key without a value");
    if (holder != kind && (holder == GF_PICKLE_VALUE || kind != GF_PICKLE_DICT)) {
        m->n -= count;
        return GRAFT_OK;
    }
    return gf_machine_move(m, m->stack[m->n - 1 - count], count);
}

static graft_status op_append(machine *m) { return add_to(m, GF_PICKLE_LIST, 1); }
static graft_status op_setitem(machine *m) { return add_to(m, GF_PICKLE_DICT, 2); }

static graft_status op_appends(machine *m)
{
    size_t count = 0;
    GF_TRY(gf_machine_pop_mark(m, &count));
    return add_to(m, GF_PICKLE_LIST, count);
}

static graft_status op_setitems(machine *m)
{
    size_t count = 0;
    GF_TRY(gf_machine_pop_mark(m, &count));
    return add_to(m, GF_PICKLE_DICT, count);
}

/* A container of all that stands above the mark. */
static graft_status make_container(machine *m, gf_pickle_kind kind)
{
    size_t count = 0;
    uint32_t container = 0;
    GF_TRY(gf_machine_pop_mark(m, &count));
    if (kind == GF_PICKLE_DICT && count % 2) return gf_machine_nonsense(m, "a key without a value");
    GF_TRY(gf_machine_add(m, (gf_pickle_node){.kind = kind}, &container));
    GF_TRY(gf_machine_move(m, container, count));
    return gf_machine_push(m, container);
}

static graft_status op_list(machine *m) { return make_container(m, GF_PICKLE_LIST); }
static graft_status op_dict(machine *m) { return make_container(m, GF_PICKLE_DICT); }

/* Sets: nobody asks for what they hold. */
static graft_status op_empty_set(machine *m) { return push_value(m, GF_PICKLE_VALUE, 0); }

static graft_status op_add_items(machine *m)
{
    size_t count = 0;
    GF_TRY(gf_machine_pop_mark(m, &count));
    return add_to(m, GF_PICKLE_VALUE, count);
}

static graft_status op_frozen_set(machine *m)
{
    size_t count = 0;
    GF_TRY(gf_machine_pop_mark(m, &count));
    m->n -= count;
    return push_value(m, GF_PICKLE_VALUE, 0);
}

static graft_status op_pop(machine *m)
{
    if (gf_machine_above(m)) {
        m->n--;
    } else if (m->marks) {
        m->marks--;
    } else {
        return gf_machine_nonsense(m, "too few values on the stack");
    }
    return GRAFT_OK;
}

static graft_status op_pop_mark(machine *m)
{
    size_t count = 0;
    GF_TRY(gf_machine_pop_mark(m, &count));
    m->n -= count;
    return GRAFT_OK;
}

static graft_status op_twice(machine *m)
{
    if (!gf_machine_above(m)) return gf_machine_nonsense(m, "too few values on the stack");
    return gf_machine_push(m, m->stack[m->n - 1]);
}

/* ---- the memo ---- */

static graft_status put_at(machine *m, uint64_t index)
{
    if (!gf_machine_above(m)) return gf_machine_nonsense(m, "nothing on the stack to remember");
    if (index > m->n_memo)
        return gf_machine_nonsense(m, "a memo number out of turn"); /* a pickler counts them up one by one */
    if (index == m->n_memo) {
        if (!gf_grow(&m->memo, m->n_memo, &m->cap_memo)) return gf_fail_memory(m->err, sizeof *m->memo, m->name);
        m->n_memo++;
    }
    m->memo[index] = m->stack[m->n - 1];
    return GRAFT_OK;
}

static graft_status get_at(machine *m, uint64_t index)
{
    if (index >= m->n_memo) return gf_machine_nonsense(m, "a memo number that was never given");
    return gf_machine_push(m, m->memo[index]);
}

static graft_status put(machine *m, size_t bytes)
{
    uint64_t index = 0;
    GF_TRY(take_number(m, bytes, &index));
    return put_at(m, index);
}

static graft_status get(machine *m, size_t bytes)
{
    uint64_t index = 0;
    GF_TRY(take_number(m, bytes, &index));
    return get_at(m, index);
}

static graft_status op_put1(machine *m) { return put(m, 1); }
static graft_status op_put4(machine *m) { return put(m, 4); }
static graft_status op_get1(machine *m) { return get(m, 1); }
static graft_status op_get4(machine *m) { return get(m, 4); }
static graft_status op_put_next(machine *m) { return put_at(m, m->n_memo); }

static graft_status take_index(machine *m, uint64_t *index)
{
    char line[GF_PICKLE_LINE], *end;
    GF_TRY(gf_machine_line(m, line));
    *index = strtoull(line, &end, 10);
    return end == line || *end || *line == '-' ? gf_machine_nonsense(m, "a memo number that is none") : GRAFT_OK;
}

static graft_status op_put_line(machine *m)
{
    uint64_t index = 0;
    GF_TRY(take_index(m, &index));
    return put_at(m, index);
}

static graft_status op_get_line(machine *m)
{
    uint64_t index = 0;
    GF_TRY(take_index(m, &index));
    return get_at(m, index);
}

/* ---- the program ---- */

/* How many bytes the next instructions take: a hint for readers of streams. */
static graft_status op_frame(machine *m)
{
    uint64_t length = 0;
    GF_TRY(take_number(m, 8, &length));
    return length > (size_t)(m->end - m->at) ? gf_machine_nonsense(m, "it ends early") : GRAFT_OK;
}

static graft_status op_proto(machine *m)
{
    uint64_t version = 0;
    GF_TRY(take_number(m, 1, &version));
    enum { NEWEST = 5 };
    if (version <= NEWEST) return GRAFT_OK;
    return gf_fail(m->err, GF_E_PICKLE_FORBIDDEN, "save it again with torch.save and its own pickle_protocol",
                   "%s: its pickle is of protocol %d, up to %d is read", GF_ESC(m->name), (int)version, NEWEST);
}

static graft_status op_stop(machine *m)
{
    if (m->n != 1 || m->marks) return gf_machine_nonsense(m, "its end leaves not one value");
    m->p->root = m->stack[0];
    m->stopped = true;
    return GRAFT_OK;
}

static graft_status (*const instruction[256])(machine *m) = {
    /* values */
    ['N'] = op_none,
    [0x88] = op_true,
    [0x89] = op_false,
    ['K'] = op_int1,
    ['M'] = op_int2,
    ['J'] = op_int4,
    [0x8a] = op_long1,
    [0x8b] = op_long4,
    ['G'] = op_float,
    ['U'] = op_text1,
    ['T'] = op_text4,
    ['X'] = op_text4,
    [0x8c] = op_text1,
    [0x8d] = op_text8,
    ['C'] = op_text1,
    ['B'] = op_text4,
    [0x8e] = op_text8,
    [0x96] = op_byte_array,
    ['I'] = op_int_line,
    ['L'] = op_int_line,
    ['F'] = op_float_line,
    ['S'] = op_text_line,
    ['V'] = op_text_line,
    /* containers */
    ['('] = op_mark,
    [')'] = op_empty_tuple,
    [']'] = op_empty_list,
    ['}'] = op_empty_dict,
    ['t'] = op_tuple,
    [0x85] = op_tuple1,
    [0x86] = op_tuple2,
    [0x87] = op_tuple3,
    ['l'] = op_list,
    ['d'] = op_dict,
    ['a'] = op_append,
    ['e'] = op_appends,
    ['s'] = op_setitem,
    ['u'] = op_setitems,
    [0x8f] = op_empty_set,
    [0x90] = op_add_items,
    [0x91] = op_frozen_set,
    ['0'] = op_pop,
    ['1'] = op_pop_mark,
    ['2'] = op_twice,
    /* the memo */
    ['q'] = op_put1,
    ['r'] = op_put4,
    ['h'] = op_get1,
    ['j'] = op_get4,
    [0x94] = op_put_next,
    ['p'] = op_put_line,
    ['g'] = op_get_line,
    /* names, calls, storages */
    ['c'] = gf_op_global,
    [0x93] = gf_op_stack_global,
    ['R'] = gf_op_reduce,
    [0x81] = gf_op_new,
    [0x92] = gf_op_new_keywords,
    ['i'] = gf_op_instance,
    ['o'] = gf_op_object,
    ['b'] = gf_op_build,
    ['Q'] = gf_op_persistent,
    /* the program */
    [0x80] = op_proto,
    [0x95] = op_frame,
    ['.'] = op_stop,
};

static graft_status step(machine *m)
{
    m->here = m->at;
    if (m->at == m->end) return gf_machine_nonsense(m, "it ends without its last instruction");
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
    gf_names_free(&p->names);
    *p = (gf_pickle){0};
}

bool gf_pickle_is_text(const gf_pickle_node *node, const char *text)
{
    return node->kind == GF_PICKLE_TEXT && node->n == strlen(text) && !memcmp(node->text, text, node->n);
}
