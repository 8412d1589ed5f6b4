#include "image/fit.h"

#include "image/resize.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHANNELS = 3, LETTERBOX_GRAY = 114, MAX_SIDE = 16384 };

/* ---- words */

static bool whole_number(const char *text, int low, int high, int *out)
{
    size_t n = strspn(text, "0123456789");
    if (!n || n > 5 || text[n]) return false;
    *out = (int)strtol(text, NULL, 10);
    return *out >= low && *out <= high;
}

static bool read_shortest(gf_fit *fit, const char *text)
{
    static const char center[] = ",center";
    char number[8];
    const char *end = strstr(text, center);
    if (!end || strcmp(end, center) != 0 || (size_t)(end - text) >= sizeof number) return false;
    memcpy(number, text, (size_t)(end - text));
    number[end - text] = 0;
    return whole_number(number, 1, MAX_SIDE, &fit->shortest);
}

static bool read_words(gf_fit *fit, const char *text)
{
    static const char pad[] = "pad=", shortest[] = "shortest=";
    int gray = LETTERBOX_GRAY;
    *fit = (gf_fit){0};
    if (!strcmp(text, "stretch")) return true;
    fit->kind = GF_FIT_CROP;
    if (!strcmp(text, "crop")) return true;
    fit->kind = GF_FIT_SHORTEST;
    if (!strncmp(text, shortest, sizeof shortest - 1)) return read_shortest(fit, text + sizeof shortest - 1);
    fit->kind = GF_FIT_PAD;
    if (!strncmp(text, pad, sizeof pad - 1) && !whole_number(text + sizeof pad - 1, 0, UINT8_MAX, &gray)) return false;
    fit->gray = (uint8_t)gray;
    return !strcmp(text, "pad") || !strncmp(text, pad, sizeof pad - 1);
}

graft_status gf_fit_parse(gf_fit *fit, const char *text, graft_error *err)
{
    if (read_words(fit, text ? text : "stretch")) return GRAFT_OK;
    return gf_fail(err, GF_E_OPTION_VALUE, "shortest=256,center is torchvision's Resize(256) and CenterCrop",
                   "fit %s: wanted is stretch, crop, pad, pad=GRAY (0 to 255) or shortest=N,center (1 to %d)",
                   GF_ESC(text), MAX_SIDE);
}

const char *gf_fit_text(const gf_fit *fit, char buf[GF_FIT_TEXT])
{
    switch (fit->kind) {
    case GF_FIT_STRETCH: snprintf(buf, GF_FIT_TEXT, "stretch"); break;
    case GF_FIT_CROP: snprintf(buf, GF_FIT_TEXT, "crop"); break;
    case GF_FIT_PAD: snprintf(buf, GF_FIT_TEXT, "pad=%d", fit->gray); break;
    case GF_FIT_SHORTEST: snprintf(buf, GF_FIT_TEXT, "shortest=%d,center", fit->shortest); break;
    }
    return buf;
}

/* ---- geometry */

/* What of the source is resized, what of the result is taken, and where in dst it begins. */
typedef struct placement {
    int src_x, src_y;
    gf_resize_part part;
    int dst_x, dst_y;
} placement;

static int at_least_1(int64_t v) { return v < 1 ? 1 : v > INT_MAX ? INT_MAX : (int)v; }

static placement stretch(const gf_fit *fit, int h, int w, int oh, int ow)
{
    (void)fit;
    return (placement){.part = {.src_w = w, .src_h = h, .full_w = ow, .full_h = oh, .w = ow, .h = oh}};
}

/* Keras's smart_resize: sides and margins rounded down. */
static placement crop(const gf_fit *fit, int h, int w, int oh, int ow)
{
    int64_t high = (int64_t)w * oh / ow, wide = (int64_t)h * ow / oh;
    int src_h = at_least_1(high < h ? high : h), src_w = at_least_1(wide < w ? wide : w);
    placement p = stretch(fit, src_h, src_w, oh, ow);
    p.src_y = (h - src_h) / 2;
    p.src_x = (w - src_w) / 2;
    return p;
}

