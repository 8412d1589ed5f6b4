/* alloc.h - memory: checked sizes, zeroed blocks, text that grows. All of it may return NULL. */
#ifndef GF_BASE_ALLOC_H
#define GF_BASE_ALLOC_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* *out = a * b (or a + b); false where it does not fit. */
static inline bool gf_mul_size(size_t a, size_t b, size_t *out) { return !__builtin_mul_overflow(a, b, out); }
static inline bool gf_add_size(size_t a, size_t b, size_t *out) { return !__builtin_add_overflow(a, b, out); }

void *gf_alloc(size_t n, size_t size);              /* n * size bytes, zeroed; n == 0 gives a block to free too */
void *gf_alloc_raw(size_t n, size_t size);          /* the same, not zeroed */
void *gf_realloc(void *old, size_t n, size_t size); /* on failure NULL, and `old` stays */
void *gf_alloc_tensor(size_t bytes);                /* 64-byte aligned, zeroed, huge pages asked for from 4 MiB on */
void gf_free(void *p);                              /* takes NULL */
#define gf_new(type) ((type *)gf_alloc(1, sizeof(type)))
#define gf_new_n(n, type) ((type *)gf_alloc((n), sizeof(type)))

char *gf_strdup(const char *s);
char *gf_strndup(const char *s, size_t n);
char *gf_sprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *gf_path_join(const char *dir, const char *name);

/* Makes room in a growing array for one more; false where memory ran out, the array then unchanged.
 *   if (!gf_grow(&list->item, list->n, &list->cap)) return gf_fail_memory(...);                        */
#define gf_grow(items, n, cap) gf_grow_((void **)(items), (n), (cap), sizeof **(items))
bool gf_grow_(void **items, size_t n, size_t *cap, size_t size);

/* Text that grows. A failed allocation is remembered in `failed`, so that calls need no checks one by one. */
typedef struct gf_text {
    char *s; /* NULL while empty; else terminated */
    size_t n, cap;
    bool failed;
} gf_text;
void gf_text_add(gf_text *t, const char *s);
void gf_text_add_n(gf_text *t, const void *s, size_t n);
void gf_text_printf(gf_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void gf_text_free(gf_text *t);

#endif
