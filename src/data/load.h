/* load.h - a sample's file: read whole, known to be the one that was listed, decoded, resized. Any thread. */
#ifndef GF_DATA_LOAD_H
#define GF_DATA_LOAD_H

#include "data/index.h"

/* Bytes of a file; the block is kept for the next one. */
typedef struct gf_buffer {
    uint8_t *data;
    size_t n, cap;
} gf_buffer;
void gf_buffer_free(gf_buffer *buffer);

/* Files above this are not read: no image needs it. */
#define GF_IMAGE_FILE_MAX ((uint64_t)1 << 28)

/* Reads the file. A read error that may pass (EIO, a stale handle, too many open files) is tried again after 10, 100
 * and 1000 ms. E1121 where the file is gone or is not as it was listed: another size or time, or (where the index has
 * digests and the inode differs) other bytes; E1106 where it may not be read; E1101 where it was not there
 * from the beginning; E5002 else. */
graft_status gf_sample_read(const gf_index *index, uint32_t sample, gf_buffer *buffer, graft_error *err);

/* What the check found out about a sample; also a row of the cache file, so its bytes are all defined. */
typedef struct gf_checked {
    gf_sha256 content;
    uint32_t w, h;   /* as decoded and turned */
    uint16_t marks;  /* GF_MARK_ bits */
    uint8_t format;  /* gf_image_format */
    uint8_t state;   /* gf_check_state */
    uint32_t unused; /* 0 */
    uint64_t sum;    /* of its cached pixels (cache_file.h); 0: none */
} gf_checked;

typedef enum gf_check_state { GF_UNCHECKED, GF_GOOD, GF_BAD, GF_LITTER } gf_check_state;

enum {
    GF_MARK_NAMED_OTHERWISE = 1, /* a PNG named .jpg and the like */
    GF_MARK_TRANSPOSED = 2,      /* by its EXIF orientation */
    GF_MARK_BAD_EXIF = 4,
    GF_MARK_ANIMATED = 8,
    GF_MARK_SIXTEEN_BIT = 16,
    GF_MARK_ALPHA = 32,
    GF_MARK_TRUNCATED = 64,
    GF_MARK_SURPLUS = 128,  /* a JPEG with bytes that belong to nothing before its end */
    GF_MARK_FRACTION = 256, /* a JPEG that was decoded at a fraction of its size */
    GF_MARKS = 9
};

/* The size at which the sample is decoded and cached (gf_data_stored_size). */
void gf_sample_size(const gf_index *index, uint32_t sample, const gf_data_options *options, int *height, int *width);

/* Decodes the bytes in `buffer` and resizes them to that size, x 3, at dst. `checked` (may be
 * NULL) gets sizes, format and marks. */
graft_status gf_sample_decode(const gf_index *index, uint32_t sample, const gf_buffer *buffer,
                              const gf_data_options *options, uint8_t *dst, gf_checked *checked, graft_error *err);

/* The same of any bytes, to options->height x options->width; `name` is what messages call them. Nothing is read from
 * options but how an image is prepared.
 */
graft_status gf_encoded_decode(const uint8_t *bytes, size_t n, const char *name, const gf_data_options *options,
                               uint8_t *dst, gf_checked *checked, graft_error *err);

/* The same, not rounded to whole levels: the bits of TensorFlow's resize. For features alone: training, evaluation and
 * prediction all see the rounded image. */
graft_status gf_sample_decode_f32(const gf_index *index, uint32_t sample, const gf_buffer *buffer,
                                  const gf_data_options *options, float *dst, gf_checked *checked, graft_error *err);

#endif
