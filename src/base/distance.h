/* distance.h - how far a misspelt word is from a known one, for hints. */
#ifndef GF_BASE_DISTANCE_H
#define GF_BASE_DISTANCE_H

#include <stddef.h>

/* Levenshtein's distance: insertions, deletions and exchanges of bytes that make `known` of `text`. SIZE_MAX where
 * `known` has more than 64 bytes. */
size_t gf_edit_distance(const char *text, const char *known);

#endif
