/* onnx_out.h - what the parts of the ONNX exporter share (onnx_out*.c).
 *
 * The value of a layer is called as the layer; it is (n, c, h, w) where the layer's is (h, w, c), else (n, ...). Calls
 * that need memory remember a failure in `failed`, so that they need no checks one by one; what they return then is
 * harmless. */
#ifndef GF_EXCHANGE_ONNX_OUT_H
#define GF_EXCHANGE_ONNX_OUT_H

#include "exchange/export_boxes.h"
#include "formats/onnx.h"
#include "graph/model.h"

typedef struct gf_oo {
    gf_onnx *o;
    const gf_model *m;
    const gf_export_boxes *boxes; /* NULL: it is no detector */
    graft_error *err;
    size_t nodes_cap, tensors_cap, steps;
    int last;    /* the last layer that is written: the logits', where there are classes */
    bool failed; /* no memory */
} gf_oo;

__attribute__((format(printf, 2, 3))) const char *gf_oo_name(gf_oo *w, const char *fmt, ...);
const char *gf_oo_value(gf_oo *w, int layer);

/* A node with up to three inputs (NULL: none behind here). */
gf_onnx_node *gf_oo_node(gf_oo *w, const char *op, const char *out, const char *a, const char *b, const char *c);
void gf_oo_int(gf_oo *w, gf_onnx_node *n, const char *name, int64_t v);
void gf_oo_ints(gf_oo *w, gf_onnx_node *n, const char *name, const int64_t *v, size_t count);
void gf_oo_float(gf_oo *w, gf_onnx_node *n, const char *name, float v);
void gf_oo_text(gf_oo *w, gf_onnx_node *n, const char *name, const char *v);

/* Zeroed floats of a new tensor, to be filled; never NULL but where memory ran out. */
float *gf_oo_tensor(gf_oo *w, const char *name, const gf_shape *shape);
/* The tensor of a parameter is called after the layer that owns it, and is there once: NULL, too, where a call of the
 * layer before this one has written it. */
const char *gf_oo_param_name(gf_oo *w, const gf_layer *l, const char *var);
float *gf_oo_param_tensor(gf_oo *w, const gf_layer *l, const char *name, const gf_shape *shape);
/* Both return the name. */
const char *gf_oo_int_tensor(gf_oo *w, const char *name, const int64_t *v, size_t count);
const char *gf_oo_scalar(gf_oo *w, const char *name, float v);
/* An output of the file; its first dimension is -1 where that is the batch's. */
void gf_oo_output(gf_oo *w, const char *name, const gf_shape *shape);

/* onnx_out_boxes.c: the outputs of a detector, behind the network's last value; and what they are, for people. */
void gf_oo_boxes(gf_oo *w);
const char *gf_oo_boxes_told(gf_boxes_end end);

/* The layer's nodes, from the values of its sources to its own. E2555: ONNX has nothing like it. */
graft_status gf_oo_layer(gf_oo *w, int layer);
/* From value `in` to value `out`; a copy where the activation is linear. */
graft_status gf_oo_act(gf_oo *w, const char *layer, gf_act act, float alpha, const char *in, const char *out);

/* ---- onnx_out_pieces.c */

bool gf_oo_is_of_pieces(const gf_model *m);
/* The inputs of a network of texts, and what its layers take from them. */
graft_status gf_oo_pieces(gf_oo *w);
/* *does: the layer is one of those networks' own, and is written. */
graft_status gf_oo_piece_layer(gf_oo *w, int layer, bool *does);

#endif
