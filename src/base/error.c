#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

const char *graft_status_text(graft_status status)
{
    switch (status) {
#define ROW(name, code, text) \
    case GRAFT_##name: return text;
        GRAFT_STATUS_MAP(ROW)
#undef ROW
    }
    return "unknown status";
}

const char *gf_error_title(int number)
{
    switch (number) {
#define GF_E(name, number, title) \
    case number:                  \
        return title;
#include "base/errors.def"
#undef GF_E
    default: return NULL;
    }
}

static graft_status status_of(int number)
{
    static const graft_status by_thousand[10] = {
        GRAFT_INTERNAL, GRAFT_DATA,    GRAFT_WEIGHTS,  GRAFT_USAGE,  GRAFT_INTERNAL,
        GRAFT_RESOURCE, GRAFT_NETWORK, GRAFT_DIVERGED, GRAFT_WORKER, GRAFT_INTERNAL,
    };
    return by_thousand[(number / 1000) % 10];
}

graft_status gf_fail(graft_error *err, gf_errno number, const char *hint, const char *fmt, ...)
{
    graft_status status = status_of(number);
    if (!err) return status;
    err->status = status;
    err->number = number;
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->message, sizeof err->message, fmt, args);
    va_end(args);
    snprintf(err->hint, sizeof err->hint, "%s", hint ? hint : "");
    return status;
}

graft_status gf_fail_errno(graft_error *err, gf_errno number, int sys_errno, const char *what, const char *path)
{
    const char *hint = NULL;
    if (sys_errno == ENOSPC || sys_errno == EDQUOT) {
        number = GF_E_NO_SPACE;
        hint = "free some space, or write to another disk";
    } else if (sys_errno == ENOMEM) {
        number = GF_E_NO_MEMORY;
    }
    char text[128];
    const char *reason = strerror_r(sys_errno, text, sizeof text);
    return gf_fail(err, number, hint, "%s: %s: %s", GF_ESC(path), what, reason);
}

graft_status gf_fail_memory(graft_error *err, size_t bytes, const char *what)
{
    return gf_fail(err, GF_E_NO_MEMORY, "use a smaller batch or size, or fewer threads", "no memory for %s (%zu bytes)",
                   what, bytes);
}

/* Length of a valid, printable UTF-8 sequence at s, else 0 (RFC 3629; C1 controls are not printable). */
static size_t utf8_printable(const unsigned char *s)
{
    if (s[0] >= 0x20 && s[0] < 0x7f) return 1;
    size_t n = s[0] >= 0xf0 && s[0] <= 0xf4 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 0;
    if (!n || s[0] > 0xf4) return 0;
    uint32_t cp = s[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) return 0;
        cp = cp << 6 | (s[i] & 0x3f);
    }
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    bool surrogate = cp >= 0xd800 && cp < 0xe000;
    bool control = cp < 0xa0 || cp == 0x2028 || cp == 0x2029 || (cp >= 0x202a && cp <= 0x202e);
    return cp < least[n] || cp > 0x10ffff || surrogate || control ? 0 : n;
}

const char *gf_escape(char *buf, size_t size, const char *s)
{
    static const char hex[] = "0123456789abcdef";
    size_t at = 0;
    for (const unsigned char *p = (const unsigned char *)(s ? s : "(none)"); *p;) {
        size_t n = utf8_printable(p);
        if (at + (n ? n : 4) + 1 > size) break;
        if (n) {
            memcpy(buf + at, p, n);
            at += n;
            p += n;
        } else {
            buf[at++] = '\\';
            buf[at++] = 'x';
            buf[at++] = hex[*p >> 4];
            buf[at++] = hex[*p++ & 15];
        }
    }
    if (size) buf[at < size ? at : size - 1] = 0;
    return buf;
}
