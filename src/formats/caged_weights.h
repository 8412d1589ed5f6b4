/* caged_weights.h - a reader of weights in a cage (cage.h): how much it may take, and what becomes of its reply. */
#ifndef GF_FORMATS_CAGED_WEIGHTS_H
#define GF_FORMATS_CAGED_WEIGHTS_H

#include "formats/cage.h"
#include "formats/found.h"
#include "formats/weights.h"

#include <stdint.h>

typedef struct gf_caged_file gf_caged_file;

/* What the child does: finds the wanted tensors in the file's bytes and puts a reply as in cage_reply.h. */
typedef void (*gf_weights_reply)(const gf_caged_file *file, const gf_weight *want, size_t n, gf_sink *sink);

struct gf_caged_file {
    const uint8_t *bytes; /* all borrowed */
    size_t size;
    const char *path; /* for messages */
    gf_weights_reply reply;
    size_t unpacks; /* bytes that the reader may unpack into memory at a time; 0: none */
};

typedef struct gf_caged_answer {
    uint8_t *reply; /* owned; gf_free */
    bool uncaged;
} gf_caged_answer;

/* Reads the wanted tensors. On success every one is there in its shape: values[i] (n places) points to its floats in
 * answer->reply, maybe not aligned. *found (zeroed before; gf_found_free) lists all that the file holds, also after
 * E2001 and its like. */
graft_status gf_caged_weights(const gf_caged_file *file, const gf_weight *want, size_t n,
                              const gf_weights_options *options, gf_found *found, const uint8_t **values,
                              gf_caged_answer *answer, graft_error *err);

#endif
