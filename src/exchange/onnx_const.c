/* onnx_const.c - what can be computed before any image is there: exporters leave chains such as Shape, Gather,
 * Unsqueeze, Concat before a Reshape, and arithmetic on weights. */
#include "exchange/onnx_in.h"

#include <math.h>
#include <string.h>

/* What fails is remembered: a constant without numbers must not pass for something else. */
static void *memory(gf_oi *s, size_t n, size_t size)
{
    void *p = gf_onnx_alloc(&s->mem, n, size);
    s->no_memory |= !p;
    return p;
}

gf_oi_const *gf_oi_make_const(gf_oi *s, const gf_shape *shape, bool ints)
{
    gf_oi_const *c = memory(s, 1, sizeof *c);
    size_t n;
    if (!c || !gf_shape_count(shape, &n)) return NULL;
    c->shape = *shape;
    c->ints = ints;
    if (ints) {
        c->i = memory(s, n, sizeof *c->i);
    } else {
        c->f = memory(s, n, sizeof *c->f);
    }
    return c->i || c->f ? c : NULL;
}

const float *gf_oi_floats(gf_oi *s, gf_oi_const *c)
{
    if (c->f) return c->f;
    size_t n = gf_count(&c->shape);
    float *f = memory(s, n, sizeof *f);
    if (!f) return NULL;
    if (c->i) {
        for (size_t i = 0; i < n; i++) f[i] = (float)c->i[i];
    } else if (!gf_onnx_floats(c->tensor, f)) {
        return NULL;
    }
    return c->f = f;
}

const int64_t *gf_oi_ints(gf_oi *s, gf_oi_const *c)
{
    if (c->i || !c->tensor) return c->i;
    int64_t *i = memory(s, gf_count(&c->shape), sizeof *i);
    return i && gf_onnx_ints(c->tensor, i) ? c->i = i : NULL;
}

graft_status gf_oi_int_list(gf_oi *s, const gf_onnx_node *n, size_t k, const char *attribute, int64_t *out, int *count)
{
    const gf_onnx_attr *a = gf_onnx_attribute(n, attribute);
    gf_oi_value *v = gf_oi_input(s, n, k);
    *count = -1;
    if (!v && !a) return GRAFT_OK;
    const int64_t *from = a ? a->ints : NULL;
    size_t many = a ? a->n_ints : 0;
    if (v) {
        from = v->constant ? gf_oi_ints(s, v->constant) : NULL;
        many = from ? gf_count(&v->constant->shape) : 0;
        if (!from) return gf_oi_refuse(s, n, "a list of numbers that depends on the image");
    }
    if (many > 2 * GF_MAX_RANK) return gf_oi_refuse(s, n, "a list of too many numbers");
    for (size_t i = 0; i < many; i++) out[i] = from[i];
    *count = (int)many;
    return GRAFT_OK;
}

bool gf_oi_in_axes(const int64_t *axes, int count, int d, int rank)
{
    for (int i = 0; i < count; i++) {
        if (axes[i] == d || axes[i] + rank == d) return true;
    }
    return false;
}

int64_t gf_oi_axis(const gf_oi_value *v, int64_t axis) { return axis < 0 ? axis + v->shape.rank : axis + v->bare; }

/* ---- operators on constants; each sets *out or leaves it NULL where it cannot */

typedef struct folding {
    gf_oi *s;
    const gf_onnx_node *n;
    gf_oi_const *in[4];
    gf_oi_const *out;
} folding;

static void fold_constant(folding *f)
{
    static const struct {
        const char *name;
        bool ints, list;
    } kind[] = {{"value_int", true, false},
                {"value_ints", true, true},
                {"value_float", false, false},
                {"value_floats", false, true}};
    const gf_onnx_attr *a = gf_onnx_attribute(f->n, "value");
    if (a && a->t) {
        f->out = memory(f->s, 1, sizeof *f->out);
        if (f->out) *f->out = (gf_oi_const){.shape = a->t->shape, .tensor = a->t, .ints = a->t->dtype == GF_S64};
        return;
    }
    for (size_t i = 0; i < sizeof kind / sizeof *kind; i++) {
        a = gf_onnx_attribute(f->n, kind[i].name);
        if (!a) continue;
        size_t many = !kind[i].list ? 1 : kind[i].ints ? a->n_ints : a->n_floats;
        gf_shape shape = {.rank = kind[i].list, .dim = {(int64_t)many}};
        f->out = gf_oi_make_const(f->s, &shape, kind[i].ints);
        for (size_t k = 0; f->out && k < many; k++) {
            if (kind[i].ints) {
                f->out->i[k] = kind[i].list ? a->ints[k] : a->i;
            } else {
                f->out->f[k] = kind[i].list ? a->floats[k] : a->f;
            }
        }
    }
}

