#include "base/rng.h"
#include "data/split_rules.h"

#include <string.h>

enum { STREAM_LABELS = 2 }; /* behind those of split.c */

typedef struct sharing {
    gf_index *index;
    uint32_t *order; /* the training samples, shuffled */
    uint32_t n;
    bool *given;           /* of each of them in that order: it has its part */
    size_t *from;          /* where each class's begin in `of` */
    uint32_t *of;          /* places in `order` of the samples of each class */
    uint32_t *left;        /* samples of each class without a part */
    double *lacks;         /* [parts][classes]: samples of it that are still wanted */
    double all[GF_SPLITS]; /* and of any */
} sharing;

static graft_status make_room(sharing *s, graft_error *err)
{
    size_t classes = s->index->classes.n, labels = 0;
    const uint32_t *label;
    for (uint32_t i = 0; i < s->n; i++) labels += gf_index_labels(s->index, i, &label);
    s->order = gf_new_n(s->n, uint32_t);
    s->given = gf_new_n(s->n, bool);
    s->from = gf_new_n(classes + 2, size_t);
    s->of = gf_new_n(labels, uint32_t);
    s->left = gf_new_n(classes, uint32_t);
    s->lacks = gf_new_n(GF_SPLITS * classes, double);
    bool ok = s->order && s->given && s->from && s->of && s->left && s->lacks;
    return ok ? GRAFT_OK : gf_fail_memory(err, (s->n + labels) * sizeof *s->of, "the split");
}

/* The samples of each class, in the shuffled order. */
static void list_classes(sharing *s, const double share[GF_SPLITS])
{
    size_t classes = s->index->classes.n;
    const uint32_t *label;
    for (uint32_t i = 0; i < s->n; i++) {
        for (size_t k = gf_index_labels(s->index, s->order[i], &label); k > 0; k--) s->left[label[k - 1]]++;
    }
    for (size_t c = 0; c < classes; c++) s->from[c + 2] = s->from[c + 1] + s->left[c];
    for (uint32_t i = 0; i < s->n; i++) {
        for (size_t k = gf_index_labels(s->index, s->order[i], &label); k > 0; k--)
            s->of[s->from[label[k - 1] + 1]++] = i;
    }
    for (size_t part = 0; part < GF_SPLITS; part++) {
        s->all[part] = share[part] * s->n;
        for (size_t c = 0; c < classes; c++) s->lacks[part * classes + c] = share[part] * s->left[c];
    }
}

/* The part that lacks the class most, of equal ones the one that lacks samples most, then the first. `of_class` NULL:
 * samples alone decide. */
static gf_split neediest(const sharing *s, const double share[GF_SPLITS], const size_t *of_class)
{
    size_t classes = s->index->classes.n, best = GF_TRAIN;
    for (size_t part = GF_TRAIN + 1; part < GF_SPLITS; part++) {
        if (!(share[part] > 0)) continue;
        double a = of_class ? s->lacks[part * classes + *of_class] : 0;
        double b = of_class ? s->lacks[best * classes + *of_class] : 0;
        if (a > b || (a == b && s->all[part] > s->all[best])) best = part;
    }
    return (gf_split)best;
}

static void give(sharing *s, uint32_t at, gf_split part)
{
    uint32_t sample = s->order[at];
    const uint32_t *label;
    s->given[at] = true;
    s->index->sample[sample].split = (uint8_t)part;
    s->all[part]--;
    for (size_t k = gf_index_labels(s->index, sample, &label); k > 0; k--) {
        s->lacks[(size_t)part * s->index->classes.n + label[k - 1]]--;
        s->left[label[k - 1]]--;
    }
}

/* The class with the fewest samples that have no part yet; false: no class has any. */
static bool rarest(const sharing *s, size_t *out)
{
    uint32_t least = 0;
    for (size_t c = 0; c < s->index->classes.n; c++) {
        if (!s->left[c] || (least && s->left[c] >= least)) continue;
        least = s->left[c];
        *out = c;
    }
    return least > 0;
}

graft_status gf_split_labels(gf_index *index, const double share[GF_SPLITS], const gf_data_options *options,
                             graft_error *err)
{
    sharing s = {.index = index, .n = index->first[GF_TRAIN + 1]};
    graft_status status = make_room(&s, err);
    if (status == GRAFT_OK) {
        for (uint32_t i = 0; i < s.n; i++) s.order[i] = i;
        gf_rng r = gf_rng_make(options->seed, GF_PURPOSE_SPLIT, STREAM_LABELS, 0);
        gf_rng_shuffle(&r, s.order, s.n);
        list_classes(&s, share);
        for (size_t c = 0; rarest(&s, &c);) {
            for (size_t k = s.from[c]; k < s.from[c + 1]; k++) {
                if (!s.given[s.of[k]]) give(&s, s.of[k], neediest(&s, share, &c));
            }
        }
        for (uint32_t i = 0; i < s.n; i++) {
            if (!s.given[i]) give(&s, i, neediest(&s, share, NULL));
        }
        gf_index_sort(index);
    }
    gf_free(s.order);
    gf_free(s.given);
    gf_free(s.from);
    gf_free(s.of);
    gf_free(s.left);
    gf_free(s.lacks);
    return status;
}
