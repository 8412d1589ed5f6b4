/* answer.c - the bytes of an answer. */
#include "http/answer.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MOST_HEAD = 1024 };

/* As RFC 9110 has it, whatever the locale. */
static void write_date(char *to, size_t size)
{
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t now = time(NULL);
    struct tm t;
    if (!gmtime_r(&now, &t)) t = (struct tm){.tm_mday = 1, .tm_year = 70, .tm_wday = 4};
    snprintf(to, size, "%.3s, %02d %.3s %d %02d:%02d:%02d GMT", days + 3 * t.tm_wday, t.tm_mday, months + 3 * t.tm_mon,
             t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

char *gf_http_answer_bytes(const gf_http_answer *a, bool head_only, bool close, size_t *n)
{
    char date[64], head[MOST_HEAD];
    write_date(date, sizeof date);
    int length = snprintf(head, sizeof head,
                          "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                          "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nConnection: %s\r\n",
                          a->status, gf_http_reason(a->status), date, a->type, a->n, close ? "close" : "keep-alive");
    const char *extra = a->extra ? a->extra : "";
    size_t h = (size_t)length, e = strlen(extra), body = head_only ? 0 : a->n;
    if (length < 0 || h >= sizeof head) return NULL;
    char *bytes = gf_alloc_raw(h + e + 2 + body, 1);
    if (!bytes) return NULL;
    memcpy(bytes, head, h);
    memcpy(bytes + h, extra, e);
    memcpy(bytes + h + e, "\r\n", 2);
    if (body) memcpy(bytes + h + e + 2, a->body, body);
    *n = h + e + 2 + body;
    return bytes;
}
