/* serve_body.h - the images of a request's body, whichever way it holds them. */
#ifndef GF_API_SERVE_BODY_H
#define GF_API_SERVE_BODY_H

#include "http/request.h"

typedef struct gf_body_image {
    char *name;          /* as the client calls it; NULL: not at all; gf_free */
    const uint8_t *data; /* in the body, or owned */
    size_t n;
    int width, height; /* of pixels as they are, three bytes each; 0: the bytes of a file */
    uint8_t *owned;    /* gf_free */
} gf_body_image;

typedef enum gf_body_kind { GF_BODY_IMAGE, GF_BODY_FORM, GF_BODY_JSON, GF_BODY_OTHER } gf_body_kind;

/* What a Content-Type (NULL: none was sent) says of the body. What curl --data-binary says of a file is an image. */
gf_body_kind gf_body_kind_of(const char *content_type);

/* *image (gf_body_images_free) gets the n images of a body: of an image itself, of a form's parts, or of
 * {"image": base64} and {"images": [base64, ..]}. E3513, E3201. */
graft_status gf_body_images(const gf_http_request *r, size_t most, gf_body_image **image, size_t *n, graft_error *err);
void gf_body_images_free(gf_body_image *image, size_t n);

#endif
