#include "zoo/bert.h"

#include <stdio.h>
#include <string.h>

static void norm(gf_builder *b, const gf_bert *t, const char *prefix)
{
    gf_layer l = {.cls = &gf_layer_layer_norm};
    l.at.epsilon = t->epsilon;
    gf_add(b, l, "%sLayerNorm", prefix);
}

/* The sum with layer `with`, then its normalisation. */
static void add_norm(gf_builder *b, const gf_bert *t, int with, const char *prefix)
{
    gf_add(b, (gf_layer){.cls = &gf_layer_add, .n_src = 2, .src = {with, b->at}}, "%sadd", prefix);
    norm(b, t, prefix);
}

static int lookup(gf_builder *b, const gf_bert *t, int pieces, gf_lookup by, int rows, const char *name)
{
    gf_layer l = {.cls = &gf_layer_piece_lookup, .n_src = 1, .src = {pieces}};
    l.at.by = by;
    l.at.rows = rows;
    l.at.units = t->width;
    l.at.skip = by == GF_LOOKUP_PLACE ? t->skip : 0;
    l.at.separator = -1;
    gf_add(b, l, "embeddings.%s_embeddings", name);
    return b->at;
}

static void embeddings(gf_builder *b, const gf_bert *t)
{
    int pieces = b->at;
    gf_layer sum = {.cls = &gf_layer_add, .n_src = 2};
    sum.src[0] = lookup(b, t, pieces, GF_LOOKUP_PIECE, t->pieces, "word");
    sum.src[1] = lookup(b, t, pieces, GF_LOOKUP_PLACE, t->positions, "position");
    if (t->segments) sum.src[sum.n_src++] = lookup(b, t, pieces, GF_LOOKUP_SEGMENT, t->segments, "token_type");
    gf_add(b, sum, "embeddings.add");
    norm(b, t, "embeddings.");
}

/* A dense layer on what layer `from` gives. */
static int dense(gf_builder *b, int from, int units, const char *prefix, const char *name)
{
    gf_layer l = {.cls = &gf_layer_dense, .n_src = 1, .src = {from}};
    l.at.units = units;
    gf_add(b, l, "%s%s", prefix, name);
    return b->at;
}

static void layer(gf_builder *b, const gf_bert *t, int i)
{
    char prefix[64];
    int in = b->at;
    gf_layer heads = {.cls = &gf_layer_piece_attention, .n_src = 3};
    snprintf(prefix, sizeof prefix, "encoder.layer.%d.", i);
    heads.at.heads = t->heads;
    heads.src[0] = dense(b, in, t->width, prefix, "attention.self.query");
    heads.src[1] = dense(b, in, t->width, prefix, "attention.self.key");
    heads.src[2] = dense(b, in, t->width, prefix, "attention.self.value");
    gf_add(b, heads, "%sattention.self", prefix);
    dense(b, b->at, t->width, prefix, "attention.output.dense");
    snprintf(prefix, sizeof prefix, "encoder.layer.%d.attention.output.", i);
    add_norm(b, t, in, prefix);
    in = b->at;
    snprintf(prefix, sizeof prefix, "encoder.layer.%d.", i);
    dense(b, in, t->inner, prefix, "intermediate.dense");
    gf_activation(b, t->act, gf_join(prefix, "intermediate.act").text);
    dense(b, b->at, t->width, prefix, "output.dense");
    snprintf(prefix, sizeof prefix, "encoder.layer.%d.output.", i);
    add_norm(b, t, in, prefix);
}

static void pooling(gf_builder *b, const gf_bert *t)
{
    gf_layer pool = {.cls = &gf_layer_piece_pooling}, pooler = {.cls = &gf_layer_dense};
    pool.at.first_place = t->pooling != GF_POOL_MEAN;
    gf_add(b, pool, "pooling");
    pooler.at.units = t->width;
    pooler.at.act = GF_ACT_TANH;
    if (t->pooling == GF_POOL_POOLER) gf_add(b, pooler, "pooler.dense");
    gf_layer unit = {.cls = &gf_layer_operation};
    unit.at.op = &gf_op_unit_norm;
    if (t->unit) gf_add(b, unit, "normalize");
}

graft_status gf_bert_build(gf_model *m, const gf_bert *t, graft_error *err)
{
    *m = (gf_model){.name = "bert"};
    gf_builder b = {.m = m, .err = err, .status = GRAFT_OK};
    gf_layer input = {.cls = &gf_layer_input, .name = "pieces", .shape = GF_SHAPE(t->places), .backbone = true};
    input.at.dtype = GF_S32;
    b.status = gf_model_add(m, &input, &b.at, err);
    embeddings(&b, t);
    for (int i = 0; i < t->layers; i++) layer(&b, t, i);
    pooling(&b, t);
    m->features = m->output = b.at;
    if (b.status == GRAFT_OK) b.status = gf_model_finish(m, err);
    if (b.status != GRAFT_OK) gf_model_free(m);
    return b.status;
}

double gf_bert_values(const gf_bert *t)
{
    double width = t->width, inner = t->inner, rows = (double)t->pieces + t->positions + t->segments;
    double of_layer = 4 * width * (width + 1) + 2 * width * inner + inner + width + 4 * width;
    return rows * width + 2 * width + t->layers * of_layer + (t->pooling == GF_POOL_POOLER ? width * (width + 1) : 0);
}
