/* words.h - the words of a text as BERT's tokenizers see them, before they are cut into pieces: cleaned, split at white
 * space and punctuation, lower-cased, without accents. Which characters are what, and in which order things are done,
 * differs between the tools that made the models: a profile is one of them. */
#ifndef GF_TEXT_WORDS_H
#define GF_TEXT_WORDS_H

#include "base/error.h"
#include "text/unicode.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gf_words_profile {
    const char *name; /* "hf" */
    const gf_unicode_table *table;
    uint16_t dropped; /* flags of what cleaning takes out */
    uint16_t spaces;  /* flags of what ends a word before it is mapped; without cleaning SPLIT alone */
    uint16_t breaks;  /* flags of what ends a word after that */
    bool marks_first; /* accents go before the lower case, which knows no final sigma */
    bool folds;       /* lower case is NFKC_Casefold */
    bool composes;    /* NFC before all of it */
    uint32_t limit;   /* a longer word is unknown */
    bool limit_bytes; /* the limit is in bytes of UTF-8, not in characters */
} gf_words_profile;

/* NULL behind the last; the first is the default. */
const gf_words_profile *gf_words_profile_at(size_t i);

typedef struct gf_words_options {
    const gf_words_profile *profile;
    bool clean, chinese, lower, strip;
} gf_words_options;

typedef struct gf_words {
    gf_words_options o;
    uint8_t *kind; /* of each character */
} gf_words;

graft_status gf_words_open(gf_words *w, const gf_words_options *o, graft_error *err);
void gf_words_close(gf_words *w); /* takes a zeroed one */

/* A character of a word: what it became, and the bytes of the text that it was. */
typedef struct gf_character {
    uint32_t c, begin, end;
} gf_character;

/* Calls `take` for each word in order, with its n > 0 characters, which live until it returns; stops at the first
 * status that is not OK. */
typedef graft_status (*gf_words_take)(void *ctx, const gf_character *word, size_t n, graft_error *err);
graft_status gf_words_each(const gf_words *w, const char *text, size_t n, gf_words_take take, void *ctx,
                           graft_error *err);

#endif
