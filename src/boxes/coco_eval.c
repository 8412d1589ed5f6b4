/* coco_eval.c - COCO's measures.
 *
 * Per category: in each image detections are matched with labelled boxes, for each area range and overlap; then all
 * images' detections, best first, give precision and recall. What pycocotools leaves to the order of its loops and to
 * stable sorting is spelled out here by tie-breaks, so that every order is a total one. */
#include "boxes/coco_eval.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 100 }; /* detections of an image that are looked at */
static const size_t most_of[GF_COCO_MOSTS] = {1, 10, MOST};
static const struct range {
    double low, high;
} area_range[GF_COCO_AREAS] = {{0, 1e10}, {0, 1024}, {1024, 9216}, {9216, 1e10}};

/* As numpy.linspace(.5, .95, 10) gives them: steps from the start, the end itself. */
static double overlap_wanted(int t)
{
    const double from = 0.5, to = 0.95, step = (to - from) / (GF_COCO_OVERLAPS - 1);
    return t == GF_COCO_OVERLAPS - 1 ? to : t * step + from;
}

static double recall_wanted(int r) { return r == GF_COCO_RECALLS - 1 ? 1 : r * 0.01; }

/* A detection that was matched: a bit per overlap. */
typedef struct found {
    double score;
    size_t at;     /* where it stood: images ascending, then best first */
    uint32_t rank; /* within its image and category */
    uint16_t right[GF_COCO_AREAS], ignored[GF_COCO_AREAS];
} found;

typedef struct evaluation {
    const gf_detection_set *set;
    gf_coco *out;
    size_t *truth, *detection;     /* their numbers, ordered by category, image, and: as listed; best first */
    size_t truth_at, detection_at; /* the first that is not looked at yet */
    found *found;                  /* of one category */
    size_t n_found;
    double *iou; /* [detection][truth] of one image and category */
    size_t iou_room;
    uint8_t *taken; /* [truth], of one overlap */
    size_t *order;  /* truths of one image: those to be found first */
    double *precision;
    size_t *right; /* [found], counted up */
    size_t wanted[GF_COCO_AREAS];
} evaluation;

/* ---- order */

typedef struct key {
    int64_t category, image;
    double score;
    size_t at;
} key;

static int by_place(const void *a, const void *b)
{
    const key *x = a, *y = b;
    if (x->category != y->category) return x->category < y->category ? -1 : 1;
    if (x->image != y->image) return x->image < y->image ? -1 : 1;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->at < y->at ? -1 : 1;
}

static void take_order(key *k, size_t n, size_t *to)
{
    qsort(k, n, sizeof *k, by_place);
    for (size_t i = 0; i < n; i++) to[i] = k[i].at;
}

static graft_status put_in_order(evaluation *e, graft_error *err)
{
    const gf_detection_set *s = e->set;
    size_t n = s->truths > s->detections ? s->truths : s->detections;
    key *k = gf_new_n(n, key);
    if (!k) return gf_fail_memory(err, n * sizeof *k, "boxes");
    for (size_t i = 0; i < s->truths; i++) k[i] = (key){s->truth[i].category, s->truth[i].image, 0, i};
    take_order(k, s->truths, e->truth);
    for (size_t i = 0; i < s->detections; i++)
        k[i] = (key){s->detection[i].category, s->detection[i].image, s->detection[i].score, i};
    take_order(k, s->detections, e->detection);
    gf_free(k);
    return GRAFT_OK;
}

/* ---- one image, one category */

typedef struct scene {
    const size_t *truth, *detection; /* numbers */
    size_t truths, detections;
} scene;

static const gf_truth *truth_at(const evaluation *e, const scene *s, size_t i) { return &e->set->truth[s->truth[i]]; }

static bool outside(double area, const struct range *r) { return area < r->low || area > r->high; }

static bool is_crowd(const gf_truth *t) { return t->crowd || t->difficult; }

static bool is_ignored(const gf_truth *t, const struct range *r) { return is_crowd(t) || outside(t->area, r); }

