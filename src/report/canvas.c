#include "report/canvas.h"

#include "base/alloc.h"
#include "image/png_encode.h"
#include "report/photo.h"

#include <cairo.h>
#include <math.h>
#include <string.h>

const gf_theme gf_theme_light = {
    "light",
    {
        [GF_INK_PAGE] = 0xffffff,
        [GF_INK_PANEL] = 0xf3f5f7,
        [GF_INK_GRID] = 0xe1e5ea,
        [GF_INK_MUTED] = 0x5b6570,
        [GF_INK_TEXT] = 0x1a1e23,
        [GF_INK_TRAIN] = 0x0072b2,
        [GF_INK_VALIDATION] = 0xd55e00,
        [GF_INK_RIGHT] = 0x0b5cad,
        [GF_INK_WRONG] = 0xc4202f,
    },
};

const gf_theme gf_theme_dark = {
    "dark",
    {
        [GF_INK_PAGE] = 0x14171b,
        [GF_INK_PANEL] = 0x1f242a,
        [GF_INK_GRID] = 0x30373f,
        [GF_INK_MUTED] = 0x9aa5b1,
        [GF_INK_TEXT] = 0xe9ecef,
        [GF_INK_TRAIN] = 0x56b4e9,
        [GF_INK_VALIDATION] = 0xf2994a,
        [GF_INK_RIGHT] = 0x69adff,
        [GF_INK_WRONG] = 0xff7b72,
    },
};

uint32_t gf_theme_mix(const gf_theme *theme, gf_ink from, gf_ink to, double share)
{
    uint32_t a = theme->rgb[from], b = theme->rgb[to], mixed = 0;
    double s = share > 0 ? fmin(share, 1) : 0;
    for (int shift = 0; shift <= 16; shift += 8) {
        double channel = (double)(a >> shift & 255) * (1 - s) + (double)(b >> shift & 255) * s;
        mixed |= (uint32_t)lround(channel) << shift;
    }
    return mixed;
}

struct gf_canvas {
    const gf_theme *theme;
    uint8_t *pixels; /* owned here, not by Cairo, so that it comes from base/alloc.h */
    cairo_surface_t *surface;
    cairo_t *cr;
    graft_status status; /* the first failure that is not Cairo's own */
    graft_error error;
};

static graft_status cairo_failed(cairo_status_t cairo_status, graft_error *err)
{
    if (cairo_status == CAIRO_STATUS_NO_MEMORY) return gf_fail_memory(err, 0, "a plot");
    return gf_fail(err, GF_E_INTERNAL, NULL, "a plot cannot be drawn: %s", cairo_status_to_string(cairo_status));
}

static void set_color(cairo_t *cr, uint32_t rgb)
{
    cairo_set_source_rgb(cr, (rgb >> 16 & 255) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0);
}

/* Gray antialiasing without hinting: letters keep their shape at any scale, and do not depend on the user's screen. */
static void set_up(cairo_t *cr)
{
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_set_font_options(cr, options);
    cairo_font_options_destroy(options);
    cairo_scale(cr, GF_CANVAS_SCALE, GF_CANVAS_SCALE);
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
}

graft_status gf_canvas_create(gf_canvas **out, double w, double h, const gf_theme *theme, graft_error *err)
{
    *out = NULL;
    gf_canvas *c = gf_new(gf_canvas);
    if (!c) return gf_fail_memory(err, sizeof *c, "a plot");
    int pw = (int)lround(w * GF_CANVAS_SCALE), ph = (int)lround(h * GF_CANVAS_SCALE);
    int stride = cairo_format_stride_for_width(CAIRO_FORMAT_RGB24, pw);
    c->theme = theme;
    c->pixels = gf_alloc((size_t)ph, (size_t)stride);
    if (!c->pixels) {
        gf_canvas_destroy(c);
        return gf_fail_memory(err, (size_t)ph * (size_t)stride, "a plot");
    }
    c->surface = cairo_image_surface_create_for_data(c->pixels, CAIRO_FORMAT_RGB24, pw, ph, stride);
    c->cr = cairo_create(c->surface);
    cairo_status_t made = cairo_status(c->cr);
    if (made != CAIRO_STATUS_SUCCESS) {
        gf_canvas_destroy(c);
        return cairo_failed(made, err);
    }
    set_up(c->cr);
    set_color(c->cr, theme->rgb[GF_INK_PAGE]);
    cairo_paint(c->cr);
    *out = c;
    return GRAFT_OK;
}

