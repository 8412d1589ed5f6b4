/* assign.c - aims of places, and their loss. */
#include "boxes/assign.h"

#include <math.h>
#include <string.h>

static double sigmoid(double z)
{
    double e = exp(-fabs(z));
    return z >= 0 ? 1 / (1 + e) : e / (1 + e);
}

/* ---- aims */

/* Where an object's candidates lie. */
static gf_extent around(const gf_grids *p, const gf_extent *box)
{
    double least = 2.0 * p->level[0].stride;
    gf_extent e = *box;
    if (e.x2 - e.x1 < least) {
        double center = (e.x1 + e.x2) / 2;
        e.x1 = center - least / 2;
        e.x2 = center + least / 2;
    }
    if (e.y2 - e.y1 < least) {
        double center = (e.y1 + e.y2) / 2;
        e.y1 = center - least / 2;
        e.y2 = center + least / 2;
    }
    return e;
}

static bool inside(gf_cell at, const gf_extent *e)
{
    return at.x > e->x1 && at.x < e->x2 && at.y > e->y1 && at.y < e->y2;
}

typedef struct candidate {
    size_t place;
    double u, t;
} candidate;

typedef struct assigning {
    const gf_grids *p;
    int classes;
    const float *out;
    const gf_object *object;
    gf_aim *aim;
} assigning;

static candidate judge(const assigning *a, size_t place, gf_cell at, const gf_object *o)
{
    const float *x = a->out + place * (size_t)(a->classes + GF_SIDES);
    gf_extent box = gf_place_box(at, x + a->classes);
    double u = gf_extent_iou(&box, &o->box), u2 = u * u;
    return (candidate){place, u, sigmoid((double)x[o->class_id]) * (u2 * u2 * u2)};
}

/* The places of level `l` that can lie inside, as rows and columns [from, to). */
static void range_of(double low, double high, int stride, int n, int *from, int *to)
{
    double first = floor(low / stride - 0.5), last = ceil(high / stride + 0.5);
    *from = first < 0 ? 0 : first > n ? n : (int)first;
    *to = last < 0 ? 0 : last > n ? n : (int)last;
}

/* Puts c in among the best, which are in descending order of t, equal ones by place; they come in ascending order. */
static void put_in(candidate best[GF_ASSIGN_MOST], size_t *n, candidate c)
{
    size_t k = *n < GF_ASSIGN_MOST ? *n : GF_ASSIGN_MOST - 1;
    if (*n == GF_ASSIGN_MOST && !(c.t > best[k].t)) return;
    for (; k > 0 && c.t > best[k - 1].t; k--) best[k] = best[k - 1];
    best[k] = c;
    if (*n < GF_ASSIGN_MOST) (*n)++;
}

static void choose(const assigning *a, size_t g)
{
    const gf_object *o = &a->object[g];
    gf_extent where = around(a->p, &o->box);
    candidate best[GF_ASSIGN_MOST];
    size_t n = 0;
    for (int l = 0; l < a->p->levels; l++) {
        const gf_level *v = &a->p->level[l];
        int x1, x2, y1, y2;
        range_of(where.x1, where.x2, v->stride, v->w, &x1, &x2);
        range_of(where.y1, where.y2, v->stride, v->h, &y1, &y2);
        for (int y = y1; y < y2; y++)
            for (int x = x1; x < x2; x++) {
                size_t place = v->first + (size_t)y * (size_t)v->w + (size_t)x;
                gf_cell at = {(x + 0.5) * v->stride, (y + 0.5) * v->stride, v->stride};
                if (!inside(at, &where)) continue;
                candidate c = judge(a, place, at, o);
                if (c.t > 0) put_in(best, &n, c);
            }
    }
    for (size_t k = 0; k < n; k++) {
        gf_aim *aim = &a->aim[best[k].place];
        if (aim->object == GF_AIM_NONE || best[k].u > aim->u) *aim = (gf_aim){(int32_t)g, 0, best[k].u, best[k].t};
    }
}

/* For an object without places; GF_AIM_NONE stays everywhere where no place is free. */
static void choose_last(const assigning *a, size_t g)
{
    const gf_object *o = &a->object[g];
    gf_extent where = around(a->p, &o->box);
    double cx = (o->box.x1 + o->box.x2) / 2, cy = (o->box.y1 + o->box.y2) / 2, nearest = INFINITY;
    size_t near = SIZE_MAX;
    candidate best = {SIZE_MAX, -1, 0};
    for (size_t i = 0; i < a->p->n; i++) {
        gf_cell at = gf_place_at(a->p, i);
        if (a->aim[i].object != GF_AIM_NONE) continue;
        double away = (at.x - cx) * (at.x - cx) + (at.y - cy) * (at.y - cy);
        if (away < nearest) {
            nearest = away;
            near = i;
        }
        if (!inside(at, &where)) continue;
        candidate c = judge(a, i, at, o);
        if (c.u > best.u) best = c;
    }
    if (best.place == SIZE_MAX && near != SIZE_MAX) best = judge(a, near, gf_place_at(a->p, near), o);
    if (best.place == SIZE_MAX) return;
    a->aim[best.place] = (gf_aim){(int32_t)g, (float)fmax(best.u, 0.1), best.u, best.t};
}

