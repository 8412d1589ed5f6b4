/* places.h - the places of a detector, and what one says: of each class a logit, and how far the four sides of an
 * object are from it.
 *
 * A detector's output for an image is (places, classes + 4): levels from fine to coarse, each a grid of rows from the
 * top. Place (i, j) of a level of stride s lies at ((j + 1/2) s, (i + 1/2) s) of the input; its sides are at distances
 * s exp(min(x, ln 62.5)), x its last four numbers: left, top, right, bottom. */
#ifndef GF_BOXES_PLACES_H
#define GF_BOXES_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GF_MAX_LEVELS = 5, GF_SIDES = 4 };

typedef struct gf_level {
    int stride, w, h;
    size_t first; /* the number of its first place */
} gf_level;

typedef struct gf_grids {
    gf_level level[GF_MAX_LEVELS];
    int levels;
    size_t n;
} gf_grids;

typedef struct gf_cell {
    double x, y;
    int stride;
} gf_cell;

/* Adds a level behind those there are. */
void gf_grids_add(gf_grids *p, int stride, int w, int h);
gf_cell gf_place_at(const gf_grids *p, size_t i);

/* What the four numbers of a place are held to: ln 62.5. */
double gf_place_most_exponent(void);

/* Distances of the sides from four numbers; clamped[k] (may be NULL): side k has reached its largest. */
void gf_place_sides(gf_cell at, const float x[GF_SIDES], double side[GF_SIDES], bool clamped[GF_SIDES]);

/* A box by its corners, in f64. */
typedef struct gf_extent {
    double x1, y1, x2, y2;
} gf_extent;
gf_extent gf_place_box(gf_cell at, const float x[GF_SIDES]);
double gf_extent_iou(const gf_extent *a, const gf_extent *b);

#endif
