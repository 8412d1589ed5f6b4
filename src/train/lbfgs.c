#include "train/lbfgs.h"

#include "base/alloc.h"

#include <math.h>
#include <string.h>

enum { MEMORY = 10, FLAT = 3, MOST_HALVES = 40 };

typedef struct search {
    const gf_objective *f;
    size_t n;
    double *x, *next;         /* borrowed; where a step leads */
    double *gradient, *other; /* at each */
    double *direction;
    double *moved, *turned; /* MEMORY rows of n: steps, and how the gradient changed */
    double scale[MEMORY];   /* 1 / (moved . turned) */
    size_t kept, newest;    /* pairs, a ring */
} search;

static double dot(const double *a, const double *b, size_t n)
{
    enum { LANES = 8 };
    double sum[LANES] = {0}, rest = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (size_t l = 0; l < LANES; l++) sum[l] += a[i + l] * b[i + l];
    }
    for (; i < n; i++) rest += a[i] * b[i];
    for (size_t l = 0; l < LANES; l++) rest += sum[l];
    return rest;
}

static void add(double *to, double factor, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) to[i] += factor * x[i];
}

static size_t pair_at(const search *s, size_t back) { return (s->newest + MEMORY - back) % MEMORY; }

/* The two loops: minus the inverse of the curvature that was seen, times the gradient. */
static void set_direction(search *s)
{
    double alpha[MEMORY], *d = s->direction;
    for (size_t i = 0; i < s->n; i++) d[i] = -s->gradient[i];
    for (size_t back = 0; back < s->kept; back++) {
        size_t k = pair_at(s, back);
        alpha[back] = s->scale[k] * dot(s->moved + k * s->n, d, s->n);
        add(d, -alpha[back], s->turned + k * s->n, s->n);
    }
    if (s->kept) {
        const double *y = s->turned + s->newest * s->n;
        double first = 1 / (s->scale[s->newest] * dot(y, y, s->n));
        for (size_t i = 0; i < s->n; i++) d[i] *= first;
    }
    for (size_t back = s->kept; back-- > 0;) {
        size_t k = pair_at(s, back);
        double beta = s->scale[k] * dot(s->turned + k * s->n, d, s->n);
        add(d, alpha[back] - beta, s->moved + k * s->n, s->n);
    }
}

/* A pair is of use where the function curves upwards along it. */
static void keep_pair(search *s)
{
    size_t k = s->kept ? (s->newest + 1) % MEMORY : 0;
    double *moved = s->moved + k * s->n, *turned = s->turned + k * s->n;
    for (size_t i = 0; i < s->n; i++) {
        moved[i] = s->next[i] - s->x[i];
        turned[i] = s->other[i] - s->gradient[i];
    }
    double curvature = dot(moved, turned, s->n);
    if (!(curvature > 0)) return;
    s->scale[k] = 1 / curvature;
    s->newest = k;
    if (s->kept < MEMORY) s->kept++;
}

/* Along the direction: *fell tells whether there is a lower place, which then is `next`. */
static graft_status go_along(search *s, double value, double *lower, int *evaluations, bool *fell, graft_error *err)
{
    const double enough = 1e-4;
    double slope = dot(s->gradient, s->direction, s->n), step = 1;
    if (!(slope < 0)) { /* what was seen of the curvature is of no use here */
        s->kept = 0;
        set_direction(s);
        slope = dot(s->gradient, s->direction, s->n);
    }
    if (!s->kept) {
        double sum = 0;
        for (size_t i = 0; i < s->n; i++) sum += fabs(s->gradient[i]);
        step = sum > 1 ? 1 / sum : 1;
    }
    *fell = false;
    for (int half = 0; half < MOST_HALVES && !*fell; half++, step /= 2) {
        for (size_t i = 0; i < s->n; i++) s->next[i] = s->x[i] + step * s->direction[i];
        GF_TRY(s->f->at(s->f->ctx, s->next, lower, s->other, err));
        ++*evaluations;
        *fell = *lower <= value + enough * step * slope;
    }
    return GRAFT_OK;
}

static void take_step(search *s)
{
    keep_pair(s);
    memcpy(s->x, s->next, s->n * sizeof *s->x);
    double *gradient = s->gradient;
    s->gradient = s->other;
    s->other = gradient;
}

static graft_status minimise(search *s, int most, gf_minimum *out, graft_error *err)
{
    const double flat = 1e-7; /* so little a fall, several times in a row, is the end */
    GF_TRY(s->f->at(s->f->ctx, s->x, &out->value, s->gradient, err));
    out->evaluations = 1;
    for (int in_a_row = 0; out->steps < most && in_a_row < FLAT; out->steps++) {
        double lower;
        bool fell;
        out->done = s->f->done(s->f->ctx, out->value, s->gradient);
        if (out->done) return GRAFT_OK;
        set_direction(s);
        GF_TRY(go_along(s, out->value, &lower, &out->evaluations, &fell, err));
        if (!fell) return GRAFT_OK;
        in_a_row = out->value - lower <= flat * fabs(lower) ? in_a_row + 1 : 0;
        out->value = lower;
        take_step(s);
    }
    return GRAFT_OK;
}

graft_status gf_minimise(const gf_objective *f, int most_steps, double *x, gf_minimum *out, graft_error *err)
{
    *out = (gf_minimum){0};
    size_t rows = 4 + 2 * MEMORY;
    double *room = gf_new_n(rows * f->n, double);
    if (!room) return gf_fail_memory(err, rows * f->n * sizeof *room, "the solver");
    search s = {.f = f, .n = f->n, .x = x, .next = room};
    s.gradient = s.next + f->n;
    s.other = s.gradient + f->n;
    s.direction = s.other + f->n;
    s.moved = s.direction + f->n;
    s.turned = s.moved + MEMORY * f->n;
    graft_status status = minimise(&s, most_steps, out, err);
    gf_free(room);
    return status;
}
