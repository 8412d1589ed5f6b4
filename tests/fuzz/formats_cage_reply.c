/* Any bytes as the reply of a caged reader, as the parent reads it: the child may have been taken over. */
#include "formats/cage_reply.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const gf_weight want[] = {
        {"Conv1", "kernel", {4, {3, 3, 1, 2}}, NULL, false},
        {"bn_Conv1", "gamma", {1, {4}}, NULL, false},
    };
    enum { WANTED = sizeof want / sizeof *want };
    gf_found found = {0};
    const uint8_t *values[WANTED];
    graft_error err;
    if (gf_reply_parse(data, size, "f", want, WANTED, &found, values, &err) == GRAFT_OK) {
        gf_found_judge("f", &found, want, WANTED, NULL, &err);
        for (size_t i = 0; i < WANTED; i++) {
            if (values[i] && (values[i] < data || values[i] + 4 * gf_count(&want[i].shape) > data + size)) abort();
        }
    }
    gf_found_free(&found);
    const char *text;
    size_t n;
    if (gf_reply_parse_text(data, size, "f", &text, &n, &err) == GRAFT_OK) {
        if ((const uint8_t *)text != data + 1 || n != size - 1 || memchr(text, 0, n)) abort();
    }
    return 0;
}
