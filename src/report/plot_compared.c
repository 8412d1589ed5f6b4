#include "report/number.h"
#include "report/plots.h"

#include <math.h>
#include <stdio.h>

/* A row for each run: its name, its accuracy with the interval, and to the right its difference from the first. */
enum { MARGIN = 28, NAME = 190, PANEL = 300, BETWEEN = 56, TOP = 96, ROW = 34, BOTTOM = 44 };

typedef struct axis {
    gf_canvas *c;
    double x;
    gf_ticks ticks;
} axis;

static double place(const axis *a, double v)
{
    return a->x + PANEL * (v - a->ticks.first) / (gf_tick_last(&a->ticks) - a->ticks.first);
}

static void draw_axis(const axis *a, const char *title, size_t rows, bool sign)
{
    const gf_theme *theme = gf_canvas_theme(a->c);
    const gf_text_style head = {.size = 14, .bold = true, .ink = GF_INK_TEXT},
                        below = {.size = 12, .ink = GF_INK_MUTED, .anchor = 0.5};
    double bottom = TOP + (double)rows * ROW;
    gf_canvas_text(a->c, a->x, TOP - 14, &head, title);
    for (int i = 0; i < a->ticks.n; i++) {
        double v = gf_tick(&a->ticks, i), x = place(a, v);
        char label[GF_NUMBER_SIZE + 1];
        int decimals = a->ticks.decimals > 2 ? a->ticks.decimals - 2 : 0;
        snprintf(label, sizeof label, "%s%s", sign && v > 1e-12 ? "+" : "", GF_PERCENT(v, decimals));
        gf_canvas_line(a->c, x, TOP, x, bottom, fabs(v) < 1e-12 && sign ? 1.5 : 1, false,
                       theme->rgb[fabs(v) < 1e-12 && sign ? GF_INK_MUTED : GF_INK_GRID]);
        gf_canvas_text(a->c, x, bottom + 18, &below, label);
    }
}

static void draw_interval(const axis *a, double y, double middle, const double bounds[2], gf_ink ink)
{
    uint32_t rgb = gf_canvas_theme(a->c)->rgb[ink];
    if (!isfinite(middle)) return;
    gf_canvas_line(a->c, place(a, bounds[0]), y, place(a, bounds[1]), y, 2.25, false, rgb);
    gf_canvas_disc(a->c, place(a, middle), y, 4.5, 0, rgb);
}

/* Ticks that cover all intervals of the column, and `also`. */
static gf_ticks cover(const gf_compared *row, size_t n, bool differences, double also)
{
    double low = also, high = also;
    for (size_t i = 0; i < n; i++) {
        const double *b = differences ? row[i].difference_bounds : row[i].bounds;
        low = isfinite(b[0]) ? fmin(low, b[0]) : low;
        high = isfinite(b[1]) ? fmax(high, b[1]) : high;
    }
    return gf_ticks_cover(low, fmax(high, low + 0.01), 5);
}

graft_status gf_plot_compared(gf_canvas **out, const gf_compared *row, size_t n, size_t images, const gf_theme *theme,
                              graft_error *err)
{
    *out = NULL;
    const double w = 2 * MARGIN + NAME + 2 * PANEL + BETWEEN;
    GF_TRY(gf_canvas_create(out, w, TOP + (double)n * ROW + BOTTOM, theme, err));
    gf_canvas *c = *out;
    char note[80];
    snprintf(note, sizeof note, "On the same %s images, with 95 %% intervals.", GF_COUNT((unsigned long long)images));
    const gf_text_style title = {.size = 17, .bold = true, .ink = GF_INK_TEXT},
                        muted = {.size = 12.5, .ink = GF_INK_MUTED},
                        name = {.size = 13, .ink = GF_INK_TEXT, .max_width = NAME - 16};
    gf_canvas_text(c, MARGIN, 36, &title, "Runs compared");
    gf_canvas_text(c, MARGIN, 57, &muted, note);
    const axis accuracy = {c, MARGIN + NAME, cover(row, n, false, row[0].accuracy)},
               difference = {c, MARGIN + NAME + PANEL + BETWEEN, cover(row, n, true, 0)};
    draw_axis(&accuracy, "Accuracy", n, false);
    draw_axis(&difference, "Difference from the first", n, true);
    for (size_t i = 0; i < n; i++) {
        double y = TOP + ((double)i + 0.5) * ROW;
        const double *b = row[i].difference_bounds;
        bool better = b[0] > 0, worse = b[1] < 0;
        gf_canvas_text(c, MARGIN, y + 4.5, &name, row[i].name);
        draw_interval(&accuracy, y, row[i].accuracy, row[i].bounds, GF_INK_TRAIN);
        draw_interval(&difference, y, row[i].difference, b,
                      better  ? GF_INK_RIGHT
                      : worse ? GF_INK_WRONG
                              : GF_INK_MUTED);
    }
    return GRAFT_OK;
}
