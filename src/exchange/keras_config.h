/* keras_config.h - Keras's JSON configuration of a model, to and from graft's layers.
 *
 * Read are functional and sequential models as Keras 3 and Keras 2 (tf.keras) write them: config.json of a `.keras`
 * file, the attribute model_config of a whole `.h5`, model.to_json(). Nested models become one model. What is not in
 * the table of classes (keras_layers.c) is refused, all names at once; no text of a file ever names code. */
#ifndef GF_EXCHANGE_KERAS_CONFIG_H
#define GF_EXCHANGE_KERAS_CONFIG_H

#include "base/decide.h"
#include "graph/model.h"

typedef struct gf_keras_config_options {
    int width, height; /* where the file leaves them open (None); 0: 224 */
    size_t max_params; /* more are refused before anything is allocated for them; 0: 2,000,000,000 */
    bool own;          /* written: with what Keras has no word for (preprocessing, explicit padding, which layers are
                          the head), under keys "graft"; such a text reads back as the same model, and is not for Keras.
                          Read: those keys are honoured; without it they are passed over */
    const gf_log *log; /* read: is told what was done with layers that resize images; NULL: nobody */
} gf_keras_config_options;

/* Builds the model that the text describes: all layers (the backbone's, unless the text is graft's own), shapes and
 * parameters; values are zero. The last layer is output and features, classes is 0. `name` is the file's, for messages;
 * options may be NULL. On failure *m is empty. Errors: E3201 the text is no JSON, E2600 classes that are not known,
 * E2601 an argument of a layer, E2602 the graph, E2603 limits, E3102 a layer that does not fit its input. */
graft_status gf_keras_config_parse(gf_model *m, const char *json, size_t n, const char *name,
                                   const gf_keras_config_options *options, graft_error *err);

/* *text (gf_free) is the model's configuration as Keras 3's model_from_json and load_model read it, or graft's own.
 * Keras's: the model must be plain (gf_model_for_export); else E2604. */
graft_status gf_keras_config_text(char **text, const gf_model *m, const gf_keras_config_options *options,
                                  graft_error *err);

/* *out (empty before, the caller's after) becomes the same function of the image, 0..255, RGB, in plain layers, as
 * other tools know them: preprocessing of the input as a Rescaling layer (and a 1x1 convolution "preprocess_bgr" that
 * turns the channels round), explicit padding as ZeroPadding2D, activations that need an argument as layers, names
 * without slashes and dots, and behind the logits a layer "probabilities": softmax, or sigmoid of a single logit. With
 * values. E2604 where that cannot be said exactly: max pooling pads with the lowest number, zeros are the same only
 * where no value is negative. */
graft_status gf_model_for_export(gf_model *out, const gf_model *m, graft_error *err);

#endif
