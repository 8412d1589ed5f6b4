#include "report/number.h"
#include "report/plots.h"

#include "base/alloc.h"

#include <math.h>
#include <stdio.h>

enum { WIDTH = 760, HEIGHT = 420, LEFT = 66, RIGHT = 30, TOP = 62, BOTTOM = 62 };

typedef struct plot {
    gf_canvas *c;
    const gf_rates *r;
    gf_area frame;
    double low, high; /* logarithms of the rates at the edges */
    gf_ticks ticks;
} plot;

static uint32_t ink(const plot *p, gf_ink i) { return gf_canvas_theme(p->c)->rgb[i]; }

static double x_of(const plot *p, double lr)
{
    return p->frame.x + p->frame.w * (log10(lr) - p->low) / (p->high - p->low);
}

static double y_of(const plot *p, double loss)
{
    double low = p->ticks.first, high = gf_tick_last(&p->ticks);
    double y = p->frame.y + p->frame.h * (high - loss) / (high - low);
    return fmax(y, p->frame.y); /* what is above the frame ends at its edge */
}

static void draw_axes(const plot *p)
{
    const gf_text_style label = {.size = 12, .ink = GF_INK_MUTED, .anchor = 1};
    const gf_text_style below = {.size = 12, .ink = GF_INK_MUTED, .anchor = 0.5};
    const gf_text_style title = {.size = 16, .bold = true, .ink = GF_INK_TEXT};
    double bottom = p->frame.y + p->frame.h;
    char buf[GF_NUMBER_SIZE];
    gf_canvas_text(p->c, p->frame.x, p->frame.y - 24, &title, "Loss by learning rate");
    for (int i = 0; i < p->ticks.n; i++) {
        double y = y_of(p, gf_tick(&p->ticks, i));
        gf_canvas_line(p->c, p->frame.x, y, p->frame.x + p->frame.w, y, 1, false, ink(p, GF_INK_GRID));
        gf_canvas_text(p->c, p->frame.x - 9, y + 4.3, &label, GF_FIXED(gf_tick(&p->ticks, i), p->ticks.decimals));
    }
    for (double e = ceil(p->low - 1e-9); e <= p->high + 1e-9; e++) {
        double x = x_of(p, pow(10, e));
        gf_canvas_line(p->c, x, bottom, x, bottom + 4, 1, false, ink(p, GF_INK_MUTED));
        gf_canvas_text(p->c, x, bottom + 19, &below, gf_number_general(buf, pow(10, e), 1));
    }
    gf_canvas_text(p->c, p->frame.x + p->frame.w / 2, bottom + 44, &below, "learning rate");
}

static graft_status draw_curve(const plot *p, const double *y, double width, gf_ink i, graft_error *err)
{
    double(*point)[2] = gf_alloc(p->r->n, sizeof *point);
    if (!point) return gf_fail_memory(err, p->r->n * sizeof *point, "a plot");
    for (size_t k = 0; k < p->r->n; k++) {
        point[k][0] = x_of(p, p->r->lr[k]);
        point[k][1] = y_of(p, y[k]);
    }
    gf_canvas_polyline(p->c, (const double(*)[2])point, p->r->n, width, ink(p, i));
    gf_free(point);
    return GRAFT_OK;
}

/* The smoothed loss at a rate that one of the steps had, or the last before it. */
static double loss_at(const gf_rates *r, double lr)
{
    size_t at = 0;
    for (size_t k = 0; k < r->n; k++) at = r->lr[k] <= lr * (1 + 1e-9) ? k : at;
    return r->smooth[at];
}

static void draw_marks(const plot *p)
{
    for (size_t i = 0; i < sizeof p->r->mark / sizeof *p->r->mark; i++) {
        double lr = p->r->mark[i].lr, x, y;
        char buf[GF_NUMBER_SIZE], text[64];
        if (!isfinite(lr)) continue;
        x = x_of(p, lr);
        y = y_of(p, loss_at(p->r, lr));
        gf_text_style label = {.size = 12, .bold = i == 0, .ink = GF_INK_TEXT};
        snprintf(text, sizeof text, "%s %.16s", p->r->mark[i].name, gf_number_general(buf, lr, 2));
        double top = p->frame.y + 14 + 17 * (double)i;
        gf_canvas_line(p->c, x, top + 4, x, y, 1, true, ink(p, GF_INK_MUTED));
        bool fits = x + 6 + gf_canvas_text_width(p->c, &label, text) < p->frame.x + p->frame.w;
        label.anchor = fits ? 0 : 1;
        gf_canvas_text(p->c, x + (fits ? 6 : -6), top, &label, text);
        gf_canvas_disc(p->c, x, y, i ? 4 : 6, 0, ink(p, i ? GF_INK_MUTED : GF_INK_VALIDATION));
    }
}

static graft_status draw(plot *p, graft_error *err)
{
    double low = INFINITY, high = -INFINITY;
    for (size_t k = 0; k < p->r->n; k++) {
        low = fmin(low, p->r->smooth[k]);
        high = fmax(high, p->r->smooth[k]);
    }
    high = fmin(high, p->r->smooth[0] * 2); /* where it rises steeply there is nothing to see */
    p->ticks = gf_ticks_cover(fmin(low, 0), high, 6);
    p->low = log10(p->r->lr[0]);
    p->high = log10(p->r->lr[p->r->n - 1]);
    draw_axes(p);
    GF_TRY(draw_curve(p, p->r->loss, 1, GF_INK_GRID, err));
    GF_TRY(draw_curve(p, p->r->smooth, 2.5, GF_INK_TRAIN, err));
    draw_marks(p);
    return GRAFT_OK;
}

graft_status gf_plot_rates(gf_canvas **out, const gf_rates *rates, const gf_theme *theme, graft_error *err)
{
    plot p = {.r = rates, .frame = {LEFT, TOP, WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM}};
    GF_TRY(gf_canvas_create(out, WIDTH, HEIGHT, theme, err));
    p.c = *out;
    graft_status status = rates->n > 1 ? draw(&p, err) : GRAFT_OK;
    if (status != GRAFT_OK) gf_canvas_destroy(*out);
    if (status != GRAFT_OK) *out = NULL;
    return status;
}
