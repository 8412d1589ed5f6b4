/* bert.h - the encoder of BERT and its kind (Devlin et al., "BERT: pre-training of deep bidirectional transformers",
 * NAACL 2019): the sum of three looked-up rows, layers of attention and a small network, each behind a normalisation
 * of its sum with what came in. Layers have the names of Hugging Face's modules. */
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

typedef struct gf_bert {
    int pieces, positions, segments; /* rows of the tables; segments 0: there is no such table */
    int skip;                        /* the row of the first place */
    int width, layers, heads, inner;
    float epsilon;
    gf_act act;
    int places; /* of the longest text */
    gf_text_pooling pooling;
    bool unit; /* its length is 1 */
} gf_bert;

/* The parameters are allocated and zero; output and features are the text's row. */
graft_status gf_bert_build(gf_model *m, const gf_bert *bert, graft_error *err);
/* Parameters of such a network, as a size before anything is allocated. */
double gf_bert_values(const gf_bert *bert);

#endif
