/* optimizer_math.h - what the kinds of optimizers share: how their loops come to be vector code.
 *
 * gcc -O2 makes vector code only of loops whose length it knows. So a kind writes its formula once, as a GF_FORMULA
 * function with restrict pointers, and runs it for pieces of GF_PIECE elements, then for the rest (five times faster).
 * The result does not depend on it: every operation is correctly rounded, and no fused one is used. */
#ifndef GF_TRAIN_OPTIMIZER_MATH_H
#define GF_TRAIN_OPTIMIZER_MATH_H

#include "train/optimizer.h"

#include <math.h>

enum { GF_PIECE = 64 };

/* x^n by squaring: no library's pow, whose last bit differs from one to the next. */
static inline double gf_power(double x, int64_t n)
{
    double y = 1;
    for (; n > 0; n >>= 1, x *= x) {
        if (n & 1) y *= x;
    }
    return y;
}

#define GF_FORMULA static inline __attribute__((always_inline)) void

#endif
