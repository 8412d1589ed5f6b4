/* history.csv: what parses has rising epochs, what does not leaves nothing behind. */
#include "report/history.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gf_history h;
    graft_error err;
    graft_status status = gf_history_parse(&h, data, size, "history.csv", &err);
    if (status == GRAFT_OK) {
        for (size_t i = 1; i < h.n; i++) {
            if (h.row[i].epoch <= h.row[i - 1].epoch) abort();
        }
    } else if (h.n || h.row) {
        abort();
    }
    gf_history_free(&h);
    return 0;
}
