/* label_sets.h - the labels of samples that may have any number of them: each different set of classes has a number,
 * which stands where a sample of one class has that class's (gf_sample.class_id, gf_class_target.label). */
#ifndef GF_DATA_LABEL_SETS_H
#define GF_DATA_LABEL_SETS_H

#include "base/alloc.h"
#include "base/error.h"

/* Zeroed is empty. */
typedef struct gf_label_sets {
    uint32_t *label; /* the classes of all sets, one set behind the other, in each from the lowest on */
    size_t labels, cap_labels;
    size_t *end; /* where in it each set ends */
    size_t n, cap;
    uint32_t *slot; /* numbers of sets, from 1, by the hash of what they hold */
    size_t n_slots;
} gf_label_sets;

/* *number: that of the set of these classes, which is added where there is none. Sorts `label`, and takes what is there
 * twice once. E5001. */
graft_status gf_label_sets_add(gf_label_sets *s, uint32_t *label, size_t n, uint32_t *number, graft_error *err);
/* The classes of a set, from the lowest on; returns how many. A number that is none has none; `s` NULL: none is. */
size_t gf_label_sets_of(const gf_label_sets *s, uint32_t set, const uint32_t **label);
bool gf_label_sets_has(const gf_label_sets *s, uint32_t set, uint32_t label);
void gf_label_sets_free(gf_label_sets *s); /* takes NULL, and leaves it empty */

#endif
