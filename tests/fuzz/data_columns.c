/* Any bytes as a CSV file whose columns are looked for; the first byte says which options there are. */
#include "data/columns.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of half of all values there is a file. */
static bool exists(void *ctx, const char *value)
{
    unsigned sum = *(unsigned *)ctx;
    for (; *value; value++) sum = sum * 31 + (unsigned char)*value;
    return sum & 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) return 0;
    unsigned ctx = data[0];
    gf_data_options o = {0};
    if (ctx & 2) o.image_column = "a";
    if (ctx & 4) o.label_column = ctx & 16 ? "2,3" : "2";
    if (ctx & 8) o.split_column = "Split";
    gf_csv csv = {0};
    gf_columns columns;
    graft_error err = {0};
    if (gf_csv_open(&csv, data + 1, size - 1, "fuzz", NULL) == GRAFT_OK) {
        graft_status status = gf_columns_find(&columns, &csv, &o, exists, &ctx, &err);
        if (status == GRAFT_OK) {
            bool there = columns.image < columns.n,
                 single = columns.label < columns.n && columns.image != columns.label;
            for (size_t i = 0; i < columns.n_labels; i++) there = there && columns.labels[i] < columns.n;
            there = there && (single || columns.n_labels);
            if (!there || (columns.split != GF_NO_COLUMN && columns.split >= columns.n)) abort();
        } else if (!err.message[0]) {
            abort();
        }
        gf_columns_free(&columns);
    }
    gf_csv_close(&csv);
    return 0;
}
