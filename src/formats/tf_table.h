/* tf_table.h - the .index file of a TensorFlow checkpoint: a table of keys and values, as LevelDB has them (blocks of
 * entries whose keys share their beginnings, each block with a checksum; a block that lists the blocks; a footer).
 * Pure: bytes in, entries out. */
#ifndef GF_FORMATS_TF_TABLE_H
#define GF_FORMATS_TF_TABLE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The number at *at, which is put behind it; false where it does not end before `end` or has more than 64 bits. */
bool gf_varint(const uint8_t **at, const uint8_t *end, uint64_t *value);

/* A checksum as TensorFlow stores it. */
uint32_t gf_tf_masked_crc(const void *bytes, size_t n);

bool gf_tf_table_looks(const uint8_t *file, size_t n);

/* Borrowed until it returns. */
typedef graft_status (*gf_tf_table_take)(void *ctx, const uint8_t *key, size_t n_key, const uint8_t *value,
                                         size_t n_value, graft_error *err);

/* Calls `take` for each entry; stops at the first status that is not OK. E2701 where the table is damaged or keys do
 * not ascend, E2702 where a block's checksum is wrong, E2704 where a block is packed. */
graft_status gf_tf_table_each(const uint8_t *file, size_t n, const char *name, gf_tf_table_take take, void *ctx,
                              graft_error *err);

#endif
