/* text_ids.c - text_ids VOCABULARY [NAME=VALUE ..]: ids of the texts on stdin, for tools/check_tokenizers.py. A text is
 * a u32 of its bytes and the bytes; out comes a u32 of its pieces and an u32 each. */
#include "text/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int convert(const gf_tokenizer *t)
{
    gf_pieces pieces = {0};
    graft_error err = {0};
    uint32_t n;
    char *text = NULL;
    while (fread(&n, sizeof n, 1, stdin) == 1) {
        text = realloc(text, n + (size_t)1);
        pieces.n = 0;
        if (!text || fread(text, 1, n, stdin) != n || t->class->encode(t->self, text, n, &pieces, &err) != GRAFT_OK)
            return 1;
        uint32_t count = (uint32_t)pieces.n;
        fwrite(&count, sizeof count, 1, stdout);
        for (size_t i = 0; i < pieces.n; i++) fwrite(&pieces.item[i].id, sizeof(uint32_t), 1, stdout);
    }
    free(text);
    gf_pieces_free(&pieces);
    return 0;
}

int main(int argc, char **argv)
{
    gf_tokenizer t;
    graft_error err = {0};
    gf_tokenizer_argument argument[16];
    size_t n = 0;
    for (int i = 2; i < argc && n < 16; i++, n++) {
        char *equals = strchr(argv[i], '=');
        if (!equals) return 2;
        *equals = 0;
        argument[n] = (gf_tokenizer_argument){argv[i], equals + 1};
    }
    if (argc < 2 || gf_tokenizer_open(&t, argv[1], argument, n, &err) != GRAFT_OK) {
        fprintf(stderr, "E%d %s\n", err.number, err.message);
        return 2;
    }
    int failed = convert(&t);
    gf_tokenizer_close(&t);
    return failed;
}
