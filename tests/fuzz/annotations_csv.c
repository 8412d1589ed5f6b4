/* Any bytes as a table of boxes: what is taken are boxes of finite numbers, of classes that there are. */
#include "annotations/csv.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const gf_names none;
    gf_csv csv;
    gf_annotations a = {0};
    size_t column[GF_BOX_COLUMNS];
    bool more = false;
    if (gf_csv_open(&csv, data, size, "csv", NULL) != GRAFT_OK) return 0;
    if (gf_csv_next(&csv, &more, NULL) == GRAFT_OK && more && gf_box_columns(column, &csv))
        while (gf_csv_next(&csv, &more, NULL) == GRAFT_OK && more)
            if (gf_box_row(&a, &none, &csv, column, 0, NULL) != GRAFT_OK) abort();
    gf_csv_close(&csv);
    gf_box_shares(&a, 0);
    for (size_t i = 0; i < a.boxes; i++) {
        const gf_box *b = &a.box[i].box;
        if (a.box[i].class_id >= a.classes.n || !isfinite(b->x + b->y + b->w + b->h)) abort();
        if (a.box[i].shares && !(fabs(b->x + b->w) <= 1.02)) abort();
    }
    gf_annotations_free(&a);
    return 0;
}
