/* onnx_round_trip.h - a model written as ONNX and read back, for the tests of what is the same then. */
#ifndef TESTS_ONNX_ROUND_TRIP_H
#define TESTS_ONNX_ROUND_TRIP_H

#include "base/alloc.h"
#include "exchange/onnx.h"
#include "graph/head.h"
#include "support/ok.h"

/* Out, packed, parsed, in. `classes`: as gf_onnx_from_model takes them. */
static inline gf_model onnx_round_trip(const gf_model *m, const char *const *classes, int n_classes)
{
    gf_onnx o, again;
    gf_model back;
    uint8_t *bytes;
    size_t n;
    OK(gf_onnx_from_model(&o, m, classes, n_classes, NULL, &error));
    OK(gf_onnx_pack(&o, &bytes, &n, &error));
    OK(gf_onnx_parse(&again, bytes, n, "again.onnx", NULL, &error));
    OK(gf_onnx_to_model(&back, &again, "again.onnx", &(gf_import_options){0}, &error));
    if (m->classes) back.output = gf_head_logits(&back, back.output); /* before what the file ends in */
    gf_onnx_free(&o);
    gf_onnx_free(&again);
    gf_free(bytes);
    return back;
}

#endif