/* The same numbers in another shape. */
static void reshaped(folding *f, const gf_shape *shape)
{
    f->out = memory(f->s, 1, sizeof *f->out);
    if (!f->out) return;
    *f->out = *f->in[0];
    f->out->shape = *shape;
}

static void fold_identity(folding *f) { f->out = f->in[0]; }

static void fold_cast(folding *f)
{
    int64_t to = gf_oi_int(f->n, "to", 0);
    bool ints = to == GF_ONNX_INT64 || to == GF_ONNX_INT32;
    if (ints == f->in[0]->ints) {
        f->out = f->in[0];
        return;
    }
    const float *x = gf_oi_floats(f->s, f->in[0]);
    gf_oi_const *c = x ? gf_oi_make_const(f->s, &f->in[0]->shape, ints) : NULL;
    for (size_t i = 0; c && i < gf_count(&c->shape); i++) {
        if (ints) {
            c->i[i] = fabsf(x[i]) < 1e18f ? (int64_t)x[i] : 0;
        } else {
            c->f[i] = x[i];
        }
    }
    f->out = c;
}

static void fold_squeeze(folding *f)
{
    int64_t axes[2 * GF_MAX_RANK];
    int count;
    gf_shape to = {0};
    if (gf_oi_int_list(f->s, f->n, 1, "axes", axes, &count) != GRAFT_OK) return;
    const gf_shape *from = &f->in[0]->shape;
    for (int d = 0; d < from->rank; d++) {
        bool drop = count < 0 ? from->dim[d] == 1 : gf_oi_in_axes(axes, count, d, from->rank);
        if (drop && from->dim[d] != 1) return;
        if (!drop) to.dim[to.rank++] = from->dim[d];
    }
    reshaped(f, &to);
}

static void fold_unsqueeze(folding *f)
{
    int64_t axes[2 * GF_MAX_RANK];
    int count;
    if (gf_oi_int_list(f->s, f->n, 1, "axes", axes, &count) != GRAFT_OK) return;
    const gf_shape *from = &f->in[0]->shape;
    gf_shape to = {.rank = from->rank + count};
    if (count < 0 || to.rank > GF_MAX_RANK) return;
    for (int d = 0, k = 0; d < to.rank; d++) {
        bool is_new = gf_oi_in_axes(axes, count, d, to.rank);
        if (!is_new && k == from->rank) return;
        to.dim[d] = is_new ? 1 : from->dim[k++];
    }
    reshaped(f, &to);
}

static void fold_reshape(folding *f)
{
    int64_t dims[2 * GF_MAX_RANK], known = 1, have = (int64_t)gf_count(&f->in[0]->shape);
    int count, open = -1;
    if (gf_oi_int_list(f->s, f->n, 1, "shape", dims, &count) != GRAFT_OK) return;
    gf_shape to = {.rank = count};
    if (count < 0 || count > GF_MAX_RANK) return;
    for (int d = 0; d < count; d++) {
        to.dim[d] = !dims[d] && d < f->in[0]->shape.rank ? f->in[0]->shape.dim[d] : dims[d];
        if (to.dim[d] == -1 && open < 0) {
            open = d;
        } else if (to.dim[d] < 1 || __builtin_mul_overflow(known, to.dim[d], &known)) {
            return;
        }
    }
    if (open >= 0) to.dim[open] = have / known;
    size_t n;
    if (gf_shape_count(&to, &n) && (int64_t)n == have) reshaped(f, &to);
}

/* One dimension: lists of sizes. */
static void fold_gather(folding *f)
{
    const int64_t *data = gf_oi_ints(f->s, f->in[0]), *at = gf_oi_ints(f->s, f->in[1]);
    int64_t n = f->in[0]->shape.rank == 1 ? f->in[0]->shape.dim[0] : -1;
    if (!data || !at || n < 0 || gf_oi_int(f->n, "axis", 0)) return;
    gf_oi_const *c = gf_oi_make_const(f->s, &f->in[1]->shape, true);
    for (size_t i = 0; c && i < gf_count(&c->shape); i++) {
        int64_t k = at[i] < 0 ? at[i] + n : at[i];
        if (k < 0 || k >= n) return;
        c->i[i] = data[k];
    }
    f->out = c;
}

