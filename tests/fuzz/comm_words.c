/* What a process finds in its environment, and what stands before the bytes of an exchange: any bytes. What is taken is
 * what its own text says again. */
#include "base/alloc.h"
#include "comm/words.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gf_rank_words w;
    gf_frame f;
    graft_error err = {0};
    char *text = gf_strndup((const char *)data, size);
    if (!text) return 0;
    if (gf_rank_words_parse(&w, text, &err) == GRAFT_OK) {
        gf_rank_words again;
        char *own = gf_rank_words_text(&w);
        if (gf_rank_words_parse(&again, own, &err) != GRAFT_OK || memcmp(&w, &again, sizeof w) != 0) abort();
        gf_free(own);
    } else if (!err.number) {
        abort();
    }
    gf_free(text);
    if (size < sizeof f) return 0;
    memcpy(&f, data, sizeof f);
    if (gf_frame_check(&f, 1, f.number, f.bytes, &err) == GRAFT_OK) {
        gf_frame own = gf_frame_of(f.number, f.bytes);
        if (memcmp(&own, &f, sizeof f) != 0) abort();
    }
    return 0;
}
