/* winograd.c - a 3x3 convolution of stride 1 in bf16 by 16 matrix products instead of 36 (Winograd's F(2x2, 3x3): Lavin
 * and Gray, Fast Algorithms for Convolutional Neural Networks, 2016). For a tile of 2 x 2 places of dst, d being the
 * 4 x 4 places of src that it sees:
 *
 *   V = B^T d B    U = G kernel G^T    M[k] = V[k] U[k] for each k of 16, over channels    dst = act(A^T M A + bias)
 *
 * diff_src is the same of dz with the kernel transposed round, whose U has rows and columns 0 and 3 exchanged. The
 * kernel's gradient is what the chain rule makes of it:
 *
 *   E = A dz A^T    dU[k] = sum over tiles of V[k]^T E[k]    diff_kernel = G^T dU G
 *
 * V, U and E are bf16, M and dU f32. The products are oneDNN's; a block of tiles goes through all steps before the next
 * one, so that what lies between them stays near. */
#include "ops/winograd.h"
#include "ops/kernels.h"
#include "ops/onednn.h"
#include "ops/variant.h"
#include "ops/vectors.h"

#include "base/alloc.h"

#include <stdio.h>

enum { PRODUCTS = GF_WINOGRAD_PRODUCTS };

/* Tiles over a map of `to`'s height and width, which see places of `from`. */
typedef struct grid {
    gf_shape from, to;
    int before_h, before_w; /* the padding */
    int64_t h, w, tiles;    /* of an image, and in all */
    int64_t block, blocks;  /* tiles at a time */
} grid;

/* One of the three: its grid and its product, `step` columns at a time. */
typedef struct pass {
    grid at;
    gf_prim product;
    bool transposed; /* the kernel is */
    int64_t step;
    size_t a, b, c;    /* how far the 16 lie apart in the product's operands, values */
    size_t b_at, c_at; /* bytes in the scratchpad; a is at 0, b may be u */
    size_t zero_at, scratch_at, bytes;
} pass;

typedef struct winograd {
    const gf_ops *ops;
    pass forward, data, weights;
    size_t apart; /* of the 16 parts of u */
    uint16_t *u;  /* [16][ic][oc] */
    float *bias;
} winograd;

static size_t round64(size_t n) { return (n + 63) / 64 * 64; }
/* Streams that are written side by side must not lie a power of two apart: they would share a set of the cache. */
static size_t apart(int64_t values, size_t size) { return round64((size_t)values * size) / size + 64 / size; }

bool gf_winograd_fits(const gf_op_spec *s, const gf_ops *ops)
{
    bool shape = s->conv.kh == 3 && s->conv.kw == 3 && s->conv.sh == 1 && s->conv.sw == 1 && s->conv.groups == 1 &&
                 !s->conv.dh && !s->conv.dw && s->conv.pt <= 2 && s->conv.pl <= 2 && s->conv.pb <= 2 && s->conv.pr <= 2;
    bool types = s->src_dtype[0] == GF_BF16 && s->dst_dtype == GF_BF16 && (s->n_src == 1 || s->src_dtype[1] == GF_BF16);
    if (!s->backward || !shape || !types || !gf_ops_has_bf16(ops)) return false;
    return s->src[0].dim[3] % GF_WINOGRAD_LANES == 0 && s->conv.filters % GF_WINOGRAD_LANES == 0;
}

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    return gf_op_conv.infer(s, dst, err);
}

/* ---- create */

static grid make_grid(const gf_shape *from, const gf_shape *to, int before_h, int before_w, int64_t most)
{
    grid g = {*from, *to, before_h, before_w, (to->dim[1] + 1) / 2, (to->dim[2] + 1) / 2, 0, 0, 0};
    g.tiles = to->dim[0] * g.h * g.w;
    g.blocks = (g.tiles + most - 1) / most;
    g.block = (g.tiles + g.blocks - 1) / g.blocks;
    return g;
}

