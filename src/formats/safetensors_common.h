/* safetensors_common.h - what the reader and the writer of safetensors share: type names and the digest. */
#ifndef GF_FORMATS_SAFETENSORS_COMMON_H
#define GF_FORMATS_SAFETENSORS_COMMON_H

#include "base/hash.h"
#include "formats/safetensors.h"

#define GF_SAFETENSORS_META "__metadata__"
#define GF_SAFETENSORS_DIGEST "graft.sha256"

typedef struct gf_safetensors_type {
    const char *name;
    size_t size;
    gf_dtype dtype; /* GF_DTYPES: graft has no such type */
} gf_safetensors_type;

/* NULL: not a type of the format. */
const gf_safetensors_type *gf_safetensors_type_named(const char *name);
const gf_safetensors_type *gf_safetensors_type_of(gf_dtype dtype);

/* The digest is taken in an order of its own, so that a tool that writes the same contents in another order
 * leaves it valid: metadata by key, then tensors by name, each with its dtype, shape and bytes. */
void gf_safetensors_digest_meta(gf_sha256_state *s, const gf_meta *meta);
void gf_safetensors_digest_tensor(gf_sha256_state *s, const char *name, const char *dtype, const gf_shape *shape,
                                  const void *data, size_t bytes);

/* For qsort: gf_meta by key. */
int gf_meta_by_key(const void *a, const void *b);

#endif
