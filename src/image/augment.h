/* augment.h - random changes of training images: --augment's words, what a sample gets, and doing it.
 *
 * What a sample gets depends on (seed, epoch, sample) alone. Each word draws from numbers of its own (its class's
 * stream and how often the class stood before it): adding or removing a word never changes what others draw. Words act
 * in their order.
 *
 *     words   word,word,...
 *     word    [keras:|torch:|graft:]name[=value][:value|:key=value|:key]...
 *
 * A prefix holds for all words behind it. `none` changes nothing.
 * p=SHARE, a key of every word, is the probability that it is done. */
#ifndef GF_IMAGE_AUGMENT_H
#define GF_IMAGE_AUGMENT_H

#include "base/alloc.h"
#include "base/error.h"
#include "image/random_change.h"

enum { GF_AUGMENT_WORDS = 16, GF_AUGMENT_TRANSFORMS = 24 };

typedef struct gf_augment_word {
    const gf_random_change_class *change;
    gf_change_args args;
    float p;         /* done with this probability */
    uint32_t stream; /* of its numbers */
    bool exact;      /* of another library */
} gf_augment_word;

typedef struct gf_augment_spec {
    int n;
    gf_augment_word word[GF_AUGMENT_WORDS];
} gf_augment_spec;

/* Not locale dependent. On failure, E3002 with the word, its range and the nearest name, the spec is empty. */
graft_status gf_augment_parse(const char *text, gf_augment_spec *out, graft_error *err);

/* What may be written, a line each: the word with its values' defaults, and what it does. */
void gf_augment_words(gf_text *text);

/* One value as the grammar has it, n bytes; NULL, or what is wanted instead, in buf. */
const char *gf_change_parse_value(const gf_change_arg *row, const char *text, size_t n, struct gf_change_value *out,
                                  char *buf, size_t size);

/* Whether it changes images at all. */
bool gf_augment_any(const gf_augment_spec *spec);

/* The name of a word that blends two samples, and so their targets; NULL: there is none. */
const char *gf_augment_mixes(const gf_augment_spec *spec);

/* What one sample gets: transforms one after the other, each with its own 8-bit image in between. */
typedef struct gf_augment_drawn {
    int n, h, w; /* of the image that goes in */
    int oh, ow;  /* of what comes out */
    gf_transform transform[GF_AUGMENT_TRANSFORMS];
    gf_mix mix;
} gf_augment_drawn;

/* An image that goes in h x w comes out oh x ow: where the words leave it of another size it is stretched. */
void gf_augment_draw(const gf_augment_spec *spec, uint64_t seed, uint32_t epoch, uint32_t sample, int h, int w, int oh,
                     int ow, gf_augment_drawn *drawn);

/* Where a point (x, y) of the image that goes in comes to lie: x' = m[0] x + m[1] y + m[2], y' = m[3] x + m[4] y +
 * m[5]; 0 at the outer edges. Of words that move an image by a map; gf_augment_unmapped names one that does not. */
void gf_augment_map(const gf_augment_drawn *drawn, double m[6]);
const char *gf_augment_unmapped(const gf_augment_spec *spec); /* NULL: there is none */

/* Bytes of scratch that images of these sizes need, whatever is drawn; a worker books it once. May be 0. */
size_t gf_augment_scratch_bytes(const gf_augment_spec *spec, int h, int w, int oh, int ow);

/* rgb: drawn->h x drawn->w x 3; dst: oh x ow x 3 floats, 0..255. Allocates nothing; the same bits on every CPU;
 * threads: any, each with its own scratch (aligned to 64 bytes, or malloc's). dst and rgb do not overlap. */
void gf_augment_apply(const gf_augment_drawn *drawn, const uint8_t *rgb, float *dst, void *scratch);

/* The same images quantized (quantize.h), of the same bits as bytes made of those floats. */
void gf_augment_int8(const gf_augment_drawn *drawn, const uint8_t *rgb, const gf_quantize_map *map, uint8_t *dst,
                     void *scratch);

/* Blends a partner's image into one that is done, both of n pixels in rows of w: see gf_mix. */
void gf_augment_mix(const gf_mix *mix, int w, size_t n, const float *partner, float *value);

#endif
