/* Any bytes as a tokenizer.json of byte-level BPE, and behind a NUL as a text: the pieces are the text's bytes, one
 * behind the other. */
#include "text/tokenizer.h"
#include "text/tokenizer_json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void want(int ok)
{
    if (!ok) abort();
}

static const gf_tokenizer_class *bpe(void)
{
    for (size_t i = 0;; i++) {
        if (!strcmp(gf_tokenizer_at(i)->name, "bpe")) return gf_tokenizer_at(i);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, 0, size);
    size_t n = end ? (size_t)(end - data) : size;
    graft_error err = {0};
    gf_json *json = NULL;
    gf_tokenizer t = {0};
    if (gf_json_parse(&json, (const char *)data, n, "f", &err) != GRAFT_OK) return 0;
    const gf_tokenizer_files files = {.name = "f", .json = json, .merges = data, .n_merges = n};
    err = (graft_error){0};
    graft_status status = gf_tokenizer_open_files(&t, bpe(), &files, NULL, 0, &err);
    want((status == GRAFT_OK) == !err.number);
    if (status == GRAFT_OK && end) {
        gf_pieces pieces = {0};
        uint32_t at = 0;
        want(t.class->encode(t.self, (const char *)end + 1, size - n - 1, &pieces, &err) == GRAFT_OK);
        for (size_t i = 0; i < pieces.n; i++) {
            want(pieces.item[i].begin >= at && pieces.item[i].begin <= pieces.item[i].end &&
                 pieces.item[i].id < t.class->size(t.self));
            at = pieces.item[i].end;
        }
        want(at == size - n - 1);
        gf_pieces_free(&pieces);
    }
    if (status == GRAFT_OK) gf_tokenizer_close(&t);
    gf_json_free(json);
    return 0;
}
