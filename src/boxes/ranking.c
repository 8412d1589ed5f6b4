/* ranking.c - precision, recall and F1 by the score from which on detections count. */
#include "boxes/matches.h"

#include "base/alloc.h"

#include <math.h>
#include <stdlib.h>

typedef struct row {
    gf_ranked_match match;
    size_t at;
} row;

static int by_score(const void *a, const void *b)
{
    const row *x = a, *y = b;
    if (x->match.score != y->match.score) return x->match.score > y->match.score ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* The number of a category of the set, which has them ascending. */
static size_t number_of(const gf_detection_set *set, int64_t category)
{
    size_t low = 0, high = set->categories;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->category[middle] < category)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

graft_status gf_ranking_of(gf_ranking *out, const gf_detection_set *set, const gf_matches *m, graft_error *err)
{
    row *all = gf_new_n(set->detections, row);
    *out = (gf_ranking){.item = gf_new_n(set->detections, gf_ranked_match),
                        .objects = gf_new_n(set->categories, size_t),
                        .categories = set->categories};
    if (!all || !out->item || !out->objects) {
        gf_free(all);
        gf_ranking_free(out);
        return gf_fail_memory(err, set->detections * sizeof *all, "detections");
    }
    for (size_t i = 0; i < set->detections; i++) {
        const gf_detection *d = &set->detection[i];
        if (m->detection[i].kind == GF_MATCH_IGNORED) continue;
        all[out->n++] = (row){{d->score, number_of(set, d->category), m->detection[i].kind == GF_MATCH_RIGHT}, i};
    }
    qsort(all, out->n, sizeof *all, by_score);
    for (size_t i = 0; i < out->n; i++) out->item[i] = all[i].match;
    for (size_t i = 0; i < set->truths; i++)
        out->objects[number_of(set, set->truth[i].category)] += m->truth[i] != GF_TRUTH_IGNORED;
    gf_free(all);
    return GRAFT_OK;
}

void gf_ranking_free(gf_ranking *r)
{
    gf_free(r->item);
    gf_free(r->objects);
    *r = (gf_ranking){0};
}

/* A class's detections so far. */
typedef struct tally {
    size_t right, all;
} tally;

static gf_operating mean_of(const gf_ranking *r, const tally *t, double confidence)
{
    gf_operating o = {.confidence = confidence};
    size_t n = 0;
    for (size_t c = 0; c < r->categories; c++) {
        if (!r->objects[c]) continue;
        double right = (double)t[c].right;
        n++;
        o.precision += t[c].all ? right / (double)t[c].all : 1;
        o.recall += right / (double)r->objects[c];
        o.f1 += 2 * right / (double)(t[c].all + r->objects[c]);
    }
    double by = n ? 1 / (double)n : NAN;
    o.precision *= by;
    o.recall *= by;
    o.f1 *= by;
    return o;
}

graft_status gf_ranking_points(const gf_ranking *r, gf_operating *point, size_t *best, graft_error *err)
{
    tally *t = gf_new_n(r->categories, tally);
    *best = 0;
    if (!t) return gf_fail_memory(err, r->categories * sizeof *t, "detections");
    for (size_t k = 0; k <= r->n; k++) {
        double above = k ? r->item[k - 1].score : 1, below = k < r->n ? r->item[k].score : 0;
        if (k) {
            t[r->item[k - 1].category].all++;
            t[r->item[k - 1].category].right += r->item[k - 1].right;
        }
        bool between = k && k < r->n && !(above > below);
        point[k] = between ? (gf_operating){NAN, NAN, NAN, NAN} : mean_of(r, t, (above + below) / 2);
        if (point[k].f1 > point[*best].f1) *best = k;
    }
    gf_free(t);
    return GRAFT_OK;
}
