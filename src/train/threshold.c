/* threshold.c - a detector's last fit: from which score on its detections count, and above which overlap one is dropped
 * for a better one, by F1 on the validation set. */
#include "train/run.h"

#include "base/decide.h"
#include "base/number.h"

#include <math.h>

/* Overlaps that are tried, up to which two boxes of a class are taken for two objects: the usual one first, so that it
 * wins ties. */
static const double overlaps[] = {GF_DETECT_OVERLAP, 0.55, 0.65, 0.5, 0.7, 0.45};

graft_status gf_run_look(const gf_run *r, const gf_evaluation *e, const float *logits, uint32_t first,
                         const gf_detect_options *o, gf_found_set *out, graft_error *err)
{
    for (int64_t i = 0; i < e->found->images; i++) {
        const gf_found_image *image = &e->found->image[i];
        GF_TRY(r->task.cls->look(&r->task, out, logits + (image->sample - first) * r->outputs, image, o, err));
    }
    return GRAFT_OK;
}

static graft_status points_of(const gf_evaluation *e, const gf_found_set *found, gf_operating **point, size_t *n,
                              size_t *best, graft_error *err)
{
    gf_found_view v;
    gf_matches m = {0};
    gf_ranking ranking = {0};
    graft_status status = GRAFT_OK;
    GF_GOTO(gf_found_view_against(&v, found, e->found, err));
    GF_GOTO(gf_matches_of(&m, &v.set, GF_MATCH_OVERLAP, err));
    GF_GOTO(gf_ranking_of(&ranking, &v.set, &m, err));
    *point = gf_new_n(ranking.n + 1, gf_operating);
    if (!*point) GF_GOTO(gf_fail_memory(err, ranking.n * sizeof **point, "detections"));
    GF_GOTO(gf_ranking_points(&ranking, *point, best, err));
    *n = ranking.n + 1;
out:
    gf_ranking_free(&ranking);
    gf_matches_free(&m);
    gf_found_view_close(&v);
    return status;
}

graft_status gf_run_points(const gf_run *r, const gf_evaluation *e, const float *logits, uint32_t first, double overlap,
                           gf_operating **point, size_t *n, size_t *best, graft_error *err)
{
    const gf_detect_options o = {
        .least = GF_DETECT_ANY, .overlap = overlap, .candidates = GF_DETECT_CANDIDATES, .most = GF_DETECTED_MOST};
    gf_found_set found = {0};
    *point = NULL;
    *n = 0;
    graft_status status = gf_run_look(r, e, logits, first, &o, &found, err);
    if (status == GRAFT_OK) status = points_of(e, &found, point, n, best, err);
    gf_found_set_free(&found);
    if (status != GRAFT_OK) {
        gf_free(*point);
        *point = NULL;
    }
    return status;
}

static graft_status try_overlap(gf_run *r, double overlap, uint32_t first, gf_threshold *to, graft_error *err)
{
    const gf_evaluation *e = &r->validation;
    gf_operating *point;
    size_t n, best;
    GF_TRY(gf_run_points(r, e, r->logits, first, overlap, &point, &n, &best, err));
    const gf_operating at = point[best];
    gf_free(point);
    if (at.f1 > to->f1)
        *to = (gf_threshold){at.confidence,        overlap, at.precision, at.recall, at.f1, (int)e->found->images,
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
