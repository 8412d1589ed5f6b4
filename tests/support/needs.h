/* needs.h - what a test needs and a machine may lack. No test passes without having run: one that needs a thing begins
 * with
 *
 *     NEEDS("bf16");
 *
 * and is skipped (cmocka's skip) where that is not here, with the reason. Which tests may be skipped, and for want of
 * what, stands in tests/skips.txt: one that would skip and is not listed there fails. What is here is found out by
 * needs.c itself, not by the library: a library that wrongly says that it cannot do a thing fails. With
 * GRAFT_SKIPS=FILE a line "program<tab>test<tab>need<tab>instruction set" is added to FILE for each skipped test:
 * scripts/test.sh counts and names them, and compares them with what the table expects here. */
#ifndef TESTS_SUPPORT_NEEDS_H
#define TESTS_SUPPORT_NEEDS_H

#include <stddef.h>

#define NEEDS(need) needs_or_skip((need), __func__)

/* In the test function itself: __func__ is the test's name. */
void needs_or_skip(const char *need, const char *test);

/* For tests that are made of a table, of several needs each, of which a program may find out by itself: why[i] tells
 * why need[i] is not here, NULL: it is. Their lines in tests/skips.txt are patterns (*); `PROGRAM --tests` lists the
 * tests, and `PROGRAM --lacking NEED` prints why. */
void needs_each_or_skip(const char *const need[], const char *const why[], size_t n, const char *test);

/* Why `need` is not here; NULL: it is. Needs: bf16, int8, avx2, vbmi (the processor, as far as ONEDNN_MAX_CPU_ISA
 * allows it), sys (a mounted /sys), unsanitized (no AddressSanitizer), data:FOLDER (a folder of the data outside the
 * project). */
const char *needs_lacking(const char *need);

/* The path of `name` among the data outside the project: in $GRAFT_TEST_DATA, else in ../shared/data. Returns `path`.
 */
const char *needs_data(const char *name, char *path, size_t size);

#endif
