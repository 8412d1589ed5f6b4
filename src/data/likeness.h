/* likeness.h - two names that a person takes for one, and in words how they differ. */
#ifndef GF_DATA_LIKENESS_H
#define GF_DATA_LIKENESS_H

#include <stdbool.h>
#include <stddef.h>

/* Of `n` names the one that differs from `name` only in capitals, spaces, signs between words or the encoding of its
 * letters; `how` (at least 128 bytes) then says in what: "in capitals". NULL: none of them, or no memory for it. */
const char *gf_likest_name(const char *name, const char *const *names, size_t n, char *how, size_t size);

/* The same of two names; false where they differ in more than that, or not at all. */
bool gf_names_alike(const char *a, const char *b, char *how, size_t size);

#endif
