/* onnx_reply.c - a model through the cage's pipe. One description of the bytes serves both ways: each function below
 * visits the fields of a thing, and the tape puts them or takes them.
 *
 * A letter (M: a model, E: an error), then the fields in the order of the visits: integers of 8 bytes little-endian, a
 * text as its length, its bytes and a NUL, a block as its length and its bytes. */
#include "base/alloc.h"
#include "formats/onnx.h"

#include <stdio.h>
#include <string.h>

typedef struct tape {
    gf_sink *sink;           /* putting; NULL: taking */
    const uint8_t *at, *end; /* what is left to take */
    gf_onnx *o;              /* who owns arrays that are taken */
    bool nonsense, no_memory;
} tape;

static void bytes(tape *t, void *x, size_t n)
{
    if (t->sink) {
        gf_sink_put(t->sink, x, n);
    } else if (t->nonsense || (size_t)(t->end - t->at) < n) {
        t->nonsense = true;
        memset(x, 0, n);
    } else {
        memcpy(x, t->at, n);
        t->at += n;
    }
}

static void number(tape *t, int64_t *x) { bytes(t, x, sizeof *x); }

static void number32(tape *t, int32_t *x)
{
    int64_t wide = *x;
    number(t, &wide);
    t->nonsense |= wide < INT32_MIN || wide > INT32_MAX;
    *x = (int32_t)wide;
}

static void flag(tape *t, bool *x)
{
    int64_t wide = *x;
    number(t, &wide);
    *x = wide != 0;
}

/* A length: of what takes at least `least` bytes each of those that are left. */
static void length(tape *t, size_t *n, size_t least)
{
    int64_t wide = (int64_t)*n;
    number(t, &wide);
    if (!t->sink && (wide < 0 || (uint64_t)wide > (uint64_t)(t->end - t->at) / least)) t->nonsense = true;
    *n = t->nonsense ? 0 : (size_t)wide;
}

static void block(tape *t, const void **data, size_t *n)
{
    length(t, n, 1);
    if (t->sink) {
        if (*n) gf_sink_put(t->sink, *data, *n);
    } else {
        *data = t->at;
        t->at += *n;
    }
}

static void text(tape *t, const char **s)
{
    size_t n = t->sink ? strlen(*s) + 1 : 0;
    const void *data = *s;
    block(t, &data, &n);
    if (t->sink) return;
    *s = data;
    if (n && memchr(data, 0, n) == *s + n - 1) return; /* one NUL, the last byte */
    t->nonsense = true;
    *s = "";
}

/* Room for an array that is taken; what was put has it. */
static void *array(tape *t, void *now, size_t *n, size_t size, size_t least)
{
    length(t, n, least);
    if (t->sink) return now;
    void *p = t->nonsense ? NULL : gf_onnx_alloc(t->o, *n, size);
    t->no_memory |= !p && !t->nonsense;
    if (!p) *n = 0;
    return p;
}

enum { NUMBER = 8, TEXT = 9 }; /* the least bytes of each */

static void shape(tape *t, gf_shape *s)
{
    int32_t rank = s->rank;
    number32(t, &rank);
    if (rank < 0 || rank > GF_MAX_RANK) {
        t->nonsense = true;
        rank = 0;
    }
    s->rank = rank;
    for (int i = 0; i < rank; i++) number(t, &s->dim[i]);
}

static void tensor(tape *t, gf_onnx_tensor *x)
{
    int64_t offset = (int64_t)x->offset, size = (int64_t)x->length;
    bool here = x->data != NULL;
    size_t n = here ? x->bytes : 0;
    text(t, &x->name);
    number32(t, &x->type);
    shape(t, &x->shape);
    flag(t, &here);
    block(t, &x->data, &n);
    text(t, &x->location);
    number(t, &offset);
    number(t, &size);
    if (t->sink) return;
    x->bytes = n;
    if (!here) x->data = NULL;
    x->offset = (uint64_t)offset, x->length = (uint64_t)size;
    t->nonsense |= !here && !x->location[0];
}

static void attribute(tape *t, gf_onnx_attr *a)
{
    size_t n_tensors = a->t != NULL;
    text(t, &a->name);
    number32(t, &a->type);
    bytes(t, &a->f, sizeof a->f);
    number(t, &a->i);
    text(t, &a->s);
    a->floats = array(t, a->floats, &a->n_floats, sizeof *a->floats, sizeof *a->floats);
    if (a->n_floats) bytes(t, a->floats, a->n_floats * sizeof *a->floats);
    a->ints = array(t, a->ints, &a->n_ints, sizeof *a->ints, NUMBER);
    if (a->n_ints) bytes(t, a->ints, a->n_ints * sizeof *a->ints);
    a->t = array(t, a->t, &n_tensors, sizeof *a->t, 3 * TEXT);
    t->nonsense |= n_tensors > 1;
    if (n_tensors == 1) {
        tensor(t, a->t);
    } else {
        a->t = NULL;
    }
}

