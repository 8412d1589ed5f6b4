#include "tasks/ranking.h"

#include <math.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The softmax's probability of class c, in f64. Its sum is of sorted terms, so that samples whose scores are the same
 * in another order tie. */
static double probability(const float *score, size_t classes, size_t c)
{
    enum { SORTED = 64 };
    double term[SORTED], top = (double)score[0], sum = 0;
    for (size_t k = 1; k < classes; k++) top = fmax(top, (double)score[k]);
    for (size_t k = 0; k < classes; k++) {
        double e = exp((double)score[k] - top);
        if (classes <= SORTED) term[k] = e;
        if (classes > SORTED) sum += e;
    }
    if (classes <= SORTED) {
        qsort(term, classes, sizeof *term, ascending);
        for (size_t k = 0; k < classes; k++) sum += term[k];
    }
    return exp((double)score[c] - top) / sum;
}

static int descending(const void *a, const void *b)
{
    const gf_ranked *x = a, *y = b;
    return x->p > y->p ? -1 : x->p < y->p;
}

/* By the probability or, where each class is by itself, by the logit; what is no number comes last. */
void gf_rank_by(gf_ranked *rank, const gf_outcomes *o, size_t c)
{
    for (size_t i = 0; i < o->n; i++) {
        const float *score = o->score + i * o->classes;
        double p = o->labels ? (double)score[c] : probability(score, o->classes, c);
        bool positive = o->labels ? gf_label_sets_has(o->labels->sets, (uint32_t)o->truth[i], (uint32_t)c)
                                  : o->truth[i] == (int32_t)c;
        rank[i] = (gf_ranked){isnan(p) ? -INFINITY : p, positive};
    }
    qsort(rank, o->n, sizeof *rank, descending);
}

double gf_mean_of_rankings(const gf_outcomes *o, gf_ranked *rank, double (*of)(const gf_ranked *rank, size_t n))
{
    double sum = 0;
    size_t seen = 0;
    for (size_t c = o->classes == 2 && !o->labels; c < o->classes; c++) {
        gf_rank_by(rank, o, c);
        double x = of(rank, o->n);
        if (isnan(x)) continue;
        sum += x;
        seen++;
    }
    return seen ? sum / (double)seen : NAN;
}