static void fold_slice(folding *f)
{
    const int64_t *data = gf_oi_ints(f->s, f->in[0]);
    int64_t start[2 * GF_MAX_RANK], end[2 * GF_MAX_RANK];
    int starts, ends;
    bool told = gf_oi_int_list(f->s, f->n, 1, "starts", start, &starts) == GRAFT_OK &&
                gf_oi_int_list(f->s, f->n, 2, "ends", end, &ends) == GRAFT_OK && starts == 1 && ends == 1;
    const gf_oi_value *step = gf_oi_input(f->s, f->n, 4); /* its one axis is 0 */
    if (!told || !data || f->in[0]->shape.rank != 1 || step) return;
    int64_t n = f->in[0]->shape.dim[0], from = start[0] < 0 ? start[0] + n : start[0];
    int64_t to = end[0] < 0 ? end[0] + n : end[0];
    if (to > n) to = n;
    if (from < 0 || from > to) return;
    f->out = gf_oi_make_const(f->s, &GF_SHAPE(to - from), true);
    for (int64_t i = from; f->out && i < to; i++) f->out->i[i - from] = data[i];
}

static void fold_concat(folding *f)
{
    int64_t total = 0;
    for (size_t k = 0; k < f->n->n_inputs; k++) {
        gf_oi_value *v = gf_oi_input(f->s, f->n, k);
        if (!v || !v->constant || v->constant->shape.rank != 1 || !gf_oi_ints(f->s, v->constant)) return;
        total += v->constant->shape.dim[0];
    }
    gf_oi_const *c = gf_oi_make_const(f->s, &GF_SHAPE(total), true);
    for (size_t k = 0, at = 0; c && k < f->n->n_inputs; k++) {
        const gf_oi_const *part = gf_oi_input(f->s, f->n, k)->constant;
        for (int64_t i = 0; i < part->shape.dim[0]; i++) c->i[at++] = part->i[i];
    }
    f->out = c;
}

static void fold_transpose(folding *f)
{
    const gf_shape *from = &f->in[0]->shape;
    if (from->rank < 2) {
        f->out = f->in[0];
        return;
    }
    const gf_onnx_attr *perm = gf_onnx_attribute(f->n, "perm");
    bool turns = from->rank == 2 && (!perm || (perm->n_ints == 2 && perm->ints[0] == 1 && perm->ints[1] == 0));
    const float *x = turns ? gf_oi_floats(f->s, f->in[0]) : NULL;
    int64_t rows = from->dim[0], cols = from->dim[1];
    gf_oi_const *c = x ? gf_oi_make_const(f->s, &GF_SHAPE(cols, rows), false) : NULL;
    for (int64_t r = 0; c && r < rows; r++) {
        for (int64_t k = 0; k < cols; k++) c->f[k * rows + r] = x[r * cols + k];
    }
    f->out = c;
}

/* The shape of two operands together; false: they do not fit. */
static bool broadcast(const gf_shape *a, const gf_shape *b, gf_shape *out)
{
    out->rank = a->rank > b->rank ? a->rank : b->rank;
    for (int d = 1; d <= out->rank; d++) {
        int64_t x = d <= a->rank ? a->dim[a->rank - d] : 1, y = d <= b->rank ? b->dim[b->rank - d] : 1;
        if (x != y && x != 1 && y != 1) return false;
        out->dim[out->rank - d] = x == 1 ? y : x;
    }
    return true;
}

/* Where element i of the shape lies in an operand that was spread to it. */
static size_t position(const gf_shape *whole, const gf_shape *part, size_t i)
{
    size_t at = 0, step = 1;
    for (int d = 1; d <= whole->rank; d++) {
        size_t x = i % (size_t)whole->dim[whole->rank - d];
        i /= (size_t)whole->dim[whole->rank - d];
        if (d > part->rank) continue;
        if (part->dim[part->rank - d] != 1) at += x * step;
        step *= (size_t)part->dim[part->rank - d];
    }
    return at;
}

static double arithmetic(char op, double a, double b)
{
    return op == '+' ? a + b : op == '-' ? a - b : op == '*' ? a * b : op == '/' ? a / b : pow(a, b);
}

static int64_t whole_arithmetic(char op, int64_t a, int64_t b)
{
    uint64_t x = (uint64_t)a, y = (uint64_t)b; /* wraps like the field's tools do */
    if (op == '/') return b == 0 || b == -1 ? (int64_t)(0 - x) * (b != 0) : a / b;
    return (int64_t)(op == '+' ? x + y : op == '-' ? x - y : x * y);
}

