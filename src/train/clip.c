#include "train/clip.h"

#include <math.h>

static const struct {
    gf_setting row;
    gf_clip_kind kind;
} rows[] = {{GF_SET_TRAIN_CLIP_NORM, GF_CLIP_NORM},
            {GF_SET_TRAIN_CLIP_TENSOR_NORM, GF_CLIP_TENSOR_NORM},
            {GF_SET_TRAIN_CLIP_VALUE, GF_CLIP_VALUE}};
enum { ROWS = sizeof rows / sizeof *rows };

gf_clip gf_clip_of(const gf_settings *s)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (gf_settings_given(s, rows[i].row)) return (gf_clip){rows[i].kind, gf_settings_real(s, rows[i].row)};
    }
    return (gf_clip){GF_CLIP_NOTHING, 0};
}

graft_status gf_clip_check(const gf_settings *s, graft_error *err)
{
    const char *first = NULL;
    for (size_t i = 0; i < ROWS; i++) {
        const char *name = gf_setting_rows[rows[i].row].name;
        if (!gf_settings_given(s, rows[i].row)) continue;
        if (first)
            return gf_fail(err, GF_E_OPTION_VALUE, NULL, "%s and %s both clip the gradient: give one", first, name);
        first = name;
    }
    return GRAFT_OK;
}

float gf_clip_factor(double norm, double limit, bool torch)
{
    const double torchs = 1e-6;
    double n = torch ? norm + torchs : norm;
    return n > limit && isfinite(n) ? (float)(limit / n) : 1;
}

void gf_clip_scale(float *grad, size_t n, float factor)
{
    for (size_t i = 0; i < n; i++) grad[i] *= factor;
}

void gf_clip_values(float *grad, size_t n, double limit)
{
    const float most = (float)limit;
    for (size_t i = 0; i < n; i++) {
        if (grad[i] > most) grad[i] = most;
        if (grad[i] < -most) grad[i] = -most;
    }
}
