/* A hundred steps of each optimizer in both forms, and clipped gradients, against Keras 3.15.1 and PyTorch 2.15.0
 * (tools/make_optimizer_fixtures.py): rates that move, gradients of many sizes and of 0, two parameter tensors. */
#include "base/alloc.h"
#include "formats/safetensors.h"
#include "support/ok.h"
#include "train/clip.h"
#include "train/optimizer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST = 16, COUNT = 24, STEPS = 100, KEPT = 6 };

typedef struct fixture {
    gf_safetensors st;
    float w[COUNT], gradients[STEPS * COUNT], rates[STEPS], steps[KEPT];
} fixture;

static void read_tensor(const gf_safetensors *st, const char *name, float *out, size_t count)
{
    const gf_safetensors_tensor *t = gf_safetensors_find(st, name);
    assert_non_null(t);
    assert_int_equal(gf_count(&t->shape), count);
    OK(gf_safetensors_f32(st, t, NULL, out, &error));
}

static void fixture_open(fixture *f, const char *framework)
{
    char path[512];
    snprintf(path, sizeof path, GRAFT_FIXTURES "/optimizers_%s.safetensors", framework);
    OK(gf_safetensors_open(&f->st, path, NULL, &error));
    read_tensor(&f->st, "w", f->w, FIRST);
    read_tensor(&f->st, "w2", f->w + FIRST, COUNT - FIRST);
    read_tensor(&f->st, "gradients", f->gradients, STEPS * COUNT);
    read_tensor(&f->st, "rates", f->rates, STEPS);
    read_tensor(&f->st, "steps", f->steps, KEPT);
}

/* One step as an engine takes it: kinds that look at norms, each tensor by itself. */
static void step(const gf_optimizer *kind, float *w, const float *grad, float *slots, float lr, int done)
{
    const size_t first[] = {0, FIRST, COUNT};
    for (int t = 0; t < 2; t++) {
        size_t at = first[t], n = first[t + 1] - at;
        gf_optimizer o = *kind;
        gf_optimizer_begin_step(&o, (double)lr, done);
        if (o.class->measure) {
            double squares[2];
            gf_optimizer_measure(&o, w + at, grad + at, slots + at, COUNT, n, squares);
            gf_optimizer_prepare(&o, sqrt(squares[0]), sqrt(squares[1]));
        }
        gf_optimizer_step(&o, w + at, grad + at, slots + at, COUNT, n);
    }
}

/* Returns the largest difference, as a share of the value, or of 1/10 where that is smaller. */
static double follow(const fixture *f, const char *text, const float *track)
{
    gf_optimizer o;
    float w[COUNT], slots[GF_OPTIMIZER_MAX_SLOTS * COUNT] = {0};
    double worst = 0;
    OK(gf_optimizer_parse(&o, text, &error));
    memcpy(w, f->w, sizeof w);
    for (int s = 0, kept = 0; s < STEPS; s++) {
        step(&o, w, f->gradients + s * COUNT, slots, f->rates[s], s);
        if (s + 1 != (int)f->steps[kept]) continue;
        for (int i = 0; i < COUNT; i++) {
            double want = (double)track[kept * COUNT + i], d = fabs((double)w[i] - want) / fmax(fabs(want), 0.1);
            if (!(d <= worst)) worst = d;
        }
        kept++;
    }
    assert_memory_not_equal(w, f->w, sizeof w);
    return worst;
}

static size_t follow_all(const char *framework)
{
    fixture f;
    size_t cases = 0;
    fixture_open(&f, framework);
    for (size_t i = 0; i < f.st.n; i++) {
        const char *name = f.st.tensor[i].name, *text = gf_safetensors_meta(&f.st, name);
        float track[KEPT * COUNT];
        if (strncmp(name, "case", 4) != 0) continue;
        assert_non_null(text);
        read_tensor(&f.st, name, track, KEPT * COUNT);
        double worst = follow(&f, text, track), most = strncmp(text, "lamb", 4) ? 1e-6 : 1e-5;
        if (!(worst <= most)) fail_msg("%s: off by %g", text, worst);
        cases++;
    }
    gf_safetensors_close(&f.st);
    return cases;
}

