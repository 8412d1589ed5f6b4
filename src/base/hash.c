#include "base/hash.h"

#include "base/alloc.h"

#include <nettle/sha2.h>

struct gf_sha256_state {
    struct sha256_ctx ctx;
};

gf_sha256 gf_sha256_of(const void *data, size_t n)
{
    struct sha256_ctx ctx;
    gf_sha256 digest;
    sha256_init(&ctx);
    sha256_update(&ctx, n, data);
    sha256_digest(&ctx, sizeof digest.byte, digest.byte);
    return digest;
}

gf_sha256_state *gf_sha256_begin(void)
{
    gf_sha256_state *s = gf_new(gf_sha256_state);
    if (s) sha256_init(&s->ctx);
    return s;
}

void gf_sha256_add(gf_sha256_state *s, const void *data, size_t n) { sha256_update(&s->ctx, n, data); }

gf_sha256 gf_sha256_end(gf_sha256_state *s)
{
    gf_sha256 digest;
    sha256_digest(&s->ctx, sizeof digest.byte, digest.byte);
    gf_free(s);
    return digest;
}

void gf_sha256_hex(const gf_sha256 *digest, char hex[65])
{
    static const char digit[] = "0123456789abcdef";
    for (int i = 0; i < 32; i++) {
        hex[2 * i] = digit[digest->byte[i] >> 4];
        hex[2 * i + 1] = digit[digest->byte[i] & 15];
    }
    hex[64] = 0;
}

uint64_t gf_fnv1a(const void *data, size_t n)
{
    const unsigned char *p = data;
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * 0x100000001b3u;
    return h;
}

uint32_t gf_crc32c(const void *data, size_t n)
{
    const unsigned char *p = data;
    uint32_t crc = ~0u;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (0x82f63b78u & (0u - (crc & 1)));
    }
    return ~crc;
}
