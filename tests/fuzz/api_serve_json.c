/* Bodies of other servers' JSON: the Open Inference Protocol's where the first byte is even, else TensorFlow Serving's.
 * What is taken has images whose bytes are there; what is refused leaves nothing behind. */
#include "api/serve_json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const gf_body_image *image, size_t n, size_t most)
{
    unsigned sum = 0;
    if (!n || n > most) abort();
    for (size_t i = 0; i < n; i++) {
        if (!image[i].data) abort();
        if (image[i].width && image[i].n != 3 * (size_t)image[i].width * (size_t)image[i].height) abort();
        for (size_t k = 0; k < image[i].n; k++) sum += image[i].data[k]; /* every byte is read */
    }
    volatile unsigned seen = sum;
    (void)seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { MOST = 3 };
    if (!size) return 0;
    const gf_http_request r = {.method = "POST", .path = "/", .query = "", .body = data + 1, .n_body = size - 1};
    gf_v2_request v = {.image = NULL};
    graft_error err = {0};
    graft_status status = data[0] % 2 ? gf_tf_images(&r, MOST, &v.image, &v.n, &err) : gf_v2_read(&r, MOST, &v, &err);
    if (status != GRAFT_OK) {
        if (!err.number || v.image || v.n) abort();
        return 0;
    }
    check(v.image, v.n, MOST);
    gf_body_images_free(v.image, v.n);
    return 0;
}
