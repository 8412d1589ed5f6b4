/* bootstrap.h - how sure the metrics of an evaluation are: 95 % intervals by resampling its samples (Efron, "Bootstrap
 * methods: another look at the jackknife", 1979; percentiles of 2,000 resamples). */
#ifndef GF_TASKS_BOOTSTRAP_H
#define GF_TASKS_BOOTSTRAP_H

#include "base/threads.h"
#include "tasks/measure.h"

enum { GF_RESAMPLES = 2000 };

/* bounds[i]: the interval of metric i of the evaluation's list; NaN where a resample gives no number. The evaluation
 * keeps all of its samples (gf_evaluation_expect with `keep`). The same for any number of threads. */
graft_status gf_bootstrap(const gf_evaluation *e, gf_pool *pool, double bounds[GF_MAX_METRICS][2], graft_error *err);

/* The 2.5 and 97.5 percentiles of what the resamples gave, as numpy has them; NaN where one of these is no number.
 * Sorts `value`. */
void gf_percentile_bounds(double value[GF_RESAMPLES], double bounds[2]);

#endif
