/* layer_words.h - a network of one's own as a list of layers, "layers:conv=32,3,relu;max-pool;gap;dense=64,relu": each
 * word is one of Keras's layers with its defaults, and the list becomes the configuration of a sequential model, which
 * is read as any other (keras_config.h). */
#ifndef GF_EXCHANGE_LAYER_WORDS_H
#define GF_EXCHANGE_LAYER_WORDS_H

#include "base/alloc.h"
#include "base/error.h"

/* What such a text begins with. */
#define GF_LAYER_WORDS "layers:"
bool gf_layer_words_are(const char *text);

/* *json (gf_free) becomes the configuration. E3002 for what is no such list. */
graft_status gf_layer_words_config(const char *text, char **json, graft_error *err);
/* A line for each word. */
void gf_layer_words_help(gf_text *text);

#endif