/* Lays the operands out behind each other. */
static void position(pass *p, size_t a_bytes, size_t b_bytes, size_t c_bytes, size_t zeros)
{
    p->b_at = round64(a_bytes);
    p->c_at = p->b_at + round64(b_bytes);
    p->zero_at = p->c_at + round64(c_bytes);
    p->scratch_at = p->zero_at + round64(zeros);
    p->bytes = p->scratch_at + gf_prim_scratchpad(&p->product);
}

static int64_t tiles_at_a_time(int64_t channels) { return channels < 128 ? 256 : channels < 512 ? 128 : 64; }

/* m = v u: forward, or with u transposed round. */
static graft_status create_convolution(pass *p, const winograd *w, bool transposed, const char *name, graft_error *err)
{
    int64_t ic = p->at.from.dim[3], oc = p->at.to.dim[3], block = p->at.block;
    p->transposed = transposed;
    p->step = transposed && oc % 64 == 0 ? 64 : oc;
    gf_matmul m = {block, ic, p->step, .a_row = ic, .a_col = 1, .c_row = p->step, .in = GF_BF16, .out = GF_F32};
    m.b_row = transposed ? 1 : oc;
    m.b_col = transposed ? ic : 1;
    GF_TRY(gf_matmul_create(&p->product, &m, w->ops, name, err));
    p->a = apart(block * ic, sizeof(uint16_t));
    p->b = w->apart;
    p->c = apart(block * p->step, sizeof(float));
    position(p, PRODUCTS * p->a * sizeof(uint16_t), 0, PRODUCTS * p->c * sizeof(float), (size_t)ic * sizeof(uint16_t));
    return GRAFT_OK;
}

/* du += v^T e */
static graft_status create_weights(pass *p, const winograd *w, const char *name, graft_error *err)
{
    int64_t ic = p->at.from.dim[3], oc = p->at.to.dim[3], block = p->at.block;
    gf_matmul m = {ic, block, oc, .a_row = 1, .a_col = ic, .b_row = oc, .b_col = 1, .c_row = oc, .in = GF_BF16};
    m.out = GF_F32;
    m.sum = p->at.blocks > 1;
    GF_TRY(gf_matmul_create(&p->product, &m, w->ops, name, err));
    p->step = oc;
    p->a = apart(block * ic, sizeof(uint16_t));
    p->b = apart(block * oc, sizeof(uint16_t));
    p->c = apart(ic * oc, sizeof(float));
    position(p, PRODUCTS * p->a * sizeof(uint16_t), PRODUCTS * p->b * sizeof(uint16_t), PRODUCTS * p->c * sizeof(float),
             (size_t)(ic > oc ? ic : oc) * sizeof(uint16_t));
    return GRAFT_OK;
}

static graft_status create(gf_op *op, gf_ops *ops, graft_error *err)
{
    const gf_op_spec *s = &op->spec;
    winograd *w = op->impl = gf_new(winograd);
    if (!w) return gf_fail_memory(err, sizeof *w, s->name);
    w->ops = ops;
    int64_t ic = s->src[0].dim[3], oc = s->conv.filters, most = tiles_at_a_time(ic > oc ? ic : oc);
    w->apart = apart(ic * oc, sizeof *w->u);
    w->u = gf_alloc_tensor(PRODUCTS * w->apart * sizeof *w->u);
    w->bias = gf_alloc_tensor(gf_op_bias_count(s) * sizeof(float));
    if (!w->u || !w->bias) return gf_fail_memory(err, PRODUCTS * w->apart * sizeof *w->u, s->name);
    w->forward.at = make_grid(&s->src[0], &s->dst, s->conv.pt, s->conv.pl, most);
    GF_TRY(create_convolution(&w->forward, w, false, s->name, err));
    op->scratchpad_bytes = w->forward.bytes;
    if (s->diff_src[0]) {
        w->data.at = make_grid(&s->dst, &s->src[0], 2 - s->conv.pt, 2 - s->conv.pl, most);
        GF_TRY(create_convolution(&w->data, w, true, s->name, err));
        if (w->data.bytes > op->scratchpad_bytes) op->scratchpad_bytes = w->data.bytes;
    }
    if (s->diff_weights) {
        w->weights.at = make_grid(&s->src[0], &s->dst, s->conv.pt, s->conv.pl, 2 * most);
        GF_TRY(create_weights(&w->weights, w, s->name, err));
        if (w->weights.bytes > op->scratchpad_bytes) op->scratchpad_bytes = w->weights.bytes;
        op->grad_count = gf_op_kernel_count(s) + gf_op_bias_count(s);
    }
    return GRAFT_OK;
}

