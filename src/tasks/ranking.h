/* ranking.h - metrics of how the samples of a whole set are ranked by the probability of a class. */
#ifndef GF_TASKS_RANKING_H
#define GF_TASKS_RANKING_H

#include "tasks/metric.h"

/* The mean of a class's score, of the samples by its probability, the largest first, over the classes for which `of` is
 * not NaN; of two classes that of the second. NaN where there is none. */
/* The samples by the score of class c, the largest first. */
void gf_rank_by(gf_ranked *rank, const gf_outcomes *o, size_t c);
/* The sum of (R_k - R_k-1) P_k over distinct scores, without interpolation; NaN where no sample is of the class. */
double gf_average_precision(const gf_ranked *rank, size_t n);

double gf_mean_of_rankings(const gf_outcomes *o, gf_ranked *rank, double (*of)(const gf_ranked *rank, size_t n));

#endif
