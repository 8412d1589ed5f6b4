/* text_attention.c - attention.c's sums among the places of each text alone, where texts of different lengths stand
 * behind one another in the rows of query, key and value (gf_packing). Of each text of L places and each head:
 *
 *   z = scale Q K^T (L x L)    P = softmax z, row by row    dst = P V
 *
 *   diff_V = P^T diff_dst    dP = diff_dst V^T    dz = P (dP - sum_row dP P)
 *   diff_Q = scale dz K      diff_K = scale dz^T Q
 *
 * Nothing is padded and no place of another text is multiplied: a head's matrices are copied into the scratchpad in
 * f32, with rows of whole vectors, and multiplied there by a product of our own, whose sums do not depend on where the
 * text stands. It is 2 % of an encoder's arithmetic at 100 pieces. P is computed again on the way back. Spare rows get
 * zeros. Its own reference implementation. */
#include "ops/attention.h"
#include "ops/vectors.h"

#include "base/alloc.h"

#include <string.h>

/* A matrix in the scratchpad; rows are `ld` apart, a multiple of LANES, and filled up with zeros. */
typedef struct mat {
    float *x;
    size_t rows, cols, ld;
} mat;

/* The matrices of a head, by their numbers. */
enum { Q, KT, V, OUT, SCORES, FORWARD_ONLY, K = FORWARD_ONLY, DO, VT, DP, MATRICES };

static size_t whole(size_t n) { return (n + LANES - 1) / LANES * LANES; }

static size_t head_width(const gf_op_spec *s, int k) { return (size_t)(s->src[k].dim[3] / s->attention.heads); }

/* Room for the largest text: rows and columns of matrix i. */
static void size_of(const gf_op_spec *s, int i, size_t places, size_t *rows, size_t *cols)
{
    size_t d = head_width(s, 0), v = head_width(s, 2);
    bool of_values = i == V || i == OUT || i == DO, scores = i == SCORES || i == DP;
    *rows = i == KT ? d : i == VT ? v : places;
    *cols = i == KT || i == VT || scores ? places : of_values ? (i == OUT && d > v ? d : v) : d;
}

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    const gf_shape *q = &s->src[0], *k = &s->src[1], *v = &s->src[2];
    int64_t heads = s->attention.heads;
    bool fits = s->n_src == 3 && q->rank == 4 && k->rank == 4 && v->rank == 4 && heads > 0 && q->dim[1] == 1;
    for (int i = 0; fits && i < 3; i++) fits = k->dim[i] == q->dim[i] && v->dim[i] == q->dim[i];
    if (!fits || q->dim[3] != k->dim[3] || q->dim[3] % heads || v->dim[3] % heads) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "layer %s: %d heads of query %s, key %s and value %s do not fit",
                       s->name, s->attention.heads, GF_SHAPE_TEXT(q), GF_SHAPE_TEXT(k), GF_SHAPE_TEXT(v));
    }
    *dst = *v;
    return GRAFT_OK;
}

static graft_status create(gf_op *op, gf_ops *ops, graft_error *err)
{
    (void)ops, (void)err;
    const gf_op_spec *s = &op->spec;
    for (int i = 0; i < (s->backward ? MATRICES : FORWARD_ONLY); i++) {
        size_t rows, cols;
        size_of(s, i, (size_t)s->longest, &rows, &cols);
        op->scratchpad_bytes += rows * whole(cols) * sizeof(float);
    }
    return GRAFT_OK;
}

/* ---- products */

enum { TALL = 4, WIDE = 2 };

/* c = a b for `tall` rows and `wide` vectors of columns; element (i, k) of a is a[i row + k col]. */
INLINE void tile(const float *a, size_t row, size_t col, const mat *b, float *c, size_t ld, size_t tall, size_t wide)
{
    vf sum[TALL][WIDE] = {0};
    for (size_t k = 0; k < b->rows; k++) {
        const float *bk = b->x + k * b->ld;
        for (size_t i = 0; i < tall; i++) {
            for (size_t j = 0; j < wide; j++) sum[i][j] += a[i * row + k * col] * load_f(bk + j * LANES);
        }
    }
    for (size_t i = 0; i < tall; i++) {
        for (size_t j = 0; j < wide; j++) store_f(c + i * ld + j * LANES, sum[i][j]);
    }
}