static void destroy(gf_op *op)
{
    winograd *w = op->impl;
    if (!w) return;
    gf_prim_destroy(&w->forward.product);
    gf_prim_destroy(&w->data.product);
    gf_prim_destroy(&w->weights.product);
    gf_free(w->u);
    gf_free(w->bias);
    gf_free(w);
}

static graft_status prepare(gf_op *op, const float *kernel, const float *bias, graft_error *err)
{
    (void)err;
    winograd *w = op->impl;
    gf_winograd_bf16.kernel(kernel, gf_op_kernel_count(&op->spec) / GF_WINOGRAD_TAPS, w->u, w->apart);
    if (op->spec.has_bias) memcpy(w->bias, bias, gf_op_bias_count(&op->spec) * sizeof *bias);
    return GRAFT_OK;
}

/* ---- bind */

static graft_status bind_pass(const winograd *w, const pass *p, const gf_op_args *a, gf_call *call, graft_error *err)
{
    char *room = a->scratchpad;
    gf_matmul_ends ends = {room, room, NULL, room, room + p->scratch_at};
    return gf_matmul_bind(call, &p->product, w->ops, &ends, err);
}

static graft_status bind(const gf_op *op, gf_exec *exec, graft_error *err)
{
    const winograd *w = op->impl;
    const gf_op_args *a = &exec->args;
    gf_calls *x = exec->impl = gf_new(gf_calls);
    if (!x) return gf_fail_memory(err, sizeof *x, op->spec.name);
    GF_TRY(bind_pass(w, &w->forward, a, &x->forward, err));
    if (op->spec.diff_src[0]) GF_TRY(bind_pass(w, &w->data, a, &x->backward_data, err));
    return op->spec.diff_weights ? bind_pass(w, &w->weights, a, &x->backward_weights, err) : GRAFT_OK;
}

/* ---- tiles */

/* Where a map's place lies, or `outside` where it is none. */
static const void *position_at(const gf_shape *map, const void *data, int64_t n, int64_t y, int64_t x,
                               const void *outside)
{
    if (y < 0 || x < 0 || y >= map->dim[1] || x >= map->dim[2]) return outside;
    return (const uint16_t *)data + ((n * map->dim[1] + y) * map->dim[2] + x) * map->dim[3];
}

typedef struct tile {
    int64_t n, y, x; /* image, and its upper left place in `to` */
} tile;

static tile tile_of(const grid *g, int64_t i) { return (tile){i / (g->h * g->w), i / g->w % g->h * 2, i % g->w * 2}; }

/* The size x size places from (y, x) on. */
static void look(const gf_shape *map, const void *data, int64_t n, int64_t y, int64_t x, int size, const void *outside,
                 const uint16_t **d)
{
    for (int i = 0; i < size * size; i++) d[i] = position_at(map, data, n, y + i / size, x + i % size, outside);
}

/* Rows behind the last tile of the last block: 16 times rows from `used` to `block`. */
static void clear_rest(uint16_t *v, size_t parts, int64_t used, int64_t block, int64_t c)
{
    for (size_t k = 0; used < block && k < PRODUCTS; k++) {
        memset(v + k * parts + used * c, 0, (size_t)((block - used) * c) * sizeof *v);
    }
}

