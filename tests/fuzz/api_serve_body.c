/* A body as JSON (first byte even) or as it is: images lie inside what was sent or are owned, within their number. */
#include "api/serve_body.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { MOST = 3 };
    if (!size) return 0;
    const gf_http_field json = {"Content-Type", "application/json"},
                        form = {"content-type", "multipart/form-data; boundary=x"};
    const gf_http_request r = {.method = "POST",
                               .path = "/predict",
                               .query = "",
                               .field = data[0] % 2 ? &form : &json,
                               .n_fields = 1,
                               .body = data + 1,
                               .n_body = size - 1};
    gf_body_image *image;
    size_t n;
    graft_error err = {0};
    if (gf_body_images(&r, MOST, &image, &n, &err) != GRAFT_OK) {
        if (!err.number || image || n) abort();
        return 0;
    }
    if (!n || n > MOST) abort();
    for (size_t i = 0; i < n; i++) {
        bool inside = image[i].data >= data && image[i].data + image[i].n <= data + size;
        if (!image[i].data || (!inside && !image[i].owned)) abort();
    }
    gf_body_images_free(image, n);
    return 0;
}
