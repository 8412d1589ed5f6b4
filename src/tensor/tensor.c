#include "tensor/tensor.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    size_t size;
} dtype_row[GF_DTYPES] = {
    [GF_F32] = {"f32", 4}, [GF_BF16] = {"bf16", 2}, [GF_U8] = {"u8", 1},   [GF_F16] = {"f16", 2},
    [GF_F64] = {"f64", 8}, [GF_S32] = {"s32", 4},   [GF_S64] = {"s64", 8},
};

size_t gf_dtype_size(gf_dtype t) { return dtype_row[t].size; }
const char *gf_dtype_name(gf_dtype t) { return dtype_row[t].name; }

bool gf_shape_count(const gf_shape *s, size_t *count)
{
    size_t n = 1;
    if (s->rank < 0 || s->rank > GF_MAX_RANK) return false;
    for (int i = 0; i < s->rank; i++) {
        if (s->dim[i] < 0 || !gf_mul_size(n, (size_t)s->dim[i], &n)) return false;
    }
    *count = n;
    return n <= SIZE_MAX / 16;
}

size_t gf_count(const gf_shape *s)
{
    size_t n = 0;
    return gf_shape_count(s, &n) ? n : 0;
}

bool gf_shape_equal(const gf_shape *a, const gf_shape *b)
{
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++) {
        if (a->dim[i] != b->dim[i]) return false;
    }
    return true;
}

const char *gf_shape_text(const gf_shape *s, char *buf, size_t size)
{
    size_t at = (size_t)snprintf(buf, size, "(");
    for (int i = 0; i < s->rank && at < size; i++) {
        at += (size_t)snprintf(buf + at, size - at, "%s%" PRId64, i ? ", " : "", s->dim[i]);
    }
    if (at < size) snprintf(buf + at, size - at, s->rank == 1 ? ",)" : ")");
    return buf;
}

size_t gf_count_nonfinite(const float *x, size_t n)
{
    size_t bad = 0;
    for (size_t i = 0; i < n; i++) {
        union {
            float f;
            uint32_t u;
        } v = {x[i]};
        bad += (v.u & 0x7f800000u) == 0x7f800000u; /* by bits: fast-math could not lie about it */
    }
    return bad;
}
