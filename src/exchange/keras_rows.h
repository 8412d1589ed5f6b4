/* keras_rows.h - what the files with rows of the allow-list share (keras_layers.c has the list): tables of
 * arguments, functions that read a class's arguments and write them. */
#ifndef GF_EXCHANGE_KERAS_ROWS_H
#define GF_EXCHANGE_KERAS_ROWS_H

#include "exchange/keras_layers.h"

/* "activation": into the layer, or a softmax behind it. */
void gf_keras_read_act(gf_keras_reader *r);
/* A count that has no default. */
int gf_keras_count(gf_keras_reader *r, const char *key);

extern const gf_keras_field gf_keras_conv[], gf_keras_depthwise[], gf_keras_separable[], gf_keras_pool[],
    gf_keras_global_pool[], gf_keras_attention[], gf_keras_embedding[], gf_keras_piece_lookup[],
    gf_keras_piece_attention[], gf_keras_piece_pooling[];
void gf_keras_read_zero_padding(gf_keras_reader *r);
void gf_keras_write_zero_padding(const gf_layer *l, gf_json *config);
void gf_keras_read_cropping(gf_keras_reader *r);
void gf_keras_write_cropping(const gf_layer *l, gf_json *config);
void gf_keras_read_upsampling(gf_keras_reader *r);
void gf_keras_write_upsampling(const gf_layer *l, gf_json *config);
void gf_keras_read_attention(gf_keras_reader *r);
void gf_keras_write_attention(const gf_layer *l, gf_json *config);
void gf_keras_read_embedding(gf_keras_reader *r);
void gf_keras_write_embedding(const gf_layer *l, gf_json *config);
void gf_keras_read_piece_lookup(gf_keras_reader *r);
void gf_keras_write_piece_lookup(const gf_layer *l, gf_json *config);

#endif
