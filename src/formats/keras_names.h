/* keras_names.h - which wanted tensor a data set of a Keras HDF5 file is. Names only: no HDF5 here.
 *
 * Layouts (LAYER and VAR as the architecture names them):
 *   LAYER/LAYER/VAR:0                          *_no_top.h5 and Keras 2 save_weights
 *   LAYER/VAR                                  the same written by Keras 3
 *   model_weights/LAYER/LAYER/VAR              a whole saved model
 *   model_weights/MODEL/LAYER/VAR              ... with the base nested in it as one layer
 *   layers/KEY/vars/3                          Keras 3 .weights.h5; attribute `name` of vars is LAYER (Keras 3.5 on),
 *                                              KEY is the class and a number: conv2d, conv2d_1
 *   layers/KEY/layers/KEY/vars/3               ... with the base nested; KEY/KEY is gf_weight's key of the layer
 *   _layer_checkpoint_dependencies/KEY/vars/3  the same by TensorFlow 2.12 to 2.14's Keras, which numbers with gaps
 *
 * Keras itself goes by names nowhere: it takes layers in their order. So where the names are others - of an older
 * definition, or numbered on from another model of the same session ("conv2d_94") - the order tells. */
#ifndef GF_FORMATS_KERAS_NAMES_H
#define GF_FORMATS_KERAS_NAMES_H

#include "formats/found.h"

typedef enum gf_keras_by {
    GF_KERAS_BY_OWN_NAME, /* the layer's name alone */
    GF_KERAS_BY_PATH, /* .weights.h5 of a model whose configuration is known: the layer's key, through all its models */
    GF_KERAS_BY_RANK, /* the same, where the file's numbers of layers have gaps (keras_ranks.h) */
    GF_KERAS_BY_NAME, /* the layer's name; where a .weights.h5 says none, by its key */
    GF_KERAS_BY_KEY,  /* .weights.h5: the i-th layer of a class in the file is the i-th of that class in the model */
    GF_KERAS_BY_ORDER, /* the others: the i-th layer of the file's own list is the i-th of the model (gf_found_tensor's
                          layer_place); what the list has beyond the model's last layer, a head, is left out */
} gf_keras_by;

/* Sets `want` of every item of `found`. */
graft_status gf_keras_match(gf_found *found, const gf_weight *want, size_t n, gf_keras_by by, graft_error *err);

#endif
