/* looks.h - what images look like, as far as a look at their pixels tells: how bright, whether of one color, which are
 * the same but for size, quality or a mirror. Taken while the check decodes them. */
#ifndef GF_DATA_LOOKS_H
#define GF_DATA_LOOKS_H

#include "data/near_copies.h"
#include "data/report.h"

enum { GF_LOOK_SIDE = 16 };

typedef struct gf_image_look {
    gf_hashes hash;
    float brightness, contrast;                /* mean and standard deviation of gray, 0 to 255 */
    uint8_t gray[GF_LOOK_SIDE * GF_LOOK_SIDE]; /* made small */
    bool taken;
} gf_image_look;

typedef struct gf_looks {
    gf_image_look *item; /* of each sample */
    uint32_t n;
} gf_looks;

graft_status gf_looks_open(gf_looks *looks, uint32_t n, graft_error *err);
void gf_looks_close(gf_looks *looks);

/* options.decoded, with the gf_looks as its ctx. */
graft_status gf_looks_take(void *ctx, uint32_t sample, const uint8_t *rgb, int h, int w, graft_error *err);

/* Adds brightness, images of one color and near copies to the report. Two images are near copies where few bits of
 * their hashes differ (GF_NEAR_BITS) and their gray values go together (0.97 of 1); equal files are told as duplicates
 * instead, and the first of those of a class and part stands for all. */
graft_status gf_looks_report(const gf_looks *looks, const gf_index *index, gf_data_report *report, graft_error *err);

#endif