static placement pad(const gf_fit *fit, int h, int w, int oh, int ow)
{
    bool full_width = (int64_t)w * oh >= (int64_t)h * ow; /* the width fills dst, margins above and below */
    int new_w = full_width ? ow : at_least_1(llround((double)w * oh / h));
    int new_h = full_width ? at_least_1(llround((double)h * ow / w)) : oh;
    placement p = stretch(fit, h, w, new_h, new_w);
    p.dst_y = (oh - new_h) / 2;
    p.dst_x = (ow - new_w) / 2;
    return p;
}

/* torchvision's CenterCrop of one side: where it begins, rounded to even; in what is too short, margins of which the
 * first is rounded down. */
static void center(int full, int wanted, int *from, int *count, int *to)
{
    *from = full > wanted ? (int)rint((full - wanted) / 2.0) : 0;
    *count = full > wanted ? wanted : full;
    *to = full > wanted ? 0 : (wanted - full) / 2;
}

static placement shortest(const gf_fit *fit, int h, int w, int oh, int ow)
{
    int64_t n = fit->shortest;
    int full_h = h <= w ? (int)n : at_least_1(n * h / w), full_w = h <= w ? at_least_1(n * w / h) : (int)n;
    placement p = stretch(fit, h, w, full_h, full_w);
    center(full_w, ow, &p.part.x, &p.part.w, &p.dst_x);
    center(full_h, oh, &p.part.y, &p.part.h, &p.dst_y);
    return p;
}

static bool place(const gf_fit *fit, const uint8_t *rgb, int h, int w, int oh, int ow, bool antialias, placement *p)
{
    static placement (*const kinds[])(const gf_fit *, int, int, int, int) = {
        [GF_FIT_STRETCH] = stretch, [GF_FIT_CROP] = crop, [GF_FIT_PAD] = pad, [GF_FIT_SHORTEST] = shortest};
    if (h < 1 || w < 1 || oh < 1 || ow < 1) return false;
    *p = kinds[fit->kind](fit, h, w, oh, ow);
    p->part.src_stride = (size_t)w * CHANNELS;
    p->part.src = rgb + (size_t)p->src_y * p->part.src_stride + (size_t)p->src_x * CHANNELS;
    p->part.dst_stride = (size_t)ow * CHANNELS;
    p->part.filter = fit->filter;
    p->part.antialias = antialias;
    return true;
}

void gf_fit_map(const gf_fit *fit, int h, int w, int oh, int ow, double scale[2], double offset[2])
{
    placement p;
    uint8_t none = 0;
    if (!place(fit, &none, h, w, oh, ow, false, &p)) return;
    scale[0] = (double)p.part.full_w / p.part.src_w;
    scale[1] = (double)p.part.full_h / p.part.src_h;
    offset[0] = p.dst_x - p.part.x - p.src_x * scale[0];
    offset[1] = p.dst_y - p.part.y - p.src_y * scale[1];
}

static graft_status no_sides(int h, int w, int oh, int ow, graft_error *err)
{
    return gf_fail(err, GF_E_USAGE, NULL, "an image of %d x %d to %d x %d: sides must be above 0", w, h, ow, oh);
}

static size_t first_value(const placement *p)
{
    return (size_t)p->dst_y * p->part.dst_stride + (size_t)p->dst_x * CHANNELS;
}

graft_status gf_fit_image(const gf_fit *fit, const uint8_t *rgb, int h, int w, float *dst, int oh, int ow,
                          bool antialias, graft_error *err)
{
    placement p;
    if (!place(fit, rgb, h, w, oh, ow, antialias, &p)) return no_sides(h, w, oh, ow, err);
    if (p.part.w < ow || p.part.h < oh) {
        for (size_t i = 0; i < (size_t)oh * p.part.dst_stride; i++) dst[i] = fit->gray;
    }
    return gf_resize_window(&p.part, dst + first_value(&p), err);
}

graft_status gf_fit_image_u8(const gf_fit *fit, const uint8_t *rgb, int h, int w, uint8_t *dst, int oh, int ow,
                             bool antialias, graft_error *err)
{
    placement p;
    if (!place(fit, rgb, h, w, oh, ow, antialias, &p)) return no_sides(h, w, oh, ow, err);
    if (p.part.w < ow || p.part.h < oh) memset(dst, fit->gray, (size_t)oh * p.part.dst_stride);
    return gf_resize_window_u8(&p.part, dst + first_value(&p), err);
}
