/* hash.h - SHA-256 (nettle) for what is kept, FNV-1a for tables, CRC-32C for TensorBoard's records, CRC-32 for zips. */
#ifndef GF_BASE_HASH_H
#define GF_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct gf_sha256 {
    unsigned char byte[32];
} gf_sha256;

gf_sha256 gf_sha256_of(const void *data, size_t n);

/* Digest of several pieces in order. */
typedef struct gf_sha256_state gf_sha256_state;
gf_sha256_state *gf_sha256_begin(void); /* NULL: no memory */
void gf_sha256_add(gf_sha256_state *s, const void *data, size_t n);
gf_sha256 gf_sha256_end(gf_sha256_state *s); /* frees s */

void gf_sha256_hex(const gf_sha256 *digest, char hex[65]);

uint32_t gf_crc32c(const void *data, size_t n);
uint32_t gf_crc32(const void *data, size_t n);
/* Of several pieces: `before` is that of those so far, 0 for none. */
uint32_t gf_crc32_add(uint32_t before, const void *data, size_t n);

#endif
