/* text.h - foreign text made safe to show, JSON strings, and the nearest of some names. */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stddef.h>
#include <stdio.h>

/* `s` into buf (always terminated, cut where it is full): control bytes and what is not UTF-8 become \xNN, so that a
 * file name cannot drive the terminal. Returns buf. */
const char *text_escape(char *buf, size_t size, const char *s);
#define ESCAPED(s) text_escape((char[768]){0}, 768, (s))

/* The same, of any length, into a stream. */
void text_write_escaped(FILE *f, const char *s);

/* `s` as a JSON string with its quotes. What is not UTF-8 becomes the text \xNN, so that the document stays valid.
 * NULL writes null. */
void text_write_json(FILE *f, const char *s);

/* How many insertions, deletions, replacements and swaps of neighbours lead from a to b; names up to 63 bytes, longer
 * ones are far from everything. */
size_t text_distance(const char *a, const char *b);

/* Whether a name at that distance is worth suggesting for what was typed. */
int text_is_near(const char *typed, size_t distance);

#endif
