/* tiny_want.h - the six tensors of tests/fixtures/formats (all from make_h5.py). */
#ifndef TESTS_TINY_WANT_H
#define TESTS_TINY_WANT_H

#include "formats/weights.h"

#include <string.h>

enum { TINY_TENSORS = 6, TINY_FLOATS = 108 };

typedef struct tiny_want {
    gf_weight want[TINY_TENSORS];
    float data[TINY_TENSORS][TINY_FLOATS];
} tiny_want;

/* Every float of `data` is -77, so that a reader's touch shows. `t` must not be moved afterwards. */
static inline void tiny_want_init(tiny_want *t)
{
    static const char *const layer[] = {"Conv1", "bn_Conv1", "bn_Conv1", "bn_Conv1", "bn_Conv1", "dw"};
    static const char *const var[] = {"kernel", "gamma", "beta", "moving_mean", "moving_variance", "kernel"};
    static const gf_shape shape[] = {{4, {3, 3, 3, 4}}, {1, {4}}, {1, {4}}, {1, {4}}, {1, {4}}, {4, {3, 3, 4, 1}}};
    for (int i = 0; i < TINY_TENSORS; i++) {
        t->want[i] = (gf_weight){layer[i], var[i], shape[i], t->data[i], false};
        for (int j = 0; j < TINY_FLOATS; j++) t->data[i][j] = -77;
    }
}

static inline bool tiny_want_untouched(const tiny_want *t)
{
    for (int i = 0; i < TINY_TENSORS; i++) {
        for (int j = 0; j < TINY_FLOATS; j++) {
            if (t->data[i][j] != -77) return false;
        }
    }
    return true;
}

/* Value j of tensor i is i + j / 64, and nothing beyond the tensor's end. */
static inline bool tiny_want_right(const tiny_want *t)
{
    for (int i = 0; i < TINY_TENSORS; i++) {
        size_t n = gf_count(&t->want[i].shape);
        for (size_t j = 0; j < TINY_FLOATS; j++) {
            if (t->data[i][j] != (j < n ? (float)i + (float)j / 64 : -77)) return false;
        }
        if (!t->want[i].found) return false;
    }
    return true;
}

#endif
