/* hf_modules.h - what sentence-transformers writes beside an encoder: modules.json lists what a text's row goes
 * through, each module with a folder of its own (1_Pooling, 2_Normalize, 3_Dense). */
#ifndef GF_EXCHANGE_HF_MODULES_H
#define GF_EXCHANGE_HF_MODULES_H

#include "zoo/bert.h"
#include "json/json.h"

/* A file of JSON in the folder, of up to 16 MiB. With `must` one that is not there is an error. Freed in any case. */
typedef struct gf_hf_file {
    char *path;
    uint8_t *text;
    size_t n;
    bool there;
} gf_hf_file;
graft_status gf_hf_file_read(gf_hf_file *f, const char *folder, const char *name, bool must, graft_error *err);
void gf_hf_file_free(gf_hf_file *f);

/* Such a file, parsed; *out NULL: it is not there. */
graft_status gf_hf_read_json(const char *folder, const char *name, gf_json **out, graft_error *err);
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

/* PyTorch's class of an activation that a Dense module may have; NULL: it may not. */
const char *gf_hf_dense_word(gf_act act);

#endif
