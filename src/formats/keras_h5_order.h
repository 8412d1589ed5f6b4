/* keras_h5_order.h - the order in which a Keras HDF5 file says that its layers stand. Runs in the cage. */
#ifndef GF_FORMATS_KERAS_H5_ORDER_H
#define GF_FORMATS_KERAS_H5_ORDER_H

#include "formats/found.h"

#include <hdf5.h>

/* Sets layer_place and var_place of the data sets that the attributes `layer_names` and `weight_names` list (of / or of
 * /model_weights). A file without such lists, or with damaged ones, has no order: then nothing is set. */
graft_status gf_keras_h5_order(hid_t file, gf_found *found, graft_error *err);

#endif
