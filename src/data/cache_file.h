/* cache_file.h - decoded images in one file.
 *
 *   header (128 bytes) | a gf_checked row for every sample | zeros up to a multiple of 4096 | pixels, an image after
 * the other
 *
 * The name holds what the pixels depend on: files (path, size, time), working size, decoding rules. The file is written
 * under NAME.tmp, locked, and gets its name when it is complete. It is not synced: header and rows have a checksum, so
 * has each image, and a cache that a power cut tore is found out and made again. Rows are in the machine's byte
 * order; another machine's file has another magic number and is refused. */
#ifndef GF_DATA_CACHE_FILE_H
#define GF_DATA_CACHE_FILE_H

#include "data/load.h"

typedef struct gf_cache_key {
    gf_sha256 digest;
    uint64_t n;                  /* samples */
    uint64_t first;              /* pixels are held of samples first .. n - 1 */
    uint64_t image_bytes;        /* of one */
    uint64_t train, train_bytes; /* but of each of the first `train`: where that is more; else 0 */
} gf_cache_key;

/* The digest over files, sizes and rules. */
graft_status gf_cache_key_make(gf_cache_key *key, const gf_index *index, const gf_data_options *options, uint64_t first,
                               graft_error *err);

/* Bytes of header and rows. */
size_t gf_cache_head_bytes(const gf_cache_key *key);
uint64_t gf_cache_file_bytes(const gf_cache_key *key);

/* Pure: head bytes of a file into rows (key->n of them). E1124 where they are not what `key` says, or damaged. */
graft_status gf_cache_head_parse(const uint8_t *bytes, size_t n, const gf_cache_key *key, gf_checked *rows,
                                 graft_error *err);
/* The head for these rows, into out[gf_cache_head_bytes]. */
void gf_cache_head_write(const gf_cache_key *key, const gf_checked *rows, uint8_t *out);

/* A 64-bit checksum of pixels, made for speed; never 0. */
uint64_t gf_pixel_sum(const uint8_t *pixels, size_t n);

/* An open cache file: complete and only read, or being made. */
typedef struct gf_cache_file {
    gf_cache_key key;
    char *path, *tmp;
    int fd;      /* -1: none */
    bool making; /* NAME.tmp is being written, and locked */
} gf_cache_file;

/* Opens the complete file and reads its rows; *found false where there is none, or a damaged one (*why says what). */
graft_status gf_cache_file_open(gf_cache_file *f, const char *dir, const gf_cache_key *key, gf_checked *rows,
                                bool *found, graft_error *why, graft_error *err);
/* Begins a new file, its space reserved. */
graft_status gf_cache_file_begin(gf_cache_file *f, const char *dir, const gf_cache_key *key, graft_error *err);
/* Sample's pixels; any thread. */
graft_status gf_cache_file_put(const gf_cache_file *f, uint64_t sample, const uint8_t *pixels, graft_error *err);
graft_status gf_cache_file_get(const gf_cache_file *f, uint64_t sample, uint64_t sum, uint8_t *pixels,
                               graft_error *err);
/* Writes the head and gives the file its name. */
graft_status gf_cache_file_finish(gf_cache_file *f, const gf_checked *rows, graft_error *err);
/* Closes; a file that was not finished is taken away. Takes an empty one. */
void gf_cache_file_close(gf_cache_file *f);

#endif
