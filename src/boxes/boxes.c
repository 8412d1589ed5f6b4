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

bool gf_corners_overlap(const gf_corners *a, const gf_corners *b, double most)
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
        for (size_t k = 0; k < *kept && !dropped; k++)
            dropped = gf_corners_overlap(&box[keep[k]], &box[order[i].at], most);
        if (!dropped) keep[(*kept)++] = order[i].at;
    }
    gf_free(order);
    return GRAFT_OK;
}

/* ---- lists of detections */

typedef struct member {
    int64_t image, category;
    size_t at;
} member;

static int by_group(const void *a, const void *b)
{
    const member *x = a, *y = b;
    if (x->image != y->image) return x->image < y->image ? -1 : 1;
    if (x->category != y->category) return x->category < y->category ? -1 : 1;
    return x->at < y->at ? -1 : 1;
}

typedef struct suppression {
    gf_detection *list;
    member *member;
    gf_corners *box;
    float *score;
    size_t *keep;
    bool *kept; /* [list] */
} suppression;

static graft_status book(suppression *s, size_t n, graft_error *err)
{
    s->member = gf_new_n(n, member);
    s->box = gf_new_n(n, gf_corners);
    s->score = gf_new_n(n, float);
    s->keep = gf_new_n(n, size_t);
    s->kept = gf_new_n(n, bool);
    if (s->member && s->box && s->score && s->keep && s->kept) return GRAFT_OK;
    return gf_fail_memory(err, n * (sizeof(member) + sizeof(gf_corners)), "detections");
}

static void release(suppression *s)
{
    gf_free(s->member);
    gf_free(s->box);
    gf_free(s->score);
    gf_free(s->keep);
    gf_free(s->kept);
}

/* Members from .. from + n - 1 are one image's of one category. */
static graft_status suppress_group(suppression *s, size_t from, size_t n, double most, graft_error *err)
{
    size_t kept;
    for (size_t i = 0; i < n; i++) {
        const gf_detection *d = &s->list[s->member[from + i].at];
        const gf_box *b = &d->box;
        s->box[i] = (gf_corners){(float)b->x, (float)b->y, (float)(b->x + b->w), (float)(b->y + b->h)};
        s->score[i] = (float)d->score;
    }
    GF_TRY(gf_nms(s->box, s->score, n, most, s->keep, &kept, err));
    for (size_t i = 0; i < kept; i++) s->kept[s->member[from + s->keep[i]].at] = true;
    return GRAFT_OK;
}

static graft_status suppress_all(suppression *s, size_t n, double most, graft_error *err)
{
    for (size_t i = 0; i < n; i++) s->member[i] = (member){s->list[i].image, s->list[i].category, i};
    qsort(s->member, n, sizeof *s->member, by_group);
    for (size_t from = 0, to; from < n; from = to) {
        const member *m = &s->member[from];
        for (to = from + 1; to < n && s->member[to].image == m->image && s->member[to].category == m->category;) to++;
        GF_TRY(suppress_group(s, from, to - from, most, err));
    }
    return GRAFT_OK;
}

graft_status gf_suppress(gf_detection *list, size_t *n, double most, graft_error *err)
{
    suppression s = {.list = list};
    size_t left = 0;
    graft_status status = book(&s, *n, err);
    if (status == GRAFT_OK) status = suppress_all(&s, *n, most, err);
    for (size_t i = 0; status == GRAFT_OK && i < *n; i++)
        if (s.kept[i]) list[left++] = list[i];
    if (status == GRAFT_OK) *n = left;
    release(&s);
    return status;
}
