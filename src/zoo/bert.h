/* bert.h - the encoder of BERT and its kind (Devlin et al., "BERT: pre-training of deep bidirectional transformers",
 * NAACL 2019): the sum of looked-up rows, layers of attention and a small network, each behind a normalisation of its
 * sum with what came in. RoBERTa is the same network whose places count from another row, DistilBERT one without
 * segments and pooler. Layers have the names of Hugging Face's modules. */
#ifndef GF_ZOO_BERT_H
#define GF_ZOO_BERT_H

#include "zoo/builder.h"

/* What a text's one row is made of. */
typedef enum gf_text_pooling {
    GF_POOL_POOLER, /* tanh of a dense layer of its first piece */
    GF_POOL_FIRST,
    GF_POOL_MEAN,
    GF_POOLINGS
} gf_text_pooling;

/* A kind of these networks as Hugging Face has it. */
typedef struct gf_bert_kind {
    const char *type;   /* model_type of config.json: "bert" */
    const char *stem;   /* of its classes' names: "Bert" */
    const char *prefix; /* before the encoder's names in the file of a classifier: "bert." */
    /* A classifier is two dense layers on the row of the first piece: these names, `dense_act` behind the first. */
    const char *dense, *classifier;
    gf_act dense_act;
    /* Names within a layer; `layers` stands before its number. */
    const char *layers, *query, *key, *value, *attention, *out, *out_add, *out_norm;
    const char *inner, *act, *outer, *add, *norm;
} gf_bert_kind;

const gf_bert_kind *gf_bert_kind_at(size_t i);         /* NULL behind the last */
const gf_bert_kind *gf_bert_kind_of(const char *type); /* NULL: none */

/* What stands behind the pooling, as sentence-transformers' modules. */
typedef struct gf_bert_stage {
    char name[32]; /* of the module's folder: "2_Dense" */
    int units;     /* a dense layer; 0: the row is brought to length 1 */
    gf_act act;
    bool no_bias;
} gf_bert_stage;
enum { GF_BERT_STAGES = 8 };

typedef struct gf_bert {
    const gf_bert_kind *kind;
    int pieces, positions, segments; /* rows of the tables; segments 0: there is no such table */
    int skip;                        /* the row of the first place */
    int width, layers, heads, inner;
    float epsilon;
    gf_act act;
    int places; /* of the longest text */
    gf_text_pooling pooling;
    gf_bert_stage stage[GF_BERT_STAGES];
    int n_stages;
    int classes; /* outputs of the kind's classifier, which stands instead of pooling and stages; 0: there is none */
} gf_bert;

/* The parameters are allocated and zero; output and features are the text's row. */
graft_status gf_bert_build(gf_model *m, const gf_bert *bert, graft_error *err);
/* Parameters of such a network, as a size before anything is allocated. */
double gf_bert_values(const gf_bert *bert);

#endif