static graft_status make_room(evaluation *e, const scene *s, graft_error *err)
{
    size_t n = s->truths * s->detections, bytes;
    if (n > e->iou_room) {
        if (!gf_mul_size(n, sizeof *e->iou, &bytes)) return gf_fail_memory(err, SIZE_MAX, "overlaps of boxes");
        gf_free(e->iou);
        e->iou_room = 0;
        e->iou = gf_new_n(n, double);
        if (!e->iou) return gf_fail_memory(err, bytes, "overlaps of boxes");
        e->iou_room = n;
    }
    for (size_t d = 0; d < s->detections; d++)
        for (size_t g = 0; g < s->truths; g++) {
            const gf_truth *t = truth_at(e, s, g);
            e->iou[d * s->truths + g] = gf_box_iou(&e->set->detection[s->detection[d]].box, &t->box, is_crowd(t));
        }
    return GRAFT_OK;
}

/* The truths in e->order: those that are to be found first, each kind as it is listed. Returns how many of those. */
static size_t order_truths(evaluation *e, const scene *s, const struct range *r)
{
    size_t n = 0, wanted;
    for (size_t g = 0; g < s->truths; g++)
        if (!is_ignored(truth_at(e, s, g), r)) e->order[n++] = g;
    wanted = n;
    for (size_t g = 0; g < s->truths; g++)
        if (is_ignored(truth_at(e, s, g), r)) e->order[n++] = g;
    return wanted;
}

/* The place in e->order of the truth that detection d gets, -1 for none: the one of largest overlap that is not taken
 * (a crowd can be taken often), of equal ones the last; one that is ignored only where no other fits. */
static ptrdiff_t best_truth(const evaluation *e, const scene *s, size_t d, size_t wanted, double least)
{
    ptrdiff_t best = -1;
    double top = least < 1 - 1e-10 ? least : 1 - 1e-10;
    for (size_t i = 0; i < s->truths; i++) {
        size_t g = e->order[i];
        if (e->taken[i] && !is_crowd(truth_at(e, s, g))) continue;
        if (best >= 0 && (size_t)best < wanted && i >= wanted) break;
        double iou = e->iou[d * s->truths + g];
        if (iou < top) continue;
        top = iou;
        best = (ptrdiff_t)i;
    }
    return best;
}

static void match(evaluation *e, const scene *s, int area, found *f)
{
    const struct range *r = &area_range[area];
    size_t wanted = order_truths(e, s, r);
    e->wanted[area] += wanted;
    for (int t = 0; t < GF_COCO_OVERLAPS; t++) {
        memset(e->taken, 0, s->truths);
        uint16_t bit = (uint16_t)(1 << t);
        for (size_t d = 0; d < s->detections; d++) {
            const gf_box *box = &e->set->detection[s->detection[d]].box;
            ptrdiff_t best = best_truth(e, s, d, wanted, overlap_wanted(t));
            bool ignored = best < 0 ? outside(box->w * box->h, r) : (size_t)best >= wanted;
            if (best >= 0) e->taken[best] = 1;
            if (best >= 0 && !ignored) f[d].right[area] |= bit;
            if (ignored) f[d].ignored[area] |= bit;
        }
    }
}

static graft_status evaluate_scene(evaluation *e, const scene *all, graft_error *err)
{
    scene s = *all;
    if (s.detections > MOST) s.detections = MOST;
    GF_TRY(make_room(e, &s, err));
    found *f = e->found + e->n_found;
    for (size_t d = 0; d < s.detections; d++)
        f[d] = (found){.score = e->set->detection[s.detection[d]].score, .at = e->n_found + d, .rank = (uint32_t)d};
    for (int area = 0; area < GF_COCO_AREAS; area++) match(e, &s, area, f);
    e->n_found += s.detections;
    return GRAFT_OK;
}

/* ---- one category */

static int by_score(const void *a, const void *b)
{
    const found *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->at < y->at ? -1 : 1;
}

static double *precision_at(const gf_coco *c, int t, int r, size_t k, int area, int most)
{
    size_t row = (size_t)t * GF_COCO_RECALLS + (size_t)r;
    return &c->precision[((row * c->categories + k) * GF_COCO_AREAS + (size_t)area) * GF_COCO_MOSTS + (size_t)most];
}

static double *recall_at(const gf_coco *c, int t, size_t k, int area, int most)
{
    return &c->recall[(((size_t)t * c->categories + k) * GF_COCO_AREAS + (size_t)area) * GF_COCO_MOSTS + (size_t)most];
}

