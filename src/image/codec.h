/* codec.h - what an image format is to decode.c: one file and one gf_codec each. To add a format write its file and
 * add its line to the table in decode.c. */
#ifndef GF_IMAGE_CODEC_H
#define GF_IMAGE_CODEC_H

#include "image/image.h"

/* One image on its way through a codec. */
typedef struct gf_image_job {
    const uint8_t *bytes;
    size_t n;
    const char *name; /* as messages show it, escaped already */
    const gf_image_options *opts;
    gf_image *out; /* empty at first; decode.c frees it after a failure */
    gf_image_info *info;
    graft_error *err;
} gf_image_job;

typedef struct gf_codec {
    gf_image_format format;
    const char *name;
    bool (*match)(const uint8_t *bytes, size_t n);
    /* Size from the header alone, as stored; both > 0 is checked by the caller. */
    graft_status (*probe)(const gf_image_job *job, int64_t *w, int64_t *h);
    /* Fills job->out (made by gf_job_image) and job->info; leaves turning to the caller. */
    graft_status (*decode)(const gf_image_job *job, int w, int h);
} gf_codec;

extern const gf_codec gf_codec_jpeg, gf_codec_png, gf_codec_webp, gf_codec_gif, gf_codec_bmp, gf_codec_ppm,
    gf_codec_tiff;

/* ---- what codecs share (decode.c) */

/* job->out := w x h. Its pixels are gray where a truncated file is allowed, else not set. */
graft_status gf_job_image(const gf_image_job *job, int w, int h);

/* The file ended after `rows` complete rows of `of` (0: not known, the header itself is cut). An error, or with
 * allow_truncated and an image in job->out a note in info and GRAFT_OK. `where` (may be NULL) says more. */
graft_status gf_job_ends_early(const gf_image_job *job, int rows, int of, const char *where);

/* E1206: what is damaged. printf's format; foreign text through GF_ESC. */
graft_status gf_job_damaged(const gf_image_job *job, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* E1203 with the hint to convert it. */
graft_status gf_job_unsupported(const gf_image_job *job, const char *what);

/* w pixels RGBA (alpha not premultiplied) over the background, to RGB: (c a + b (255 - a)) / 255, rounded. */
void gf_blend_row(uint8_t *rgb, const uint8_t *rgba, int w, const uint8_t background[3]);

/* Orientation 1-8 from EXIF data (a TIFF header and its first directory); 1 where there is none. *bad is set where
 * the data do not hold together. Reads only the n bytes and never follows a second offset, so it always ends. */
int gf_exif_orientation(const uint8_t *tiff, size_t n, bool *bad);

/* Sets info's orientation and bad_exif, unless EXIF is to be ignored. */
void gf_job_exif(const gf_image_job *job, const uint8_t *tiff, size_t n);

/* Bytes to numbers, little (le) and big (be) end first. */
static inline uint32_t gf_le16(const uint8_t *p) { return (uint32_t)p[0] | (uint32_t)p[1] << 8; }
static inline uint32_t gf_be16(const uint8_t *p) { return (uint32_t)p[1] | (uint32_t)p[0] << 8; }
static inline uint32_t gf_le32(const uint8_t *p) { return gf_le16(p) | gf_le16(p + 2) << 16; }
static inline uint32_t gf_be32(const uint8_t *p) { return gf_be16(p + 2) | gf_be16(p) << 16; }

#endif
