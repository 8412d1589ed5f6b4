/* utf8.h - UTF-8 (RFC 3629): neither overlong forms, nor surrogates, nor beyond U+10FFFF. */
#ifndef GF_TEXT_UTF8_H
#define GF_TEXT_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GF_REPLACEMENT = 0xfffd };

/* The character at s, of n > 0 bytes: returns its length in bytes. Bytes that are no UTF-8 are U+FFFD, one for each
 * longest beginning of a character (as in Python's errors="replace"); *valid (may be NULL) is false then. */
size_t gf_utf8_next(const uint8_t *s, size_t n, uint32_t *c, bool *valid);

/* Writes c (a Unicode scalar value) to out; returns the length. */
size_t gf_utf8_put(uint32_t c, uint8_t out[4]);

/* How many bytes from the start are UTF-8: n where all are. */
size_t gf_utf8_valid(const uint8_t *s, size_t n);

#endif
