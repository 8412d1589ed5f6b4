/* wordpiece.c - BERT's pieces: each word is cut from the left into the longest pieces of the vocabulary, all but the
 * first with "##" before them; a word that cannot be cut whole is unknown (Devlin et al. 2018; google-research/bert).
 */
#include "base/number.h"
#include "text/tokenizer.h"
#include "text/tokenizer_json.h"
#include "text/utf8.h"
#include "text/vocabulary.h"
#include "text/words.h"

#include <string.h>

typedef struct wordpiece {
    gf_vocabulary vocabulary;
    gf_words words;
    uint32_t limit;
    uint32_t tail; /* the node behind the prefix of a word's later pieces; 0: no piece has it */
    char *prefix;
    gf_special_pieces special;
} wordpiece;

enum argument { PROFILE, LOWER, STRIP, CHINESE, CLEAN, LIMIT, ARGUMENTS };

static const graft_option argument_row[ARGUMENTS] = {
    [PROFILE] = {.name = "profile",
                 .kind = GRAFT_OPTION_CHOICE,
                 .choices = "hf|hf-slow|google|tf",
                 .default_value = "hf",
                 .help = "whose rules for characters: Hugging Face's tokenizers, its slow one in Python, Google's "
                         "BERT, tensorflow-text"},
    [LOWER] = {.name = "lower", .kind = GRAFT_OPTION_FLAG, .help = "lower-case; as the files say, else on"},
    [STRIP] = {.name = "strip", .kind = GRAFT_OPTION_FLAG, .help = "drop accents; as the files say, else as lower"},
    [CHINESE] = {.name = "chinese",
                 .kind = GRAFT_OPTION_FLAG,
                 .default_value = "1",
                 .help = "each Chinese character is a word"},
    [CLEAN] = {.name = "clean", .kind = GRAFT_OPTION_FLAG, .default_value = "1", .help = "drop control characters"},
    [LIMIT] = {.name = "limit",
               .kind = GRAFT_OPTION_WHOLE,
               .min = 1,
               .max = 1e6,
               .help = "a longer word is unknown; 100 characters, Google's 200, tensorflow-text's 100 bytes"},
};

/* ---- opening */

static bool flag_of(const char *const *value, int row, bool otherwise)
{
    return value[row] ? value[row][0] == '1' : otherwise;
}

/* What the files say of cleaning: tokenizer.json's normalizer first, then tokenizer_config.json. */
static gf_words_options options_of(const gf_tokenizer_files *files, const gf_words_options *said,
                                   const char *const *value)
{
    gf_words_options o = *said;
    if (!files->json) {
        o.lower = gf_json_true(gf_json_get(files->config, "do_lower_case"), true);
        o.chinese = gf_json_true(gf_json_get(files->config, "tokenize_chinese_chars"), true);
        o.clean = true;
        o.strip = gf_json_true(gf_json_get(files->config, "strip_accents"), o.lower);
    }
    bool as_lower = !files->json && gf_json_is_null(gf_json_get(files->config, "strip_accents"));
    o.lower = flag_of(value, LOWER, o.lower);
    o.strip = flag_of(value, STRIP, as_lower ? o.lower : o.strip);
    o.chinese = flag_of(value, CHINESE, o.chinese);
    o.clean = flag_of(value, CLEAN, o.clean);
    for (size_t i = 0; gf_words_profile_at(i); i++) {
        const gf_words_profile *p = gf_words_profile_at(i);
        if (!o.profile || (value[PROFILE] && !strcmp(p->name, value[PROFILE]))) o.profile = p;
    }
    return o;
}

static uint32_t piece_named(const wordpiece *w, const char *config_key, const gf_tokenizer_files *files,
                            const char *name)
{
    const char *said = gf_json_str(gf_json_get(files->config, config_key), NULL);
    if (!said) said = gf_json_str(gf_json_get(gf_json_get(files->config, config_key), "content"), name);
    return gf_vocabulary_find(&w->vocabulary, said, strlen(said));
}

static graft_status find_special(wordpiece *w, const gf_tokenizer_files *files, const char *unknown, graft_error *err)
{
    w->special.unknown = unknown ? gf_vocabulary_find(&w->vocabulary, unknown, strlen(unknown))
                                 : piece_named(w, "unk_token", files, "[UNK]");
    w->special.begin = piece_named(w, "cls_token", files, "[CLS]");
    w->special.end = piece_named(w, "sep_token", files, "[SEP]");
    w->special.padding = piece_named(w, "pad_token", files, "[PAD]");
    w->special.mask = piece_named(w, "mask_token", files, "[MASK]");
    const char *lacks = w->special.unknown == GF_NO_ID ? "[UNK]" : w->special.begin == GF_NO_ID ? "[CLS]" : "[SEP]";
    if (w->special.unknown != GF_NO_ID && w->special.begin != GF_NO_ID && w->special.end != GF_NO_ID) return GRAFT_OK;
    return gf_fail(err, GF_E_VOCABULARY, "is it the vocabulary of a model of BERT's kind?",
                   "%s: the vocabulary of %zu pieces has no %s", GF_ESC(files->name), w->vocabulary.n, lacks);
}