void gf_canvas_destroy(gf_canvas *c)
{
    if (!c) return;
    if (c->cr) cairo_destroy(c->cr);
    if (c->surface) cairo_surface_destroy(c->surface);
    gf_free(c->pixels);
    gf_free(c);
}

const gf_theme *gf_canvas_theme(const gf_canvas *c) { return c->theme; }

void gf_canvas_size(const gf_canvas *c, int *w, int *h)
{
    *w = cairo_image_surface_get_width(c->surface) / GF_CANVAS_SCALE;
    *h = cairo_image_surface_get_height(c->surface) / GF_CANVAS_SCALE;
}

/* --- text --- */

enum { SHOWN_SIZE = 1100 }; /* a name of 255 bytes, all escaped, and an ellipsis */

static void set_font(cairo_t *cr, const gf_text_style *style)
{
    cairo_font_weight_t weight = style->bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL;
    cairo_select_font_face(cr, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, weight);
    cairo_set_font_size(cr, style->size);
}

static double width_of(cairo_t *cr, const char *text)
{
    cairo_text_extents_t e = {0};
    cairo_text_extents(cr, text, &e);
    return e.x_advance;
}

/* Cuts `shown` at the last character with which it still fits, an ellipsis behind it. */
static void shorten(cairo_t *cr, char shown[SHOWN_SIZE], double max_width)
{
    static const char ellipsis[] = "\u2026";
    char whole[SHOWN_SIZE];
    size_t low = 0, high = strlen(shown);
    if (high > SHOWN_SIZE - sizeof ellipsis) high = SHOWN_SIZE - sizeof ellipsis;
    memcpy(whole, shown, high);
    while (low < high) { /* the longest beginning that fits; its width grows with its length */
        size_t middle = (low + high + 1) / 2, cut = middle;
        while (cut > low && ((unsigned char)whole[cut] & 0xc0) == 0x80 && cut < high) cut--;
        memcpy(shown, whole, cut);
        memcpy(shown + cut, ellipsis, sizeof ellipsis);
        if (width_of(cr, shown) <= max_width) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    while (low && ((unsigned char)whole[low] & 0xc0) == 0x80) low--;
    while (low && whole[low - 1] == ' ') low--;
    memcpy(shown, whole, low);
    memcpy(shown + low, ellipsis, sizeof ellipsis);
}

/* Sets the font and gives the text as it will be shown, with its width. */
static double lay_out(gf_canvas *c, const gf_text_style *style, const char *text, char shown[SHOWN_SIZE])
{
    gf_escape(shown, SHOWN_SIZE, text);
    set_font(c->cr, style);
    double width = width_of(c->cr, shown);
    if (!(style->max_width > 0) || width <= style->max_width) return width;
    shorten(c->cr, shown, style->max_width);
    return width_of(c->cr, shown);
}

double gf_canvas_text_width(gf_canvas *c, const gf_text_style *style, const char *text)
{
    char shown[SHOWN_SIZE];
    return lay_out(c, style, text, shown);
}

double gf_canvas_text(gf_canvas *c, double x, double y, const gf_text_style *style, const char *text)
{
    char shown[SHOWN_SIZE];
    double width = lay_out(c, style, text, shown);
    set_color(c->cr, c->theme->rgb[style->ink]);
    cairo_save(c->cr);
    cairo_translate(c->cr, x, y);
    cairo_rotate(c->cr, style->turn * (M_PI / 180));
    cairo_move_to(c->cr, -style->anchor * width, 0);
    cairo_show_text(c->cr, shown);
    cairo_restore(c->cr);
    cairo_new_path(c->cr);
    return width;
}

/* --- shapes --- */

static void trace_box(cairo_t *cr, gf_area b, double radius)
{
    double r = fmin(radius, fmin(b.w, b.h) / 2);
    cairo_new_path(cr);
    if (!(r > 0)) {
        cairo_rectangle(cr, b.x, b.y, b.w, b.h);
        return;
    }
    cairo_arc(cr, b.x + b.w - r, b.y + r, r, -M_PI / 2, 0);
    cairo_arc(cr, b.x + b.w - r, b.y + b.h - r, r, 0, M_PI / 2);
    cairo_arc(cr, b.x + r, b.y + b.h - r, r, M_PI / 2, M_PI);
    cairo_arc(cr, b.x + r, b.y + r, r, M_PI, 3 * M_PI / 2);
    cairo_close_path(cr);
}

void gf_canvas_fill(gf_canvas *c, gf_area box, double radius, uint32_t rgb)
{
    trace_box(c->cr, box, radius);
    set_color(c->cr, rgb);
    cairo_fill(c->cr);
}

static void stroke(gf_canvas *c, double width, uint32_t rgb)
{
    set_color(c->cr, rgb);
    cairo_set_line_width(c->cr, width);
    cairo_stroke(c->cr);
}

void gf_canvas_line(gf_canvas *c, double x0, double y0, double x1, double y1, double width, bool dashed, uint32_t rgb)
{
    static const double dashes[] = {5, 5};
    cairo_new_path(c->cr);
    cairo_move_to(c->cr, x0, y0);
    cairo_line_to(c->cr, x1, y1);
    if (dashed) cairo_set_dash(c->cr, dashes, 2, 0);
    stroke(c, width, rgb);
    cairo_set_dash(c->cr, NULL, 0, 0);
}

void gf_canvas_polyline(gf_canvas *c, const double (*point)[2], size_t n, double width, uint32_t rgb)
{
    bool down = false;
    cairo_new_path(c->cr);
    for (size_t i = 0; i < n; i++) {
        bool drawn = isfinite(point[i][0]) && isfinite(point[i][1]);
        if (drawn && down) cairo_line_to(c->cr, point[i][0], point[i][1]);
        if (drawn && !down) cairo_move_to(c->cr, point[i][0], point[i][1]);
        down = drawn;
    }
    stroke(c, width, rgb);
}

void gf_canvas_disc(gf_canvas *c, double x, double y, double radius, double width, uint32_t rgb)
{
    cairo_new_path(c->cr);
    cairo_arc(c->cr, x, y, radius, 0, 2 * M_PI);
    if (width > 0) {
        stroke(c, width, rgb);
    } else {
        set_color(c->cr, rgb);
        cairo_fill(c->cr);
    }
}

/* --- images --- */

/* Paints w x h pixels (0xRRGGBB each, stride w) over the box, each a sharp rectangle. */
static void paint(gf_canvas *c, gf_area box, double radius, uint32_t *rgb, int w, int h)
{
    cairo_surface_t *s =
        cairo_image_surface_create_for_data((unsigned char *)rgb, CAIRO_FORMAT_RGB24, w, h, w * (int)sizeof *rgb);
    cairo_save(c->cr);
    trace_box(c->cr, box, radius);
    cairo_clip(c->cr);
    cairo_translate(c->cr, box.x, box.y);
    cairo_scale(c->cr, box.w / w, box.h / h);
    cairo_set_source_surface(c->cr, s, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(c->cr), CAIRO_FILTER_NEAREST);
    cairo_paint(c->cr);
    cairo_restore(c->cr);
    cairo_surface_finish(s);
    cairo_surface_destroy(s);
}

void gf_canvas_tiles(gf_canvas *c, gf_area box, const uint32_t *rgb, int w, int h)
{
    uint32_t *copy = gf_alloc_raw((size_t)w * (size_t)h, sizeof *copy); /* Cairo wants it writable */
    if (!copy) {
        if (c->status == GRAFT_OK) c->status = gf_fail_memory(&c->error, (size_t)w * (size_t)h, "a plot");
        return;
    }
    memcpy(copy, rgb, (size_t)w * (size_t)h * sizeof *copy);
    paint(c, box, 0, copy, w, h);
    gf_free(copy);
}

void gf_canvas_photo(gf_canvas *c, gf_area box, double radius, const gf_pixels *photo)
{
    gf_image fit = {0};
    graft_error err;
    graft_status status =
        gf_photo_fit(photo, (int)lround(box.w * GF_CANVAS_SCALE), (int)lround(box.h * GF_CANVAS_SCALE), &fit, &err);
    size_t n = (size_t)fit.w * (size_t)fit.h;
    uint32_t *rgb = status == GRAFT_OK && n ? gf_alloc_raw(n, sizeof *rgb) : NULL;
    if (status == GRAFT_OK && n && !rgb) status = gf_fail_memory(&err, n * sizeof *rgb, "a photo of a plot");
    if (rgb) {
        for (size_t i = 0; i < n; i++) {
            const uint8_t *p = fit.rgb + 3 * i;
            rgb[i] = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        }
        double w = (double)fit.w / GF_CANVAS_SCALE, h = (double)fit.h / GF_CANVAS_SCALE;
        double left = floor((box.w - w) / 2 * GF_CANVAS_SCALE) / GF_CANVAS_SCALE; /* on whole pixels: not blurred */
        double top = floor((box.h - h) / 2 * GF_CANVAS_SCALE) / GF_CANVAS_SCALE;
        paint(c, (gf_area){box.x + left, box.y + top, w, h}, radius, rgb, fit.w, fit.h);
    }
    gf_free(rgb);
    gf_image_free(&fit);
    if (status != GRAFT_OK && c->status == GRAFT_OK) {
        c->status = status;
        c->error = err;
    }
}

/* Cairo's pixels (0xXXRRGGBB, one 32-bit word each) as rows of R, G, B. */
static void to_rgb(const gf_canvas *c, uint8_t *rgb, int w, int h)
{
    int stride = cairo_image_surface_get_stride(c->surface);
    for (int y = 0; y < h; y++) {
        const uint8_t *row = c->pixels + (size_t)y * (size_t)stride;
        for (int x = 0; x < w; x++, rgb += 3) {
            uint32_t pixel;
            memcpy(&pixel, row + 4 * (size_t)x, sizeof pixel);
            rgb[0] = (uint8_t)(pixel >> 16);
            rgb[1] = (uint8_t)(pixel >> 8);
            rgb[2] = (uint8_t)pixel;
        }
    }
}

graft_status gf_canvas_rgb(const gf_canvas *c, uint8_t *rgb, graft_error *err)
{
    if (c->status != GRAFT_OK) {
        if (err) *err = c->error;
        return c->status;
    }
    if (cairo_status(c->cr) != CAIRO_STATUS_SUCCESS) return cairo_failed(cairo_status(c->cr), err);
    cairo_surface_flush(c->surface);
    to_rgb(c, rgb, cairo_image_surface_get_width(c->surface), cairo_image_surface_get_height(c->surface));
    return GRAFT_OK;
}

graft_status gf_canvas_png(const gf_canvas *c, uint8_t **bytes, size_t *n, graft_error *err)
{
    *bytes = NULL;
    *n = 0;
    int w = cairo_image_surface_get_width(c->surface), h = cairo_image_surface_get_height(c->surface);
    uint8_t *rgb = gf_alloc_raw((size_t)w * (size_t)h, 3);
    if (!rgb) return gf_fail_memory(err, (size_t)w * (size_t)h * 3, "a plot");
    graft_status status = gf_canvas_rgb(c, rgb, err);
    if (status == GRAFT_OK) status = gf_png_encode(rgb, w, h, bytes, n, err);
    gf_free(rgb);
    return status;
}
