/* target.c - objects moved with their image. */
#include "boxes/target.h"

#include <math.h>

static gf_extent moved(const gf_extent *e, const double m[6])
{
    gf_extent hull = {INFINITY, INFINITY, -INFINITY, -INFINITY};
    for (int k = 0; k < 4; k++) {
        double x = k & 1 ? e->x2 : e->x1, y = k & 2 ? e->y2 : e->y1;
        double tx = m[0] * x + m[1] * y + m[2], ty = m[3] * x + m[4] * y + m[5];
        hull = (gf_extent){fmin(hull.x1, tx), fmin(hull.y1, ty), fmax(hull.x2, tx), fmax(hull.y2, ty)};
    }
    return hull;
}

size_t gf_target_objects(const gf_boxes_target *t, gf_object *to)
{
    const double least_side = 2, least_share = 0.25;
    size_t n = 0;
    for (uint32_t i = 0; i < t->objects; i++) {
        gf_object o = t->object[i];
        gf_extent whole = moved(&o.box, t->m);
        gf_extent cut = {fmax(whole.x1, 0), fmax(whole.y1, 0), fmin(whole.x2, t->width), fmin(whole.y2, t->height)};
        double w = cut.x2 - cut.x1, h = cut.y2 - cut.y1, area = (whole.x2 - whole.x1) * (whole.y2 - whole.y1);
        if (!(w > 0) || !(h > 0)) continue;
        bool is_cut = cut.x1 > whole.x1 || cut.y1 > whole.y1 || cut.x2 < whole.x2 || cut.y2 < whole.y2;
        o.box = cut;
        o.ignored = o.ignored || w < least_side || h < least_side || (is_cut && w * h < least_share * area);
        to[n++] = o;
    }
    return n;
}
