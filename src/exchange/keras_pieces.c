/* keras_pieces.c - the layers of encoders of texts, which Keras has not: for graft's own files. */
#include "exchange/keras_rows.h"

#include <limits.h>
#include <string.h>

static const char *const by_word[GF_LOOKUPS] = {
    [GF_LOOKUP_PIECE] = "piece", [GF_LOOKUP_PLACE] = "place", [GF_LOOKUP_SEGMENT] = "segment"};

const gf_keras_field gf_keras_piece_lookup[] = {
    {"input_dim", GF_KERAS_COUNT, GF_KERAS_AT(rows)}, {"output_dim", GF_KERAS_COUNT, GF_KERAS_AT(units)}, {0}};

void gf_keras_read_piece_lookup(gf_keras_reader *r)
{
    const char *by = gf_keras_word(r, "by", "");
    r->l->at.skip = gf_keras_int(r, "skip", 0, GF_KERAS_LARGEST, 0);
    r->l->at.separator = gf_keras_int(r, "separator", -1, INT_MAX, -1);
    for (int i = 0; i < GF_LOOKUPS; i++) {
        r->l->at.by = (gf_lookup)i;
        if (!strcmp(by, by_word[i])) return;
    }
    gf_keras_refuse(r, "by", "piece, place or segment");
}

void gf_keras_write_piece_lookup(const gf_layer *l, gf_json *config)
{
    gf_json_set(config, "by", gf_json_string(by_word[l->at.by]));
    gf_json_set(config, "skip", gf_json_int(l->at.skip));
    gf_json_set(config, "separator", gf_json_int(l->at.separator));
}

const gf_keras_field gf_keras_piece_attention[] = {
    {"num_heads", GF_KERAS_COUNT, GF_KERAS_AT(heads)}, {"causal", GF_KERAS_FLAG, GF_KERAS_AT(causal)}, {0}};
const gf_keras_field gf_keras_piece_pooling[] = {{"first", GF_KERAS_FLAG, GF_KERAS_AT(first_place)}, {0}};
