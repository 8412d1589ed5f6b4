/* run_bytes.h - what two equal runs must have in common, byte by byte: the model, and the history without its times. */
#ifndef TESTS_RUN_BYTES_H
#define TESTS_RUN_BYTES_H

/* Fails the test, with `where` in its message, unless both run folders are finished and equal. */
void run_bytes_equal(const char *one, const char *other, const char *where);
/* And what two that are not equal must not: the model. */
void run_bytes_differ(const char *one, const char *other, const char *where);

#endif
