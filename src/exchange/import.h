/* import.h - a whole network out of another tool's file: its graph and, where the file has them, its values. */
#ifndef GF_EXCHANGE_IMPORT_H
#define GF_EXCHANGE_IMPORT_H

#include "base/decide.h"
#include "base/io.h"
#include "graph/model.h"

typedef struct gf_import_options {
    int width, height;      /* where the file leaves the image's size open */
    const char *preprocess; /* zoo/zoo.h's names; NULL: as the file says; where it does not E3002 (prepare.h) */
    bool allow_nonfinite;
    gf_names *classes; /* empty; gets the class names where the file has some, as graft writes them; NULL: not wanted */
    const gf_log *log; /* gets what was decided that the file does not say outright (gf_decide); NULL: nobody */
    const char **preprocess_taken; /* gets the name of what images are prepared by; NULL: not wanted */
} gf_import_options;

/* `path` may also be a list of layers (layer_words.h). Reads a Keras config (.json), `.keras`, whole `.h5` or ONNX file
 * into a finished model without a head of graft's: every layer counts as backbone, output and features are the
 * network's own, classes is 0. *has_values tells whether the file had weights; without them the values are zero. E2004
 * for any other file. */
graft_status gf_import(gf_model *m, const char *path, const gf_import_options *options, bool *has_values,
                       graft_error *err);

/* What trains and predicts has one image and one output: of several outputs the first is taken, which is said; with
 * `cut` they stay, a head will stand on one of them. E3102 where there are several inputs. */
graft_status gf_import_one_of_each(gf_model *m, const char *path, bool cut, const gf_log *log, graft_error *err);

#endif
