/* threshold.c - a detector's last fit: from which score on its detections count, and above which overlap one is dropped
 * for a better one, by F1 on the validation set. */
#include "train/run.h"

#include "base/decide.h"
#include "base/number.h"
#include "boxes/matches.h"

#include <math.h>

/* An overlap of two objects that are apart; those that are tried, the usual one first, so that it wins ties. */
static const double overlaps[] = {GF_DETECT_OVERLAP, 0.55, 0.65, 0.5, 0.7, 0.45};
static const double right_from = 0.5;

graft_status gf_run_look(const gf_run *r, const gf_evaluation *e, const float *logits, uint32_t first,
                         const gf_detect_options *o, gf_found_set *out, graft_error *err)
{
    for (int64_t i = 0; i < e->found->images; i++) {
        const gf_found_image *image = &e->found->image[i];
        GF_TRY(r->task.cls->look(&r->task, out, logits + (image->sample - first) * r->outputs, image, o, err));
    }
    return GRAFT_OK;
}

/* Detections against the labelled boxes of the evaluation. */
static graft_status best_of(const gf_evaluation *e, const gf_found_set *found, gf_operating *best, graft_error *err)
{
    gf_found_view v;
    gf_matches m = {0};
    gf_ranking ranking = {0};
    gf_operating *point = NULL;
    size_t at;
    graft_status status = GRAFT_OK;
    GF_GOTO(gf_found_view_open(&v, found, err));
    v.set.truth = e->found->truth;
    v.set.truths = e->found->truths;
    GF_GOTO(gf_matches_of(&m, &v.set, right_from, err));
    GF_GOTO(gf_ranking_of(&ranking, &v.set, &m, err));
    point = gf_new_n(ranking.n + 1, gf_operating);
    if (!point) GF_GOTO(gf_fail_memory(err, ranking.n * sizeof *point, "detections"));
    GF_GOTO(gf_ranking_points(&ranking, point, &at, err));
    *best = point[at];
out:
    gf_free(point);
    gf_ranking_free(&ranking);
    gf_matches_free(&m);
    gf_found_view_close(&v);
    return status;
}

static graft_status try_overlap(gf_run *r, double overlap, uint32_t first, gf_threshold *to, graft_error *err)
{
    const gf_detect_options o = {
        .least = 0.001, .overlap = overlap, .candidates = GF_DETECT_CANDIDATES, .most = GF_DETECTED_MOST};
    const gf_evaluation *e = &r->validation;
    gf_found_set found = {0};
    gf_operating best = {0};
    graft_status status = gf_run_look(r, e, r->logits, first, &o, &found, err);
    if (status == GRAFT_OK) status = best_of(e, &found, &best, err);
    gf_found_set_free(&found);
    GF_TRY(status);
    if (best.f1 > to->f1)
        *to = (gf_threshold){best.confidence,      overlap, best.precision, best.recall, best.f1, (int)e->found->images,
                             (int)e->found->truths};
    return GRAFT_OK;
}

graft_status gf_run_choose_threshold(gf_run *r, graft_error *err)
{
    uint32_t first, n = gf_run_split(r, GF_VALIDATION, &first);
    gf_threshold *t = &r->facts->threshold;
    *t = (gf_threshold){0};
    if (!n || !r->task.cls->look || !r->validation.found) return GRAFT_OK;
    for (size_t i = 0; i < sizeof overlaps / sizeof *overlaps; i++) GF_TRY(try_overlap(r, overlaps[i], first, t, err));
    if (!(t->f1 > 0)) return GRAFT_OK;
    gf_decide(r->host.log, "confidence", GF_GENERAL(t->confidence, 3),
              "detections from this score on count: the best F1, %.3f (precision %.3f, recall %.3f), on %d validation "
              "images",
              t->f1, t->precision, t->recall, t->images);
    gf_decide(
        r->host.log, "overlap", GF_GENERAL(t->overlap, 2),
        "a detection that overlaps a better one of its class by more is dropped: of 0.45 to 0.7 the best F1 there");
    return GRAFT_OK;
}