static void fold_arithmetic(folding *f)
{
    static const struct {
        const char *op;
        char sign;
    } signs[] = {{"Add", '+'}, {"Sub", '-'}, {"Mul", '*'}, {"Div", '/'}, {"Pow", '^'}};
    char sign = 0;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        if (!strcmp(signs[i].op, f->n->op)) sign = signs[i].sign;
    }
    gf_shape shape;
    bool ints = f->in[0]->ints && f->in[1]->ints && sign != '^';
    if (!sign || !broadcast(&f->in[0]->shape, &f->in[1]->shape, &shape)) return;
    const float *x = ints ? NULL : gf_oi_floats(f->s, f->in[0]), *y = ints ? NULL : gf_oi_floats(f->s, f->in[1]);
    const int64_t *p = ints ? gf_oi_ints(f->s, f->in[0]) : NULL, *q = ints ? gf_oi_ints(f->s, f->in[1]) : NULL;
    if (ints ? !p || !q : !x || !y) return;
    size_t n;
    enum { SMALL = 4096 };
    size_t most = SMALL + 4 * (gf_count(&f->in[0]->shape) + gf_count(&f->in[1]->shape));
    if (!gf_shape_count(&shape, &n) || n > most) return; /* what is there bounds what is made of it */
    gf_oi_const *c = gf_oi_make_const(f->s, &shape, ints);
    for (size_t i = 0; c && i < n; i++) {
        size_t a = position(&shape, &f->in[0]->shape, i), b = position(&shape, &f->in[1]->shape, i);
        if (ints) {
            c->i[i] = whole_arithmetic(sign, p[a], q[b]);
        } else {
            c->f[i] = (float)arithmetic(sign, (double)x[a], (double)y[b]);
        }
    }
    f->out = c;
}

static void fold_one(folding *f)
{
    const float *x = gf_oi_floats(f->s, f->in[0]);
    gf_oi_const *c = x ? gf_oi_make_const(f->s, &f->in[0]->shape, false) : NULL;
    char which = f->n->op[0]; /* Sqrt, Neg, Reciprocal, Exp */
    for (size_t i = 0; c && i < gf_count(&c->shape); i++) {
        c->f[i] = which == 'S' ? sqrtf(x[i]) : which == 'N' ? -x[i] : which == 'R' ? 1 / x[i] : expf(x[i]);
    }
    f->out = c;
}

static const struct {
    const char *op;
    void (*fold)(folding *f);
    size_t inputs; /* that it wants, the first of them */
} folds[] = {
    {"Constant", fold_constant, 0},
    {"Identity", fold_identity, 1},
    {"Cast", fold_cast, 1},
    {"Squeeze", fold_squeeze, 1},
    {"Unsqueeze", fold_unsqueeze, 1},
    {"Reshape", fold_reshape, 2},
    {"Gather", fold_gather, 2},
    {"Slice", fold_slice, 1},
    {"Concat", fold_concat, 1},
    {"Transpose", fold_transpose, 1},
    {"Add", fold_arithmetic, 2},
    {"Sub", fold_arithmetic, 2},
    {"Mul", fold_arithmetic, 2},
    {"Div", fold_arithmetic, 2},
    {"Pow", fold_arithmetic, 2},
    {"Sqrt", fold_one, 1},
    {"Neg", fold_one, 1},
    {"Reciprocal", fold_one, 1},
    {"Exp", fold_one, 1},
};

/* Shape is known of any value. */
static void fold_shape(folding *f, const gf_oi_value *v)
{
    const gf_shape *shape = v->constant ? &v->constant->shape : &v->shape;
    int64_t start = gf_oi_int(f->n, "start", 0), end = gf_oi_int(f->n, "end", shape->rank);
    if (start < 0) start += shape->rank;
    if (end < 0) end += shape->rank;
    if (end > shape->rank) end = shape->rank;
    if (start < 0 || start > end) return;
    f->out = gf_oi_make_const(f->s, &GF_SHAPE(end - start), true);
    for (int64_t i = start; f->out && i < end; i++) f->out->i[i - start] = shape->dim[i];
}

graft_status gf_oi_fold(gf_oi *s, const gf_onnx_node *n, bool *folded)
{
    folding f = {.s = s, .n = n};
    gf_oi_value *first = gf_oi_input(s, n, 0);
    *folded = false;
    if (!strcmp(n->op, "Shape") && first) fold_shape(&f, first);
    for (size_t k = 0; k < n->n_inputs; k++) {
        gf_oi_value *v = gf_oi_input(s, n, k);
        if (v && !v->constant && !f.out) return GRAFT_OK;
        if (k < 4 && v) f.in[k] = v->constant;
    }
    for (size_t i = 0; i < sizeof folds / sizeof *folds && !f.out; i++) {
        bool fits = !strcmp(folds[i].op, n->op);
        for (size_t k = 0; k < folds[i].inputs && k < 2; k++) fits &= f.in[k] != NULL;
        if (fits) folds[i].fold(&f);
    }
    gf_oi_value *out = n->n_outputs ? gf_oi_find(s, n->output[0]) : NULL;
    if (!f.out || !out) return GRAFT_OK;
    out->constant = f.out;
    out->known = true;
    *folded = true;
    return GRAFT_OK;
}
