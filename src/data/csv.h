/* csv.h - one record of a CSV file after the other (RFC 4180, but a quoted field stays on its line: a line number then
 * always tells a person where to look; and blanks around a field are not part of it, unless it is quoted). Pure: bytes
 * in, fields out. */
#ifndef GF_DATA_CSV_H
#define GF_DATA_CSV_H

#include "base/alloc.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { GF_CSV_COLUMNS = 64 };

typedef struct gf_csv {
    const uint8_t *data; /* borrowed */
    size_t n, at;
    const char *name; /* for messages; borrowed */
    char separator;   /* found out by gf_csv_open: , ; | a tab or a space */
    uint32_t line;    /* of the record read last, from 1 */
    gf_text text;     /* the fields of that record, a NUL after each */
    size_t start[GF_CSV_COLUMNS];
    size_t columns;
} gf_csv;

/* Passes over UTF-8's byte order mark, refuses UTF-16 (E1110, line 1). The separator is what parts the first lines into
 * equally many fields, or what Excel's first line "sep=;" says. */
graft_status gf_csv_open(gf_csv *csv, const uint8_t *data, size_t n, const char *name, graft_error *err);
/* Reads the next record that is not blank; *more false at the end. E1110 with the line. */
graft_status gf_csv_next(gf_csv *csv, bool *more, graft_error *err);
/* Field i of the record; borrowed until the next one. i < columns. */
const char *gf_csv_field(const gf_csv *csv, size_t i);
void gf_csv_close(gf_csv *csv);

#endif
