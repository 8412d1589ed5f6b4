/* multiply_int8.c - a map of bytes times a factor per channel of each image (the gate of squeeze-and-excitation), to
 * bytes:
 *
 *   dst = q' with s' (q' - z') = factor s (q - z):   q' = q a + b,  a = factor s / s',  b = z' - z a
 */

#include "ops/cpu.h"
#include "ops/op.h"

#include "base/alloc.h"

/* a and b stand as often side by side as fills some vectors. */
typedef struct scaled {
    size_t c, positions, period; /* a multiple of the channels and of VECTOR */
} scaled;

enum { LANES = 16, PARTS = 4, VECTOR = LANES * PARTS, ENOUGH = 512 };

static graft_status infer(const gf_op_spec *s, gf_shape *dst, graft_error *err)
{
    return gf_op_multiply.infer(s, dst, err);
}

#if defined(__x86_64__)
#include "ops/int8_pack.h"

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl")))

TARGET static inline __attribute__((always_inline)) __m512i scale_vector(const uint8_t *src, const float *a,
                                                                         const float *b)
{
    __m512i q[PARTS];
    for (int k = 0; k < PARTS; k++) {
        __m512i x = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)src + k));
        q[k] = _mm512_cvtps_epi32(
            _mm512_fmadd_ps(_mm512_cvtepi32_ps(x), _mm512_load_ps(a + k * LANES), _mm512_load_ps(b + k * LANES)));
    }
    return gf_pack_bytes(q);
}

/* dst = src a + b; n a multiple of 64, or the rest of a map. */
TARGET static void scale_bytes(uint8_t *dst, const uint8_t *src, size_t n, const float *a, const float *b)
{
    size_t i = 0;
    for (; i + VECTOR <= n; i += VECTOR) _mm512_storeu_si512(dst + i, scale_vector(src + i, a + i, b + i));
    if (i == n) return;
    __mmask64 wanted = ((__mmask64)1 << (n - i)) - 1;
    _Alignas(64) uint8_t rest[VECTOR];
    _mm512_store_si512(rest, _mm512_maskz_loadu_epi8(wanted, src + i));
    _mm512_mask_storeu_epi8(dst + i, wanted, scale_vector(rest, a + i, b + i));
}
#else
static void scale_bytes(uint8_t *dst, const uint8_t *src, size_t n, const float *a, const float *b)
{
    (void)dst, (void)src, (void)n, (void)a, (void)b;
}
#endif

bool gf_multiply_int8_fits(const gf_op_spec *s)
{
    const gf_shape *x = &s->src[0], *f = &s->src[1];
    bool broadcast =
        s->n_src == 2 && x->rank == 4 && f->rank == 4 && f->dim[1] == 1 && f->dim[2] == 1 && f->dim[3] == x->dim[3];
    return broadcast && !s->backward && s->act == GF_ACT_LINEAR && s->src_dtype[0] == GF_U8 && s->dst_dtype == GF_U8 &&
           s->src_dtype[1] == GF_F32 && s->src_quant.scale && s->dst_quant.scale && gf_cpu_has(GF_CPU_AVX512);
}

static graft_status create(gf_op *op, gf_ops *ops, graft_error *err)
{
    (void)ops;
    const gf_op_spec *s = &op->spec;
    if (!gf_multiply_int8_fits(s)) return gf_fail(err, GF_E_INTERNAL, NULL, "layer %s: not for bytes", s->name);
    scaled *m = op->impl = gf_new(scaled);
    if (!m) return gf_fail_memory(err, sizeof *m, s->name);
    m->c = m->period = (size_t)s->dst.dim[3];
    m->positions = (size_t)(s->dst.dim[1] * s->dst.dim[2]);
    while (m->period < ENOUGH || m->period % VECTOR) m->period += m->c;
    op->scratchpad_bytes = 2 * m->period * sizeof(float);
    return GRAFT_OK;
}

static void destroy(gf_op *op) { gf_free(op->impl); }

static graft_status forward(gf_exec *exec, const gf_exec_context *step, graft_error *err)
{
    (void)step, (void)err;
    const gf_op_spec *s = &exec->op->spec;
    const scaled *m = exec->op->impl;
    const gf_quant *from = &s->src_quant, *to = &s->dst_quant;
    float *a = exec->args.scratchpad, *b = a + m->period;
    size_t count = m->positions * m->c;
    for (size_t n = 0; n < (size_t)s->dst.dim[0]; n++) {
        const float *factor = (const float *)exec->args.src[1] + n * m->c;
        for (size_t k = 0; k < m->c; k++) {
            a[k] = factor[k] * from->scale[k] / to->scale[k];
            b[k] = (to->zero ? to->zero[k] : 0) - (from->zero ? from->zero[k] : 0) * a[k];
        }
        for (size_t i = m->c; i < m->period; i++) a[i] = a[i - m->c], b[i] = b[i - m->c];
        const uint8_t *src = (const uint8_t *)exec->args.src[0] + n * count;
        uint8_t *dst = (uint8_t *)exec->args.dst + n * count;
        for (size_t at = 0; at < count; at += m->period) {
            scale_bytes(dst + at, src + at, count - at < m->period ? count - at : m->period, a, b);
        }
    }
    return GRAFT_OK;
}

const gf_op_class gf_op_multiply_int8 = {
    .name = "multiply_int8",
    .infer = infer,
    .create = create,
    .destroy = destroy,
    .forward = forward,
};
