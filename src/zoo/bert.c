#include "zoo/bert.h"

#include <stdio.h>
#include <string.h>

#define BERT_LAYERS                                                                                             \
    .layers = "encoder.layer.", .query = "attention.self.query", .key = "attention.self.key",                   \
    .value = "attention.self.value", .attention = "attention.self", .out = "attention.output.dense",            \
    .out_add = "attention.output.add", .out_norm = "attention.output.LayerNorm", .inner = "intermediate.dense", \
    .act = "intermediate.act", .outer = "output.dense", .add = "output.add", .norm = "output.LayerNorm"

static const gf_bert_kind kinds[] = {
    {.type = "bert",
     .stem = "Bert",
     .prefix = "bert.",
     .dense = "bert.pooler.dense",
     .dense_act = GF_ACT_TANH,
     .classifier = "classifier",
     BERT_LAYERS},
    {.type = "roberta",
     .stem = "Roberta",
     .prefix = "roberta.",
     .dense = "classifier.dense",
     .dense_act = GF_ACT_TANH,
     .classifier = "classifier.out_proj",
     BERT_LAYERS},
    {.type = "distilbert",
     .stem = "DistilBert",
     .prefix = "distilbert.",
     .dense = "pre_classifier",
     .dense_act = GF_ACT_RELU,
     .classifier = "classifier",
     .layers = "transformer.layer.",
     .query = "attention.q_lin",
     .key = "attention.k_lin",
     .value = "attention.v_lin",
     .attention = "attention",
     .out = "attention.out_lin",
     .out_add = "sa_add",
     .out_norm = "sa_layer_norm",
     .inner = "ffn.lin1",
     .act = "ffn.act",
     .outer = "ffn.lin2",
     .add = "output_add",
     .norm = "output_layer_norm"},
};

const gf_bert_kind *gf_bert_kind_at(size_t i) { return i < sizeof kinds / sizeof *kinds ? &kinds[i] : NULL; }

const gf_bert_kind *gf_bert_kind_of(const char *type)
{
    for (size_t i = 0; gf_bert_kind_at(i); i++) {
        if (!strcmp(kinds[i].type, type)) return &kinds[i];
    }
    return NULL;
}

static void norm(gf_builder *b, const gf_bert *t, const char *prefix, const char *name)
{
    gf_layer l = {.cls = &gf_layer_layer_norm};
    l.at.epsilon = t->epsilon;
    gf_add(b, l, "%s%s", prefix, name);
}

/* The sum with layer `with`, then its normalisation. */
static void add_norm(gf_builder *b, const gf_bert *t, int with, const char *prefix, const char *add, const char *name)
{
    gf_add(b, (gf_layer){.cls = &gf_layer_add, .n_src = 2, .src = {with, b->at}}, "%s%s", prefix, add);
    norm(b, t, prefix, name);
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
    norm(b, t, "embeddings.", "LayerNorm");
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
    const gf_bert_kind *k = t->kind;
    gf_layer heads = {.cls = &gf_layer_piece_attention, .n_src = 3};
    snprintf(prefix, sizeof prefix, "%s%d.", k->layers, i);
    heads.at.heads = t->heads;
    heads.src[0] = dense(b, in, t->width, prefix, k->query);
    heads.src[1] = dense(b, in, t->width, prefix, k->key);
    heads.src[2] = dense(b, in, t->width, prefix, k->value);
    gf_add(b, heads, "%s%s", prefix, k->attention);
    dense(b, b->at, t->width, prefix, k->out);
    add_norm(b, t, in, prefix, k->out_add, k->out_norm);
    in = b->at;
    dense(b, in, t->inner, prefix, k->inner);
    gf_activation(b, t->act, gf_join(prefix, k->act).text);
    dense(b, b->at, t->width, prefix, k->outer);
    add_norm(b, t, in, prefix, k->add, k->norm);
}

/* A name as the encoder alone has it. */
static const char *own_name(const gf_bert_kind *k, const char *name)
{
    size_t n = strlen(k->prefix);
    return strncmp(name, k->prefix, n) ? name : name + n;
}

static void classifier(gf_builder *b, const gf_bert *t)
{
    gf_layer hidden = {.cls = &gf_layer_dense}, last = {.cls = &gf_layer_dense};
    hidden.at.units = t->width;
    hidden.at.act = t->kind->dense_act;
    last.at.units = t->classes;
    gf_add(b, hidden, "%s", own_name(t->kind, t->kind->dense));
    gf_add(b, last, "%s", t->kind->classifier);
}

static void stage(gf_builder *b, const gf_bert *t, int i)
{
    const gf_bert_stage *s = &t->stage[i];
    gf_layer unit = {.cls = &gf_layer_operation}, l = {.cls = &gf_layer_dense};
    unit.at.op = &gf_op_unit_norm;
    l.at.units = s->units;
    l.at.act = s->act;
    l.at.no_bias = s->no_bias;
    if (s->units) {
        gf_add(b, l, "%s.linear", s->name);
    } else if (gf_model_find(b->m, "normalize") < 0) {
        gf_add(b, unit, "normalize");
    } else {
        gf_add(b, unit, "%s", s->name);
    }
}

static void pooling(gf_builder *b, const gf_bert *t)
{
    gf_layer pool = {.cls = &gf_layer_piece_pooling}, pooler = {.cls = &gf_layer_dense};
    pool.at.first_place = t->classes || t->pooling != GF_POOL_MEAN;
    gf_add(b, pool, "pooling");
    if (t->classes) {
        classifier(b, t);
        return;
    }
    pooler.at.units = t->width;
    pooler.at.act = GF_ACT_TANH;
    if (t->pooling == GF_POOL_POOLER) gf_add(b, pooler, "pooler.dense");
    for (int i = 0; i < t->n_stages; i++) stage(b, t, i);
}

graft_status gf_bert_build(gf_model *m, const gf_bert *t, graft_error *err)
{
    *m = (gf_model){0};
    snprintf(m->name, sizeof m->name, "%s", t->kind->type);
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
