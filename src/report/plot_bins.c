#include "base/binned.h"
#include "report/inspection.h"
#include "report/number.h"

#include <math.h>

/* A bar for each bin that is worth one, its name below, turned where there are many. */
enum { LEFT = 62, TOP = 70, WIDTH = 430, HEIGHT = 170, RIGHT = 14, BELOW = 84, MOST_LEVEL = 9 };

typedef struct frame {
    gf_canvas *c;
    const gf_bins *b;
    size_t first, end;
    gf_ticks ticks;
} frame;

static double y_of(const frame *f, double count) { return TOP + HEIGHT * (1 - count / gf_tick_last(&f->ticks)); }

static void draw_frame(const frame *f)
{
    const gf_theme *theme = gf_canvas_theme(f->c);
    const gf_text_style head = {.size = 17, .bold = true, .ink = GF_INK_TEXT, .max_width = LEFT + WIDTH},
                        note = {.size = 12.5, .ink = GF_INK_MUTED, .max_width = LEFT + WIDTH},
                        left = {.size = 12, .ink = GF_INK_MUTED, .anchor = 1};
    gf_canvas_text(f->c, 14, 28, &head, f->b->title);
    if (f->b->note) gf_canvas_text(f->c, 14, 48, &note, f->b->note);
    for (int i = 0; i < f->ticks.n; i++) {
        double v = gf_tick(&f->ticks, i), y = y_of(f, v);
        gf_canvas_line(f->c, LEFT, y, LEFT + WIDTH, y, 1, false, theme->rgb[GF_INK_GRID]);
        gf_canvas_text(f->c, LEFT - 8, y + 4.2, &left, GF_COUNT((unsigned long long)v));
    }
}

static void draw_bins(const frame *f)
{
    const gf_theme *theme = gf_canvas_theme(f->c);
    size_t n = f->end - f->first;
    bool turned = n > MOST_LEVEL;
    double width = (double)WIDTH / (double)n;
    const gf_text_style level = {.size = 12, .ink = GF_INK_MUTED, .anchor = 0.5, .max_width = width - 2},
                        slanted = {.size = 12, .ink = GF_INK_MUTED, .anchor = 1, .turn = -50, .max_width = BELOW};
    for (size_t i = 0; i < n; i++) {
        double x = LEFT + (double)i * width, y = y_of(f, (double)f->b->count[f->first + i]);
        const char *name = f->b->name[f->first + i];
        gf_canvas_fill(f->c, (gf_area){x + width * 0.08, y, width * 0.84, TOP + HEIGHT - y}, 1.5,
                       gf_theme_mix(theme, GF_INK_PAGE, GF_INK_RIGHT, 0.75));
        if (turned) {
            gf_canvas_text(f->c, x + width / 2 + 4, TOP + HEIGHT + 14, &slanted, name);
        } else {
            gf_canvas_text(f->c, x + width / 2, TOP + HEIGHT + 18, &level, name);
        }
    }
}

graft_status gf_plot_bins(gf_canvas **out, const gf_bins *bins, const gf_theme *theme, graft_error *err)
{
    frame f = {.b = bins};
    uint64_t most = gf_bins_span(bins->count, bins->n, &f.first, &f.end);
    *out = NULL;
    if (f.first == f.end) return GRAFT_OK;
    f.ticks = gf_ticks_cover(0, (double)most, 5);
    while (f.ticks.step < 1) f.ticks = gf_ticks_cover(0, (double)most, f.ticks.n - 2 > 1 ? f.ticks.n - 2 : 1);
    bool turned = f.end - f.first > MOST_LEVEL;
    GF_TRY(gf_canvas_create(out, LEFT + WIDTH + RIGHT, TOP + HEIGHT + (turned ? BELOW : 34), theme, err));
    f.c = *out;
    draw_frame(&f);
    draw_bins(&f);
    return GRAFT_OK;
}
