/* number.h - numbers as people read them, the same in every locale; round numbers for axes.
 *
 * Every real number of a report passes through here: printf's own %g follows the user's decimal comma. */
#ifndef GF_REPORT_NUMBER_H
#define GF_REPORT_NUMBER_H

#include "base/number.h"

/* `decimals` (0 to 20) digits behind the point (%.*f); "-" for NaN, as tables show it. */
const char *gf_number_fixed(char buf[GF_NUMBER_SIZE], double x, int decimals);
/* 0.9812 -> "98.1 %"; whole percents with decimals = 0; "-" for NaN. */
const char *gf_number_percent(char buf[GF_NUMBER_SIZE], double share, int decimals);
/* A probability: 0.9812 -> "98.1 %"; nearly sure is not sure: 0.99996 -> "> 99.9 %". */
const char *gf_number_probability(char buf[GF_NUMBER_SIZE], double p);
/* 2257984 -> "2,257,984". */
const char *gf_number_count(char buf[GF_NUMBER_SIZE], unsigned long long n);
/* 341.2 -> "5 min 41 s". */
const char *gf_number_duration(char buf[GF_NUMBER_SIZE], double seconds);

#define GF_FIXED(x, decimals) gf_number_fixed((char[GF_NUMBER_SIZE]){0}, (x), (decimals))
#define GF_PERCENT(x, decimals) gf_number_percent((char[GF_NUMBER_SIZE]){0}, (x), (decimals))
#define GF_PROBABILITY(p) gf_number_probability((char[GF_NUMBER_SIZE]){0}, (p))
#define GF_COUNT(n) gf_number_count((char[GF_NUMBER_SIZE]){0}, (n))
#define GF_DURATION(s) gf_number_duration((char[GF_NUMBER_SIZE]){0}, (s))

/* Ticks at round numbers (steps of 1, 2 or 5 times a power of ten) that cover [low, high]; at most `most` + 1 of
 * them. Tick i is first + i * step. After Heckbert, "Nice numbers for graph labels", Graphics Gems, 1990. */
typedef struct gf_ticks {
    double first, step;
    int n, decimals;
} gf_ticks;
gf_ticks gf_ticks_cover(double low, double high, int most);
static inline double gf_tick(const gf_ticks *t, int i) { return t->first + i * t->step; }
static inline double gf_tick_last(const gf_ticks *t) { return gf_tick(t, t->n - 1); }

#endif
