/* matches.c - detections against labelled boxes, image by image. */
#include "boxes/matches.h"

#include "base/alloc.h"

#include <math.h>
#include <stdlib.h>

static const double background = 0.1; /* an overlap up to this is none */

const char *gf_match_name(gf_match_kind kind)
{
    static const char *const name[GF_MATCH_KINDS] = {
        "right", "ignored", "misplaced", "wrong class", "double", "background", "misplaced and wrong class"};
    return name[kind];
}

/* ---- order: by image; detections best first, labelled boxes as they are listed */

typedef struct placed {
    int64_t image;
    double score;
    size_t at;
} placed;

static int by_image(const void *a, const void *b)
{
    const placed *x = a, *y = b;
    if (x->image != y->image) return x->image < y->image ? -1 : 1;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* One image's. */
typedef struct scene {
    const gf_detection_set *set;
    gf_matches *out;
    const placed *found, *truth;
    size_t n_found, n_truth;
    double overlap;
} scene;

static const gf_truth *truth_of(const scene *s, size_t k) { return &s->set->truth[s->truth[k].at]; }
static const gf_detection *found_of(const scene *s, size_t k) { return &s->set->detection[s->found[k].at]; }
static bool is_left_out(const gf_truth *t) { return t->crowd || t->difficult; }

static double overlap_of(const scene *s, size_t found, size_t truth)
{
    const gf_truth *t = truth_of(s, truth);
    return gf_box_iou(&found_of(s, found)->box, &t->box, is_left_out(t));
}

/* ---- who finds what */

/* The object that is not taken, of the detection's class and the largest overlap that is enough; of equal ones the
 * last, as pycocotools has it. With `left_out` those that are not looked for instead, which many may find. */
static size_t best_truth(const scene *s, size_t found, bool left_out)
{
    double top = fmin(s->overlap, 1 - 1e-10);
    size_t best = SIZE_MAX;
    for (size_t k = 0; k < s->n_truth; k++) {
        const gf_truth *t = truth_of(s, k);
        bool taken = s->out->truth[s->truth[k].at] == GF_TRUTH_FOUND;
        if (t->category != found_of(s, found)->category || is_left_out(t) != left_out || taken) continue;
        double iou = overlap_of(s, found, k);
        if (iou < top) continue;
        top = iou;
        best = s->truth[k].at;
    }
    return best;
}

static void find(const scene *s, size_t found)
{
    gf_match *m = &s->out->detection[s->found[found].at];
    size_t truth = best_truth(s, found, false);
    *m = (gf_match){GF_MATCH_KINDS, SIZE_MAX};
    if (truth != SIZE_MAX) {
        *m = (gf_match){GF_MATCH_RIGHT, truth};
        s->out->truth[truth] = GF_TRUTH_FOUND;
        return;
    }
    truth = best_truth(s, found, true);
    if (truth != SIZE_MAX) *m = (gf_match){GF_MATCH_IGNORED, truth};
}

/* ---- what is wrong with the others */

/* The labelled box of largest overlap among those that are looked for. */
typedef struct nearest {
    double overlap;
    size_t truth;
} nearest;

static void take_nearer(nearest *n, double overlap, size_t truth)
{
    if (overlap > n->overlap) *n = (nearest){overlap, truth};
}

static void judge(const scene *s, size_t found)
{
    const nearest none = {-1, SIZE_MAX};
    nearest same = none, other = none, taken = none;
    gf_match *m = &s->out->detection[s->found[found].at];
    if (m->kind != GF_MATCH_KINDS) return;
    for (size_t k = 0; k < s->n_truth; k++) {
        const gf_truth *t = truth_of(s, k);
        size_t at = s->truth[k].at;
        if (is_left_out(t)) continue;
        double overlap = overlap_of(s, found, k);
        bool is_same = t->category == found_of(s, found)->category;
        take_nearer(is_same ? &same : &other, overlap, at);
        if (is_same && s->out->truth[at] == GF_TRUTH_FOUND) take_nearer(&taken, overlap, at);
    }
    if (same.overlap >= background && same.overlap <= s->overlap)
        *m = (gf_match){GF_MATCH_MISPLACED, same.truth};
    else if (other.overlap >= s->overlap)
        *m = (gf_match){GF_MATCH_CLASS, other.truth};
    else if (taken.overlap >= s->overlap)
        *m = (gf_match){GF_MATCH_DOUBLE, taken.truth};
    else if (fmax(same.overlap, other.overlap) <= background)
        *m = (gf_match){GF_MATCH_BACKGROUND, SIZE_MAX};
    else
        *m = (gf_match){GF_MATCH_BOTH, other.overlap > same.overlap ? other.truth : same.truth};
}

static void match_scene(const scene *s)
{
    for (size_t k = 0; k < s->n_truth; k++)
        s->out->truth[s->truth[k].at] = is_left_out(truth_of(s, k)) ? GF_TRUTH_IGNORED : GF_TRUTH_MISSED;
    for (size_t k = 0; k < s->n_found; k++) find(s, k);
    for (size_t k = 0; k < s->n_found; k++) judge(s, k);
    for (size_t k = 0; k < s->n_found; k++) {
        const gf_match *m = &s->out->detection[s->found[k].at];
        bool near = m->kind == GF_MATCH_MISPLACED || m->kind == GF_MATCH_CLASS;
        if (near && s->out->truth[m->truth] == GF_TRUTH_MISSED) s->out->truth[m->truth] = GF_TRUTH_NEARLY;
    }
}

/* ---- all images */

static size_t run_of(const placed *p, size_t n, int64_t image)
{
    size_t k = 0;
    while (k < n && p[k].image == image) k++;
    return k;
}

static void match_all(gf_matches *out, const gf_detection_set *set, double overlap, const placed *found,
                      const placed *truth)
{
    size_t f = 0, t = 0;
    while (f < set->detections || t < set->truths) {
        bool by_truth = f == set->detections || (t < set->truths && truth[t].image < found[f].image);
        int64_t image = by_truth ? truth[t].image : found[f].image;
        scene s = {set, out, found + f, truth + t, 0, 0, overlap};
        s.n_found = run_of(found + f, set->detections - f, image);
        s.n_truth = run_of(truth + t, set->truths - t, image);
        match_scene(&s);
        f += s.n_found;
        t += s.n_truth;
    }
}

graft_status gf_matches_of(gf_matches *out, const gf_detection_set *set, double overlap, graft_error *err)
{
    placed *found = gf_new_n(set->detections, placed), *truth = gf_new_n(set->truths, placed);
    out->detection = gf_new_n(set->detections, gf_match);
    out->truth = gf_new_n(set->truths, gf_truth_state);
    bool all = found && truth && out->detection && out->truth;
    if (all) {
        for (size_t i = 0; i < set->detections; i++)
            found[i] = (placed){set->detection[i].image, set->detection[i].score, i};
        for (size_t i = 0; i < set->truths; i++) truth[i] = (placed){set->truth[i].image, 0, i};
        qsort(found, set->detections, sizeof *found, by_image);
        qsort(truth, set->truths, sizeof *truth, by_image);
        match_all(out, set, overlap, found, truth);
    }
    gf_free(found);
    gf_free(truth);
    if (all) return GRAFT_OK;
    gf_matches_free(out);
    return gf_fail_memory(err, (set->detections + set->truths) * sizeof *found, "detections");
}

void gf_matches_free(gf_matches *m)
{
    gf_free(m->detection);
    gf_free(m->truth);
    *m = (gf_matches){0};
}
