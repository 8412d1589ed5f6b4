/* A toy of a tokenizer: each byte is a piece, of as many as the encoder of the test knows. */
#include "text/tokenizer.h"

enum { PIECES = 50 };

static graft_status open_it(void **self, const gf_tokenizer_files *files, const char *const *value, graft_error *err)
{
    (void)files, (void)value, (void)err;
    *self = NULL;
    return GRAFT_OK;
}

static graft_status encode(const void *self, const char *text, size_t n, gf_pieces *out, graft_error *err)
{
    (void)self;
    for (size_t i = 0; i < n; i++) {
        gf_piece piece = {(uint8_t)text[i] % PIECES, (uint32_t)i, (uint32_t)i + 1};
        GF_TRY(gf_pieces_add(out, piece, err));
    }
    return GRAFT_OK;
}

static void decode(const void *self, const uint32_t *id, size_t n, gf_text *out)
{
    (void)self;
    for (size_t i = 0; i < n; i++) gf_text_printf(out, "%c", (int)id[i]);
}

static gf_special_pieces special(const void *self)
{
    (void)self;
    return (gf_special_pieces){GF_NO_PIECE, GF_NO_PIECE, GF_NO_PIECE, GF_NO_PIECE, GF_NO_PIECE};
}

static uint32_t size(const void *self) { return (void)self, PIECES; }
static void destroy(void *self) { (void)self; }

extern const gf_tokenizer_class gf_tokenizer_toy_tokenizer;

const gf_tokenizer_class gf_tokenizer_toy_tokenizer = {.name = "toy_tokenizer",
                                                       .help = "a test's",
                                                       .model = "ToyBytes",
                                                       .open = open_it,
                                                       .encode = encode,
                                                       .decode = decode,
                                                       .special = special,
                                                       .size = size,
                                                       .destroy = destroy};