INLINE void tiles(const float *a, size_t row, size_t col, const mat *b, const mat *c, size_t at, size_t tall)
{
    size_t n = whole(b->cols) / LANES, j = 0;
    for (; j < n; j += WIDE) {
        mat part = *b;
        part.x += j * LANES;
        float *to = c->x + at * c->ld + j * LANES;
        if (j + WIDE <= n) tile(a + at * row, row, col, &part, to, c->ld, tall, WIDE);
        if (j + WIDE > n) tile(a + at * row, row, col, &part, to, c->ld, tall, 1);
    }
}

/* c = a b, or a^T b. */
GF_CLONES static void product(const mat *a, bool transposed, const mat *b, mat *c)
{
    size_t row = transposed ? 1 : a->ld, col = transposed ? a->ld : 1, i = 0;
    c->rows = transposed ? a->cols : a->rows, c->cols = b->cols, c->ld = whole(b->cols);
    for (; i + TALL <= c->rows; i += TALL) tiles(a->x, row, col, b, c, i, TALL);
    for (; i < c->rows; i++) tiles(a->x, row, col, b, c, i, 1);
}

/* ---- a head of a text */

typedef struct head {
    const gf_op_spec *s;
    const gf_op_args *a;
    size_t first, places, number; /* its rows; which head */
    mat of[MATRICES];
} head;

static head head_of(const gf_exec *exec, const gf_packing *k, size_t text, size_t number)
{
    const gf_op_spec *s = &exec->op->spec;
    head h = {.s = s, .a = &exec->args, .first = (size_t)k->first[text], .number = number};
    h.places = (size_t)k->first[text + 1] - h.first;
    float *at = exec->args.scratchpad;
    for (int i = 0; i < (s->backward ? MATRICES : FORWARD_ONLY); i++) {
        size_t rows, cols;
        size_of(s, i, h.places, &rows, &cols);
        h.of[i] = (mat){at, rows, cols, whole(cols)};
        at += rows * whole(cols);
    }
    return h;
}

/* Place p of the head in a tensor of that width a head. */
static char *place(const head *h, const void *x, gf_dtype type, size_t width, size_t p)
{
    size_t heads = (size_t)h->s->attention.heads;
    return (char *)x + ((h->first + p) * heads + h->number) * width * gf_dtype_size(type);
}

/* The head of a tensor, as it is or transposed. */
static void take(const head *h, const void *x, gf_dtype type, size_t width, mat *m)
{
    m->rows = h->places, m->cols = width, m->ld = whole(width);
    for (size_t p = 0; p < h->places; p++) {
        float *to = m->x + p * m->ld;
        gf_convert(to, GF_F32, place(h, x, type, width, p), type, width);
        memset(to + width, 0, (m->ld - width) * sizeof *to);
    }
}

static void turn(const mat *m, mat *t)
{
    t->rows = m->cols, t->cols = m->rows, t->ld = whole(m->rows);
    for (size_t i = 0; i < t->rows; i++) {
        float *to = t->x + i * t->ld;
        for (size_t k = 0; k < t->cols; k++) to[k] = m->x[k * m->ld + i];
        memset(to + t->cols, 0, (t->ld - t->cols) * sizeof *to);
    }
}

static void give(const head *h, const mat *m, void *x, gf_dtype type, size_t width, bool add)
{
    for (size_t p = 0; p < h->places; p++) {
        gf_put(place(h, x, type, width, p), type, m->x + p * m->ld, GF_F32, width, add);
    }
}

