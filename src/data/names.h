/* names.h - what a file's name says: an image, litter that an operating system left, or something else. */
#ifndef GF_DATA_NAMES_H
#define GF_DATA_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Thumbs.db, desktop.ini, __MACOSX and every name that begins with a dot (.git, .DS_Store, AppleDouble's ._x.jpg). */
bool gf_name_is_litter(const char *name);

/* By extension. True also for image formats that are known but not read (HEIC, AVIF ...): these must be told to the
 * user as bad images, not left out without a word. Of other files the content decides (gf_walk_is_image). */
bool gf_name_is_image(const char *name);

/* The extension in lower case, cut to size; "(none)" without one. Returns buf. */
const char *gf_name_extension(const char *name, char *buf, size_t size);

/* What AppleDouble files (macOS's companions of files on foreign disks) begin with. */
bool gf_is_apple_double(const uint8_t *bytes, size_t n);

/* Writes the name with ASCII in lower case and letters taken apart into letter and marks (Unicode's NFD, below U+3100
 * and Korean syllables): two names that people cannot tell apart get the same key. key has room for 4 n + 1 bytes. */
void gf_name_key(const char *name, char *key);
enum { GF_NAME_KEY_GROWTH = 4 };

#endif