static void keras_is_followed(void **state)
{
    (void)state;
    assert_int_equal(follow_all("keras"), 16);
}

static void pytorch_is_followed(void **state)
{
    (void)state;
    assert_int_equal(follow_all("torch"), 13);
}

/* ---- clipping */

static double norm_of(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

static void clip_as(const char *name, float *grad, bool torch)
{
    if (!strcmp(name, "value")) {
        gf_clip_values(grad, COUNT, 0.5);
    } else if (!strcmp(name, "norm")) {
        gf_clip_scale(grad, COUNT, gf_clip_factor(norm_of(grad, COUNT), 2, torch));
    } else {
        gf_clip_scale(grad, FIRST, gf_clip_factor(norm_of(grad, FIRST), 1.5, torch));
        gf_clip_scale(grad + FIRST, COUNT - FIRST, gf_clip_factor(norm_of(grad + FIRST, COUNT - FIRST), 1.5, torch));
    }
}

static void check_clip(const char *framework, const char *name)
{
    fixture f;
    char tensor[32];
    static float want[STEPS * COUNT];
    size_t clipped = 0;
    fixture_open(&f, framework);
    snprintf(tensor, sizeof tensor, "clip/%s", name);
    read_tensor(&f.st, tensor, want, STEPS * COUNT);
    for (int s = 0; s < STEPS; s++) {
        float grad[COUNT];
        memcpy(grad, f.gradients + s * COUNT, sizeof grad);
        clip_as(name, grad, !strcmp(framework, "torch"));
        clipped += memcmp(grad, f.gradients + s * COUNT, sizeof grad) != 0;
        for (int i = 0; i < COUNT; i++) {
            double w = (double)want[s * COUNT + i];
            if (!(fabs((double)grad[i] - w) <= 1e-6 * fabs(w))) fail_msg("%s %s: step %d", framework, name, s);
        }
    }
    assert_in_range(clipped, 10, STEPS - 10); /* some are, some are not */
    gf_safetensors_close(&f.st);
}

static void gradients_are_clipped_alike(void **state)
{
    (void)state;
    check_clip("keras", "norm");
    check_clip("keras", "tensor_norm");
    check_clip("keras", "value");
    check_clip("torch", "norm");
}

static void a_norm_that_is_not_finite_scales_nothing(void **state)
{
    (void)state;
    assert_true(gf_clip_factor(INFINITY, 1, false) == 1);
    assert_true(gf_clip_factor((double)NAN, 1, true) == 1);
    assert_true(gf_clip_factor(1, 1, false) == 1);
    assert_true(gf_clip_factor(4, 1, false) == 0.25f);
    assert_true(gf_clip_factor(0, 1, false) == 1);
}

static void one_way_to_clip_at_most(void **state)
{
    (void)state;
    gf_settings *s = gf_settings_new();
    assert_non_null(s);
    assert_int_equal(gf_clip_of(NULL).kind, GF_CLIP_NOTHING);
    OK(gf_settings_set(s, "train.clip_tensor_norm", "0.5", &error));
    OK(gf_clip_check(s, &error));
    assert_int_equal(gf_clip_of(s).kind, GF_CLIP_TENSOR_NORM);
    assert_true(gf_clip_of(s).limit == 0.5);
    OK(gf_settings_set(s, "train.clip_value", "1", &error));
    assert_int_equal(gf_clip_check(s, &error), GRAFT_USAGE);
    assert_non_null(strstr(error.message, "train.clip_tensor_norm"));
    assert_non_null(strstr(error.message, "train.clip_value"));
    gf_settings_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keras_is_followed),           cmocka_unit_test(pytorch_is_followed),
        cmocka_unit_test(gradients_are_clipped_alike), cmocka_unit_test(a_norm_that_is_not_finite_scales_nothing),
        cmocka_unit_test(one_way_to_clip_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
