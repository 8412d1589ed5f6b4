/* tiny_keras.h - the model of tests/fixtures/formats/make_keras.py as graft writes it: the tensors of tiny_want.h in a
 * model nested in another. */
#ifndef TESTS_TINY_KERAS_H
#define TESTS_TINY_KERAS_H

#include "formats/keras_h5_write.h"
#include "unit/formats/tiny_want.h"

typedef struct tiny_keras {
    tiny_want values;
    float dense[16];
    int64_t count;
    gf_keras_var conv[1], norm[4], dw[1], adapted[3], hidden[2], head[2];
    gf_keras_layer base[4], whole[6], model;
} tiny_keras;

/* `t` must not be moved afterwards. */
static inline void tiny_keras_init(tiny_keras *t)
{
    tiny_want_init(&t->values);
    for (int i = 0; i < TINY_TENSORS; i++) {
        for (int j = 0; j < TINY_FLOATS; j++) t->values.data[i][j] = (float)i + (float)j / 64;
    }
    for (int j = 0; j < 16; j++) t->dense[j] = (float)j / 8;
    t->count = 7;
    gf_keras_var var[TINY_TENSORS];
    for (int i = 0; i < TINY_TENSORS; i++) {
        var[i] = (gf_keras_var){t->values.want[i].shape, t->values.data[i], GF_F32};
    }
    t->conv[0] = var[0];
    memcpy(t->norm, var + 1, sizeof t->norm);
    t->dw[0] = var[5];
    t->adapted[0] = t->adapted[1] = (gf_keras_var){GF_SHAPE(3), t->dense, GF_F32};
    t->adapted[2] = (gf_keras_var){{0}, &t->count, GF_S64};
    t->hidden[0] = (gf_keras_var){GF_SHAPE(4, 4), t->dense, GF_F32};
    t->hidden[1] = (gf_keras_var){GF_SHAPE(4), t->dense, GF_F32};
    t->head[0] = (gf_keras_var){GF_SHAPE(4, 2), t->dense, GF_F32};
    t->head[1] = (gf_keras_var){GF_SHAPE(2), t->dense, GF_F32};
    t->base[0] = (gf_keras_layer){.name = "picture", .class_name = "InputLayer"};
    t->base[1] = (gf_keras_layer){.name = "Conv1", .class_name = "Conv2D", .var = t->conv, .n_vars = 1};
    t->base[2] = (gf_keras_layer){.name = "bn_Conv1", .class_name = "BatchNormalization", .var = t->norm, .n_vars = 4};
    t->base[3] = (gf_keras_layer){.name = "dw", .class_name = "DepthwiseConv2D", .var = t->dw, .n_vars = 1};
    t->whole[0] = (gf_keras_layer){.name = "outer", .class_name = "InputLayer"};
    t->whole[1] = (gf_keras_layer){.name = "norm", .class_name = "Normalization", .var = t->adapted, .n_vars = 3};
    t->whole[2] = (gf_keras_layer){.name = "base", .class_name = "Functional", .inner = t->base, .n_inner = 4};
    t->whole[3] = (gf_keras_layer){.name = "pool", .class_name = "GlobalAveragePooling2D"};
    t->whole[4] = (gf_keras_layer){.name = "hidden", .class_name = "Dense", .var = t->hidden, .n_vars = 2};
    t->whole[5] = (gf_keras_layer){.name = "head", .class_name = "Dense", .var = t->head, .n_vars = 2};
    t->model = (gf_keras_layer){.name = "whole", .class_name = "Functional", .inner = t->whole, .n_inner = 6};
}

#endif
