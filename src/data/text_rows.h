/* text_rows.h - one record of a table of texts after the other. Two dialects: CSV (RFC 4180: a quoted field may hold
 * separators and line breaks, a quote in the middle of a field is a character), and TSV (tabs; quotes are characters,
 * unless every field of the file that begins with one ends with one). A record that does not parse is told with its
 * line, and the next one can be read: one damaged row is not the end of a file. Pure: UTF-8 in, fields out. */
#ifndef GF_DATA_TEXT_ROWS_H
#define GF_DATA_TEXT_ROWS_H

#include "base/alloc.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { GF_TEXT_COLUMNS = 256 };

typedef struct gf_text_rows {
    const char *data; /* borrowed */
    size_t n, at;
    char separator;
    bool quotes;
    uint32_t line; /* of the record read last: the one that it begins in, from 1 */
    uint32_t next; /* line */
    gf_text text;  /* the fields of that record, a NUL after each */
    size_t start[GF_TEXT_COLUMNS], length[GF_TEXT_COLUMNS];
    size_t columns;
    const char *damage; /* of that record; NULL: it is whole */
} gf_text_rows;

/* `separator` 0: a tab where `tsv`, else what the first record has most of: `,` `;` or a tab. */
void gf_text_rows_open(gf_text_rows *r, const char *data, size_t n, bool tsv, char separator);
/* Reads the next record that is not a blank line; *more false at the end. Fails by E5001 alone. */
graft_status gf_text_rows_next(gf_text_rows *r, bool *more, graft_error *err);
/* Field i of the record, i < columns; borrowed until the next one. */
const char *gf_text_rows_field(const gf_text_rows *r, size_t i);
void gf_text_rows_close(gf_text_rows *r);

#endif
