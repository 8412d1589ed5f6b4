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

/* The polynomials, lowest bit first. */
static const uint32_t crc_zip = 0xedb88320u, crc_castagnoli = 0x82f63b78u;

static uint32_t crc_bit_by_bit(uint32_t polynomial, uint32_t crc, const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (polynomial & (0u - (crc & 1)));
    }
    return crc;
}

/* Eight bytes at a time (Kounavis & Berry, "A systematic approach to building high performance software-based CRC
 * generators", 2005): table[k][b] is the remainder of byte b with k zero bytes behind it. The tables are made in the
 * call, some microseconds, so that none is kept; shorter pieces do without them. */
static uint32_t crc_sliced(uint32_t polynomial, uint32_t crc, const unsigned char *p, size_t n)
{
    uint32_t table[8][256];
    for (uint32_t b = 0; b < 256; b++) {
        table[0][b] = crc_bit_by_bit(polynomial, 0, &(unsigned char){(unsigned char)b}, 1);
    }
    for (int k = 1; k < 8; k++) {
        for (int b = 0; b < 256; b++) table[k][b] = table[k - 1][b] >> 8 ^ table[0][table[k - 1][b] & 255];
    }
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        const unsigned char *q = p + i;
        uint32_t low = crc ^ ((uint32_t)q[0] | (uint32_t)q[1] << 8 | (uint32_t)q[2] << 16 | (uint32_t)q[3] << 24);
        crc = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^ table[4][low >> 24] ^
              table[3][q[4]] ^ table[2][q[5]] ^ table[1][q[6]] ^ table[0][q[7]];
    }
    return crc_bit_by_bit(polynomial, crc, p + i, n - i);
}

static uint32_t crc_of(uint32_t polynomial, uint32_t before, const void *data, size_t n)
{
    enum { WORTH_TABLES = 4096 };
    if (!n) return before;
    return ~(n < WORTH_TABLES ? crc_bit_by_bit : crc_sliced)(polynomial, ~before, data, n);
}

uint32_t gf_crc32c(const void *data, size_t n) { return crc_of(crc_castagnoli, 0, data, n); }
uint32_t gf_crc32(const void *data, size_t n) { return crc_of(crc_zip, 0, data, n); }
uint32_t gf_crc32_add(uint32_t before, const void *data, size_t n) { return crc_of(crc_zip, before, data, n); }
