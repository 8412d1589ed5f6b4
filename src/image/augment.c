/* What a sample gets, and doing it. */
#include "image/augment.h"

#include "base/rng.h"

#include <string.h>

enum { CHANNELS = 3, ALIGN = 64 };

bool gf_augment_any(const gf_augment_spec *spec) { return spec->n > 0; }

const char *gf_augment_mixes(const gf_augment_spec *spec)
{
    for (int i = 0; i < spec->n; i++) {
        if (spec->word[i].change->mixes) return spec->word[i].change->name;
    }
    return NULL;
}

void gf_change_set_border(gf_transform *t, const struct gf_change_value *fill, const struct gf_change_value *nearest)
{
    t->border = (gf_border)fill->low;
    t->fill = t->border == GF_BORDER_CONSTANT ? (float)fill->high : 0;
    t->nearest = nearest && nearest->low != 0;
}

/* ---- drawing */

/* Where the list is full the rest is left out, which a spec that was parsed cannot come to: see the test. */
static void append(gf_augment_drawn *d, const gf_transform *t)
{
    const gf_transform *last = d->n ? &d->transform[d->n - 1] : NULL;
    if (gf_transform_is_identity(t, last ? last->h : d->h, last ? last->w : d->w)) return;
    if (d->n && gf_transform_merge(&d->transform[d->n - 1], t)) return;
    if (d->n < GF_AUGMENT_TRANSFORMS) d->transform[d->n++] = *t;
}

static gf_transform behind(const gf_augment_drawn *d)
{
    const gf_transform *last = d->n ? &d->transform[d->n - 1] : NULL;
    return gf_transform_identity(last ? last->h : d->h, last ? last->w : d->w);
}

/* Pixel areas onto each other, as tf.image.resize has them. */
static gf_transform stretch(int h, int w, int oh, int ow)
{
    gf_transform t = gf_transform_identity(h, w);
    double x = (double)w / ow, y = (double)h / oh;
    memcpy(t.m, (float[6]){(float)x, 0, (float)(0.5 * x - 0.5), 0, (float)y, (float)(0.5 * y - 0.5)}, sizeof t.m);
    t.within = false;
    t.border = GF_BORDER_NEAREST;
    t.h = oh;
    t.w = ow;
    return t;
}

static void draw_word(const gf_augment_word *word, uint64_t seed, uint32_t epoch, uint32_t sample, gf_augment_drawn *d)
{
    enum { WHETHER = 0x80 }; /* stands beside the purpose, which is below it */
    gf_rng rng = gf_rng_make(seed, GF_PURPOSE_AUGMENT, epoch, sample), chance = rng;
    rng.stream |= word->stream;
    chance.stream |= word->stream | WHETHER;
    if (word->p < 1 && !(gf_rng_f32(&chance) < word->p)) return;
    int times = word->change->times ? word->change->times(&word->args) : 1;
    for (int i = 0; i < times; i++) {
        gf_transform t = word->change->mixes ? gf_transform_identity(d->oh, d->ow) : behind(d);
        word->change->draw(&word->args, &rng, t.h, t.w, &t);
        t.exact = word->exact;
        if (word->change->mixes) {
            d->mix = t.mix;
        } else {
            append(d, &t);
        }
    }
}

void gf_augment_draw(const gf_augment_spec *spec, uint64_t seed, uint32_t epoch, uint32_t sample, int h, int w, int oh,
                     int ow, gf_augment_drawn *drawn)
{
    drawn->n = 0;
    drawn->h = h;
    drawn->w = w;
    drawn->oh = oh;
    drawn->ow = ow;
    drawn->mix = (gf_mix){.lambda = 1};
    for (int i = 0; i < spec->n; i++) draw_word(&spec->word[i], seed, epoch, sample, drawn);
    gf_transform last = behind(drawn);
    if (last.h == oh && last.w == ow) return;
    last = stretch(last.h, last.w, oh, ow);
    append(drawn, &last);
}

/* ---- scratch: two 8-bit images of the largest size on the way, and the floats of one before its colors change */

static size_t aligned(size_t bytes) { return (bytes + ALIGN - 1) / ALIGN * ALIGN; }

static size_t pixels(int h, int w) { return (size_t)h * (size_t)w; }

