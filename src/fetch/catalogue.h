/* catalogue.h - which weights there are, where their publishers keep them, and what is known to check them by.
 *
 * The file (share/graft/catalogue.json) is {"weights":[{..}]}. Every entry has "name", "architecture" (NULL where the
 * file holds a whole model of its own), "set" ("imagenet"), "source", "preprocessing", "licence" and "file" (its name
 * in the cache), and either "urls" (https, tried in order) or "package", "version" and "member" (a file inside a Python
 * package). It is checked by whatever was published of it: "sha256", "sha256_prefix" (8 digits or more), "md5", "size"
 * (bytes), or the range "size_least" to "size_most" where the publisher gives rounded sizes. At least a largest size
 * must be known. Optional: "alpha" (width multiplier), "image_size", "top" (it holds the ImageNet classifier).
 *
 * "data":[{..}] (optional) are archives of images: "name", "source", "licence", "file", "urls", what they are checked
 * by, and "member" where the images lie in an archive inside of that archive. */
#ifndef GF_FETCH_CATALOGUE_H
#define GF_FETCH_CATALOGUE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* All strings belong to the catalogue; NULL where the entry has none. */
typedef struct gf_weights_entry {
    const char *name, *architecture, *set, *source, *preprocessing, *licence, *file;
    const char *sha256, *sha256_prefix, *md5; /* lower-case hexadecimal */
    const char *package, *version, *member;
    const char **urls;
    size_t n_urls;
    int64_t size_least, size_most; /* equal where the size is known exactly */
    double alpha;                  /* 1 where it has none */
    int image_size;                /* 0 where any will do */
    bool top;
} gf_weights_entry;

typedef struct gf_catalogue {
    gf_weights_entry *item;
    size_t n;
    gf_weights_entry *data; /* archives of images */
    size_t n_data;
    void *document; /* owns the strings */
} gf_catalogue;

/* Reads the n bytes of a catalogue; `name` is the file named in messages. E6009 names entry and key. */
graft_status gf_catalogue_parse(gf_catalogue **out, const uint8_t *text, size_t n, const char *name, graft_error *err);
void gf_catalogue_destroy(gf_catalogue *c); /* takes NULL */

/* By the entry's own name; NULL: none. */
const gf_weights_entry *gf_catalogue_find(const gf_catalogue *c, const char *name);

/* The same of an archive of images. */
const gf_weights_entry *gf_catalogue_find_data(const gf_catalogue *c, const char *name);

/* What a set of weights is wanted for. */
typedef struct gf_weights_use {
    const char *architecture;
    double alpha;
    int width, height; /* of the images; 0: any */
    bool top;          /* the classifier is wanted too */
} gf_weights_use;

/* The entry of `set` that fits: architecture and width multiplier must be equal, the classifier must be there if it is
 * wanted; then without a classifier if it is not, then the nearest image size (no Keras weights depend on it, but they
 * were trained at it). The first of equals. NULL: none. */
const gf_weights_entry *gf_catalogue_choose(const gf_catalogue *c, const char *set, const gf_weights_use *use);

#endif
