/* checkpoint_format.h - the bytes of a checkpoint file. Numbers are in the order of the machine that wrote it.
 *
 *     0            header    magic, byte order, version, step, count of sections, size of the file
 *     64           table     one row a section: name, offset, size, CRC-32C
 *     64-aligned   sections  each followed by zeros up to a multiple of 64
 *     last 64      trailer   magic, SHA-256 of all bytes before the digest
 *
 * The digest is at the same place in every version, so that "damaged" and "newer" can be told apart. */
#ifndef GF_TRAIN_CHECKPOINT_FORMAT_H
#define GF_TRAIN_CHECKPOINT_FORMAT_H

#include "train/checkpoint.h"

enum { GF_CHECKPOINT_ALIGN = 64, GF_CHECKPOINT_DIGEST = 32 };

typedef struct gf_checkpoint_header {
    char magic[8];
    uint32_t order, version;
    int64_t step;
    uint64_t file_size;
    uint32_t sections;
    uint8_t reserved[28];
} gf_checkpoint_header;

typedef struct gf_checkpoint_row {
    char name[GF_CHECKPOINT_NAME_MAX + 1]; /* padded with zeros */
    uint64_t offset, size;
    uint32_t crc;
    uint32_t reserved;
} gf_checkpoint_row;

typedef struct gf_checkpoint_trailer {
    char magic[8];
    uint8_t reserved[24];
    uint8_t digest[GF_CHECKPOINT_DIGEST];
} gf_checkpoint_trailer;

_Static_assert(sizeof(gf_checkpoint_header) == GF_CHECKPOINT_ALIGN, "the header fills its place");
_Static_assert(sizeof(gf_checkpoint_row) == GF_CHECKPOINT_ALIGN, "a row fills its place");
_Static_assert(sizeof(gf_checkpoint_trailer) == GF_CHECKPOINT_ALIGN, "the trailer fills its place");

#define GF_CHECKPOINT_MAGIC "GRAFTCKP"
#define GF_CHECKPOINT_END "GRAFTEND"
#define GF_CHECKPOINT_ORDER 0x01020304u

/* A whole file about to be written: parts in order, what is not the caller's lies in `front` and `trailer`. */
typedef struct gf_checkpoint_image {
    uint8_t *front; /* header and table */
    gf_checkpoint_trailer trailer;
    struct gf_bytes *part;
    size_t n_parts;
} gf_checkpoint_image;

/* Lays out a file; the sections are borrowed until it is written. E3001 for names and counts that cannot be. */
graft_status gf_checkpoint_image_make(gf_checkpoint_image *out, int64_t step, const gf_section *section, size_t n,
                                      graft_error *err);
void gf_checkpoint_image_free(gf_checkpoint_image *image);

#endif
