/* hf_out.h - a model of texts as a folder of Hugging Face's: config.json, model.safetensors, the tokenizer's files byte
 * for byte. A classifier as transformers has it (pooler and one dense layer) opens as ...ForSequenceClassification. Any
 * other row of a text is written as sentence-transformers has it: the encoder, and modules for its pooling and dense
 * layers, the last of which gives the logits. */
#ifndef GF_EXCHANGE_HF_OUT_H
#define GF_EXCHANGE_HF_OUT_H

#include "exchange/export.h"

/* Makes the folder, which must not be there. E2604 where the network is none of an encoder of texts with dense layers
 * behind its pooling. */
graft_status gf_hf_export(const char *folder, const gf_model *m, const gf_export_what *what, graft_error *err);

/* Removes what a failed export has left in its folder, and the folder. */
void gf_hf_remove(const char *folder);

#endif
