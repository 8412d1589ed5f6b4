/* number.h - decimal numbers as text and back, the same in every locale. */
#ifndef GF_BASE_NUMBER_H
#define GF_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

enum { GF_NUMBER_SIZE = 352 }; /* holds %.9g and %.*f of any double, and its NUL */

/* `digits` significant digits (%.*g); "nan", "inf", "-inf" where it is none. Returns buf. */
const char *gf_number_general(char buf[GF_NUMBER_SIZE], double x, int digits);
/* The fewest digits that read back as x. */
const char *gf_number_shortest(char buf[GF_NUMBER_SIZE], double x);
/* printf's %.*f */
const char *gf_number_decimals(char buf[GF_NUMBER_SIZE], double x, int decimals);

#define GF_GENERAL(x, digits) gf_number_general((char[GF_NUMBER_SIZE]){0}, (x), (digits))

/* "10m", "1h30m", "45s", "2.5h", "600": a time in seconds, as a person writes it; false where it is none, or not above
 * 0. */
bool gf_number_seconds(const char *s, double *seconds);

/* The n bytes at s as one number, all of them; false where they are none. "nan" and "inf" are numbers. */
bool gf_number_parse(const char *s, size_t n, double *out);

#endif
