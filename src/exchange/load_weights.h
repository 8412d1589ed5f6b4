/* load_weights.h - a model's values out of a file of weights, of any format and under any name that its layers go by.
 */
#ifndef GF_EXCHANGE_LOAD_WEIGHTS_H
#define GF_EXCHANGE_LOAD_WEIGHTS_H

#include "formats/weights.h"
#include "graph/model.h"

/* Fills the backbone's values, with `head` the head's too, from a weight file of any format. `notes` as in
 * gf_weights_read. */
graft_status gf_model_load_weights(gf_model *m, const char *path, bool head, bool allow_nonfinite,
                                   gf_weights_notes *notes, graft_error *err);

#endif
