/* A Content-Type, a line feed, and a body: parts lie inside the body, one behind the other, and have names. */
#include "http/multipart.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { MOST = 4 };
    char type[256];
    gf_multipart_part part[MOST];
    graft_error err = {0};
    const uint8_t *end = memchr(data, '\n', size);
    size_t n = end ? (size_t)(end - data) : 0, parts;
    if (!end || n >= sizeof type || memchr(data, 0, n)) return 0;
    memcpy(type, data, n);
    type[n] = '\0';
    gf_multipart_is(type);
    const uint8_t *body = end + 1, *at = body;
    size_t left = size - n - 1;
    uint8_t *copy = malloc(left ? left : 1); /* of just this size, so that a sanitizer sees what is read behind it */
    if (!copy) return 0;
    if (left) memcpy(copy, body, left);
    at = copy;
    if (gf_multipart_parse(type, copy, left, part, MOST, &parts, &err) != GRAFT_OK) {
        if (!err.number) abort();
    } else {
        if (!parts || parts > MOST) abort();
        for (size_t i = 0; i < parts; i++) {
            if (part[i].data < at || part[i].data + part[i].n > copy + left || !part[i].name[0]) abort();
            at = part[i].data + part[i].n;
        }
    }
    free(copy);
    return 0;
}
