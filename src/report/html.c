#include "report/html.h"

#include "base/base64.h"
#include "image/encode.h"
#include "report/photo.h"

#include <string.h>

enum { JPEG_QUALITY = 84 };

static const char *entity(char c)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

void gf_html_text(gf_text *t, const char *s)
{
    size_t size = 4 * strlen(s) + 1;
    char *printable = gf_alloc_raw(size, 1);
    if (!printable) {
        t->failed = true;
        return;
    }
    gf_escape(printable, size, s);
    for (const char *p = printable; *p;) {
        size_t plain = strcspn(p, "&<>\"'");
        gf_text_add_n(t, p, plain);
        p += plain;
        if (*p) gf_text_add(t, entity(*p++));
    }
    gf_free(printable);
}

void gf_html_element(gf_text *t, const char *tag, const char *attributes, const char *text)
{
    gf_text_printf(t, "<%s%s>", tag, attributes);
    gf_html_text(t, text);
    gf_text_printf(t, "</%s>", tag);
}

void gf_html_data(gf_text *t, const char *mime, const uint8_t *bytes, size_t n)
{
    gf_text_printf(t, "data:%s;base64,", mime);
    gf_base64_add(t, bytes, n);
}

static int smaller(int a, int b) { return a < b ? a : b; }

graft_status gf_html_photo(gf_text *t, const gf_pixels *photo, int side, const char *alt, graft_error *err)
{
    gf_image fit;
    uint8_t *jpeg = NULL;
    size_t n = 0;
    if (t->failed) return GRAFT_OK;
    int largest = photo->w > photo->h ? photo->w : photo->h; /* a browser enlarges as well as we do */
    GF_TRY(gf_photo_fit(photo, smaller(side, largest), smaller(side, largest), &fit, err));
    if (!fit.rgb) return GRAFT_OK;
    graft_status status = gf_jpeg_encode(fit.rgb, fit.w, fit.h, JPEG_QUALITY, &jpeg, &n, err);
    if (status == GRAFT_OK) {
        gf_text_printf(t, "<img width=\"%d\" height=\"%d\" alt=\"", fit.w, fit.h);
        gf_html_text(t, alt);
        gf_text_add(t, "\" src=\"");
        gf_html_data(t, "image/jpeg", jpeg, n);
        gf_text_add(t, "\"/>");
    }
    gf_free(jpeg);
    gf_image_free(&fit);
    return status;
}

/* The plot in one theme as a data: URL; *w is 0 where there was nothing to draw. */
static graft_status add_plot(gf_text *t, const gf_plot *plot, const gf_run_record *r, const gf_theme *theme, int *w,
                             int *h, graft_error *err)
{
    gf_canvas *sheet;
    uint8_t *png = NULL;
    size_t n = 0;
    *w = *h = 0;
    GF_TRY(plot->draw(&sheet, r, theme, err));
    if (!sheet) return GRAFT_OK;
    graft_status status = gf_canvas_png(sheet, &png, &n, err);
    gf_canvas_size(sheet, w, h);
    gf_canvas_destroy(sheet);
    if (status == GRAFT_OK) gf_html_data(t, "image/png", png, n);
    gf_free(png);
    return status;
}

graft_status gf_html_plot(gf_text *t, const gf_plot *plot, const gf_run_record *r, const char *alt, graft_error *err)
{
    gf_text light = {0}, dark = {0};
    int w, h;
    graft_status status;
    if (t->failed) return GRAFT_OK;
    GF_GOTO(add_plot(&dark, plot, r, &gf_theme_dark, &w, &h, err));
    GF_GOTO(add_plot(&light, plot, r, &gf_theme_light, &w, &h, err));
    t->failed |= light.failed || dark.failed;
    if (!w || t->failed) goto out;
    gf_text_add(t, "<picture><source media=\"(prefers-color-scheme: dark)\" srcset=\"");
    gf_text_add_n(t, dark.s, dark.n);
    gf_text_printf(t, "\"/><img width=\"%d\" height=\"%d\" alt=\"", w, h);
    gf_html_text(t, alt);
    gf_text_add(t, "\" src=\"");
    gf_text_add_n(t, light.s, light.n);
    gf_text_add(t, "\"/></picture>\n");
out:
    gf_text_free(&light);
    gf_text_free(&dark);
    return status;
}
