/* Any bytes as the graph of objects of a TensorFlow checkpoint with two tensors. */
#include "base/alloc.h"
#include "formats/tf_bundle.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gf_tf_bundle b = {.item = gf_new_n(2, gf_tf_tensor), .path = gf_strdup("f")};
    graft_error err = {0};
    if (!b.item || !b.path) abort();
    b.n = 2;
    for (size_t i = 0; i < b.n; i++) {
        b.item[i].key = gf_strdup(i ? "b" : "a");
        b.item[i].name = gf_strdup(i ? "b" : "a");
    }
    graft_status status = gf_tf_object_graph(&b, data, size, &err);
    if ((status == GRAFT_OK) != !err.number) abort();
    for (size_t i = 0; i < b.n; i++) {
        if (!b.item[i].name) abort();
    }
    gf_tf_bundle_close(&b);
    return 0;
}
