/* distribution.h - random numbers of other distributions, by rejection where that is simplest: how many uniform ones
 * they take differs, so each user has a stream of its own. The same bits on every CPU, which libm's functions do not
 * give. */
#ifndef GF_BASE_DISTRIBUTION_H
#define GF_BASE_DISTRIBUTION_H

#include "base/rng.h"

double gf_log(double x); /* x > 0, finite; to 1e-15 */
double gf_exp(double x); /* to 1e-14; 0 below -700, infinity's place is taken by exp(700) */

double gf_rng_beta(gf_rng *r, double a, double b); /* a, b > 0; in [0, 1] */
double gf_rng_normal(gf_rng *r);                   /* mean 0, deviation 1: Marsaglia's polar method */

#endif
