/* multipart.h - the parts of a body of multipart/form-data (RFC 7578), as browsers and curl -F send it. */
#ifndef GF_HTTP_MULTIPART_H
#define GF_HTTP_MULTIPART_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { GF_MULTIPART_NAME = 256 };

typedef struct gf_multipart_part {
    char name[GF_MULTIPART_NAME], filename[GF_MULTIPART_NAME]; /* as sent: to be told, never opened */
    const uint8_t *data;                                       /* in the body */
    size_t n;
} gf_multipart_part;

bool gf_multipart_is(const char *content_type); /* may be NULL */

/* Fills at most `most` parts. E3513 tells the offset in the body where something is wrong. */
graft_status gf_multipart_parse(const char *content_type, const uint8_t *body, size_t n, gf_multipart_part *part,
                                size_t most, size_t *n_parts, graft_error *err);

#endif
