/* int8.h - which nodes of a frozen stretch are computed in bytes, and how their values stand for real numbers.
 *
 * Each channel has a scale of its own, from the range that calibration saw (gf_model_range): it goes into the kernels
 * on both sides and costs nothing when the network runs. Values behind ReLU and ReLU6 that only such convolutions (or
 * global pooling) read lie in memory as bytes. A value without activation (the narrow ends of MobileNetV2's blocks),
 * which is added to others too, stays as precise as it was and is quantized by each convolution that reads it. */
#ifndef GF_GRAPH_INT8_H
#define GF_GRAPH_INT8_H

#include "graph/graph.h"

typedef struct gf_quants {
    gf_quant *value; /* of each value of the graph */
    float *block;    /* what they point to */
} gf_quants;

/* How values would be quantized; all unset where the model has no ranges. */
graft_status gf_quants_create(gf_quants *q, const gf_graph *g, graft_error *err);
void gf_quants_free(gf_quants *q);

/* For nodes [first, last): int8[i - first] is set where node i is a convolution in bytes, type[v] to GF_U8 where value
 * v lies in memory as bytes. Only nodes that end with a layer below `layers` are. */
void gf_graph_int8(const gf_graph *g, const gf_quants *q, size_t first, size_t last, int layers, bool *int8,
                   gf_dtype *type);

#endif
