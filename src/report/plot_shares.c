#include "report/plots.h"

#include <math.h>

/* A square frame from 0 to 1 both ways, and below it a legend in two columns. */
enum { LEFT = 66, TOP = 84, SIDE = 380, RIGHT = 30, BELOW = 62, ROW = 22, COLUMNS = 2 };

static double x_of(double share) { return LEFT + share * SIDE; }
static double y_of(double share) { return TOP + (1 - share) * SIDE; }

static void draw_frame(gf_canvas *c, const gf_shares *s)
{
    const gf_theme *theme = gf_canvas_theme(c);
    const gf_text_style head = {.size = 17, .bold = true, .ink = GF_INK_TEXT},
                        note = {.size = 12.5, .ink = GF_INK_MUTED, .max_width = SIDE + RIGHT},
                        left = {.size = 12, .ink = GF_INK_MUTED, .anchor = 1},
                        below = {.size = 12, .ink = GF_INK_MUTED, .anchor = 0.5},
                        axis = {.size = 13, .ink = GF_INK_MUTED, .anchor = 0.5},
                        turned = {.size = 13, .ink = GF_INK_MUTED, .anchor = 0.5, .turn = -90};
    gf_canvas_text(c, LEFT, 34, &head, s->title);
    gf_canvas_text(c, LEFT, 56, &note, s->note);
    const int steps = 5;
    for (int i = 0; i <= steps; i++) {
        char buf[GF_NUMBER_SIZE];
        double share = (double)i / steps;
        gf_number_decimals(buf, share, 1);
        gf_canvas_line(c, x_of(0), y_of(share), x_of(1), y_of(share), 1, false, theme->rgb[GF_INK_GRID]);
        gf_canvas_line(c, x_of(share), y_of(0), x_of(share), y_of(1), 1, false, theme->rgb[GF_INK_GRID]);
        gf_canvas_text(c, LEFT - 9, y_of(share) + 4.3, &left, buf);
        gf_canvas_text(c, x_of(share), TOP + SIDE + 19, &below, buf);
    }
    gf_canvas_text(c, x_of(0.5), TOP + SIDE + 42, &axis, s->x);
    if (s->y) gf_canvas_text(c, 20, TOP + SIDE / 2.0, &turned, s->y);
}

/* Points closer than that to the last one drawn, in units, are passed over: sets of thousands of images have as many.
 */
static void draw_line(gf_canvas *c, const gf_share_line *l)
{
    const double step = 0.25;
    double from[2] = {NAN, NAN};
    for (size_t i = 0; i < l->n; i++) {
        double to[2] = {x_of(l->point[i][0]), y_of(l->point[i][1])};
        if (!isfinite(to[0]) || !isfinite(to[1])) continue;
        bool near = fabs(to[0] - from[0]) < step && fabs(to[1] - from[1]) < step;
        if (near && i + 1 < l->n) continue;
        if (isfinite(from[0])) gf_canvas_line(c, from[0], from[1], to[0], to[1], l->width, false, l->rgb);
        from[0] = to[0];
        from[1] = to[1];
    }
}

static size_t named(const gf_shares *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) n += s->line[i].name != NULL;
    return n;
}

static void draw_legend(gf_canvas *c, const gf_shares *s)
{
    const double width = (double)(SIDE + RIGHT) / COLUMNS;
    const gf_text_style style = {.size = 13, .ink = GF_INK_TEXT, .max_width = width - 40};
    size_t at = 0;
    for (size_t i = 0; i < s->n; i++) {
        const gf_share_line *l = &s->line[i];
        if (!l->name) continue;
        double x = LEFT + (double)(at % COLUMNS) * width, y = TOP + SIDE + BELOW + (double)(at / COLUMNS) * ROW + 10;
        gf_canvas_line(c, x, y - 4.5, x + 22, y - 4.5, fmax(l->width, 2), false, l->rgb);
        gf_canvas_text(c, x + 30, y, &style, l->name);
        at++;
    }
}

graft_status gf_plot_shares(gf_canvas **out, const gf_shares *s, const gf_theme *theme, graft_error *err)
{
    size_t rows = (named(s) + COLUMNS - 1) / COLUMNS;
    GF_TRY(gf_canvas_create(out, LEFT + SIDE + RIGHT, TOP + SIDE + BELOW + (double)rows * ROW + 14, theme, err));
    draw_frame(*out, s);
    if (isfinite(s->mark))
        gf_canvas_line(*out, x_of(s->mark), y_of(0), x_of(s->mark), y_of(1), 1.25, true, theme->rgb[GF_INK_MUTED]);
    for (size_t i = 0; i < s->n; i++) draw_line(*out, &s->line[i]);
    draw_legend(*out, s);
    return GRAFT_OK;
}
