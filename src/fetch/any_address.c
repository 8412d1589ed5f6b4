#include "fetch/any_address.h"

#include "base/alloc.h"
#include "base/hash.h"

#include <string.h>

enum { HEX = 64, SHOWN = 8, NAME = 120, MOST_URL = 4096 };

/* What a file of an unknown size may have at most. */
static const int64_t LARGEST = (int64_t)1 << 40;

bool gf_is_address(const char *text) { return !strncmp(text, "http://", 7) || !strncmp(text, "https://", 8); }

graft_status gf_sha256_read(char out[65], const char *text, graft_error *err)
{
    static const char digits[] = "0123456789abcdef";
    size_t n = strlen(text);
    for (size_t i = 0; i < HEX && n == HEX; i++) {
        char c = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] + 'a' - 'A') : text[i];
        if (!strchr(digits, c)) n = 0;
        out[i] = c;
    }
    out[HEX] = 0;
    if (n == HEX) return GRAFT_OK;
    return gf_fail(err, GF_E_OPTION_VALUE, "`sha256sum FILE` prints one", "sha256 %s: wanted are 64 hexadecimal digits",
                   GF_ESC(text));
}

/* Host and path without user, white space and control bytes. */
static graft_status check(const char *url, graft_error *err)
{
    const char *host = gf_is_address(url) ? strstr(url, "://") + 3 : "";
    size_t n = strcspn(host, "/?#");
    for (const char *s = url; *s; s++) {
        if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 127) n = 0;
    }
    if (!n || strlen(url) > MOST_URL) {
        return gf_fail(err, GF_E_OPTION_VALUE, "https://HOST/FILE is one", "%s: not an http(s) address", GF_ESC(url));
    }
    if (!memchr(host, '@', n)) return GRAFT_OK;
    return gf_fail(err, GF_E_OPTION_VALUE, "fetch it by other means and give the file",
                   "%s: user names and passwords in addresses are not taken", "the address");
}

graft_status gf_any_address_make(gf_any_address *a, const char *url, const char *sha256, graft_error *err)
{
    *a = (gf_any_address){.url = url};
    GF_TRY(check(url, err));
    if (sha256) GF_TRY(gf_sha256_read(a->sha256, sha256, err));
    char hex[65], name[NAME + 1];
    gf_sha256 digest = gf_sha256_of(url, strlen(url));
    gf_sha256_hex(&digest, hex);
    const char *host = strstr(url, "://") + 3, *end = host + strcspn(host, "?#"), *from = end;
    while (from > host && from[-1] != '/') from--;
    size_t n = from > host ? (size_t)(end - from) : 0;
    if (n > NAME) from += n - NAME, n = NAME; /* its ending says what it is */
    for (size_t i = 0; i < n; i++) {
        bool plain = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", from[i]) != NULL;
        name[i] = plain ? from[i] : '_';
    }
    name[n] = 0;
    a->file = gf_sprintf("%.*s-%s", SHOWN, hex, n ? name : "data");
    if (!a->file) return gf_fail_memory(err, NAME, "a file name");
    a->entry = (gf_weights_entry){.name = url,
                                  .source = url,
                                  .licence = "not known",
                                  .file = a->file,
                                  .size_least = 1,
                                  .size_most = LARGEST,
                                  .alpha = 1,
                                  .urls = &a->url,
                                  .n_urls = 1};
    if (sha256) a->entry.sha256 = a->sha256;
    return GRAFT_OK;
}

void gf_any_address_free(gf_any_address *a)
{
    gf_free(a->file);
    *a = (gf_any_address){0};
}