/* Precision after each detection that counts, made monotone from the right; e->right counts those that were right. */
static size_t count_up(evaluation *e, int t, int area, size_t most)
{
    size_t n = 0, right = 0, wrong = 0;
    const double spacing = 0x1p-52; /* numpy.spacing(1): no division by zero */
    for (size_t i = 0; i < e->n_found; i++) {
        const found *f = &e->found[i];
        if (f->rank >= most) continue;
        if (f->right[area] >> t & 1)
            right++;
        else if (!(f->ignored[area] >> t & 1))
            wrong++;
        e->right[n] = right;
        e->precision[n++] = (double)right / ((double)(wrong + right) + spacing);
    }
    for (size_t i = n; i-- > 1;)
        if (e->precision[i] > e->precision[i - 1]) e->precision[i - 1] = e->precision[i];
    return n;
}

static void measure(evaluation *e, size_t k, int t, int area, int most)
{
    size_t n = count_up(e, t, area, most_of[most]), at = 0;
    double wanted = (double)e->wanted[area];
    *recall_at(e->out, t, k, area, most) = n ? (double)e->right[n - 1] / wanted : 0;
    for (int r = 0; r < GF_COCO_RECALLS; r++) {
        while (at < n && (double)e->right[at] / wanted < recall_wanted(r)) at++;
        *precision_at(e->out, t, r, k, area, most) = at < n ? e->precision[at] : 0;
    }
}

/* How many of the ordered numbers from `at` on are of this category and image. */
static size_t truths_of(const evaluation *e, size_t at, int64_t category, int64_t image)
{
    size_t n = 0;
    for (; at + n < e->set->truths; n++) {
        const gf_truth *t = &e->set->truth[e->truth[at + n]];
        if (t->category != category || t->image != image) break;
    }
    return n;
}

static size_t detections_of(const evaluation *e, size_t at, int64_t category, int64_t image)
{
    size_t n = 0;
    for (; at + n < e->set->detections; n++) {
        const gf_detection *d = &e->set->detection[e->detection[at + n]];
        if (d->category != category || d->image != image) break;
    }
    return n;
}

static graft_status evaluate_category(evaluation *e, size_t k, graft_error *err)
{
    const gf_detection_set *set = e->set;
    e->n_found = 0;
    memset(e->wanted, 0, sizeof e->wanted);
    for (size_t i = 0; i < set->images; i++) {
        scene s = {.truth = e->truth + e->truth_at, .detection = e->detection + e->detection_at};
        s.truths = truths_of(e, e->truth_at, set->category[k], set->image[i]);
        s.detections = detections_of(e, e->detection_at, set->category[k], set->image[i]);
        e->truth_at += s.truths;
        e->detection_at += s.detections;
        if (s.truths || s.detections) GF_TRY(evaluate_scene(e, &s, err));
    }
    qsort(e->found, e->n_found, sizeof *e->found, by_score);
    for (int area = 0; area < GF_COCO_AREAS; area++)
        for (int most = 0; most < GF_COCO_MOSTS && e->wanted[area]; most++)
            for (int t = 0; t < GF_COCO_OVERLAPS; t++) measure(e, k, t, area, most);
    return GRAFT_OK;
}

/* ---- means */

typedef struct mean {
    double sum;
    size_t n;
} mean;

static void mean_add(mean *m, double x)
{
    if (!(x > -1)) return;
    m->sum += x;
    m->n++;
}

static double mean_of(const mean *m) { return m->n ? m->sum / (double)m->n : -1; }

static void add_category(const gf_coco *c, mean *m, size_t k, int t, int area)
{
    for (int r = 0; r < GF_COCO_RECALLS; r++) mean_add(m, *precision_at(c, t, r, k, area, GF_COCO_MOSTS - 1));
}

double gf_coco_average_precision(const gf_coco *c, size_t category, int overlap)
{
    mean m = {0};
    for (int t = 0; t < GF_COCO_OVERLAPS; t++)
        if (overlap < 0 || overlap == t) add_category(c, &m, category, t, 0);
    return mean_of(&m);
}

double gf_coco_precision(const gf_coco *c, size_t category, int overlap, int recall)
{
    return *precision_at(c, overlap, recall, category, 0, GF_COCO_MOSTS - 1);
}

static double precision_mean(const gf_coco *c, int overlap, int area)
{
    mean m = {0};
    for (int t = 0; t < GF_COCO_OVERLAPS; t++)
        for (size_t k = 0; k < c->categories; k++)
            if (overlap < 0 || overlap == t) add_category(c, &m, k, t, area);
    return mean_of(&m);
}

