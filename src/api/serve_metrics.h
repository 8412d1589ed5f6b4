/* serve_metrics.h - what a server counts, as Prometheus reads it. Of the server's thread alone. */
#ifndef GF_API_SERVE_METRICS_H
#define GF_API_SERVE_METRICS_H

#include "base/alloc.h"

enum { GF_BUCKETS = 13, GF_SERVE_STATUSES = 32, GF_SERVE_ROUTES = 32 };

typedef struct gf_histogram {
    uint64_t bucket[GF_BUCKETS + 1]; /* the last: above all bounds */
    double sum;
} gf_histogram;

typedef struct gf_serve_metrics {
    double began;
    uint64_t requests[GF_SERVE_ROUTES][GF_SERVE_STATUSES]; /* by route (the last: no route) and place in the statuses */
    uint64_t images_good, images_bad, cancelled, rejected_busy, rejected_deadline;
    gf_histogram request, queue, decode, run;
} gf_serve_metrics;

void gf_histogram_add(gf_histogram *h, double seconds);
void gf_serve_count(gf_serve_metrics *m, int route, int status);
struct graft_serve;
void gf_serve_metrics_text(const struct graft_serve *s, gf_text *t);

#endif
