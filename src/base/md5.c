#include "base/md5.h"

#include "base/alloc.h"

#include <nettle/md5.h>

struct gf_md5_state {
    struct md5_ctx ctx;
};

gf_md5_state *gf_md5_begin(void)
{
    gf_md5_state *s = gf_new(gf_md5_state);
    if (s) md5_init(&s->ctx);
    return s;
}

void gf_md5_add(gf_md5_state *s, const void *data, size_t n) { md5_update(&s->ctx, n, data); }

void gf_md5_end(gf_md5_state *s, char hex[33])
{
    static const char digit[] = "0123456789abcdef";
    unsigned char byte[MD5_DIGEST_SIZE];
    md5_digest(&s->ctx, sizeof byte, byte);
    for (int i = 0; i < MD5_DIGEST_SIZE; i++) {
        hex[2 * i] = digit[byte[i] >> 4];
        hex[2 * i + 1] = digit[byte[i] & 15];
    }
    hex[32] = 0;
    gf_free(s);
}
