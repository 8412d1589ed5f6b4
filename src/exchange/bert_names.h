/* bert_names.h - the names of a BERT's tensors in Google's checkpoints (bert_model.ckpt). */
#ifndef GF_EXCHANGE_BERT_NAMES_H
#define GF_EXCHANGE_BERT_NAMES_H

#include "graph/model.h"

/* Fills the values of a network of zoo/bert.h from a TensorFlow checkpoint with those names, whatever stands before
 * them ("bert/"). E2001 and E2002 as gf_weights_read. */
graft_status gf_bert_load_checkpoint(gf_model *m, const char *path, bool allow_nonfinite, graft_error *err);

#endif