/* V of a block's tiles. */
static int64_t spread(const pass *p, const void *from, int64_t first, char *room)
{
    const grid *g = &p->at;
    int64_t c = g->from.dim[3], used = g->tiles - first < g->block ? g->tiles - first : g->block;
    uint16_t *v = (uint16_t *)room;
    for (int64_t i = 0; i < used; i++) {
        const uint16_t *d[16];
        tile t = tile_of(g, first + i);
        look(&g->from, from, t.n, t.y - g->before_h, t.x - g->before_w, 4, room + p->zero_at, d);
        gf_winograd_bf16.tile(d, (size_t)c, v + i * c, p->a);
    }
    clear_rest(v, p->a, used, g->block, c);
    return used;
}

/* E of a block's tiles. */
static void spread_gradient(const pass *p, const void *dz, int64_t first, int64_t used, char *room)
{
    const grid *g = &p->at;
    int64_t c = g->to.dim[3];
    uint16_t *e = (uint16_t *)(room + p->b_at);
    for (int64_t i = 0; i < used; i++) {
        const uint16_t *d[4];
        tile t = tile_of(g, first + i);
        look(&g->to, dz, t.n, t.y, t.x, 2, room + p->zero_at, d);
        gf_winograd_bf16.gradient(d, (size_t)c, e + i * c, p->b);
    }
    clear_rest(e, p->b, used, g->block, c);
}

/* Where a convolution's sums go. */
typedef struct target {
    void *to;
    const void *residual; /* NULL: none */
    gf_winograd_end end;
} target;

/* From a block's M to channels from c0 on. */
static void gather(const pass *p, const target *out, int64_t first, int64_t used, int64_t c0, char *room)
{
    const grid *g = &p->at;
    const float *m = (const float *)(room + p->c_at);
    gf_winograd_end end = out->end;
    if (end.bias) end.bias += c0;
    for (int64_t i = 0; i < used; i++) {
        const uint16_t *y[4], *residual[4] = {0};
        uint16_t *to[4];
        tile t = tile_of(g, first + i);
        look(&g->to, out->to, t.n, t.y, t.x, 2, NULL, y);
        if (out->residual) look(&g->to, out->residual, t.n, t.y, t.x, 2, NULL, residual);
        for (int k = 0; k < 4; k++) {
            to[k] = y[k] ? (uint16_t *)y[k] + c0 : NULL;
            if (residual[k]) residual[k] += c0;
        }
        gf_winograd_bf16.positions(m + i * p->step, p->c, (size_t)p->step, &end, residual, to);
    }
}

/* ---- run */

/* The 16 products of operands in the scratchpad, or of such and columns of u. */
static graft_status products(const winograd *w, const pass *p, gf_call *call, int64_t column, char *room,
                             const char *name, graft_error *err)
{
    for (size_t k = 0; k < PRODUCTS; k++) {
        /* transposed round, rows 0 and 3 change places, and so do columns */
        static const uint8_t turn[4] = {3, 1, 2, 0};
        size_t of_u = p->transposed ? 4u * turn[k / 4] + turn[k % 4] : k;
        size_t at = (size_t)column * (p->transposed ? p->at.from.dim[3] : 1);
        const uint16_t *a = (uint16_t *)room + k * p->a;
        const uint16_t *b = p == &w->weights ? (uint16_t *)(room + p->b_at) + k * p->b : w->u + of_u * p->b + at;
        gf_matmul_ends ends = {a, b, NULL, (float *)(room + p->c_at) + k * p->c, NULL};
        GF_TRY(gf_matmul_run(call, &p->product, &ends, w->ops, name, err));
    }
    return GRAFT_OK;
}

