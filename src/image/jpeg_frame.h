/* jpeg_frame.h - what a JPEG says of itself, read without decoding: cheap enough to refuse a bomb with. */
#ifndef GF_IMAGE_JPEG_FRAME_H
#define GF_IMAGE_JPEG_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gf_jpeg_frame {
    bool found;          /* a frame header (SOFn) was read; the numbers below are its own */
    int kind;            /* n of SOFn: 0-2 sequential and progressive, 3 lossless, 9-10 arithmetic ... */
    int bits;            /* of a sample */
    int w, h;            /* h == 0: a DNL marker would tell it */
    int scans;           /* counted up to max_scans + 1 */
    bool ended;          /* the end marker was found */
    const uint8_t *exif; /* TIFF part of the first EXIF block, in the file's bytes; NULL: none */
    size_t exif_size;
} gf_jpeg_frame;

/* Walks the markers (ITU-T T.81, annex B) up to the first scan, or with `all_scans` to the end or to more than
 * max_scans scans. Time is linear in n. */
gf_jpeg_frame gf_jpeg_read_frame(const uint8_t *bytes, size_t n, bool all_scans, int max_scans);

#endif
