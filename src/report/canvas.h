/* canvas.h - a sheet to draw plots on, at twice the resolution of its units, in a light or a dark theme.
 *
 * Cairo stands behind it, in canvas.c alone. Drawing calls do not fail one by one: the first failure is kept and told
 * by gf_canvas_png. Equal calls give equal bytes (no times, no names of programs), with the same fonts installed. */
#ifndef GF_REPORT_CANVAS_H
#define GF_REPORT_CANVAS_H

#include "report/record.h"

#include <stdbool.h>

/* What a colour is for; each theme has one for each. Right/wrong and train/validation are pairs that colour-blind
 * people tell apart (blue against red or orange). */
typedef enum gf_ink {
    GF_INK_PAGE,
    GF_INK_PANEL, /* a surface on the page */
    GF_INK_GRID,
    GF_INK_MUTED, /* text of second rank */
    GF_INK_TEXT,
    GF_INK_TRAIN,
    GF_INK_VALIDATION,
    GF_INK_RIGHT,
    GF_INK_WRONG,
    GF_INKS
} gf_ink;

typedef struct gf_theme {
    const char *name;      /* "light" */
    uint32_t rgb[GF_INKS]; /* 0xRRGGBB */
} gf_theme;

extern const gf_theme gf_theme_light, gf_theme_dark;

/* A colour between two inks of a theme: 0 gives `from`, 1 gives `to`. */
uint32_t gf_theme_mix(const gf_theme *theme, gf_ink from, gf_ink to, double share);

enum { GF_CANVAS_SCALE = 2 }; /* pixels a unit */

typedef struct gf_canvas gf_canvas;

/* A sheet of w x h units (2w x 2h pixels) in the theme's page colour. *out is the caller's. */
graft_status gf_canvas_create(gf_canvas **out, double w, double h, const gf_theme *theme, graft_error *err);
void gf_canvas_destroy(gf_canvas *c); /* takes NULL */
const gf_theme *gf_canvas_theme(const gf_canvas *c);
void gf_canvas_size(const gf_canvas *c, int *w, int *h); /* in units, rounded */

typedef struct gf_text_style {
    double size;
    bool bold;
    gf_ink ink;
    double anchor;    /* which part of the text stands at x: 0 its left end, 0.5 its middle, 1 its right end */
    double turn;      /* degrees, clockwise, round (x, y) */
    double max_width; /* longer text ends in an ellipsis; 0: any width */
} gf_text_style;

/* One line of text, its baseline at y; bytes that are not printable UTF-8 are escaped. Returns its width. */
double gf_canvas_text(gf_canvas *c, double x, double y, const gf_text_style *style, const char *text);
double gf_canvas_text_width(gf_canvas *c, const gf_text_style *style, const char *text);

typedef struct gf_area {
    double x, y, w, h;
} gf_area;

void gf_canvas_fill(gf_canvas *c, gf_area box, double radius, uint32_t rgb);
void gf_canvas_line(gf_canvas *c, double x0, double y0, double x1, double y1, double width, bool dashed, uint32_t rgb);
/* A line through n points (x, y); it is interrupted where a coordinate is not finite. */
void gf_canvas_polyline(gf_canvas *c, const double (*point)[2], size_t n, double width, uint32_t rgb);
/* A disc, or a ring of the given line width where width > 0. */
void gf_canvas_disc(gf_canvas *c, double x, double y, double radius, double width, uint32_t rgb);
/* The photo as large as it fits into the box, in its middle, with round corners. */
void gf_canvas_photo(gf_canvas *c, gf_area box, double radius, const gf_pixels *photo);
/* w x h colours (0xRRGGBB) as sharp rectangles that fill the box. */
void gf_canvas_tiles(gf_canvas *c, gf_area box, const uint32_t *rgb, int w, int h);

/* The sheet's pixels, rows of R, G, B, into rgb; or the first failure of the calls before. */
graft_status gf_canvas_rgb(const gf_canvas *c, uint8_t *rgb, graft_error *err);
/* The sheet as a PNG file's bytes (gf_free), likewise. */
graft_status gf_canvas_png(const gf_canvas *c, uint8_t **bytes, size_t *n, graft_error *err);

#endif
