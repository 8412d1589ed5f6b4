#include "ops/int8_end.h"
#include "ops/cpu.h"

#include "base/alloc.h"

#include <math.h>

enum { LANES = GF_INT8_LANES, CURVE_PIECES = GF_CURVE_PIECES, CURVE_ORDER = GF_CURVE_ORDER };

/* The parabola through three points of each piece, which are Chebyshev's: it is off by 2e-4 at most. */
static void draw_curve(float *curve)
{
    const double root = 0.86602540378443865, half = 0.5 / (double)GF_CURVE_DENSITY;
    for (int p = 0; p + 1 < CURVE_PIECES; p++) {
        double x[CURVE_ORDER], y[CURVE_ORDER], middle = (double)GF_CURVE_FROM + 2 * half * p;
        for (int i = 0; i < CURVE_ORDER; i++) {
            x[i] = middle + (i - 1) * root * half;
            y[i] = x[i] / (1 + exp(-x[i]));
        }
        double rise = (y[1] - y[0]) / (x[1] - x[0]), bend = ((y[2] - y[1]) / (x[2] - x[1]) - rise) / (x[2] - x[0]);
        curve[p] = (float)(y[0] - rise * x[0] + bend * x[0] * x[1]);
        curve[CURVE_PIECES + p] = (float)(rise - bend * (x[0] + x[1]));
        curve[2 * CURVE_PIECES + p] = (float)bend;
    }
    curve[2 * CURVE_PIECES - 1] = 1; /* the last: x itself */
}

static size_t padded(size_t outputs) { return (outputs + LANES - 1) / LANES * LANES; }

/* Activations whose cut to 0..255 is all there is to them, given the right scale. */
static bool is_cut(gf_act act) { return act == GF_ACT_LINEAR || act == GF_ACT_RELU || act == GF_ACT_RELU6; }

graft_status gf_int8_end_create(gf_int8_end *e, const gf_op_spec *s, graft_error *err)
{
    enum { ARRAYS = 6, CURVE = CURVE_PIECES * CURVE_ORDER };
    size_t n = padded((size_t)s->conv.filters), bytes = (ARRAYS * n + CURVE) * sizeof(float);
    e->outputs = (size_t)s->conv.filters;
    e->scale = gf_alloc_tensor(bytes);
    if (!e->scale) return gf_fail_memory(err, bytes, s->name);
    e->bias = e->scale + n;
    e->per = e->bias + n;
    e->zero = e->per + n;
    e->gate_scale = e->zero + n;
    e->gate_bias = e->gate_scale + n;
    e->curve = e->gate_bias + n;
    if (s->act == GF_ACT_SILU) draw_curve(e->curve);
    return GRAFT_OK;
}

void gf_int8_end_destroy(gf_int8_end *e)
{
    gf_free(e->scale);
    *e = (gf_int8_end){0};
}

void gf_int8_end_set(gf_int8_end *e, const gf_op_spec *s, size_t o, float scale, float bias)
{
    bool bytes = s->dst_dtype == GF_U8;
    float per = bytes ? 1 / s->dst_quant.scale[o] : 1, zero = bytes && s->dst_quant.zero ? s->dst_quant.zero[o] : 0;
    bool cut = bytes && is_cut(s->act), own = cut || (bytes && s->act == GF_ACT_HARD_SILU);
    e->scale[o] = own ? scale * per : scale;
    e->bias[o] = own ? bias * per + (cut ? zero : 0) : bias;
    e->per[o] = per;
    e->zero[o] = zero;
    e->gate_scale[o] = scale / 6; /* hard silu: x relu6(x + 3) / 6 */
    e->gate_bias[o] = bias / 6 + 0.5f;
}

bool gf_int8_end_fits(const gf_op_spec *s, gf_int8_kind *kind)
{
    bool here = gf_cpu_has(GF_CPU_VNNI);
    if (s->dst_dtype != GF_U8) {
        *kind = s->dst_dtype == GF_F32 ? GF_INT8_F32 : GF_INT8_BF16;
        return here && (s->dst_dtype == GF_F32 || gf_cpu_has(GF_CPU_BF16));
    }
    *kind = s->act == GF_ACT_SILU ? GF_INT8_SILU : s->act == GF_ACT_HARD_SILU ? GF_INT8_HARD_SILU : GF_INT8_CUT;
    bool cuts = is_cut(s->act) && (s->act == GF_ACT_LINEAR || !s->dst_quant.zero);
    return here && s->n_src == 1 && (*kind != GF_INT8_CUT || cuts);
}
