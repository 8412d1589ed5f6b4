#include "ops/patches_int8.h"

#include <math.h>
#include <string.h>

enum { CHANNELS = 4, WORD = 4, MOST_HEIGHT = 16 };

/* Scratch: kh lines of the image with their margins. A part of a window is read by whole words, the last one beyond
 * it. */
static size_t line_bytes(const gf_patches_int8 *p)
{
    int reach = (p->g.ow - 1) * p->g.sw + p->g.kw, width = p->g.pl + p->g.w > reach ? p->g.pl + p->g.w : reach;
    return (size_t)(width * p->g.c) + WORD;
}

size_t gf_patches_int8_scratch_bytes(const gf_patches_int8 *p) { return (size_t)p->g.kh * line_bytes(p); }

bool gf_patches_int8_fits(const gf_op_spec *s, gf_patches_int8 *p)
{
    *p = (gf_patches_int8){.g = gf_geometry_of(s)};
    for (int c = 0; c < p->g.c && c < CHANNELS; c++)
        p->zero[c] = s->src_quant.zero ? (uint8_t)lrintf(s->src_quant.zero[c]) : 0;
    size_t part = (size_t)(p->g.kw * p->g.c);
    p->row = (gf_pointwise_int8){.pixels = (size_t)p->g.ow,
                                 .oc = (size_t)s->conv.filters,
                                 .step = (size_t)(p->g.sw * p->g.c),
                                 .lines = (size_t)p->g.kh,
                                 .line = line_bytes(p),
                                 .part = part,
                                 .depth = (part + WORD - 1) / WORD * WORD};
    return p->g.c <= CHANNELS && s->conv.groups == 1 && p->g.kh <= MOST_HEIGHT && s->n_src == 1;
}

/* A line outside of the image: nothing but zeros. */
static void clear_line(const gf_patches_int8 *p, uint8_t *line)
{
    size_t all = line_bytes(p), c = (size_t)p->g.c;
    for (size_t i = 0; i < all; i++) line[i] = i < c ? p->zero[i] : line[i - c];
}

/* Row y of the image between the margins that the line has already. */
static void fetch_line(const gf_patches_int8 *p, const uint8_t *image, int y, uint8_t *line)
{
    size_t row = (size_t)(p->g.w * p->g.c), before = (size_t)(p->g.pl * p->g.c);
    if (y >= 0 && y < p->g.h) {
        memcpy(line + before, image + (size_t)y * row, row);
    } else {
        clear_line(p, line);
    }
}

void gf_patches_int8_run(const gf_patches_int8 *p, const uint8_t *src, void *dst, void *scratch)
{
    uint8_t *lines = scratch;
    size_t row = (size_t)p->g.ow * p->row.oc * (size_t)p->g.size, line = line_bytes(p);
    char *to = dst;
    for (int i = 0; i < p->g.kh; i++) clear_line(p, lines + (size_t)i * line);
    for (int n = 0; n < p->g.n; n++) {
        const uint8_t *image = src + (size_t)n * (size_t)(p->g.h * p->g.w * p->g.c);
        for (int y = 0; y < p->g.oh; y++, to += row) {
            for (int i = 0; i < p->g.kh; i++) fetch_line(p, image, y * p->g.sh - p->g.pt + i, lines + (size_t)i * line);
            gf_pointwise_int8_run(&p->row, lines, to, NULL);
        }
    }
}
