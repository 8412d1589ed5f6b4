/* tokenizer.h - texts to pieces, as the model that is fine-tuned learnt them.
 *
 * A kind of tokenizer is one gf_tokenizer_class, one line in tokenizers.def. What is special of a model stands in its
 * files: the vocabulary, and how texts are cleaned before. A tokenizer does not change once it is open: any number of
 * threads may use it at once. */
#ifndef GF_TEXT_TOKENIZER_H
#define GF_TEXT_TOKENIZER_H

#include "base/alloc.h"
#include "base/error.h"
#include "base/files.h"
#include "json/json.h"

#include <graft/settings.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One piece: its id, and the bytes of the text that it stands for. */
typedef struct gf_piece {
    uint32_t id;
    uint32_t begin, end;
} gf_piece;

typedef struct gf_pieces {
    gf_piece *item; /* owned; gf_pieces_free */
    size_t n, cap;
} gf_pieces;
void gf_pieces_free(gf_pieces *pieces);
/* Behind the last one; E5001. */
graft_status gf_pieces_add(gf_pieces *pieces, gf_piece piece, graft_error *err);

#define GF_NO_PIECE UINT32_MAX

/* The pieces that have a task of their own; GF_NO_PIECE where a vocabulary has no such one. */
typedef struct gf_special_pieces {
    uint32_t unknown, begin, end, padding, mask;
} gf_special_pieces;

/* What a tokenizer is made of; all borrowed, while it is opened. */
typedef struct gf_tokenizer_files {
    const char *name;          /* of the file with the vocabulary, for messages */
    const uint8_t *vocabulary; /* its bytes, where it is a file of pieces; NULL: json is all there is */
    size_t n;
    const uint8_t *merges; /* of a BPE whose vocabulary is in vocab.json; NULL: there are none */
    size_t n_merges;
    const gf_json *json;   /* tokenizer.json, or vocab.json beside merges; NULL: none */
    const gf_json *config; /* tokenizer_config.json; NULL: none */
} gf_tokenizer_files;

/* A file beside weights that a class reads. */
typedef struct gf_tokenizer_place {
    const char *file;     /* "vocab.txt"; in the folder of the weights */
    const char *with;     /* a second one that belongs to it: "merges.txt"; NULL: none */
    const char *where;    /* only in a folder with this file; NULL: in any */
    const char *argument; /* what that tells of an argument; NULL: nothing */
    const char *value;
} gf_tokenizer_place;

typedef struct gf_tokenizer_class {
    const char *name;                /* "wordpiece" */
    const char *help;                /* of which models, for lists of what there is */
    const char *model;               /* what tokenizer.json calls it: "WordPiece"; NULL: it has none */
    const gf_tokenizer_place *place; /* n_places, the likeliest first; besides these tokenizer.json, by `model` */
    size_t n_places;
    bool of_words; /* its vocabulary is the words of a file of word vectors, one a line, the most frequent first */
    const graft_option *argument; /* rows of name, kind, default and help; what is not given is as the files say */
    size_t n_arguments;
    /* `value` holds one text for each argument row; NULL: not given. Their kinds have been checked. */
    graft_status (*open)(void **self, const gf_tokenizer_files *files, const char *const *value, graft_error *err);
    /* Adds the pieces of a text, which may be any bytes: what is not UTF-8 counts as U+FFFD. Adds no special pieces. */
    graft_status (*encode)(const void *self, const char *text, size_t n, gf_pieces *out, graft_error *err);
    /* Adds the text that the pieces stand for, as far as it can be told; ids without a piece are left out. */
    void (*decode)(const void *self, const uint32_t *id, size_t n, gf_text *out);
    gf_special_pieces (*special)(const void *self);
    uint32_t (*size)(const void *self); /* the greatest id and one: so many rows the model's table must have */
    void (*destroy)(void *self);        /* takes NULL */
} gf_tokenizer_class;

/* The classes in the order of tokenizers.def; NULL behind the last. */
const gf_tokenizer_class *gf_tokenizer_at(size_t i);

/* An argument of a class; taken from the command as NAME=VALUE. */
typedef struct gf_tokenizer_argument {
    const char *name, *value;
} gf_tokenizer_argument;

typedef struct gf_tokenizer {
    const gf_tokenizer_class *class;
    void *self;
    char *file; /* the vocabulary's path */
} gf_tokenizer;

/* Opens the tokenizer of a folder of weights (tokenizer.json, else a class's place), or of such a file itself; with
 * them tokenizer_config.json. E2774 where there is none, E2771 where it is of a kind that graft does not have, E2770
 * and E2772 where it is damaged, E3002 where an argument's value is none of its row. */
graft_status gf_tokenizer_open(gf_tokenizer *out, const char *path, const gf_tokenizer_argument *argument, size_t n,
                               graft_error *err);
/* Of the words of a file of word vectors, one a line. */
graft_status gf_tokenizer_open_words(gf_tokenizer *out, const char *path, const char *lines, size_t n,
                                     const gf_tokenizer_argument *argument, size_t n_arguments, graft_error *err);
/* Under which name a model keeps these words, by their segmentation ("words", "char", "none"). */
const char *gf_tokenizer_words_file(const char *segment);
/* The same of files in memory; `class` is what reads them. */
graft_status gf_tokenizer_open_files(gf_tokenizer *out, const gf_tokenizer_class *class,
                                     const gf_tokenizer_files *files, const gf_tokenizer_argument *argument, size_t n,
                                     graft_error *err);
void gf_tokenizer_close(gf_tokenizer *t); /* takes a zeroed one */

/* The files that gf_tokenizer_open reads, byte for byte, for a model to carry; and a tokenizer out of them. */
graft_status gf_tokenizer_keep(gf_files *files, const char *path, graft_error *err);
graft_status gf_tokenizer_open_kept(gf_tokenizer *out, const gf_files *files, const char *name,
                                    const gf_tokenizer_argument *argument, size_t n, graft_error *err);

/* What a network is given of a text: its pieces between those that begin and end one, -1 behind them. A text of more
 * than `places` is cut at its end (*cut, may be NULL). Words that word vectors do not have are left out; of a text
 * without others one is there, as the number behind the last word. `room` is memory that the next call takes again.
 * E5001. */
graft_status gf_tokenizer_put(const gf_tokenizer *t, const char *text, size_t n, gf_pieces *room, int32_t *dst,
                              size_t places, bool *cut, graft_error *err);

#endif
