/* keras_attention.c - the arguments of MultiHeadAttention, with those of its call, and of Embedding. */
#include "exchange/keras_rows.h"

#include <string.h>

/* All dimensions between the batch and the channels, which is what null means. */
static bool is_every_axis(const gf_keras_reader *r, const gf_json *j)
{
    const gf_json *list = gf_keras_list(j);
    int rank = r->src ? r->src->rank : 0, axis;
    bool every = list && (int)gf_json_size(list) == rank - 1;
    for (int i = 0; every && i < rank - 1; i++) {
        every = gf_keras_in_range(gf_json_at(list, (size_t)i), i + 1, i + 1, &axis);
    }
    return every;
}

/* null, a number, or a list of one */
static int output_channels(gf_keras_reader *r)
{
    const gf_json *j = gf_keras_arg(r, "output_shape"), *list = gf_keras_list(j);
    int n = 0;
    bool good = !j || (list ? gf_json_size(list) == 1 && gf_keras_in_range(gf_json_at(list, 0), 1, GF_KERAS_LARGEST, &n)
                            : gf_keras_in_range(j, 1, GF_KERAS_LARGEST, &n));
    if (!good) gf_keras_refuse(r, "output_shape", "null or the number of channels");
    return n;
}

const gf_keras_field gf_keras_attention[] = {{"num_heads", GF_KERAS_COUNT, GF_KERAS_AT(heads)},
                                             {"key_dim", GF_KERAS_COUNT, GF_KERAS_AT(key_dim)},
                                             {"use_bias", GF_KERAS_UNLESS, GF_KERAS_AT(no_bias), .usual = 1},
                                             {"dropout", GF_KERAS_SHARE, GF_KERAS_AT(rate)},
                                             {"use_gate", GF_KERAS_FALSE},
                                             {"sliding_window", GF_KERAS_NULL},
                                             {0}};

void gf_keras_read_attention(gf_keras_reader *r)
{
    gf_layer *l = r->l;
    const gf_json *axes = gf_keras_arg(r, "attention_axes"), *mask = gf_json_get(r->call, "use_causal_mask");
    l->at.value_dim = gf_keras_int(r, "value_dim", 1, GF_KERAS_LARGEST, l->at.key_dim);
    l->at.units = output_channels(r);
    l->at.causal = gf_json_true(mask, false);
    if (axes && !is_every_axis(r, axes)) gf_keras_refuse(r, "attention_axes", "null, all axes but the channels'");
    static const char *const masks[] = {"query_mask", "value_mask", "key_mask", "attention_mask",
                                        "return_attention_scores"};
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        const gf_json *j = gf_json_get(r->call, masks[i]);
        bool absent = !j || gf_json_is_null(j) || !gf_json_true(j, true);
        if (!absent) gf_keras_refuse(r, masks[i], "none: no mask but use_causal_mask");
    }
}

void gf_keras_write_attention(const gf_layer *l, gf_json *config)
{
    gf_json *out = l->at.units ? gf_json_array() : gf_json_null();
    if (l->at.units) gf_json_add(out, gf_json_int(l->at.units));
    gf_json_set(config, "value_dim", gf_json_int(l->at.value_dim));
    gf_json_set(config, "output_shape", out);
    gf_json_set(config, "attention_axes", gf_json_null());
}

/* ---- Embedding */

const gf_keras_field gf_keras_embedding[] = {{"output_dim", GF_KERAS_COUNT, GF_KERAS_AT(units)},
                                             {"mask_zero", GF_KERAS_FALSE},
                                             {"lora_rank", GF_KERAS_NULL},
                                             {0}};

/* Its source is known to be 0, 1, 2, ... (keras_config_in.c). */
void gf_keras_read_embedding(gf_keras_reader *r)
{
    int64_t positions = r->src && r->src->rank == 2 ? r->src->dim[0] : 0;
    if (gf_keras_count(r, "input_dim") != positions) gf_keras_refuse(r, "input_dim", "as many as there are places");
}

void gf_keras_write_embedding(const gf_layer *l, gf_json *config)
{
    gf_json_set(config, "input_dim", gf_json_int(l->shape.dim[0]));
}
