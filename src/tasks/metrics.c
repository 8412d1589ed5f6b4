/* metrics.c - the table of metrics. */
#include "tasks/metric.h"

const gf_metric_class *gf_metric_class_at(size_t i)
{
    static const gf_metric_class *const table[] = {
#define GF_METRIC(x) &gf_metric_##x,
#include "tasks/metrics.def"
#undef GF_METRIC
    };
    return i < sizeof table / sizeof *table ? table[i] : NULL;
}