static graft_status convolve(const winograd *w, const pass *p, gf_call *call, const void *from, const target *out,
                             char *room, const char *name, graft_error *err)
{
    memset(room + p->zero_at, 0, (size_t)p->at.from.dim[3] * sizeof(uint16_t));
    for (int64_t first = 0; first < p->at.tiles; first += p->at.block) {
        int64_t used = spread(p, from, first, room);
        for (int64_t c = 0; c < p->at.to.dim[3]; c += p->step) {
            GF_TRY(products(w, p, call, c, room, name, err));
            gather(p, out, first, used, c, room);
        }
    }
    return GRAFT_OK;
}

static graft_status forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step;
    const winograd *w = exec->op->impl;
    const gf_op_spec *s = &exec->op->spec;
    gf_op_args *a = &exec->args;
    bool cuts = gf_act_cuts(s->act);
    target out = {a->dst, s->n_src == 2 ? a->src[1] : NULL, {s->has_bias ? w->bias : NULL, -INFINITY, INFINITY, false}};
    if (cuts) out.end.low = cut_low(s->act), out.end.high = cut_high(s->act);
    GF_TRY(convolve(w, &w->forward, &((gf_calls *)exec->impl)->forward, a->src[0], &out, a->scratchpad, s->name, err));
    if (!cuts) gf_act_forward(s->act, s->act_alpha, a->dst, s->dst_dtype, gf_count(&s->dst));
    return GRAFT_OK;
}

static graft_status backward_weights(gf_exec *exec, graft_error *err)
{
    const winograd *w = exec->op->impl;
    const pass *p = &w->weights;
    char *room = exec->args.scratchpad;
    float *du = (float *)(room + p->c_at);
    memset(room + p->zero_at, 0, p->scratch_at - p->zero_at);
    if (p->at.blocks > 1) memset(du, 0, PRODUCTS * p->c * sizeof *du);
    for (int64_t first = 0; first < p->at.tiles; first += p->at.block) {
        int64_t used = spread(p, exec->args.src[0], first, room);
        spread_gradient(p, exec->args.diff_dst, first, used, room);
        GF_TRY(products(w, p, &((gf_calls *)exec->impl)->backward_weights, 0, room, exec->op->spec.name, err));
    }
    gf_winograd_bf16.kernel_gradient(du, p->c, gf_op_kernel_count(&exec->op->spec) / GF_WINOGRAD_TAPS, exec->args.grad);
    return GRAFT_OK;
}

static graft_status backward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step;
    const winograd *w = exec->op->impl;
    const gf_op_spec *s = &exec->op->spec;
    gf_op_args *a = &exec->args;
    gf_conv_backward_end(exec, s->diff_weights ? a->grad + gf_op_kernel_count(s) : NULL);
    if (s->diff_weights) GF_TRY(backward_weights(exec, err));
    if (!s->diff_src[0]) return GRAFT_OK;
    target out = {a->diff_src[0], NULL, {NULL, -INFINITY, INFINITY, s->accumulate[0]}};
    return convolve(w, &w->data, &((gf_calls *)exec->impl)->backward_data, a->diff_dst, &out, a->scratchpad, s->name,
                    err);
}

const gf_op_class gf_op_winograd = {
    .name = "winograd",
    .kernel_count = gf_op_kernel_of_conv,
    .infer = infer,
    .create = create,
    .destroy = destroy,
    .prepare = prepare,
    .bind = bind,
    .unbind = gf_calls_unbind,
    .forward = forward,
    .backward = backward,
};

static void key(const gf_op_spec *s, char text[GF_VARIANT_KEY])
{
    snprintf(text, GF_VARIANT_KEY, "conv 3x3 n%lld %lldx%lldx%lld o%d %s%s", (long long)s->src[0].dim[0],
             (long long)s->src[0].dim[1], (long long)s->src[0].dim[2], (long long)s->src[0].dim[3], s->conv.filters,
             s->diff_weights ? "w" : "", s->diff_src[0] ? "d" : "");
}

const gf_op_variant gf_variant_winograd = {
    .of = &gf_op_conv,
    .cls = &gf_op_winograd,
    .of_name = "onednn",
    .name = "winograd",
    .fits = gf_winograd_fits,
    .key = key,
};
