/* seeded.h - the tensors of tools/README.md's formula, and a parity fixture's tensors. */
#ifndef TESTS_SEEDED_H
#define TESTS_SEEDED_H

#include <stddef.h>
#include <stdint.h>

/* Element i of the tensor `name`: 64 random bits. */
uint64_t seeded_word(const char *name, uint64_t seed, size_t i);
void seeded_pixels(const char *name, uint64_t seed, uint8_t *out, size_t n);
void seeded_labels(const char *name, uint64_t seed, int classes, int32_t *out, size_t n);
/* A parameter's values: `var` tells the range, fan_in that of a kernel. */
void seeded_values(const char *layer, const char *var, uint64_t seed, size_t fan_in, float *out, size_t n);

#endif
