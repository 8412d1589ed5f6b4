/* hf_folder.h - a folder with an encoder of texts. Hugging Face's: config.json says what it is, model.safetensors (or
 * pytorch_model.bin) has its values, and where sentence-transformers wrote it, modules.json and 1_Pooling say what a
 * text's one row is made of. Google's: bert_config.json, bert_model.ckpt; its GELU is the approximation by tanh. The
 * tokenizer is text/tokenizer.h's. */
#ifndef GF_EXCHANGE_HF_FOLDER_H
#define GF_EXCHANGE_HF_FOLDER_H

#include "base/decide.h"
#include "base/io.h"
#include "graph/model.h"
#include "zoo/bert.h"

typedef struct gf_hf_options {
    int max_length;      /* of a text, in pieces; 0: as the folder says, else 512, and never more than positions */
    const char *pooling; /* pooler, first or mean; NULL: as the folder says, else pooler where it has one, else first */
    bool classifier;     /* with the classifier, where the folder is one's (...ForSequenceClassification) */
    gf_names *classes;   /* gets the names of its classes, where it has them; NULL: they are not wanted */
    bool allow_nonfinite;
    const gf_log *log; /* gets what was decided; NULL: nobody */
} gf_hf_options;

/* Whether a folder is such a one: it has a config.json that names a kind of model, or a bert_config.json. */
bool gf_hf_is_folder(const char *path);

/* Builds the encoder with its values. E2790 where config.json lacks a field, or is of a kind of encoder that graft does
 * not have (named), E2001 and E2002 where tensors are missing or of another shape. */
graft_status gf_hf_import(gf_model *m, const char *path, const gf_hf_options *options, graft_error *err);

/* config.json alone (`google`: bert_config.json): sizes, normalisation, activation; what else is in `bert` stays. */
graft_status gf_hf_config_parse(gf_bert *bert, const char *text, size_t n, const char *name, bool google,
                                graft_error *err);

/* What config.json calls an activation between the two dense layers of such an encoder; NULL: it has no word. */
const char *gf_hf_act_word(gf_act act);

#endif