static void texts(tape *t, const char ***s, size_t *n)
{
    *s = array(t, *s, n, sizeof **s, TEXT);
    for (size_t i = 0; i < *n; i++) text(t, &(*s)[i]);
}

static void node(tape *t, gf_onnx_node *n)
{
    text(t, &n->name);
    text(t, &n->op);
    text(t, &n->domain);
    texts(t, &n->input, &n->n_inputs);
    texts(t, &n->output, &n->n_outputs);
    n->attr = array(t, n->attr, &n->n_attrs, sizeof *n->attr, 2 * TEXT);
    for (size_t i = 0; i < n->n_attrs; i++) attribute(t, &n->attr[i]);
}

static void values(tape *t, gf_onnx_value **v, size_t *n)
{
    *v = array(t, *v, n, sizeof **v, 2 * TEXT);
    for (size_t i = 0; i < *n; i++) {
        gf_onnx_value *x = &(*v)[i];
        text(t, &x->name);
        number32(t, &x->type);
        flag(t, &x->has_shape);
        shape(t, &x->shape);
        text(t, &x->batch);
    }
}

static void model(tape *t, gf_onnx *o)
{
    number(t, &o->ir_version);
    number(t, &o->opset);
    text(t, &o->producer);
    text(t, &o->producer_version);
    text(t, &o->graph);
    o->node = array(t, o->node, &o->n_nodes, sizeof *o->node, 3 * TEXT);
    for (size_t i = 0; i < o->n_nodes; i++) node(t, &o->node[i]);
    o->tensor = array(t, o->tensor, &o->n_tensors, sizeof *o->tensor, 3 * TEXT);
    for (size_t i = 0; i < o->n_tensors; i++) tensor(t, &o->tensor[i]);
    values(t, &o->input, &o->n_inputs);
    values(t, &o->output, &o->n_outputs);
    o->meta = array(t, o->meta, &o->n_meta, sizeof *o->meta, 2 * TEXT);
    for (size_t i = 0; i < o->n_meta; i++) {
        text(t, &o->meta[i].key);
        text(t, &o->meta[i].value);
    }
}

void gf_onnx_reply(const gf_onnx *o, gf_sink *sink)
{
    gf_onnx same = *o; /* visits take what they may write to; putting writes nothing but what it read */
    gf_sink_put(sink, "M", 1);
    model(&(tape){.sink = sink}, &same);
}

static void error(tape *t, int32_t *number_of, const char **message, const char **hint)
{
    number32(t, number_of);
    text(t, message);
    text(t, hint);
}

void gf_onnx_reply_error(const graft_error *err, gf_sink *sink)
{
    int32_t number_of = err->number;
    const char *message = err->message, *hint = err->hint;
    gf_sink_put(sink, "E", 1);
    error(&(tape){.sink = sink}, &number_of, &message, &hint);
}

static graft_status nonsense(const char *name, graft_error *err)
{
    return gf_fail(err, GF_E_CAGE_REPLY, "the file is damaged or made to attack its reader",
                   "%s: the answer of its reader makes no sense", GF_ESC(name));
}

/* The reader's own error, if it is one: its texts pass as data. */
static graft_status fail_as_told(tape *t, const char *name, graft_error *err)
{
    int32_t number_of = 0;
    const char *message = "", *hint = "";
    error(t, &number_of, &message, &hint);
    bool known = number_of == GF_E_NO_MEMORY || (number_of >= GF_E_ONNX_DAMAGED && number_of <= GF_E_ONNX_EXPORT);
    if (t->nonsense || t->at != t->end || !known) return nonsense(name, err);
    return gf_fail(err, (gf_errno)number_of, *hint ? GF_ESC(hint) : NULL, "%s", GF_ESC(message));
}

static graft_status check_all(gf_onnx *o, const char *name, graft_error *err)
{
    for (size_t i = 0; i < o->n_tensors; i++) GF_TRY(gf_onnx_check_tensor(&o->tensor[i], name, err));
    for (size_t i = 0; i < o->n_nodes; i++) {
        const gf_onnx_node *n = &o->node[i];
        for (size_t k = 0; k < n->n_attrs; k++) {
            if (n->attr[k].t) GF_TRY(gf_onnx_check_tensor(n->attr[k].t, name, err));
        }
    }
    return GRAFT_OK;
}

graft_status gf_onnx_reply_parse(gf_onnx *out, const uint8_t *reply, size_t n, const char *name, graft_error *err)
{
    *out = (gf_onnx){0};
    tape t = {.at = reply, .end = reply + n, .o = out};
    char kind = 0;
    bytes(&t, &kind, 1);
    if (kind == 'E') return fail_as_told(&t, name, err);
    if (kind != 'M') return nonsense(name, err);
    model(&t, out);
    graft_status status = GRAFT_OK;
    if (t.no_memory) {
        status = gf_fail_memory(err, n, name);
    } else if (t.nonsense || t.at != t.end) {
        status = nonsense(name, err);
    } else {
        status = check_all(out, name, err);
    }
    if (status != GRAFT_OK) gf_onnx_free(out);
    return status;
}
