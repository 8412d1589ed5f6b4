/* fixture.h - reads the safetensors files of tests/fixtures/ without the library, so that a test of the library's own
 * reader, and of rooms that may not include it, has another pair of eyes. Takes well-formed files only. */
#ifndef TESTS_FIXTURE_H
#define TESTS_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

typedef struct fixture fixture;

enum { FIXTURE_MAX_RANK = 8 };

/* NULL: not there, or not such a file. */
fixture *fixture_open(const char *path);
void fixture_close(fixture *f); /* takes NULL */

/* A tensor's values, borrowed, and how many (n may be NULL). NULL: no such tensor, or of another type. */
const float *fixture_f32(const fixture *f, const char *name, size_t *n);
const uint8_t *fixture_u8(const fixture *f, const char *name, size_t *n);

/* Its shape; returns the rank, -1 where there is no such tensor. */
int fixture_shape(const fixture *f, const char *name, int64_t dims[FIXTURE_MAX_RANK]);

#endif