static graft_status fill(wordpiece *w, const gf_tokenizer_files *files, const char *const *value, graft_error *err)
{
    gf_wordpiece_json said = {.prefix = "##", .words = {.lower = true, .strip = true, .chinese = true, .clean = true}};
    if (files->json) {
        GF_TRY(gf_wordpiece_json_read(files->json, files->name, &said, &w->vocabulary, err));
    } else {
        GF_TRY(gf_vocabulary_lines(&w->vocabulary, files->name, files->vocabulary, files->n, err));
    }
    gf_words_options o = options_of(files, &said.words, value);
    GF_TRY(gf_words_open(&w->words, &o, err));
    w->limit = said.limit ? said.limit : o.profile->limit;
    double limit;
    if (value[LIMIT] && gf_number_parse(value[LIMIT], strlen(value[LIMIT]), &limit)) w->limit = (uint32_t)limit;
    w->prefix = gf_strdup(said.prefix);
    if (!w->prefix) return gf_fail_memory(err, strlen(said.prefix), "a tokenizer");
    for (const char *p = w->prefix; *p; p++) {
        w->tail = gf_vocabulary_walk(&w->vocabulary, w->tail, (uint8_t)*p);
        if (!w->tail) break;
    }
    return find_special(w, files, said.unknown, err);
}

static void wordpiece_destroy(void *self)
{
    wordpiece *w = self;
    if (!w) return;
    gf_vocabulary_free(&w->vocabulary);
    gf_words_close(&w->words);
    gf_free(w->prefix);
    gf_free(w);
}

static graft_status wordpiece_open(void **self, const gf_tokenizer_files *files, const char *const *value,
                                   graft_error *err)
{
    wordpiece *w = gf_new(wordpiece);
    if (!w) return gf_fail_memory(err, sizeof *w, "a tokenizer");
    graft_status status = fill(w, files, value, err);
    if (status != GRAFT_OK) {
        wordpiece_destroy(w);
        return status;
    }
    *self = w;
    return GRAFT_OK;
}

/* ---- encoding */

typedef struct encoding {
    const wordpiece *w;
    gf_pieces *out;
} encoding;

/* The longest piece from `node` on of the n characters at `word`: how many characters it has, 0 where there is none. */
static size_t longest(const wordpiece *w, uint32_t node, const gf_character *word, size_t n, uint32_t *id)
{
    size_t best = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t byte[4];
        size_t bytes = gf_utf8_put(word[i].c, byte);
        for (size_t b = 0; b < bytes; b++) {
            node = gf_vocabulary_walk(&w->vocabulary, node, byte[b]);
            if (!node) return best;
        }
        if (w->vocabulary.id[node] != GF_NO_ID) {
            best = i + 1;
            *id = w->vocabulary.id[node];
        }
    }
    return best;
}

static bool too_long(const wordpiece *w, const gf_character *word, size_t n)
{
    if (!w->words.o.profile->limit_bytes) return n > w->limit;
    size_t bytes = 0;
    uint8_t byte[4];
    for (size_t i = 0; i < n && bytes <= w->limit; i++) bytes += gf_utf8_put(word[i].c, byte);
    return bytes > w->limit;
}

static graft_status cut(void *ctx, const gf_character *word, size_t n, graft_error *err)
{
    encoding *e = ctx;
    const wordpiece *w = e->w;
    size_t first = e->out->n;
    bool known = !too_long(w, word, n);
    for (size_t at = 0; known && at < n;) {
        uint32_t id = 0;
        size_t length = at && !w->tail && *w->prefix ? 0 : longest(w, at ? w->tail : 0, word + at, n - at, &id);
        known = length > 0;
        if (known) GF_TRY(gf_pieces_add(e->out, (gf_piece){id, word[at].begin, word[at + length - 1].end}, err));
        at += length;
    }
    if (known) return GRAFT_OK;
    e->out->n = first;
    return gf_pieces_add(e->out, (gf_piece){w->special.unknown, word[0].begin, word[n - 1].end}, err);
}

static graft_status wordpiece_encode(const void *self, const char *text, size_t n, gf_pieces *out, graft_error *err)
{
    encoding e = {self, out};
    return gf_words_each(&e.w->words, text, n, cut, &e, err);
}

/* ---- decoding */

static void wordpiece_decode(const void *self, const uint32_t *id, size_t n, gf_text *out)
{
    const wordpiece *w = self;
    size_t prefix = strlen(w->prefix);
    bool first = true;
    for (size_t i = 0; i < n; i++) {
        size_t length;
        const char *piece = gf_vocabulary_piece(&w->vocabulary, id[i], &length);
        if (!piece) continue;
        bool tail = !first && prefix && length >= prefix && !memcmp(piece, w->prefix, prefix);
        if (!first && !tail) gf_text_add(out, " ");
        gf_text_add_n(out, piece + (tail ? prefix : 0), length - (tail ? prefix : 0));
        first = false;
    }
}

static gf_special_pieces wordpiece_special(const void *self) { return ((const wordpiece *)self)->special; }
static uint32_t wordpiece_size(const void *self) { return (uint32_t)((const wordpiece *)self)->vocabulary.n; }

/* Google's own folders call their configuration so; a SavedModel has its vocabulary among its assets. */
static const gf_tokenizer_place place_row[] = {
    {.file = "vocab.txt", .where = "bert_config.json", .argument = "profile", .value = "google"},
    {.file = "vocab.txt"},
    {.file = "assets/vocab.txt", .argument = "profile", .value = "tf"},
};

const gf_tokenizer_class gf_tokenizer_wordpiece = {
    .name = "wordpiece",
    .help = "BERT, DistilBERT, MiniLM, BGE, GTE and their kind",
    .model = "WordPiece",
    .place = place_row,
    .n_places = sizeof place_row / sizeof *place_row,
    .argument = argument_row,
    .n_arguments = ARGUMENTS,
    .open = wordpiece_open,
    .encode = wordpiece_encode,
    .decode = wordpiece_decode,
    .special = wordpiece_special,
    .size = wordpiece_size,
    .destroy = wordpiece_destroy,
};
