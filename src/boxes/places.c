/* places.c - places and their boxes. */
#include "boxes/places.h"

#include <math.h>

static const double most_exponent = 4.135166556742356; /* ln 62.5: 2000 pixels at a stride of 32 */

double gf_place_most_exponent(void) { return most_exponent; }

void gf_grids_add(gf_grids *p, int stride, int w, int h)
{
    p->level[p->levels++] = (gf_level){stride, w, h, p->n};
    p->n += (size_t)w * (size_t)h;
}

gf_cell gf_place_at(const gf_grids *p, size_t i)
{
    int k = p->levels - 1;
    while (k > 0 && i < p->level[k].first) k--;
    const gf_level *l = &p->level[k];
    size_t at = i - l->first, row = at / (size_t)l->w, column = at % (size_t)l->w;
    return (gf_cell){((double)column + 0.5) * l->stride, ((double)row + 0.5) * l->stride, l->stride};
}

void gf_place_sides(gf_cell at, const float x[GF_SIDES], double side[GF_SIDES], bool clamped[GF_SIDES])
{
    for (int k = 0; k < GF_SIDES; k++) {
        bool most = !((double)x[k] <= most_exponent);
        side[k] = at.stride * exp(most ? most_exponent : (double)x[k]);
        if (clamped) clamped[k] = most;
    }
}

gf_extent gf_place_box(gf_cell at, const float x[GF_SIDES])
{
    double d[GF_SIDES];
    gf_place_sides(at, x, d, NULL);
    return (gf_extent){at.x - d[0], at.y - d[1], at.x + d[2], at.y + d[3]};
}

double gf_extent_iou(const gf_extent *a, const gf_extent *b)
{
    double w = fmin(a->x2, b->x2) - fmax(a->x1, b->x1), h = fmin(a->y2, b->y2) - fmax(a->y1, b->y1);
    if (!(w > 0) || !(h > 0)) return 0;
    double both = w * h;
    return both / ((a->x2 - a->x1) * (a->y2 - a->y1) + (b->x2 - b->x1) * (b->y2 - b->y1) - both);
}
