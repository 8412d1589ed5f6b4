/* unicode.h - what is known of a character, as each of the tokenizers that graft follows knows it.
 *
 * Every one of them has Unicode tables of its own age, which decide what a piece is; a table here is one tool's in one
 * version (tables_*.c, made by tools/make_text_tables.py by asking it about every character). */
#ifndef GF_TEXT_UNICODE_H
#define GF_TEXT_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GF_UNICODE_END = 0x110000 };

/* In the order of FLAGS in tools/make_text_tables.py. */
enum {
    GF_CHAR_CONTROL = 1 << 0, /* NUL, U+FFFD, Cc, Cf but for tab and line ends; of tensorflow-text: Cc, Cf */
    GF_CHAR_UNUSED = 1 << 1,  /* the rest of category C: not assigned, private */
    GF_CHAR_SPACE = 1 << 2,   /* cleaning makes a space of it */
    GF_CHAR_SPLIT = 1 << 3,   /* words are split at it */
    GF_CHAR_PUNCTUATION = 1 << 4,
    GF_CHAR_CHINESE = 1 << 5, /* a word by itself, where Chinese characters are */
    GF_CHAR_MARK = 1 << 6,    /* Mn: an accent */
    GF_CHAR_NFD = 1 << 7,     /* has a canonical decomposition */
    GF_CHAR_LOWER = 1 << 8,   /* its lower case is another */
    GF_CHAR_FOLD = 1 << 9,    /* so is NFKC_Casefold and then NFD of it */
    GF_CHAR_FOLD_AWAY = 1 << 10,
    GF_CHAR_CASED = 1 << 11,    /* for the Greek final sigma; not of those that are IGNORABLE */
    GF_CHAR_IGNORABLE = 1 << 12 /* for the Greek final sigma */
};

typedef struct gf_unicode_kind {
    uint16_t flags;
    uint8_t order; /* canonical combining class */
} gf_unicode_kind;

typedef struct gf_unicode_table {
    const gf_unicode_kind *kind;
    const uint32_t *run; /* first character << 8 | index in kind, up to the next one's first; ascending */
    size_t n;
} gf_unicode_table;

extern const gf_unicode_table gf_unicode_python, gf_unicode_tokenizers, gf_unicode_tensorflow;

/* Of GPT-2's pattern, whose flags are its own. */
enum { GF_PATTERN_LETTER = 1, GF_PATTERN_NUMBER = 2, GF_PATTERN_SPACE = 4 };
extern const gf_unicode_table gf_unicode_pattern;

typedef struct gf_unicode_row {
    uint32_t character;
    uint16_t at;
    uint8_t n;
} gf_unicode_row;

/* A character to a text of n characters. Which rows hold for a table, its flags say. */
typedef struct gf_unicode_map {
    const gf_unicode_row *row; /* ascending */
    size_t n;
    const uint32_t *text;
} gf_unicode_map;

extern const gf_unicode_map gf_unicode_nfd, gf_unicode_lower, gf_unicode_fold;

typedef struct gf_unicode_pair {
    uint32_t first, second, whole;
} gf_unicode_pair;

typedef struct gf_unicode_pairs {
    const gf_unicode_pair *pair; /* ascending */
    size_t n;
} gf_unicode_pairs;

extern const gf_unicode_pairs gf_unicode_compose;

/* The index in table->kind of every character: GF_UNICODE_END bytes, the caller's (gf_free). NULL: no memory. */
uint8_t *gf_unicode_spread(const gf_unicode_table *table);

/* What `map` makes of c: *n characters, borrowed. NULL: there is no row. */
const uint32_t *gf_unicode_mapped(const gf_unicode_map *map, uint32_t c, size_t *n);

/* Canonical decomposition of a Hangul syllable: 2 or 3 characters into out; 0: c is none. */
size_t gf_unicode_hangul(uint32_t c, uint32_t out[3]);

/* The one character that the two make by canonical composition; 0: none. */
uint32_t gf_unicode_composed(uint32_t first, uint32_t second);

#endif
