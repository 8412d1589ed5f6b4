/* detect.c - candidates in a total order, and suppression of what overlaps a better one. */
#include "boxes/detect.h"

#include "base/alloc.h"

#include <math.h>
#include <stdlib.h>

typedef struct candidate {
    float z;
    int32_t class_id;
    size_t place;
} candidate;

static int by_score(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->z != y->z) return x->z > y->z ? -1 : 1;
    if (x->class_id != y->class_id) return x->class_id < y->class_id ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

/* The logits that are worth a look: those of at least the least score, so that no sigmoid is taken of the others. */
static size_t gather(const gf_grids *p, int classes, const float *out, const gf_detect_options *o, candidate *to)
{
    double least = o->least > 0 ? log(o->least / (1 - o->least)) : -INFINITY;
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        const float *x = out + i * (size_t)(classes + GF_SIDES);
        int best = 0;
        for (int c = 0; c < classes; c++) {
            if (o->every_class && (double)x[c] >= least) to[n++] = (candidate){x[c], c, i};
            if (x[c] > x[best]) best = c;
        }
        if (!o->every_class && (double)x[best] >= least) to[n++] = (candidate){x[best], best, i};
    }
    return n;
}

/* The ratio is computed in f32 and compared as a double, as gf_nms does. */
static gf_corners corners(const gf_extent *e)
{
    return (gf_corners){(float)e->x1, (float)e->y1, (float)e->x2, (float)e->y2};
}

static bool is_dropped(const gf_detected *found, size_t n, const gf_detected *one, double overlap)
{
    gf_corners b = corners(&one->box);
    for (size_t k = 0; k < n; k++) {
        gf_corners a = corners(&found[k].box);
        if (found[k].class_id == one->class_id && gf_corners_overlap(&a, &b, overlap)) return true;
    }
    return false;
}

graft_status gf_detect(const gf_grids *p, int classes, const float *out, const gf_detect_options *o, gf_detected *found,
                       size_t *n, graft_error *err)
{
    size_t room = p->n * (o->every_class ? (size_t)classes : 1);
    candidate *all = gf_new_n(room, candidate);
    *n = 0;
    if (!all) return gf_fail_memory(err, room * sizeof *all, "detections");
    size_t count = gather(p, classes, out, o, all);
    qsort(all, count, sizeof *all, by_score);
    for (size_t i = 0; i < count && i < o->candidates && *n < o->most; i++) {
        const float *x = out + all[i].place * (size_t)(classes + GF_SIDES);
        double z = (double)all[i].z;
        gf_detected one = {gf_place_box(gf_place_at(p, all[i].place), x + classes), all[i].class_id,
                           (float)(1 / (1 + exp(-z)))};
        if (!is_dropped(found, *n, &one, o->overlap)) found[(*n)++] = one;
    }
    gf_free(all);
    return GRAFT_OK;
}
