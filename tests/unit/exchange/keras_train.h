/* keras_train.h - plain SGD on all that trains, as tools/make_config_fixtures.py and make_call_fixtures.py have Keras
 * do it. */
#ifndef TESTS_EXCHANGE_KERAS_TRAIN_H
#define TESTS_EXCHANGE_KERAS_TRAIN_H

#include "unit/exchange/keras_models.h"
#include "unit/graph/whole.h"

enum { STEPS = 6, MOST_CLASSES = 8 };

/* Mean cross-entropy of image i being of class i + 1; diff gets its gradient. */
static inline double loss_of(const float *logits, size_t classes, float *diff)
{
    double loss = 0;
    for (size_t i = 0; i < IMAGES; i++) {
        const float *z = logits + i * classes;
        double sum = 0, most = z[0];
        for (size_t k = 1; k < classes; k++) most = fmax(most, z[k]);
        for (size_t k = 0; k < classes; k++) sum += exp((double)z[k] - most);
        for (size_t k = 0; k < classes; k++) {
            double p = exp((double)z[k] - most) / sum;
            diff[i * classes + k] = (float)((p - (k == i + 1)) / IMAGES);
            if (k == i + 1) loss -= log(p) / IMAGES;
        }
    }
    return loss;
}

/* The losses of the fixture, at most `allowed` off; the model as it is after them, to be freed. */
static inline gf_model train_as_keras(const fixture *want, const char *name, gf_ops *ops, const whole_spec *spec,
                                      float rate, double allowed)
{
    char key[64];
    size_t steps;
    snprintf(key, sizeof key, "%s/losses", name);
    const float *keras = fixture_f32(want, key, &steps);
    assert_non_null(keras);
    assert_int_equal(steps, STEPS);
    assert_true(keras[STEPS - 1] < 0.95f * keras[0]); /* it learns, or equal losses are no evidence */
    gf_model m = fixture_model(name);
    seed_values(&m);
    m.boundary = 0;
    whole w;
    whole_new(&w, &m, ops, *spec);
    size_t n = IMAGES * w.image;
    float *images = calloc(n, sizeof *images), logits[IMAGES * MOST_CLASSES], diff[IMAGES * MOST_CLASSES];
    uint8_t *pixels = malloc(n);
    assert_true(images && pixels && w.outputs <= MOST_CLASSES);
    seeded_pixels("pixels", 1, pixels, n);
    for (size_t i = 0; i < n; i++) images[i] = pixels[i];
    for (int step = 0; step < STEPS; step++) {
        whole_prepare(&w);
        whole_forward(&w, images, logits);
        double loss = loss_of(logits, w.outputs, diff), off = fabs(loss - (double)keras[step]) / (double)keras[step];
        if (!(off <= allowed)) {
            fail_msg("%s, step %d: the loss is %.7g, Keras's is %.7g (off by %.2g, allowed %.2g)", name, step, loss,
                     (double)keras[step], off, allowed);
        }
        whole_backward(&w, diff);
        for (size_t i = 0; i < w.trainable; i++) m.value[w.trainable_offset + i] -= rate * w.grad[i];
    }
    free(images);
    free(pixels);
    whole_free(&w);
    return m;
}

#endif
