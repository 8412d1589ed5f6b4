#include "report/number.h"
#include "report/plots.h"

#include <math.h>

/* Rows of a photo and, to its right, its name above a bar for each of its likeliest classes; two columns from four on.
 */
enum { MARGIN = 28, SIDE = 150, SPACE = 22, BETWEEN = 44, RIGHT = 330, TITLE = 26, LINE = 24, NAME = 124, VALUE = 62 };

static void draw_bars(gf_canvas *c, double x, double y, const gf_barred *b)
{
    const gf_theme *theme = gf_canvas_theme(c);
    const double room = RIGHT - NAME - VALUE;
    const gf_text_style title = {
        .size = 14, .bold = true, .ink = GF_INK_TEXT, .max_width = RIGHT - (b->unknown ? 72 : 0)};
    gf_canvas_text(c, x, y + 13, &title, b->title);
    for (size_t k = 0; k < b->n; k++) {
        double top = y + TITLE + (double)k * LINE, length = fmax(room * b->bar[k].share, 1);
        bool first = !k && !b->unknown;
        const gf_text_style name = {
            .size = 13, .bold = first, .ink = first ? GF_INK_RIGHT : GF_INK_TEXT, .anchor = 1, .max_width = NAME - 10};
        const gf_text_style value = {.size = 13, .ink = first ? GF_INK_RIGHT : GF_INK_MUTED};
        gf_canvas_text(c, x + NAME - 10, top + 13, &name, b->bar[k].name);
        gf_canvas_fill(c, (gf_area){x + NAME, top + 1, room, 16}, 3, theme->rgb[GF_INK_PANEL]);
        gf_canvas_fill(c, (gf_area){x + NAME, top + 1, length, 16}, fmin(3, length / 2),
                       first ? theme->rgb[GF_INK_RIGHT] : gf_theme_mix(theme, GF_INK_PAGE, GF_INK_MUTED, 0.6));
        gf_canvas_text(c, x + NAME + room + 8, top + 13, &value, GF_PROBABILITY(b->bar[k].share));
    }
    const gf_text_style unknown = {.size = 13, .bold = true, .ink = GF_INK_WRONG, .anchor = 1};
    if (b->unknown) gf_canvas_text(c, x + RIGHT, y + 13, &unknown, "unknown");
}

graft_status gf_plot_barred(gf_canvas **out, const gf_barred *item, size_t n, const gf_theme *theme, graft_error *err)
{
    *out = NULL;
    if (!n) return gf_fail(err, GF_E_INTERNAL, NULL, "a sheet of no photos");
    size_t columns = n > 3 ? 2 : 1, rows = (n + columns - 1) / columns;
    const double wide = SIDE + SPACE + RIGHT;
    double w = 2 * MARGIN + (double)columns * (wide + BETWEEN) - BETWEEN;
    double h = 2 * MARGIN + (double)rows * (SIDE + SPACE) - SPACE;
    GF_TRY(gf_canvas_create(out, w, h, theme, err));
    for (size_t i = 0; i < n; i++) {
        double x = MARGIN + (double)(i % columns) * (wide + BETWEEN),
               y = MARGIN + (double)(i / columns) * (SIDE + SPACE);
        gf_canvas_fill(*out, (gf_area){x, y, SIDE, SIDE}, 6, theme->rgb[GF_INK_PANEL]);
        gf_canvas_photo(*out, (gf_area){x, y, SIDE, SIDE}, 6, &item[i].pixels);
        draw_bars(*out, x + SIDE + SPACE, y, &item[i]);
    }
    return GRAFT_OK;
}
