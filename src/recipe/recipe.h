/* recipe.h - a recipe: the options of a run as a file that people write and keep. YAML, or JSON, which is YAML too.
 *
 * One map of names and values. A value is a text; a list of texts, which are joined with commas (hooks, random
 * changes); or a list of maps, which are phases: `name` first, the other keys as in train.phases. What the names mean
 * is for the reader to say. */
#ifndef GF_RECIPE_RECIPE_H
#define GF_RECIPE_RECIPE_H

#include "base/error.h"

#include <stdint.h>

typedef struct gf_recipe_entry {
    char *name, *value; /* owned */
    uint32_t line;      /* in the file, from 1 */
} gf_recipe_entry;

/* Zeroed is empty. */
typedef struct gf_recipe {
    gf_recipe_entry *item; /* in the file's order */
    size_t n, cap;
} gf_recipe;

/* E3008 where it is no YAML or no recipe; with `name` and the line. On failure *out is empty. */
graft_status gf_recipe_parse(gf_recipe *out, const void *bytes, size_t n, const char *name, graft_error *err);
graft_status gf_recipe_read(gf_recipe *out, const char *path, graft_error *err);
/* Writes one that reads back as n names and values: JSON where the path ends in .json, else YAML; the value of `phases`
 * as a list of maps. E3008 where a text cannot be in a recipe: bytes that are no UTF-8. */
graft_status gf_recipe_write(const char *path, const char *const *name, const char *const *value, size_t n,
                             graft_error *err);
void gf_recipe_free(gf_recipe *r); /* leaves it empty */

#endif
