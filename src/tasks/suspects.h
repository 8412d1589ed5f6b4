/* suspects.h - labels that are probably wrong: confident learning (Northcutt, Jiang and Chuang, "Confident learning:
 * estimating uncertainty in dataset labels", 2021), of probabilities that were made without the sample's own label. */
#ifndef GF_TASKS_SUSPECTS_H
#define GF_TASKS_SUSPECTS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gf_suspect {
    uint32_t sample;
    int32_t likely; /* the likeliest class but the given one */
    bool counted;   /* among those that are expected to be wrong, for how sure the classes are of their own */
    double margin;  /* probability of the given class minus that of the likeliest other: the lower, the worse */
} gf_suspect;

/* p: n x classes. All samples, the most suspicious first: those that are counted, then the others, each by margin. *out
 * is the caller's (gf_free). */
graft_status gf_suspects_find(gf_suspect **out, const float *p, const int32_t *label, size_t n, size_t classes,
                              graft_error *err);

#endif
