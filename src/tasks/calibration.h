/* calibration.h - whether a classifier's probabilities mean what they say, and what makes them so.
 *
 * Sums are made in f64, in an order that depends on the samples alone: the same bits for any number of threads.
 *
 * Calibration error: Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning",
 * 2015; temperature: Guo et al., "On calibration of modern neural networks", 2017; threshold: Geifman and El-Yaniv,
 * "Selective classification for deep neural networks", 2017. */
#ifndef GF_TASKS_CALIBRATION_H
#define GF_TASKS_CALIBRATION_H

#include "tasks/measure.h"

enum { GF_RELIABILITY_BINS = 15, GF_PROMISES = 52, GF_PROMISE_LEAST = 50 /* images */ };

/* What softmax makes of one sample. */
typedef struct gf_sureness {
    double confidence; /* the greatest probability */
    double loss;       /* minus the logarithm of the true class's */
    double squares;    /* the sum of squared differences from the truth */
    bool right;        /* the greatest is the true class's */
} gf_sureness;

/* z[classes]: logits (of two classes that share one logit: 0 and that logit), which are multiplied by `beta`, one over
 * the temperature. */
gf_sureness gf_sureness_of(const float *z, size_t classes, int32_t truth, double beta);
/* Order of qsort: the surest first. */
int gf_surest_first(const void *a, const void *b);

typedef struct gf_reliability_bin {
    uint64_t images, right;
    double confidence; /* the sum of the greatest probabilities */
} gf_reliability_bin;

typedef struct gf_reliability {
    uint64_t images;
    double error;            /* expected calibration error: bins of equal width, (k/15, (k+1)/15] */
    double equal_mass_error; /* the same with bins of as many images each */
    double log_loss, brier;  /* Brier's score as scikit-learn has it: of two classes half the sum of squares */
    gf_reliability_bin bin[GF_RELIABILITY_BINS];
} gf_reliability;

/* Of all samples of a set, the surest first. No samples: all numbers are NaN. */
gf_reliability gf_reliability_of(const gf_sureness *sorted, size_t n, size_t classes);

/* The beta in e^-10 .. e^10 of least log loss over all samples (truth and score), which is convex in it. NaN for none.
 */
double gf_fit_beta(const gf_outcomes *all);

/* "Of the images whose greatest probability is `threshold` or more, `accuracy` are right": the least such threshold for
 * which the 95 % interval (Wilson) of the accuracy among these begins there, of GF_PROMISE_LEAST images or more. */
typedef struct gf_promise {
    double accuracy;  /* promised */
    double threshold; /* of the greatest probability */
    double coverage;  /* the share of images that have it */
} gf_promise;

/* For accuracies of 50 % to 99 % by one, 99.5 % and 99.9 %, those that can be promised, the lowest first; returns how
 * many. A threshold lies between two samples' probabilities, so that rounding does not matter. */
size_t gf_promises_of(gf_promise promise[GF_PROMISES], const gf_sureness *sorted, size_t n);
/* The first that promises as much; NULL: none does. */
const gf_promise *gf_promise_for(const gf_promise *promise, size_t n, double accuracy);

#endif
