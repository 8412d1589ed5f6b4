/* keras_positions.h - position indices, as Keras's operations compute them: a table of positions that trains and
 * that Keras can save is Embedding(cumsum(ones_like(x[:, :, 0]), axis=1) - 1). Nothing of x counts but how long it is.
 */
#ifndef GF_EXCHANGE_KERAS_POSITIONS_H
#define GF_EXCHANGE_KERAS_POSITIONS_H

#include "tensor/tensor.h"
#include "json/json.h"

/* What an operation gives for each step of a sequence. */
typedef struct gf_positions {
    enum {
        GF_POSITIONS_NONE,
        GF_POSITIONS_LENGTH,
        GF_POSITIONS_NUMBERS
    } what;              /* none: of the image; length: any numbers */
    double slope, first; /* of place i: slope i + first */
} gf_positions;

typedef struct gf_positions_call {
    const char *cls;
    const gf_json *config, *args; /* the operation's own, and those of its call */
    double constant;
    bool has_constant, constant_first;
} gf_positions_call;

/* What `call` makes of a sequence, or of what another made. false: it is not known. */
bool gf_keras_positions(const gf_positions_call *call, const gf_positions *src, gf_positions *out);
/* 0, 1, 2, ... */
bool gf_positions_count_up(const gf_positions *p);

/* A constant that Keras computed when the model was made, [[...], ...] or [[[...], ...]]: whether it has a number for
 * each place and channel of a sequence of that shape; and those numbers. false: they are none, or not finite. */
bool gf_keras_table_fits(const gf_json *table, const gf_shape *sequence);
bool gf_keras_table_read(const gf_json *table, float *out, size_t n);

#endif