/* P, from Q and K; K stays in `k`. */
static void weigh(head *h, mat *k)
{
    const gf_op_spec *s = h->s;
    mat *z = &h->of[SCORES];
    take(h, h->a->src[0], s->src_dtype[0], head_width(s, 0), &h->of[Q]);
    take(h, h->a->src[1], s->src_dtype[1], head_width(s, 1), k);
    turn(k, &h->of[KT]);
    product(&h->of[Q], false, &h->of[KT], z);
    for (size_t i = 0; i < h->places; i++) {
        gf_attention_weigh(s->attention.scale, z->x + i * z->ld, s->attention.causal ? i + 1 : h->places, h->places);
    }
}

/* Spare rows of a tensor. */
static void clear_spare(void *x, gf_dtype type, const gf_shape *shape, const gf_packing *k)
{
    size_t row = (size_t)shape->dim[3] * gf_dtype_size(type), used = (size_t)k->first[k->n];
    memset((char *)x + used * row, 0, ((size_t)shape->dim[2] - used) * row);
}

static graft_status forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)err;
    const gf_op_spec *s = &exec->op->spec;
    const gf_packing *k = step->packing;
    clear_spare(exec->args.dst, s->dst_dtype, &s->dst, k);
    for (size_t t = 0; t < k->n; t++) {
        for (size_t i = 0; i < (size_t)s->attention.heads; i++) {
            head h = head_of(exec, k, t, i);
            weigh(&h, &h.of[OUT]);
            take(&h, exec->args.src[2], s->src_dtype[2], head_width(s, 2), &h.of[V]);
            product(&h.of[SCORES], false, &h.of[V], &h.of[OUT]);
            give(&h, &h.of[OUT], exec->args.dst, s->dst_dtype, head_width(s, 2), false);
        }
    }
    return GRAFT_OK;
}

static void backward_head(head *h)
{
    const gf_op_spec *s = h->s;
    const gf_op_args *a = h->a;
    mat *p = &h->of[SCORES], *dp = &h->of[DP], *out = &h->of[OUT];
    weigh(h, &h->of[K]);
    take(h, a->diff_dst, s->dst_dtype, head_width(s, 2), &h->of[DO]);
    if (s->diff_src[2]) {
        product(p, true, &h->of[DO], out);
        give(h, out, a->diff_src[2], s->src_dtype[2], head_width(s, 2), s->accumulate[2]);
    }
    if (!s->diff_src[0] && !s->diff_src[1]) return;
    take(h, a->src[2], s->src_dtype[2], head_width(s, 2), &h->of[V]);
    turn(&h->of[V], &h->of[VT]);
    product(&h->of[DO], false, &h->of[VT], dp);
    for (size_t i = 0; i < h->places; i++) {
        gf_attention_weigh_back(s->attention.scale, p->x + i * p->ld, dp->x + i * dp->ld, h->places);
    }
    if (s->diff_src[0]) {
        product(dp, false, &h->of[K], out);
        give(h, out, a->diff_src[0], s->src_dtype[0], head_width(s, 0), s->accumulate[0]);
    }
    if (s->diff_src[1]) {
        product(dp, true, &h->of[Q], out);
        give(h, out, a->diff_src[1], s->src_dtype[1], head_width(s, 1), s->accumulate[1]);
    }
}

static graft_status backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)err;
    const gf_op_spec *s = &exec->op->spec;
    const gf_packing *k = step->packing;
    for (int i = 0; i < 3; i++) {
        if (s->diff_src[i] && !s->accumulate[i]) clear_spare(exec->args.diff_src[i], s->src_dtype[i], &s->src[i], k);
    }
    for (size_t t = 0; t < k->n; t++) {
        for (size_t i = 0; i < (size_t)s->attention.heads; i++) {
            head h = head_of(exec, k, t, i);
            backward_head(&h);
        }
    }
    return GRAFT_OK;
}

const gf_op_class gf_op_text_attention = {
    .name = "text_attention",
    .infer = infer,
    .create = create,
    .forward = forward,
    .backward = backward,
};
