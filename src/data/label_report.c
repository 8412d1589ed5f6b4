#include "data/label_report.h"

#include <stdlib.h>

/* Pairs of more classes are not counted: that takes the square of their number. */
enum { MOST_PAIRED = 2048 };

static void count_labels(gf_label_report *r, const gf_label_sets *sets, const uint64_t *count)
{
    for (uint32_t s = 0; s < sets->n; s++) {
        const uint32_t *label;
        size_t n = gf_label_sets_of(sets, s, &label);
        if (!count[s]) continue;
        r->samples += count[s];
        r->labels += count[s] * n;
        r->with[n < GF_LABELS_COUNTED ? n : GF_LABELS_COUNTED - 1] += count[s];
        r->combinations++;
        if (n > r->most) r->most = n;
    }
}

/* together[a * classes + b] of a < b; on the diagonal samples of the class. */
static void count_pairs(const gf_label_sets *sets, const uint64_t *count, size_t classes, uint64_t *together)
{
    for (uint32_t s = 0; s < sets->n; s++) {
        const uint32_t *label;
        size_t n = gf_label_sets_of(sets, s, &label);
        for (size_t i = 0; i < n; i++) {
            for (size_t k = i; k < n; k++) together[label[i] * classes + label[k]] += count[s];
        }
    }
}

/* Keeps the commonest, equal ones by their classes. */
static void take_pair(gf_label_report *r, const gf_label_pair *p)
{
    size_t at = r->n_pairs;
    while (at && r->pair[at - 1].together < p->together) at--;
    if (at == GF_LABEL_PAIRS) return;
    if (r->n_pairs < GF_LABEL_PAIRS) r->n_pairs++;
    for (size_t i = r->n_pairs - 1; i > at; i--) r->pair[i] = r->pair[i - 1];
    r->pair[at] = *p;
}

graft_status gf_label_report_make(gf_label_report *r, const gf_label_sets *sets, const uint64_t *count, size_t classes,
                                  graft_error *err)
{
    *r = (gf_label_report){0};
    count_labels(r, sets, count);
    if (classes > MOST_PAIRED) return GRAFT_OK;
    uint64_t *together = gf_new_n(classes * classes, uint64_t);
    if (!together) return gf_fail_memory(err, classes * classes * sizeof *together, "the report on the labels");
    count_pairs(sets, count, classes, together);
    for (size_t a = 0; a < classes; a++) {
        for (size_t b = a + 1; b < classes; b++) {
            const gf_label_pair p = {(uint32_t)a, (uint32_t)b, together[a * classes + b], together[a * classes + a],
                                     together[b * classes + b]};
            if (p.together) take_pair(r, &p);
        }
    }
    gf_free(together);
    return GRAFT_OK;
}

gf_json *gf_label_report_json(const gf_label_report *r, const gf_names *classes)
{
    gf_json *j = gf_json_object(), *with = gf_json_array(), *pairs = gf_json_array();
    gf_json_set(j, "mean", gf_json_real(r->samples ? (double)r->labels / (double)r->samples : 0));
    gf_json_set(j, "most", gf_json_int((int64_t)r->most));
    gf_json_set(j, "combinations", gf_json_int((int64_t)r->combinations));
    for (size_t i = 0; i < GF_LABELS_COUNTED; i++) gf_json_add(with, gf_json_int((int64_t)r->with[i]));
    gf_json_set(j, "with", with);
    for (size_t i = 0; i < r->n_pairs; i++) {
        const gf_label_pair *p = &r->pair[i];
        gf_json *row = gf_json_object(), *labels = gf_json_array(), *of = gf_json_array();
        gf_json_add(labels, gf_json_string(classes->item[p->first]));
        gf_json_add(labels, gf_json_string(classes->item[p->second]));
        gf_json_add(of, gf_json_int((int64_t)p->of_first));
        gf_json_add(of, gf_json_int((int64_t)p->of_second));
        gf_json_set(row, "labels", labels);
        gf_json_set(row, "samples", gf_json_int((int64_t)p->together));
        gf_json_set(row, "of", of);
        gf_json_add(pairs, row);
    }
    gf_json_set(j, "together", pairs);
    return j;
}

void gf_label_report_text(const gf_label_report *r, const gf_names *classes, gf_text *t)
{
    enum { SHOWN = 8 };
    if (!r->samples) return;
    gf_text_printf(t, "labels     %.2f a sample, %zu at most, %zu combinations; samples with",
                   (double)r->labels / (double)r->samples, r->most, r->combinations);
    for (size_t i = 0; i < GF_LABELS_COUNTED; i++) {
        if (!r->with[i]) continue;
        gf_text_printf(t, " %zu%s: %llu", i, i + 1 == GF_LABELS_COUNTED ? " or more" : "",
                       (unsigned long long)r->with[i]);
    }
    gf_text_add(t, "\n");
    for (size_t i = 0; i < r->n_pairs && i < SHOWN; i++) {
        const gf_label_pair *p = &r->pair[i];
        gf_text_printf(t, "together   %llu: %s and %s (of %llu and %llu)\n", (unsigned long long)p->together,
                       GF_ESC(classes->item[p->first]), GF_ESC(classes->item[p->second]),
                       (unsigned long long)p->of_first, (unsigned long long)p->of_second);
    }
}
