/* statistics.h - how large boxes are where a network sees them, and what an inspection says of a set. */
#ifndef GF_ANNOTATIONS_STATISTICS_H
#define GF_ANNOTATIONS_STATISTICS_H

#include "annotations/annotations.h"
#include "json/json.h"

enum { GF_INPUT_SIDE = 320, GF_BOX_QUANTILES = 5 };

typedef struct gf_box_statistics {
    double side[GF_BOX_QUANTILES]; /* sqrt(w h) at the input's size: least, 5 %, median, 95 %, most; 0 without boxes */
    size_t covering;               /* boxes over 98 % of their image */
    size_t tiny;                   /* below 8 pixels at the input's size */
    int advised;                   /* the input side, a multiple of 32 from 320 on, that lifts the median to 16 */
    double aspect;                 /* median of width / height of the images; 0 without images */
} gf_box_statistics;

/* At an input of `side` x `side` pixels, which the image has the same number of. */
graft_status gf_box_statistics_of(const gf_annotations *a, int side, gf_box_statistics *out, graft_error *err);

/* What inspect tells: a document, and the same for people. */
graft_status gf_annotations_report(const gf_annotations *a, gf_json **document, char **text, graft_error *err);

#endif