static size_t most_pixels(const gf_augment_spec *spec, int h, int w, int oh, int ow)
{
    size_t most = pixels(h, w) > pixels(oh, ow) ? pixels(h, w) : pixels(oh, ow);
    for (int i = 0; i < spec->n; i++) {
        if (spec->word[i].change->size) spec->word[i].change->size(&spec->word[i].args, &h, &w);
        if (pixels(h, w) > most) most = pixels(h, w);
    }
    return most;
}

size_t gf_augment_scratch_bytes(const gf_augment_spec *spec, int h, int w, int oh, int ow)
{
    if (!spec->n && h == oh && w == ow) return 0;
    size_t most = most_pixels(spec, h, w, oh, ow) * CHANNELS;
    return 2 * aligned(most) + aligned(most * sizeof(float));
}

typedef struct scratch {
    uint8_t *image[2];
    float *value;
} scratch;

/* Of one sample, whose sizes are at most those the block was booked for. */
static scratch divide(const gf_augment_drawn *d, void *block)
{
    size_t most = pixels(d->h, d->w);
    for (int i = 0; i < d->n; i++) {
        const gf_transform *t = &d->transform[i];
        if (pixels(t->pass_h, t->pass_w) > most) most = pixels(t->pass_h, t->pass_w);
        if (pixels(t->h, t->w) > most) most = pixels(t->h, t->w);
    }
    size_t image = aligned(most * CHANNELS);
    uint8_t *at = block;
    return (scratch){{at, at ? at + image : at}, (float *)(void *)(at ? at + 2 * image : at)};
}

/* ---- doing it */

/* restrict and a fixed count: compilers then make vector code of it. */
static void convert(const uint8_t *restrict rgb, size_t n, float *restrict dst)
{
    enum { BLOCK = 32 };
    size_t left = n * CHANNELS;
    for (; left >= BLOCK; left -= BLOCK, rgb += BLOCK, dst += BLOCK) {
        for (int i = 0; i < BLOCK; i++) dst[i] = (float)rgb[i];
    }
    for (size_t i = 0; i < left; i++) dst[i] = (float)rgb[i];
}

static void mirror(const uint8_t *restrict rgb, int h, int w, float *restrict dst)
{
    for (int y = 0; y < h; y++, rgb += (size_t)w * CHANNELS) {
        for (int x = w - 1; x >= 0; x--, dst += CHANNELS) {
            for (int c = 0; c < CHANNELS; c++) dst[c] = (float)rgb[CHANNELS * (size_t)x + (size_t)c];
        }
    }
}

static gf_warp warp_of(const gf_transform *t)
{
    gf_warp p = {.h = t->pass_h,
                 .w = t->pass_w,
                 .oh = t->h,
                 .ow = t->w,
                 .flip = t->flip,
                 .nearest = t->nearest,
                 .border = t->border,
                 .fill = t->fill};
    memcpy(p.m, t->m, sizeof p.m);
    return p;
}

static void warp_to_floats(const gf_transform *t, const uint8_t *rgb, float *dst)
{
    static const float identity[6] = {1, 0, 0, 0, 1, 0};
    gf_warp p = warp_of(t);
    if (!gf_transform_moves(t)) {
        convert(rgb, pixels(t->h, t->w), dst);
    } else if (t->h == t->pass_h && t->w == t->pass_w && !memcmp(t->m, identity, sizeof identity)) {
        mirror(rgb, t->h, t->w, dst);
    } else {
        gf_warp_floats(&p, rgb, dst);
    }
}

/* Warp and colors to bytes. An image that is mirrored alone is rotated by nothing: its weights are 0 and 1, and its
 * values what they were. */
static void finish_int8(const gf_transform *t, const uint8_t *rgb, float *value, const gf_quantize_map *map,
                        uint8_t *dst)
{
    gf_warp p = warp_of(t);
    if (t->color.set) {
        warp_to_floats(t, rgb, value);
        gf_color_int8(&t->color, value, pixels(t->h, t->w), map, dst);
    } else if (!gf_transform_moves(t)) {
        gf_quantize_rgb(map, rgb, pixels(t->h, t->w), dst);
    } else {
        gf_warp_int8(&p, rgb, map, dst);
    }
}

