/* Any columns and rows as a checkpoint's history: the first byte says how many of the next are the columns' names; 0:
 * those of graft 0.1. What is taken up has whole rows. */
#include "tasks/history.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) return 0;
    size_t names = data[0] < size ? data[0] : size - 1;
    const char *columns = names ? (const char *)data + 1 : NULL;
    static gf_metric_list metrics;
    if (!metrics.n && gf_metric_list_parse(&metrics, GF_OF_CLASSES, "loss,accuracy", NULL, NULL) != GRAFT_OK) abort();
    gf_history h = {.metrics = &metrics};
    graft_error err = {0};
    size_t rest = size - 1 - names;
    graft_status status = gf_history_take(&h, columns, names, data + 1 + names, rest, "c", &err);
    if (status != GRAFT_OK && !err.number) abort();
    if (status == GRAFT_OK && h.n * 8 > rest) abort();
    gf_history_free(&h);
    return 0;
}
