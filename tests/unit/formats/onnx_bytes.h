/* onnx_bytes.h - protobuf by hand, so that the tests of the reader have another pair of eyes, and can write what no
 * library would. Each function adds one field to a text. */
#ifndef TESTS_ONNX_BYTES_H
#define TESTS_ONNX_BYTES_H

#include "base/alloc.h"

#include <stdint.h>
#include <string.h>

static inline void pb_varint(gf_text *t, uint64_t v)
{
    do {
        uint8_t byte = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
        gf_text_add_n(t, &byte, 1);
        v >>= 7;
    } while (v);
}

static inline void pb_int(gf_text *t, int field, uint64_t v)
{
    pb_varint(t, (uint64_t)field << 3);
    pb_varint(t, v);
}

static inline void pb_bytes(gf_text *t, int field, const void *data, size_t n)
{
    pb_varint(t, (uint64_t)field << 3 | 2);
    pb_varint(t, n);
    if (n) gf_text_add_n(t, data, n);
}

static inline void pb_text(gf_text *t, int field, const char *s) { pb_bytes(t, field, s, strlen(s)); }

/* Puts `inner` as a message into `t` and frees it. */
static inline void pb_message(gf_text *t, int field, gf_text *inner)
{
    pb_bytes(t, field, inner->s, inner->n);
    gf_text_free(inner);
}

/* A tensor `name` of type and dims, its other fields in `more` (freed). */
static inline gf_text pb_tensor(const char *name, int type, const int64_t *dims, int rank, gf_text *more)
{
    gf_text t = {0};
    for (int i = 0; i < rank; i++) pb_int(&t, 1, (uint64_t)dims[i]);
    pb_int(&t, 2, (uint64_t)type);
    pb_text(&t, 8, name);
    if (more->n) gf_text_add_n(&t, more->s, more->n);
    gf_text_free(more);
    return t;
}

/* A whole model of opset 17 with one tensor and one node "Relu" from x to y; frees `tensor`. */
static inline gf_text pb_model(gf_text *tensor)
{
    gf_text node = {0}, graph = {0}, opset = {0}, m = {0};
    pb_text(&node, 1, "x");
    pb_text(&node, 2, "y");
    pb_text(&node, 3, "n1");
    pb_text(&node, 4, "Relu");
    pb_message(&graph, 1, &node);
    if (tensor->n) pb_message(&graph, 5, tensor);
    pb_int(&opset, 2, 17);
    pb_int(&m, 1, 8);
    pb_message(&m, 7, &graph);
    pb_message(&m, 8, &opset);
    return m;
}

#endif
