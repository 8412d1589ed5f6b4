#include "report/number.h"
#include "report/plots.h"

#include <math.h>
#include <stdio.h>

/* A square frame from 0 to 100 % both ways, and below it how many images each bin has. */
enum { LEFT = 74, TOP = 84, SIDE = 360, GAP = 26, COUNTS = 70, RIGHT = 30, BOTTOM = 62 };

static double x_of(double share) { return LEFT + share * SIDE; }
static double y_of(double share) { return TOP + (1 - share) * SIDE; }

static void draw_frame(gf_canvas *c, const char *title, const gf_reliability *k)
{
    const gf_theme *theme = gf_canvas_theme(c);
    const gf_text_style head = {.size = 17, .bold = true, .ink = GF_INK_TEXT},
                        note = {.size = 12.5, .ink = GF_INK_MUTED},
                        left = {.size = 12, .ink = GF_INK_MUTED, .anchor = 1},
                        below = {.size = 12, .ink = GF_INK_MUTED, .anchor = 0.5},
                        axis = {.size = 13, .ink = GF_INK_MUTED, .anchor = 0.5},
                        turned = {.size = 13, .ink = GF_INK_MUTED, .anchor = 0.5, .turn = -90};
    char line[120];
    snprintf(line, sizeof line, "%s predictions, calibration error %s", GF_COUNT((unsigned long long)k->images),
             GF_PERCENT(k->error, 1));
    gf_canvas_text(c, LEFT, 34, &head, title);
    gf_canvas_text(c, LEFT, 56, &note, line);
    const int steps = 5;
    for (int i = 0; i <= steps; i++) {
        double share = (double)i / steps;
        gf_canvas_line(c, x_of(0), y_of(share), x_of(1), y_of(share), 1, false, theme->rgb[GF_INK_GRID]);
        gf_canvas_text(c, LEFT - 9, y_of(share) + 4.3, &left, GF_PERCENT(share, 0));
        gf_canvas_text(c, x_of(share), TOP + SIDE + GAP + COUNTS + 19, &below, GF_PERCENT(share, 0));
    }
    gf_canvas_text(c, x_of(0.5), TOP + SIDE + GAP + COUNTS + 42, &axis, "probability of the predicted class");
    gf_canvas_text(c, 22, TOP + SIDE / 2.0, &turned, "of these right");
    gf_canvas_text(c, LEFT - 9, TOP + SIDE + GAP + COUNTS, &left, "0");
}

/* The share of a bin that is right, with its 95 % interval, over the mean of what was said. */
static void draw_bin(gf_canvas *c, const gf_reliability_bin *b, uint64_t most, int k)
{
    const gf_theme *theme = gf_canvas_theme(c);
    const double width = (double)SIDE / GF_RELIABILITY_BINS, n = (double)b->images;
    double right = (double)b->right / n, said = b->confidence / n, bounds[2], high = COUNTS * n / (double)most;
    gf_wilson(right, n, bounds);
    gf_area bar = {LEFT + k * width + 1.5, y_of(right), width - 3, fmax(y_of(0) - y_of(right), 0)};
    gf_area count = {LEFT + k * width + 1.5, TOP + SIDE + GAP + COUNTS - high, width - 3, high};
    gf_canvas_fill(c, bar, 0, gf_theme_mix(theme, GF_INK_PAGE, GF_INK_RIGHT, 0.35));
    gf_canvas_fill(c, count, 0, gf_theme_mix(theme, GF_INK_PAGE, GF_INK_MUTED, 0.6));
    gf_canvas_line(c, x_of(said), y_of(bounds[0]), x_of(said), y_of(bounds[1]), 1.5, false, theme->rgb[GF_INK_RIGHT]);
    gf_canvas_disc(c, x_of(said), y_of(right), 4, 0, theme->rgb[GF_INK_RIGHT]);
}

graft_status gf_plot_reliability(gf_canvas **out, const gf_reliability *k, const char *title, const gf_theme *theme,
                                 graft_error *err)
{
    *out = NULL;
    uint64_t most = 1;
    GF_TRY(gf_canvas_create(out, LEFT + SIDE + RIGHT, TOP + SIDE + GAP + COUNTS + BOTTOM, theme, err));
    for (int i = 0; i < GF_RELIABILITY_BINS; i++) most = k->bin[i].images > most ? k->bin[i].images : most;
    draw_frame(*out, title, k);
    const gf_text_style count = {.size = 12, .ink = GF_INK_MUTED, .anchor = 1};
    gf_canvas_text(*out, LEFT - 9, TOP + SIDE + GAP + 9, &count, GF_COUNT((unsigned long long)most));
    for (int i = 0; i < GF_RELIABILITY_BINS; i++) {
        if (k->bin[i].images) draw_bin(*out, &k->bin[i], most, i);
    }
    gf_canvas_line(*out, x_of(0), y_of(0), x_of(1), y_of(1), 1.25, true, theme->rgb[GF_INK_MUTED]);
    return GRAFT_OK;
}
