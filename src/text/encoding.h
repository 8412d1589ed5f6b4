/* encoding.h - bytes of a text file as UTF-8, never by a silent guess: what a byte order mark says, else what the user
 * says, else UTF-8, of which every byte is checked. */
#ifndef GF_TEXT_ENCODING_H
#define GF_TEXT_ENCODING_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct gf_decoded {
    const uint8_t *text; /* UTF-8 without a byte order mark */
    size_t n;
    const char *encoding; /* "UTF-8", "UTF-16 by its byte order mark", or as the user says; borrowed */
    uint8_t *owned;       /* `text` where it was converted; NULL: it points into the file's bytes */
} gf_decoded;

/* `encoding`: one of the C library's iconv ("gb18030", "big5", "latin1", "utf-16le"); NULL: not said. Bytes that are no
 * such text, and NUL, are E1301 with the line and byte, and a hint where they are GB18030. An encoding that is not
 * known, or whose part of the C library is not installed, is E3002. */
graft_status gf_decode(gf_decoded *out, const uint8_t *bytes, size_t n, const char *name, const char *encoding,
                       graft_error *err);
void gf_decoded_free(gf_decoded *d); /* takes a zeroed one */

#endif
