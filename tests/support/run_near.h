/* run_near.h - comparing with what another processor computed: values that are near. Compared so that NaN fails. */
#ifndef TESTS_RUN_NEAR_H
#define TESTS_RUN_NEAR_H

#include "support/run_digest.h"

#include <math.h>

static inline void near(double got, double want, double tolerance, const char *what)
{
    if (!(fabs(got - want) <= tolerance * (1 + fabs(want)))) fail_msg("%s: %.9g, 0.1 had %.9g", what, got, want);
}

static inline double distance(const float *a, const float *b, size_t n)
{
    double d = 0, s = 0;
    for (size_t i = 0; i < n; i++) {
        d += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        s += (double)b[i] * (double)b[i];
    }
    return sqrt(d / (s > 0 ? s : 1));
}

/* The tensors of two model files: the same names, and values that are near. */
static inline void run_near_tensors(const char *got_path, const char *want_path, double tolerance)
{
    gf_safetensors got, want;
    graft_error err = {0};
    if (gf_safetensors_open(&got, got_path, NULL, &err)) fail_msg("%s", err.message);
    if (gf_safetensors_open(&want, want_path, NULL, &err)) fail_msg("%s", err.message);
    assert_true(want.n > 0);
    for (size_t i = 0; i < want.n; i++) {
        const gf_safetensors_tensor *t = &want.tensor[i], *g = gf_safetensors_find(&got, t->name);
        if (!g) fail_msg("%s has no %s", got_path, t->name);
        size_t n = gf_count(&t->shape);
        float *a = gf_new_n(n, float), *b = gf_new_n(n, float);
        if (gf_safetensors_f32(&got, g, &t->shape, a, &err)) fail_msg("%s", err.message);
        if (gf_safetensors_f32(&want, t, NULL, b, &err)) fail_msg("%s", err.message);
        double d = distance(a, b, n);
        if (!(d <= tolerance)) fail_msg("%s of %s is off by %g", t->name, got_path, d);
        gf_free(a);
        gf_free(b);
    }
    gf_safetensors_close(&got);
    gf_safetensors_close(&want);
}

/* The histories of two runs: as many epochs, of the same phases, with losses that are near. */
static inline void run_near_history(const char *got_run, const char *want_run, double tolerance)
{
    const char *run[] = {got_run, want_run};
    uint8_t *text[2];
    const char *at[2];
    int loss[2];
    for (int i = 0; i < 2; i++) {
        char path[512];
        size_t n;
        snprintf(path, sizeof path, "%s/history.csv", run[i]);
        assert_int_equal(gf_file_read(path, 1 << 20, &text[i], &n, NULL), GRAFT_OK);
        at[i] = (char *)text[i];
        loss[i] = run_digest_column(at[i], "loss");
    }
    for (;;) {
        char a[64], b[64];
        for (int i = 0; i < 2; i++) at[i] += strcspn(at[i], "\n") + 1;
        assert_int_equal(!*at[0], !*at[1]);
        if (!*at[0]) break;
        for (int k = 0; k < 2; k++) { /* epoch, phase */
            assert_string_equal(run_digest_field(at[0], k, a), run_digest_field(at[1], k, b));
        }
        near(strtod(run_digest_field(at[0], loss[0], a), NULL), strtod(run_digest_field(at[1], loss[1], b), NULL),
             tolerance, "an epoch's loss");
    }
    for (int i = 0; i < 2; i++) gf_free(text[i]);
}

#endif
