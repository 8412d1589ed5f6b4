#include "exchange/torch_tensor.h"

#include "formats/wanted_names.h"

#include <string.h>

static bool is_depthwise(const gf_layer *l, const char *var)
{
    return l->cls == &gf_layer_depthwise || !strcmp(var, "depthwise_kernel");
}

/* (h, w, i, o) -> (o, i, h, w); depthwise (h, w, c, m) -> (c m, 1, h, w). Of a sequence without h. */
static gf_shape turn_window(const gf_shape *s, bool depthwise, const float *from, float *to)
{
    const bool sequence = s->rank == 3;
    const int64_t *d = s->dim, *last = d + s->rank - 2;
    int64_t positions = sequence ? d[0] : d[0] * d[1];
    int64_t in = depthwise ? 1 : last[0], out = depthwise ? last[0] * last[1] : last[1];
    for (int64_t p = 0; p < positions; p++) {
        for (int64_t i = 0; i < in; i++) {
            for (int64_t o = 0; o < out; o++) to[(o * in + i) * positions + p] = from[(p * in + i) * out + o];
        }
    }
    return sequence ? GF_SHAPE(out, in, d[0]) : GF_SHAPE(out, in, d[0], d[1]);
}

/* (in, out) -> (out, in); behind a flattened map (h, w, c) the inputs are taken in the order (c, h, w). */
static gf_shape turn_matrix(const gf_shape *s, const gf_shape *flat, const float *from, float *to)
{
    int64_t in = s->dim[0], out = s->dim[1], c = flat->rank ? flat->dim[2] : 1, positions = in / c;
    for (int64_t p = 0; p < positions; p++) {
        for (int64_t k = 0; k < c; k++) {
            for (int64_t o = 0; o < out; o++) to[o * in + k * positions + p] = from[(p * c + k) * out + o];
        }
    }
    return GF_SHAPE(out, in);
}

/* Of attention: to heads (in, heads, size), from them (heads, size, out), biases (heads, size): as linear layers. */
static gf_shape without_heads(const gf_shape *s, const char *var)
{
    const int64_t *d = s->dim;
    if (s->rank == 2) return GF_SHAPE(d[0] * d[1]);
    if (s->rank != 3) return *s;
    return strncmp(var, "attention_output", 16) ? GF_SHAPE(d[0], d[1] * d[2]) : GF_SHAPE(d[0] * d[1], d[2]);
}

graft_status gf_torch_tensor(gf_tensor *t, const gf_model *m, const gf_param *p, graft_error *err)
{
    const gf_layer *l = &m->layer[p->layer];
    const float *from = m->value + p->offset;
    float *to = gf_alloc_tensor(p->count * sizeof *to);
    gf_shape shape = l->cls == &gf_layer_attention ? without_heads(&p->shape, p->var) : p->shape;
    *t = (gf_tensor){gf_sprintf("%s.%s", l->name, gf_torch_var(p->var)), GF_F32, shape, to};
    if (!t->name || !to) return gf_fail_memory(err, p->count * sizeof *to, "an export");
    gf_shape flat = gf_model_flat_before(m, l);
    if (shape.rank > 2) {
        t->shape = turn_window(&shape, is_depthwise(l, p->var), from, to);
    } else if (shape.rank == 2 && strcmp(p->var, "embeddings")) {
        t->shape = turn_matrix(&shape, &flat, from, to);
    } else {
        memcpy(to, from, p->count * sizeof *to);
    }
    return GRAFT_OK;
}
