/* Any bytes as a vocabulary (a vocab.txt, or a tokenizer.json where they begin with a brace) and, behind a NUL, as a
 * text: pieces lie in the text, one behind the other, with ids of the vocabulary. */
#include "text/tokenizer.h"
#include "text/tokenizer_json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void want(int ok)
{
    if (!ok) abort();
}

static void encode(const gf_tokenizer *t, const uint8_t *text, size_t n)
{
    gf_pieces pieces = {0};
    graft_error err = {0};
    gf_text decoded = {0};
    want(t->class->encode(t->self, (const char *)text, n, &pieces, &err) == GRAFT_OK);
    for (size_t i = 0; i < pieces.n; i++) {
        const gf_piece *p = &pieces.item[i];
        want(p->begin <= p->end && p->end <= n && p->id < t->class->size(t->self));
        t->class->decode(t->self, &p->id, 1, &decoded);
    }
    gf_text_free(&decoded);
    gf_pieces_free(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, 0, size);
    size_t n = end ? (size_t)(end - data) : size;
    graft_error err = {0};
    gf_json *json = NULL;
    if (n && data[0] == '{' && gf_json_parse(&json, (const char *)data, n, "f", &err) != GRAFT_OK) return 0;
    for (size_t i = 0; i < 4; i++) {
        static const char *const profile[] = {"hf", "hf-slow", "google", "tf"};
        const gf_tokenizer_files files = {.name = "f", .vocabulary = json ? NULL : data, .n = n, .json = json};
        const gf_tokenizer_argument argument = {"profile", profile[i]};
        gf_tokenizer t;
        graft_status status = gf_tokenizer_open_files(&t, gf_tokenizer_at(0), &files, &argument, 1, &err);
        want(status == GRAFT_OK || err.number);
        if (status != GRAFT_OK) break;
        if (end) encode(&t, end + 1, size - n - 1);
        gf_tokenizer_close(&t);
    }
    gf_json_free(json);
    return 0;
}
