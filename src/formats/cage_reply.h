/* cage_reply.h - what a caged reader of weights says, and how the parent reads it, believing nothing.
 *
 * Records, each begun by a letter; numbers little-endian:
 *   T  u32 n, then n times: text path, u8 rank, i64 dim[rank], u8 dtype (GF_DTYPES: none), i32 want
 *   N  text, text: which weights were taken, where the file left a choice, and why; at most one, after T
 *   V  u32 want, then that wanted tensor's values as floats; once for each, only after T
 *   E  u32 error number, text message, text hint; ends the reply
 *   Z  ends the reply
 * or, of a reader of text:
 *   J  the text, to the end
 * A text is u16 length and bytes. */
#ifndef GF_FORMATS_CAGE_REPLY_H
#define GF_FORMATS_CAGE_REPLY_H

#include "formats/cage.h"
#include "formats/found.h"

void gf_reply_found(gf_sink *sink, const gf_found *found);
void gf_reply_values(gf_sink *sink, size_t want, const float *values, size_t count);
void gf_reply_error(gf_sink *sink, const graft_error *err);
void gf_reply_end(gf_sink *sink);
void gf_reply_text(gf_sink *sink, const char *text, size_t n);

/* The most bytes that values and an index of at most `tensors` tensors take. */
size_t gf_reply_bytes(size_t tensors, size_t value_bytes);

/* Reads a reply: *found (zeroed before; gf_found_free), and values[i] for each of the n wanted tensors: where in the
 * bytes its floats stand, as many as its shape has; NULL: they did not come. An E record is that error. E2108: the
 * bytes make no sense. */
graft_status gf_reply_parse(const uint8_t *bytes, size_t size, const char *name, const gf_weight *want, size_t n,
                            gf_found *found, const uint8_t **values, graft_error *err);

/* Reads a J or E record. *text is where the J record's text stands in the bytes, n bytes without a NUL. */
graft_status gf_reply_parse_text(const uint8_t *bytes, size_t size, const char *name, const char **text, size_t *n,
                                 graft_error *err);

#endif