/* All but the last transform's warp and colors, which the callers do; *from is then its input. */
static const gf_transform *go(const gf_augment_drawn *d, const scratch *s, const uint8_t **from)
{
    static const gf_quantize_map rounded = {{1, 1, 1}, {0.5f, 0.5f, 0.5f}};
    int next = 0; /* the image of scratch that is free */
    for (int i = 0; i < d->n; i++) {
        const gf_transform *t = &d->transform[i];
        const gf_transform *before = i ? t - 1 : NULL;
        if (t->pass) {
            t->pass(t->pass_args, *from, before ? before->h : d->h, before ? before->w : d->w, s->image[next],
                    t->pass_h, t->pass_w);
            *from = s->image[next];
            next = !next;
        }
        if (i == d->n - 1) return t;
        if (!gf_transform_moves(t) && !t->color.set) continue;
        finish_int8(t, *from, s->value, &rounded, s->image[next]);
        *from = s->image[next];
        next = !next;
    }
    return NULL;
}

void gf_augment_apply(const gf_augment_drawn *drawn, const uint8_t *rgb, float *dst, void *block)
{
    scratch s = divide(drawn, block);
    const gf_transform *last = go(drawn, &s, &rgb);
    if (!last) {
        convert(rgb, pixels(drawn->oh, drawn->ow), dst);
        return;
    }
    warp_to_floats(last, rgb, dst);
    if (last->color.set) gf_color_apply(&last->color, dst, pixels(last->h, last->w));
}

void gf_augment_int8(const gf_augment_drawn *drawn, const uint8_t *rgb, const gf_quantize_map *map, uint8_t *dst,
                     void *block)
{
    scratch s = divide(drawn, block);
    const gf_transform *last = go(drawn, &s, &rgb);
    if (last) {
        finish_int8(last, rgb, s.value, map, dst);
    } else {
        gf_quantize_rgb(map, rgb, pixels(drawn->oh, drawn->ow), dst);
    }
}

void gf_augment_mix(const gf_mix *mix, int w, size_t n, const float *partner, float *value)
{
    const gf_rect *r = &mix->rect;
    if (!(mix->lambda < 1)) return;
    if (r->w < 1 || r->h < 1) {
        for (size_t i = 0; i < n * CHANNELS; i++) value[i] = mix->lambda * value[i] + (1 - mix->lambda) * partner[i];
        return;
    }
    for (int y = r->y; y < r->y + r->h; y++) {
        size_t at = (size_t)(y * w + r->x) * CHANNELS;
        memcpy(value + at, partner + at, (size_t)r->w * CHANNELS * sizeof *value);
    }
}

/* ---- where points go */

/* The inverse of what the warp reads: pixel centers are at whole numbers there, at halves here. */
static void move(const gf_transform *t, double m[6])
{
    const double a = t->m[0], b = t->m[1], c = t->m[3], d = t->m[4], det = a * d - b * c;
    double back[6] = {d / det, -b / det, 0, -c / det, a / det, 0}, in[6];
    const double e = t->m[2] + 0.5 - 0.5 * (a + b), f = t->m[5] + 0.5 - 0.5 * (c + d);
    back[2] = -(back[0] * e + back[1] * f);
    back[5] = -(back[3] * e + back[4] * f);
    if (t->flip) { /* the source is read mirrored */
        back[2] += back[0] * t->pass_w;
        back[5] += back[3] * t->pass_w;
        back[0] = -back[0];
        back[3] = -back[3];
    }
    memcpy(in, m, sizeof in);
    for (int r = 0; r < 6; r += 3) {
        m[r] = back[r] * in[0] + back[r + 1] * in[3];
        m[r + 1] = back[r] * in[1] + back[r + 1] * in[4];
        m[r + 2] = back[r] * in[2] + back[r + 1] * in[5] + back[r + 2];
    }
}

void gf_augment_map(const gf_augment_drawn *drawn, double m[6])
{
    const double none[6] = {1, 0, 0, 0, 1, 0};
    memcpy(m, none, sizeof none);
    for (int i = 0; i < drawn->n; i++) move(&drawn->transform[i], m);
}

const char *gf_augment_unmapped(const gf_augment_spec *spec)
{
    for (int i = 0; i < spec->n; i++)
        if (spec->word[i].exact || spec->word[i].change->mixes) return spec->word[i].change->name;
    return NULL;
}
