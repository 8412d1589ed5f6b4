#include "report/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *gf_number_fixed(char buf[GF_NUMBER_SIZE], double x, int decimals)
{
    if (isnan(x)) return memcpy(buf, "-", 2);
    gf_number_decimals(buf, x, decimals);
    if (buf[0] == '-' && buf[strspn(buf, "-0.")] == 0) memmove(buf, buf + 1, strlen(buf)); /* no "-0.00" */
    return buf;
}

const char *gf_number_percent(char buf[GF_NUMBER_SIZE], double share, int decimals)
{
    gf_number_fixed(buf, 100 * share, decimals);
    size_t n = strlen(buf);
    if (!isnan(share) && n + 3 <= GF_NUMBER_SIZE) memcpy(buf + n, " %", 3);
    return buf;
}

const char *gf_number_probability(char buf[GF_NUMBER_SIZE], double p)
{
    bool nearly = p >= 0.9995 && p < 1; /* would be rounded to 100.0 */
    return nearly ? memcpy(buf, "> 99.9 %", sizeof "> 99.9 %") : gf_number_percent(buf, p, 1);
}

const char *gf_number_count(char buf[GF_NUMBER_SIZE], unsigned long long n)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%llu", n);
    char *p = buf;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0) *p++ = ',';
        *p++ = digits[i];
    }
    *p = 0;
    return buf;
}

const char *gf_number_duration(char buf[GF_NUMBER_SIZE], double seconds)
{
    if (!(seconds >= 0 && seconds < 1e9)) return memcpy(buf, "-", 2);
    if (seconds < 9.95) {
        gf_number_decimals(buf, seconds, 1);
        memcpy(buf + strlen(buf), " s", sizeof " s");
        return buf;
    }
    long s = lround(seconds);
    if (s < 60) {
        snprintf(buf, GF_NUMBER_SIZE, "%ld s", s);
    } else if (s < 3600) {
        snprintf(buf, GF_NUMBER_SIZE, "%ld min %ld s", s / 60, s % 60);
    } else {
        snprintf(buf, GF_NUMBER_SIZE, "%ld h %ld min", s / 3600, s % 3600 / 60);
    }
    return buf;
}

gf_ticks gf_ticks_cover(double low, double high, int most)
{
    if (!(isfinite(low) && isfinite(high))) low = 0, high = 1;
    if (high < low) high = low;
    if (high - low <= 1e-12 * fmax(fabs(low), fabs(high))) { /* one value: a unit of its own size around it */
        double around = low == 0 ? 1 : fabs(low) / 2;
        low -= around;
        high += around;
    }
    double rough = (high - low) / (most > 1 ? most - 1 : 1);
    double power = pow(10, floor(log10(rough))), lead = rough / power;
    double step = (lead <= 1.0000001 ? 1 : lead <= 2.0000001 ? 2 : lead <= 5.0000001 ? 5 : 10) * power;
    double first = floor(low / step + 1e-9) * step, last = ceil(high / step - 1e-9) * step;
    int decimals = (int)-floor(log10(step) + 1e-9);
    return (gf_ticks){first, step, (int)lround((last - first) / step) + 1, decimals > 0 ? decimals : 0};
}
