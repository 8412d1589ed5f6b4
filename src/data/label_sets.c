#include "data/label_sets.h"

#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static size_t start_of(const gf_label_sets *s, size_t set) { return set ? s->end[set - 1] : 0; }

/* Where the set's number stands among the slots, or is to be put: the first that is free from its hash on. */
static uint32_t *slot_of(const gf_label_sets *s, const uint32_t *label, size_t n)
{
    uint64_t hash = 14695981039346656037U; /* FNV-1a */
    for (size_t i = 0; i < n; i++) hash = (hash ^ label[i]) * 1099511628211U;
    for (size_t i = (hash ^ hash >> 32) & (s->n_slots - 1);; i = (i + 1) & (s->n_slots - 1)) {
        uint32_t *slot = &s->slot[i];
        if (!*slot) return slot;
        const uint32_t *there;
        size_t others = gf_label_sets_of(s, *slot - 1, &there);
        if (others == n && (!n || !memcmp(there, label, n * sizeof *label))) return slot;
    }
}

static graft_status more_slots(gf_label_sets *s, graft_error *err)
{
    enum { FIRST = 64 };
    size_t n = s->n_slots ? 2 * s->n_slots : FIRST;
    uint32_t *slot = gf_new_n(n, uint32_t);
    if (!slot) return gf_fail_memory(err, n * sizeof *slot, "labels");
    gf_free(s->slot);
    s->slot = slot;
    s->n_slots = n;
    for (size_t k = 0; k < s->n; k++) {
        size_t from = start_of(s, k);
        *slot_of(s, s->label + from, s->end[k] - from) = (uint32_t)(k + 1);
    }
    return GRAFT_OK;
}

graft_status gf_label_sets_add(gf_label_sets *s, uint32_t *label, size_t n, uint32_t *number, graft_error *err)
{
    size_t kept = 0;
    if (n) qsort(label, n, sizeof *label, ascending);
    for (size_t i = 0; i < n; i++) {
        if (!kept || label[kept - 1] != label[i]) label[kept++] = label[i];
    }
    if (2 * (s->n + 1) > s->n_slots) GF_TRY(more_slots(s, err));
    uint32_t *slot = slot_of(s, label, kept);
    if (!*slot) {
        if (!gf_grow(&s->end, s->n, &s->cap)) return gf_fail_memory(err, s->cap * sizeof *s->end, "labels");
        for (size_t i = 0; i < kept; i++) {
            if (!gf_grow(&s->label, s->labels + i, &s->cap_labels))
                return gf_fail_memory(err, s->cap_labels * sizeof *s->label, "labels");
            s->label[s->labels + i] = label[i];
        }
        s->labels += kept;
        s->end[s->n++] = s->labels;
        *slot = (uint32_t)s->n;
    }
    *number = *slot - 1;
    return GRAFT_OK;
}

size_t gf_label_sets_of(const gf_label_sets *s, uint32_t set, const uint32_t **label)
{
    static const uint32_t none;
    *label = &none;
    if (!s || set >= s->n || start_of(s, set) == s->end[set]) return 0;
    *label = s->label + start_of(s, set);
    return s->end[set] - start_of(s, set);
}

bool gf_label_sets_has(const gf_label_sets *s, uint32_t set, uint32_t label)
{
    const uint32_t *of;
    size_t low = 0, high = gf_label_sets_of(s, set, &of);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (of[middle] == label) return true;
        if (of[middle] < label) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

void gf_label_sets_free(gf_label_sets *s)
{
    if (!s) return;
    gf_free(s->label);
    gf_free(s->end);
    gf_free(s->slot);
    *s = (gf_label_sets){0};
}
