/* keras_ranks.h - keys of layers by rank instead of by number.
 *
 * TensorFlow 2.12 to 2.14 number the layers of a class in a `.keras` with gaps, since they count a layer with weights
 * twice: conv2d, conv2d_2, conv2d_4. The order is the same; so both the file's keys and the model's are counted anew.
 */
#ifndef GF_FORMATS_KERAS_RANKS_H
#define GF_FORMATS_KERAS_RANKS_H

#include "base/error.h"

#include <stddef.h>

/* Rewrites each of n keys ("functional/conv2d_4"; equal ones may stand twice) in place: a number becomes the place
 * among the numbers that the same class has below the same keys, from 0; none is longer afterwards. */
graft_status gf_keras_rank(char **key, size_t n, graft_error *err);

#endif
