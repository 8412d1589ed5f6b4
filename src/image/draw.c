#include "image/draw.h"

#include <string.h>

static int held(double v, int most) { return v < 0 ? 0 : v > most ? most : (int)v; }

static void fill(uint8_t *rgb, int w, int x1, int y1, int x2, int y2, const uint8_t color[3])
{
    for (int y = y1; y < y2; y++)
        for (int x = x1; x < x2; x++) memcpy(rgb + 3 * ((long)y * w + x), color, 3);
}

void gf_draw_box(uint8_t *rgb, int w, int h, double x1, double y1, double x2, double y2, const uint8_t color[3])
{
    const int small = 200, share = 300;
    int side = w < h ? w : h, thick = side < small ? 1 : side < 2 * share ? 2 : side / share;
    int left = held(x1, w), top = held(y1, h), right = held(x2 + 0.5, w), bottom = held(y2 + 0.5, h);
    if (right - left < 2 * thick || bottom - top < 2 * thick) {
        fill(rgb, w, left, top, right, bottom, color);
        return;
    }
    fill(rgb, w, left, top, right, top + thick, color);
    fill(rgb, w, left, bottom - thick, right, bottom, color);
    fill(rgb, w, left, top, left + thick, bottom, color);
    fill(rgb, w, right - thick, top, right, bottom, color);
}
