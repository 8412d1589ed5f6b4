/* Any bytes as a file of class names: no name is empty, and none is longer than the file. */
#include "data/labels.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gf_labels labels;
    graft_error err = {0};
    if (gf_labels_parse(&labels, data, size, "fuzz", &err) == GRAFT_OK) {
        size_t bytes = 0;
        for (size_t i = 0; i < labels.names.n; i++) {
            if (!labels.names.item[i][0]) abort();
            bytes += strlen(labels.names.item[i]);
        }
        if (bytes > size) abort();
    } else if (!err.message[0]) {
        abort();
    }
    gf_labels_free(&labels);
    return 0;
}
