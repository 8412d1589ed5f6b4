#include "base/number.h"

#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The calling thread's locale is set to "C" for one conversion and put back: no other thread sees it. glibc keeps the
 * "C" locale as a constant, so that newlocale allocates nothing. */
static void print_c(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void print_c(char *buf, size_t size, const char *fmt, ...)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before = plain ? uselocale(plain) : (locale_t)0;
    va_list args;
    va_start(args, fmt);
    vsnprintf(buf, size, fmt, args);
    va_end(args);
    if (plain) {
        uselocale(before);
        freelocale(plain);
    }
}

const char *gf_number_general(char buf[GF_NUMBER_SIZE], double x, int digits)
{
    if (isnan(x)) return memcpy(buf, "nan", 4); /* printf may write -nan */
    print_c(buf, GF_NUMBER_SIZE, "%.*g", digits, x);
    return buf;
}

const char *gf_number_shortest(char buf[GF_NUMBER_SIZE], double x)
{
    enum { FEW = 6, ALL = 17 };
    for (int digits = FEW; digits <= ALL; digits++) {
        double back;
        gf_number_general(buf, x, digits);
        if (gf_number_parse(buf, strlen(buf), &back) && back == x) break;
    }
    return buf;
}

const char *gf_number_decimals(char buf[GF_NUMBER_SIZE], double x, int decimals)
{
    print_c(buf, GF_NUMBER_SIZE, "%.*f", decimals, x);
    return buf;
}

bool gf_number_parse(const char *s, size_t n, double *out)
{
    char text[64];
    if (n == 0 || n >= sizeof text || memchr(s, 0, n) || strchr(" \t\n\v\f\r", s[0])) return false;
    memcpy(text, s, n);
    text[n] = 0;
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!plain) return false;
    char *end;
    *out = strtod_l(text, &end, plain);
    freelocale(plain);
    return end == text + n;
}

bool gf_number_seconds(const char *s, double *seconds)
{
    static const struct {
        char letter;
        double seconds;
    } units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
    enum { UNITS = sizeof units / sizeof *units };
    double sum = 0, x;
    for (size_t unit = 0; *s; s++) { /* units in their order, each once */
        size_t n = strspn(s, "0123456789.");
        if (!n || !gf_number_parse(s, n, &x)) return false;
        bool bare = !s[n] && sum == 0 && !unit;
        while (unit < UNITS && units[unit].letter != s[n] && !bare) unit++;
        if (unit == UNITS) return false;
        sum += x * (bare ? 1 : units[unit++].seconds);
        s += n - bare;
    }
    *seconds = sum;
    return sum > 0 && isfinite(sum);
}
