/* base64.h - base64 as RFC 4648 has it. What is read is read strictly: its alphabet alone, padded, no line breaks, no
 * stray bits. */
#ifndef GF_BASE_BASE64_H
#define GF_BASE_BASE64_H

#include "base/alloc.h"
#include "base/error.h"

#include <stdint.h>

/* *out (gf_free) gets the n_out bytes that the text of n characters stands for. E3513 tells at which character it ends
 * to be base64; `what` is named in the message. */
graft_status gf_base64_decode(const char *text, size_t n, const char *what, uint8_t **out, size_t *n_out,
                              graft_error *err);

void gf_base64_add(gf_text *t, const uint8_t *in, size_t n); /* the text of n bytes */

#endif
