#include "report/number.h"
#include "report/plots.h"

#include <math.h>

/* A grid of photos: margins all round, a title, then rows of a square and its caption (0, 1 or 2 lines). */
enum { MARGIN = 28, TITLE = 40, NOTE = 18, SPACE = 20, LINE = 18, CAPTION_GAP = 6, RADIUS = 6 };

static const int caption_lines[] = {[GF_CAPTION_NONE] = 0, [GF_CAPTION_TRUTH] = 1, [GF_CAPTION_PREDICTION] = 2};

static double caption_height(gf_caption caption)
{
    return caption_lines[caption] ? CAPTION_GAP + caption_lines[caption] * LINE : 0;
}

/* "mark name 98.1 %": the name gives way, the mark and the probability stay. */
static void draw_verdict(gf_canvas *c, gf_area box, double y, const gf_photo *photo, const gf_run_record *names)
{
    bool known = photo->truth >= 0, right = photo->truth == photo->predicted;
    gf_ink ink = !known ? GF_INK_TEXT : right ? GF_INK_RIGHT : GF_INK_WRONG;
    gf_text_style bold = {.size = 13, .bold = true, .ink = ink};
    const gf_text_style plain = {.size = 13, .ink = ink};
    char buf[GF_NUMBER_SIZE];
    const char *probability = isnan(photo->probability) ? "" : gf_number_probability(buf, photo->probability);
    double x = box.x;
    if (known) x += gf_canvas_text(c, x, y, &bold, right ? "\u2713" : "\u2717") + 5;
    bold.max_width = box.x + box.w - x - 7 - gf_canvas_text_width(c, &plain, probability);
    x += gf_canvas_text(c, x, y, &bold, gf_photo_prediction(names, photo)) + 7;
    gf_canvas_text(c, x, y, &plain, probability);
    if (!known) return;
    char truth[300];
    gf_text_style brackets = {.size = 13, .ink = right ? GF_INK_MUTED : GF_INK_TEXT};
    gf_escape(truth, sizeof truth, gf_photo_truth(names, photo));
    x = box.x + gf_canvas_text(c, box.x, y + LINE, &brackets, "(");
    brackets.max_width = box.w - 2 * (x - box.x);
    x += gf_canvas_text(c, x, y + LINE, &brackets, truth);
    gf_canvas_text(c, x, y + LINE, &brackets, ")");
}

static void draw_truth(gf_canvas *c, gf_area box, double y, const gf_photo *photo, const gf_run_record *names)
{
    const gf_text_style style = {.size = 13, .ink = GF_INK_TEXT, .max_width = box.w};
    gf_canvas_text(c, box.x, y, &style, gf_photo_truth(names, photo));
}

static void draw_photo(gf_canvas *c, gf_area box, const gf_photo *photo, gf_caption caption, const gf_run_record *names)
{
    const gf_theme *theme = gf_canvas_theme(c);
    double y = box.y + box.h + CAPTION_GAP + LINE - 5;
    gf_canvas_fill(c, box, RADIUS, theme->rgb[GF_INK_PANEL]);
    if (caption == GF_CAPTION_PREDICTION && photo->truth >= 0) {
        const double border = 4;
        gf_ink ink = photo->truth == photo->predicted ? GF_INK_RIGHT : GF_INK_WRONG;
        gf_canvas_fill(c, box, RADIUS, theme->rgb[ink]);
        gf_area inner = {box.x + border, box.y + border, box.w - 2 * border, box.h - 2 * border};
        gf_canvas_photo(c, inner, RADIUS - border, &photo->pixels);
    } else {
        gf_canvas_photo(c, box, RADIUS, &photo->pixels);
    }
    if (caption == GF_CAPTION_PREDICTION) draw_verdict(c, box, y, photo, names);
    if (caption == GF_CAPTION_TRUTH) draw_truth(c, box, y, photo, names);
}

graft_status gf_plot_photos(gf_canvas **out, const gf_photo_grid *grid, const gf_run_record *names,
                            const gf_theme *theme, graft_error *err)
{
    *out = NULL;
    int n = (int)grid->photos.n, columns = grid->columns < n ? grid->columns : n;
    if (n <= 0 || columns <= 0) return gf_fail(err, GF_E_INTERNAL, NULL, "a grid of no photos");
    int rows = (n + columns - 1) / columns;
    double step_x = grid->side + SPACE, step_y = grid->side + caption_height(grid->caption) + SPACE;
    double top = MARGIN + TITLE + (grid->note ? NOTE : 0);
    double w = 2 * MARGIN + columns * step_x - SPACE, h = top + rows * step_y - SPACE + MARGIN;
    GF_TRY(gf_canvas_create(out, w, h, theme, err));
    const gf_text_style title = {.size = 17, .bold = true, .ink = GF_INK_TEXT, .max_width = w - 2 * MARGIN};
    const gf_text_style note = {.size = 12.5, .ink = GF_INK_MUTED, .max_width = w - 2 * MARGIN};
    gf_canvas_text(*out, MARGIN, MARGIN + 16, &title, grid->title);
    if (grid->note) gf_canvas_text(*out, MARGIN, MARGIN + 38, &note, grid->note);
    for (int i = 0; i < n; i++) {
        gf_area box = {MARGIN + i % columns * step_x, top + i / columns * step_y, grid->side, grid->side};
        draw_photo(*out, box, &grid->photos.item[i], grid->caption, names);
    }
    return GRAFT_OK;
}
