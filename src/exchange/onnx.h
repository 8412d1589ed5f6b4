/* onnx.h - ONNX models in and out: what formats/onnx.h reads becomes layers of Keras's classes, and back. */
#ifndef GF_EXCHANGE_ONNX_H
#define GF_EXCHANGE_ONNX_H

#include "exchange/export_boxes.h"
#include "exchange/import.h"
#include "formats/onnx.h"

/* A convolutional classifier of opset 7 or later as a finished model with its values. Every layer counts as backbone;
 * output and features are the network's own; classes is 0. Activations are turned from NCHW to NHWC, kernels with them.
 * Arithmetic on the image before the first layer becomes the input layer's; what is to come before that is as
 * prepare.h decides, or options->preprocess. Width and height are used where the file leaves the size open (0: 224).
 * E2553 lists every operator that is not known at once. */
graft_status gf_onnx_import(gf_model *m, const char *path, const gf_import_options *options, graft_error *err);

/* The same from a model that was read; `name` stands in messages. */
graft_status gf_onnx_to_model(gf_model *m, const gf_onnx *o, const char *name, const gf_import_options *options,
                              graft_error *err);

/* Metadata: the value with which the network itself ends. What stands behind it, and decodes it, is not read. */
#define GF_ONNX_NETWORK_ENDS "graft.network_ends"

/* Writes a model as ONNX (opset 17, ir 8): input "image", float32 (n, channels, h, w), RGB, values 0..255,
 * preprocessing inside; outputs "logits" and "probabilities", both (n, classes), softmax applied; a model with one
 * logit gets two classes; a model without classes has one output "features". `classes` (n_classes names, may be NULL)
 * stand in the metadata "classes", one per line. `boxes` (NULL: it is no detector) says what comes behind the network
 * instead. */
graft_status gf_onnx_export(const gf_model *m, const char *const *classes, size_t n_classes,
                            const gf_export_boxes *boxes, const char *path, graft_error *err);

/* *it: the file holds what the model is written as, node by node and value by value. For models of texts, which graft
 * does not read from ONNX: their inputs are "input_ids", "attention_mask" and, where there are segments,
 * "token_type_ids", int64 (n, pieces). */
graft_status gf_onnx_holds(const char *path, const gf_model *m, const char *const *classes, size_t n_classes, bool *it,
                           graft_error *err);

/* What gf_onnx_export writes into *out (gf_onnx_free), which borrows nothing. */
graft_status gf_onnx_from_model(gf_onnx *out, const gf_model *m, const char *const *classes, size_t n_classes,
                                const gf_export_boxes *boxes, graft_error *err);

#endif