/* Whether the object has places, and their scores. */
static bool set_scores(const assigning *a, size_t g)
{
    double most_t = 0, most_u = 0;
    bool any = false;
    for (size_t i = 0; i < a->p->n; i++) {
        if (a->aim[i].object != (int32_t)g) continue;
        any = true;
        most_t = fmax(most_t, a->aim[i].t);
        most_u = fmax(most_u, a->aim[i].u);
    }
    for (size_t i = 0; i < a->p->n && any; i++)
        if (a->aim[i].object == (int32_t)g) a->aim[i].q = (float)(a->aim[i].t / most_t * most_u);
    return any;
}

double gf_assign(const gf_grids *p, int classes, const float *out, const gf_object *object, size_t objects, gf_aim *aim)
{
    const assigning a = {p, classes, out, object, aim};
    double sum = 0;
    for (size_t i = 0; i < p->n; i++) aim[i] = (gf_aim){.object = GF_AIM_NONE};
    for (size_t g = 0; g < objects; g++)
        if (!object[g].ignored) choose(&a, g);
    for (size_t g = 0; g < objects; g++)
        if (!object[g].ignored && !set_scores(&a, g)) choose_last(&a, g);
    for (size_t i = 0; i < p->n; i++) {
        gf_cell at = gf_place_at(p, i);
        for (size_t g = 0; g < objects && aim[i].object == GF_AIM_NONE; g++)
            if (object[g].ignored && inside(at, &object[g].box)) aim[i].object = GF_AIM_IGNORED;
        if (aim[i].object >= 0) sum += (double)aim[i].q;
    }
    return sum;
}

/* ---- the loss */

/* e^2 B of one logit, e = sigmoid(z) - q, B the binary cross-entropy of q. */
static double quality(double z, double q, double *diff)
{
    double s = sigmoid(z), e = s - q, b = fmax(z, 0) - z * q + log1p(exp(-fabs(z)));
    *diff = e * (e * e + 2 * s * (1 - s) * b);
    return e * e * b;
}

/* 1 - GIoU of a place's box and its object's; dside: by the distance of each side. All relative to the place. */
static double apart(gf_cell at, const double d[GF_SIDES], const gf_extent *truth, double dside[GF_SIDES])
{
    const double t[GF_SIDES] = {at.x - truth->x1, at.y - truth->y1, truth->x2 - at.x, truth->y2 - at.y};
    double w = d[0] + d[2], h = d[1] + d[3], tw = t[0] + t[2], th = t[1] + t[3];
    double iw = fmin(d[0], t[0]) + fmin(d[2], t[2]), ih = fmin(d[1], t[1]) + fmin(d[3], t[3]);
    double cw = fmax(d[0], t[0]) + fmax(d[2], t[2]), ch = fmax(d[1], t[1]) + fmax(d[3], t[3]);
    bool meet = iw > 0 && ih > 0;
    double both = meet ? iw * ih : 0, all = w * h + tw * th - both, hull = cw * ch;
    for (int k = 0; k < GF_SIDES; k++) {
        bool across = k % 2 == 0; /* left, right: moving them changes widths */
        double di = meet && d[k] < t[k] ? (across ? ih : iw) : 0, da = across ? h : w, du = da - di;
        double dc = d[k] > t[k] ? (across ? ch : cw) : 0;
        dside[k] = -di / all + both * du / (all * all) - du / hull + all * dc / (hull * hull);
    }
    return 2 - both / all - all / hull;
}

static double box_loss(gf_cell at, const float *x, const gf_extent *truth, double scale, float *diff)
{
    double d[GF_SIDES], dside[GF_SIDES];
    bool clamped[GF_SIDES];
    gf_place_sides(at, x, d, clamped);
    double loss = apart(at, d, truth, dside);
    for (int k = 0; k < GF_SIDES && diff; k++) diff[k] = clamped[k] ? 0 : (float)(scale * d[k] * dside[k]);
    return loss;
}

gf_detection_loss gf_detection_loss_of(const gf_grids *p, int classes, const float *out, const gf_object *object,
                                       const gf_aim *aim, double scale, float *diff)
{
    gf_detection_loss sum = {0};
    size_t width = (size_t)(classes + GF_SIDES);
    for (size_t i = 0; i < p->n; i++) {
        const float *x = out + i * width;
        float *dx = diff ? diff + i * width : NULL;
        const gf_object *o = aim[i].object >= 0 ? &object[aim[i].object] : NULL;
        if (dx) memset(dx, 0, width * sizeof *dx);
        for (int c = 0; c < classes && aim[i].object != GF_AIM_IGNORED; c++) {
            double d;
            sum.classes += quality((double)x[c], o && o->class_id == c ? (double)aim[i].q : 0, &d);
            if (dx) dx[c] = (float)(scale * d);
        }
        double q = o ? (double)aim[i].q : 0;
        if (o)
            sum.boxes += q * box_loss(gf_place_at(p, i), x + classes, &o->box, 2 * q * scale, dx ? dx + classes : NULL);
    }
    return sum;
}
