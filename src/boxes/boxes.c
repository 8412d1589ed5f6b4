/* boxes.c - overlap, and non-maximum suppression. */
#include "boxes/boxes.h"

#include "base/alloc.h"

#include <stdlib.h>

static double least(double a, double b) { return a < b ? a : b; }
static double most_of(double a, double b) { return a > b ? a : b; }

double gf_box_iou(const gf_box *found, const gf_box *truth, bool crowd)
{
    double w = least(found->x + found->w, truth->x + truth->w) - most_of(found->x, truth->x);
    if (!(w > 0)) return 0;
    double h = least(found->y + found->h, truth->y + truth->h) - most_of(found->y, truth->y);
    if (!(h > 0)) return 0;
    double both = w * h, area = found->w * found->h;
    return both / (crowd ? area : area + truth->w * truth->h - both);
}

typedef struct ranked {
    float score;
    size_t at;
} ranked;

static int by_score(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->at < y->at ? -1 : 1;
}

static float area_of(const gf_corners *b) { return (b->x2 - b->x1) * (b->y2 - b->y1); }

static bool overlap(const gf_corners *a, const gf_corners *b, double most)
{
    float w = (a->x2 < b->x2 ? a->x2 : b->x2) - (a->x1 > b->x1 ? a->x1 : b->x1);
    float h = (a->y2 < b->y2 ? a->y2 : b->y2) - (a->y1 > b->y1 ? a->y1 : b->y1);
    float both = (w > 0 ? w : 0) * (h > 0 ? h : 0);
    float iou = both / (area_of(a) + area_of(b) - both);
    return (double)iou > most;
}

graft_status gf_nms(const gf_corners *box, const float *score, size_t n, double most, size_t *keep, size_t *kept,
                    graft_error *err)
{
    *kept = 0;
    ranked *order = gf_new_n(n, ranked);
    if (!order) return gf_fail_memory(err, n * sizeof *order, "detections");
    for (size_t i = 0; i < n; i++) order[i] = (ranked){score[i], i};
    qsort(order, n, sizeof *order, by_score);
    for (size_t i = 0; i < n; i++) {
        bool dropped = false;
        for (size_t k = 0; k < *kept && !dropped; k++) dropped = overlap(&box[keep[k]], &box[order[i].at], most);
        if (!dropped) keep[(*kept)++] = order[i].at;
    }
    gf_free(order);
    return GRAFT_OK;
}
