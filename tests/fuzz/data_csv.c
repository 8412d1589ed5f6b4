/* Any bytes as a CSV file: every record is read, every field ends within the input's length. */
#include "data/csv.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gf_csv csv = {0};
    bool more = true;
    uint32_t line = 0;
    if (gf_csv_open(&csv, data, size, "fuzz", NULL) == GRAFT_OK) {
        while (gf_csv_next(&csv, &more, NULL) == GRAFT_OK && more) {
            size_t bytes = 0;
            for (size_t i = 0; i < csv.columns; i++) bytes += strlen(gf_csv_field(&csv, i));
            if (bytes > size || !csv.columns || csv.line <= line) abort();
            line = csv.line;
        }
    }
    gf_csv_close(&csv);
    return 0;
}