static double recall_mean(const gf_coco *c, int area, int most)
{
    mean m = {0};
    for (int t = 0; t < GF_COCO_OVERLAPS; t++)
        for (size_t k = 0; k < c->categories; k++) mean_add(&m, *recall_at(c, t, k, area, most));
    return mean_of(&m);
}

static const struct stat_row {
    const char *name;
    bool is_recall;
    int overlap, area, most;
} stats[GF_COCO_STATS] = {
    [GF_COCO_AP] = {"AP", false, -1, 0, 2},         [GF_COCO_AP50] = {"AP50", false, 0, 0, 2},
    [GF_COCO_AP75] = {"AP75", false, 5, 0, 2},      [GF_COCO_AP_SMALL] = {"APs", false, -1, 1, 2},
    [GF_COCO_AP_MEDIUM] = {"APm", false, -1, 2, 2}, [GF_COCO_AP_LARGE] = {"APl", false, -1, 3, 2},
    [GF_COCO_AR1] = {"AR1", true, -1, 0, 0},        [GF_COCO_AR10] = {"AR10", true, -1, 0, 1},
    [GF_COCO_AR100] = {"AR100", true, -1, 0, 2},    [GF_COCO_AR_SMALL] = {"ARs", true, -1, 1, 2},
    [GF_COCO_AR_MEDIUM] = {"ARm", true, -1, 2, 2},  [GF_COCO_AR_LARGE] = {"ARl", true, -1, 3, 2},
};

const char *gf_coco_stat_name(gf_coco_stat stat) { return stats[stat].name; }

/* ---- all */

static graft_status book(evaluation *e, graft_error *err)
{
    const gf_detection_set *s = e->set;
    size_t cells = s->categories * GF_COCO_AREAS * GF_COCO_MOSTS * GF_COCO_OVERLAPS, bytes;
    bool fits = gf_mul_size(cells, GF_COCO_RECALLS * sizeof(double), &bytes);
    e->out->categories = s->categories;
    e->out->precision = fits ? gf_new_n(cells * GF_COCO_RECALLS, double) : NULL;
    e->out->recall = fits ? gf_new_n(cells, double) : NULL;
    e->truth = gf_new_n(s->truths, size_t);
    e->order = gf_new_n(s->truths, size_t);
    e->taken = gf_new_n(s->truths, uint8_t);
    e->detection = gf_new_n(s->detections, size_t);
    e->right = gf_new_n(s->detections, size_t);
    e->precision = gf_new_n(s->detections, double);
    e->found = gf_new_n(s->detections, found);
    bool all = e->out->precision && e->out->recall && e->truth && e->order && e->taken && e->detection && e->right &&
               e->precision && e->found;
    if (!all) return gf_fail_memory(err, s->detections * sizeof(found), "detections");
    for (size_t i = 0; i < cells * GF_COCO_RECALLS; i++) e->out->precision[i] = -1;
    for (size_t i = 0; i < cells; i++) e->out->recall[i] = -1;
    return GRAFT_OK;
}

static void release(evaluation *e)
{
    gf_free(e->truth);
    gf_free(e->order);
    gf_free(e->taken);
    gf_free(e->detection);
    gf_free(e->right);
    gf_free(e->precision);
    gf_free(e->found);
    gf_free(e->iou);
}

graft_status gf_coco_evaluate(gf_coco *out, const gf_detection_set *set, graft_error *err)
{
    *out = (gf_coco){0};
    evaluation e = {.set = set, .out = out};
    graft_status status = book(&e, err);
    if (status == GRAFT_OK) status = put_in_order(&e, err);
    for (size_t k = 0; status == GRAFT_OK && k < set->categories; k++) status = evaluate_category(&e, k, err);
    release(&e);
    if (status != GRAFT_OK) {
        gf_coco_free(out);
        return status;
    }
    for (int i = 0; i < GF_COCO_STATS; i++) {
        const struct stat_row *s = &stats[i];
        out->stat[i] = s->is_recall ? recall_mean(out, s->area, s->most) : precision_mean(out, s->overlap, s->area);
    }
    return GRAFT_OK;
}

void gf_coco_free(gf_coco *c)
{
    gf_free(c->precision);
    gf_free(c->recall);
    *c = (gf_coco){0};
}
