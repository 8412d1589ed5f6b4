/* voc_eval.c - as the challenge's development kit measures detections. */
#include "boxes/voc_eval.h"

#include "base/alloc.h"

#include <math.h>
#include <stdlib.h>

/* The detections of one category, best first. */
typedef struct ranked {
    double score;
    size_t at;
} ranked;

static int by_score(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* By whole pixels. */
static double overlap(const gf_box *a, const gf_box *b)
{
    double w = fmin(a->x + a->w, b->x + b->w) - fmax(a->x, b->x) + 1;
    double h = fmin(a->y + a->h, b->y + b->h) - fmax(a->y, b->y) + 1;
    if (!(w > 0) || !(h > 0)) return 0;
    return w * h / ((a->w + 1) * (a->h + 1) + (b->w + 1) * (b->h + 1) - w * h);
}

static bool is_hard(const gf_truth *t) { return t->difficult || t->crowd; }

/* Truths by category, then image: each detection looks through its image's alone. */
typedef struct by_image {
    int64_t category, image;
    size_t at;
} by_image;

static int by_place(const void *a, const void *b)
{
    const by_image *x = a, *y = b;
    if (x->category != y->category) return x->category < y->category ? -1 : 1;
    if (x->image != y->image) return x->image < y->image ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

typedef struct evaluation {
    const gf_detection_set *set;
    by_image *truth; /* all, sorted */
    bool *taken;     /* of each truth, as listed */
    ranked *found;   /* of one category */
    double *precision, *recall;
} evaluation;

static size_t first_of(const evaluation *e, int64_t category, int64_t image)
{
    size_t low = 0, high = e->set->truths;
    const by_image wanted = {category, image, 0};
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (by_place(&e->truth[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

typedef enum verdict { RIGHT, WRONG, LEFT_OUT } verdict;

static verdict judge(evaluation *e, const gf_detection *d)
{
    const double least = 0.5;
    double best = -1;
    size_t which = 0;
    for (size_t i = first_of(e, d->category, d->image); i < e->set->truths; i++) {
        const by_image *t = &e->truth[i];
        if (t->category != d->category || t->image != d->image) break;
        double o = overlap(&d->box, &e->set->truth[t->at].box);
        if (o <= best) continue;
        best = o;
        which = t->at;
    }
    if (!(best >= least)) return WRONG;
    if (is_hard(&e->set->truth[which])) return LEFT_OUT;
    if (e->taken[which]) return WRONG;
    e->taken[which] = true;
    return RIGHT;
}

static double average(const evaluation *e, size_t n, gf_voc_year year)
{
    enum { RECALLS = 11 };
    double sum = 0;
    for (size_t i = n; i-- > 1;) e->precision[i - 1] = fmax(e->precision[i - 1], e->precision[i]);
    if (year == GF_VOC_2010) {
        for (size_t i = 0; i < n; i++) sum += (e->recall[i] - (i ? e->recall[i - 1] : 0)) * e->precision[i];
        return sum;
    }
    for (int r = 0; r < RECALLS; r++) {
        size_t i = 0;
        while (i < n && !(e->recall[i] >= r * 0.1)) i++;
        if (i < n) sum += e->precision[i];
    }
    return sum / RECALLS;
}

static double of_category(evaluation *e, int64_t category, gf_voc_year year)
{
    const gf_detection_set *s = e->set;
    size_t wanted = 0, n = 0, judged = 0, right = 0;
    for (size_t i = 0; i < s->truths; i++) wanted += s->truth[i].category == category && !is_hard(&s->truth[i]);
    for (size_t i = 0; i < s->detections; i++)
        if (s->detection[i].category == category) e->found[n++] = (ranked){s->detection[i].score, i};
    if (!wanted) return -1;
    qsort(e->found, n, sizeof *e->found, by_score);
    for (size_t i = 0; i < n; i++) {
        verdict v = judge(e, &s->detection[e->found[i].at]);
        if (v == LEFT_OUT) continue;
        right += v == RIGHT;
        e->precision[judged] = (double)right / (double)(judged + 1);
        e->recall[judged++] = (double)right / (double)wanted;
    }
    return average(e, judged, year);
}

graft_status gf_voc_evaluate(double *ap, const gf_detection_set *set, gf_voc_year year, graft_error *err)
{
    evaluation e = {.set = set,
                    .truth = gf_new_n(set->truths, by_image),
                    .taken = gf_new_n(set->truths, bool),
                    .found = gf_new_n(set->detections, ranked),
                    .precision = gf_new_n(set->detections, double),
                    .recall = gf_new_n(set->detections, double)};
    graft_status status = GRAFT_OK;
    if (!e.truth || !e.taken || !e.found || !e.precision || !e.recall)
        status = gf_fail_memory(err, (set->truths + set->detections) * sizeof *e.found, "detections");
    for (size_t i = 0; i < set->truths && status == GRAFT_OK; i++)
        e.truth[i] = (by_image){set->truth[i].category, set->truth[i].image, i};
    if (status == GRAFT_OK) qsort(e.truth, set->truths, sizeof *e.truth, by_place);
    for (size_t k = 0; k < set->categories && status == GRAFT_OK; k++) ap[k] = of_category(&e, set->category[k], year);
    gf_free(e.truth);
    gf_free(e.taken);
    gf_free(e.found);
    gf_free(e.precision);
    gf_free(e.recall);
    return status;
}

double gf_voc_mean(const double *ap, size_t categories)
{
    double sum = 0;
    size_t n = 0;
    for (size_t k = 0; k < categories; k++) {
        if (ap[k] < 0) continue;
        sum += ap[k];
        n++;
    }
    return n ? sum / (double)n : -1;
}
