/* hf_modules.h - what sentence-transformers writes beside an encoder: modules.json lists what a text's row goes
 * through, each module with a folder of its own (1_Pooling, 2_Normalize, 3_Dense). */
#ifndef GF_EXCHANGE_HF_MODULES_H
#define GF_EXCHANGE_HF_MODULES_H

#include "zoo/bert.h"
#include "json/json.h"

enum { GF_HF_LARGEST_JSON = 1 << 24 };

/* A JSON file of the folder; *out NULL: it is not there. */
graft_status gf_hf_read_json(const char *folder, const char *file, gf_json **out, graft_error *err);
/* E2790: the field of a JSON file is not what is wanted. */
graft_status gf_hf_refuse(const char *name, const char *field, const char *wanted, graft_error *err);

/* Sets pooling (GF_POOLINGS: it is not said) and stages. E2790 where a module is of a kind that graft does not have. */
graft_status gf_hf_read_modules(gf_bert *bert, const char *folder, graft_error *err);
/* The values of the stages' dense layers, out of their folders. */
graft_status gf_hf_load_modules(gf_model *m, const gf_bert *bert, const char *folder, bool allow_nonfinite,
                                graft_error *err);

/* The config.json of a Dense module. */
graft_status gf_hf_dense_parse(gf_bert_stage *stage, const char *text, size_t n, const char *name, graft_error *err);

/* That of a Pooling module. */
graft_status gf_hf_pooling_parse(gf_text_pooling *pooling, const char *text, size_t n, const char *name,
                                 graft_error *err);

/* The activations that a Dense module may have: PyTorch's class and graft's. NULL behind the last. */
const char *gf_hf_dense_act(size_t i, gf_act *act);

#endif
