/* image.h - the bytes of an image file in, 8-bit RGB out.
 *
 * The format is told by the content, never by the name. Damage is an error, not a gray stripe: what the JPEG library
 * calls a warning is refused here too. All functions are pure (bytes in, result out; no files) and may be called
 * from any number of threads at once. */
#ifndef GF_IMAGE_IMAGE_H
#define GF_IMAGE_IMAGE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* 8-bit RGB, rows from the top, h * w * 3 bytes without padding. Free with gf_image_free. */
typedef struct gf_image {
    int w, h;
    uint8_t *rgb; /* owned */
} gf_image;

void gf_image_free(gf_image *p); /* takes NULL and an empty one; leaves an empty one */

typedef enum gf_image_format {
    GF_IMAGE_UNKNOWN,
    GF_IMAGE_JPEG,
    GF_IMAGE_PNG,
    GF_IMAGE_WEBP,
    GF_IMAGE_GIF,
    GF_IMAGE_BMP,
    GF_IMAGE_PPM, /* PGM and PBM too */
    GF_IMAGE_TIFF,
    GF_IMAGE_FORMATS
} gf_image_format;

const char *gf_image_format_name(gf_image_format format); /* "JPEG"; "unknown" */

/* What the first bytes are. GF_IMAGE_UNKNOWN too for formats that are known by name but not read (HEIC, AVIF ...). */
gf_image_format gf_image_format_of(const uint8_t *bytes, size_t n);

/* Whether a file that begins with these bytes is an image, of a format that is read or of one that is known by name and
 * told beyond doubt. GF_IMAGE_BEGIN bytes of it are enough. */
enum { GF_IMAGE_BEGIN = 256 };
bool gf_image_begins(const uint8_t *bytes, size_t n);

/* What a file's name says (".jpg", ".jpeg", ".png" ...; upper or lower case): for the note "a PNG named .jpg".
 * GF_IMAGE_UNKNOWN where the ending is none of ours. */
gf_image_format gf_image_format_of_name(const char *name);

typedef struct gf_image_options {
    uint64_t max_pixels;   /* w * h above it is refused from the header */
    uint64_t whole_pixels; /* a JPEG of more is decoded at 1/2, 1/4 or 1/8 of its size, until it has so few */
    int least_w, least_h;  /* but not smaller than this; 0: all are decoded whole */
    bool ignore_exif;      /* leave the image as stored, do not turn it by its EXIF orientation */
    bool allow_truncated;  /* a file that ends early: the missing pixels are gray (128), info says so */
    bool fast_dct;     /* JPEGs by libjpeg's fast inverse DCT, as TensorFlow's decode_jpeg does unless told otherwise */
    bool frames_error; /* animated images are an error, not their first frame */
    uint8_t background[3]; /* what shows through transparent pixels, R G B */
} gf_image_options;

/* 100 Mpx, all of them whole, EXIF applied, truncated refused, first frame, white. */
gf_image_options gf_image_options_default(void);

/* Filled by gf_image_decode; worth a note each, none is an error. */
typedef struct gf_image_info {
    gf_image_format format;
    int stored_w, stored_h; /* as the header tells, before turning */
    int orientation;        /* 1-8 as applied; 1: none */
    bool bad_exif;          /* EXIF data that do not hold together, left out */
    bool animated;          /* the first frame, or page, was taken */
    bool sixteen_bit;       /* scaled to 8 bits, v / 257 rounded */
    bool alpha;             /* has transparent pixels' channel; composited on the background */
    bool truncated;         /* ended early and was padded */
    bool surplus;           /* bytes that belong to nothing between the JPEG's pixels and its end; all rows are there */
    int fraction;           /* a JPEG was decoded at 1/2, 1/4 or 1/8 of its size: 2, 4, 8; else 1 */
    int rows_present; /* complete rows, in the file's order (BMP: mostly from below); < stored_h only where truncated */
} gf_image_info;

/* Width, height and format from the header alone, before any turning; checks empty, unknown, unsupported, 0 pixels,
 * max_pixels. `name` is what messages call the image (escaped there). opts NULL: the defaults. w, h, format may be
 * NULL. */
graft_status gf_image_probe(const uint8_t *bytes, size_t n, const char *name, const gf_image_options *opts, int *w,
                            int *h, gf_image_format *format, graft_error *err);

/* Decodes the whole image. opts NULL: the defaults; info may be NULL. On failure *out is empty. Peak memory is the
 * image (3 bytes a pixel), the same again where it is turned, and what the format's decoder needs (up to 6 bytes a
 * pixel for a progressive JPEG, 4 for images with alpha). */
graft_status gf_image_decode(const uint8_t *bytes, size_t n, const char *name, const gf_image_options *opts,
                             gf_image *out, gf_image_info *info, graft_error *err);

#endif
