/* Any bytes as a run's decisions.json: what is taken is whole, each `what` once. */
#include "train/decisions.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gf_decisions d = {0};
    graft_error err = {0};
    graft_status status = gf_decisions_parse(&d, (const char *)data, size, "decisions.json", &err);
    if (status != GRAFT_OK && !err.number) abort();
    for (size_t i = 0; i < d.n; i++) {
        if (!d.item[i].what || !d.item[i].value || !d.item[i].why) abort();
        for (size_t k = 0; k < i && i < 16; k++) {
            if (!strcmp(d.item[k].what, d.item[i].what)) abort();
        }
    }
    gf_decisions_free(&d);
    return 0;
}
