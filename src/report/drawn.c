#include "report/drawn.h"

#include "base/alloc.h"
#include "image/draw.h"
#include "report/canvas.h"

#include <math.h>
#include <string.h>

enum { RGB = 3 };

uint32_t gf_class_color(int32_t class_id)
{
    /* Okabe and Ito, "Color universal design", 2008, without its black */
    static const uint32_t color[] = {0xe69f00, 0x56b4e9, 0x009e73, 0xf0e442, 0xd55e00, 0xcc79a7, 0x0072b2, 0xffffff};
    return color[(size_t)class_id % (sizeof color / sizeof *color)];
}

/* Light colours bear dark letters. */
static gf_ink letters_on(uint32_t rgb)
{
    const double red = 0.299, green = 0.587, blue = 0.114, half = 140;
    double light = red * (rgb >> 16 & 255) + green * (rgb >> 8 & 255) + blue * (rgb & 255);
    return light > half ? GF_INK_TEXT : GF_INK_PAGE;
}

/* Labels are written on a strip of the image's width, one after the other, and copied from there. */
typedef struct strip {
    gf_canvas *sheet;
    double letters; /* their size, in units */
    int w, h;       /* pixels */
    uint8_t *rgb;
} strip;

static graft_status open_strip(strip *s, int w, int h, graft_error *err)
{
    const double share = 32, least = 6, most = 24, rise = 1.4;
    double side = (double)(w < h ? w : h) / GF_CANVAS_SCALE;
    *s = (strip){.letters = fmin(fmax(side / share, least), most), .w = w};
    s->h = GF_CANVAS_SCALE * (int)lround(rise * s->letters);
    s->rgb = gf_new_n((size_t)s->w * (size_t)s->h * RGB, uint8_t);
    if (!s->rgb) return gf_fail_memory(err, (size_t)s->w * (size_t)s->h * RGB, "a drawn image");
    return gf_canvas_create(&s->sheet, (double)w / GF_CANVAS_SCALE, (double)s->h / GF_CANVAS_SCALE, &gf_theme_light,
                            err);
}

static void close_strip(strip *s)
{
    gf_canvas_destroy(s->sheet);
    gf_free(s->rgb);
}

/* On the frame's upper edge, or inside of it where there is no room above; never beyond the image's edges. */
static graft_status draw_label(strip *s, uint8_t *rgb, int h, const gf_drawn_box *b, graft_error *err)
{
    const double space = 0.35 * s->letters, base = 1.05 * s->letters;
    const gf_text_style style = {.size = s->letters,
                                 .bold = true,
                                 .ink = letters_on(b->rgb),
                                 .max_width = fmax((double)s->w / GF_CANVAS_SCALE - 2 * space, 1)};
    double width = gf_canvas_text_width(s->sheet, &style, b->label) + 2 * space;
    gf_canvas_fill(s->sheet, (gf_area){0, 0, s->w, s->h}, 0, b->rgb);
    gf_canvas_text(s->sheet, space, base, &style, b->label);
    GF_TRY(gf_canvas_rgb(s->sheet, s->rgb, err));
    int n = (int)fmin(ceil(width * GF_CANVAS_SCALE), s->w);
    int x = (int)fmax(fmin(b->x1, s->w - n), 0), y = (int)(b->y1 >= s->h ? b->y1 - s->h : fmax(b->y1, 0));
    for (int row = 0; row < s->h && y + row < h; row++)
        memcpy(rgb + ((size_t)(y + row) * (size_t)s->w + (size_t)x) * RGB, s->rgb + (size_t)row * (size_t)s->w * RGB,
               (size_t)n * RGB);
    return GRAFT_OK;
}

graft_status gf_draw_boxes(uint8_t *rgb, int w, int h, const gf_drawn_box *box, size_t n, graft_error *err)
{
    strip s;
    graft_status status = open_strip(&s, w, h, err);
    for (size_t i = 0; i < n && status == GRAFT_OK; i++) { /* the first, which is best, on top of the others */
        const gf_drawn_box *b = &box[n - 1 - i];
        const uint8_t color[RGB] = {(uint8_t)(b->rgb >> 16), (uint8_t)(b->rgb >> 8), (uint8_t)b->rgb};
        gf_draw_box(rgb, w, h, b->x1, b->y1, b->x2, b->y2, color);
        if (b->label) status = draw_label(&s, rgb, h, b, err);
    }
    close_strip(&s);
    return status;
}
