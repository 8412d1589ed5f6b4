#include "base/alloc.h"

#include "base/sys.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { TENSOR_ALIGN = 64, HUGE_PAGE = 2 << 20 };

void *gf_alloc_raw(size_t n, size_t size)
{
    size_t bytes;
    if (!gf_mul_size(n, size, &bytes)) return NULL;
    return gf_sys_malloc(bytes ? bytes : 1);
}

void *gf_alloc(size_t n, size_t size)
{
    void *p = gf_alloc_raw(n, size);
    if (p) memset(p, 0, n * size);
    return p;
}

void *gf_realloc(void *old, size_t n, size_t size)
{
    size_t bytes;
    if (!gf_mul_size(n, size, &bytes)) return NULL;
    return gf_sys_realloc(old, bytes ? bytes : 1);
}

void *gf_alloc_tensor(size_t bytes)
{
    size_t align = bytes >= 2 * (size_t)HUGE_PAGE ? HUGE_PAGE : TENSOR_ALIGN;
    size_t padded;
    if (!gf_add_size(bytes ? bytes : 1, align - 1, &padded)) return NULL;
    padded = padded / align * align;
    void *p = gf_sys_aligned(align, padded);
    if (!p) return NULL;
    if (align == HUGE_PAGE) madvise(p, padded, MADV_HUGEPAGE); /* a wish: its failure changes nothing */
    memset(p, 0, padded);
    return p;
}

void gf_free(void *p) { gf_sys_free(p); }

char *gf_strndup(const char *s, size_t n)
{
    char *copy = gf_alloc_raw(n + 1, 1);
    if (!copy) return NULL;
    memcpy(copy, s, n);
    copy[n] = 0;
    return copy;
}

char *gf_strdup(const char *s) { return gf_strndup(s, strlen(s)); }

char *gf_sprintf(const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *s = n < 0 ? NULL : gf_alloc_raw((size_t)n + 1, 1);
    if (s) vsnprintf(s, (size_t)n + 1, fmt, again);
    va_end(again);
    return s;
}

char *gf_path_join(const char *dir, const char *name)
{
    size_t n = strlen(dir);
    return gf_sprintf("%s%s%s", dir, n && dir[n - 1] == '/' ? "" : "/", name);
}

bool gf_grow_(void **items, size_t n, size_t *cap, size_t size)
{
    if (n < *cap) return true;
    size_t wanted = *cap ? *cap * 2 : 16;
    void *grown = gf_realloc(*items, wanted, size);
    if (!grown) return false;
    memset((char *)grown + *cap * size, 0, (wanted - *cap) * size);
    *items = grown;
    *cap = wanted;
    return true;
}

void gf_text_add_n(gf_text *t, const void *s, size_t n)
{
    if (t->failed) return;
    if (t->n + n + 1 > t->cap) {
        size_t wanted = t->cap * 2 > t->n + n + 1 ? t->cap * 2 : t->n + n + 64;
        char *grown = gf_realloc(t->s, wanted, 1);
        if (!grown) {
            t->failed = true;
            return;
        }
        t->s = grown;
        t->cap = wanted;
    }
    memcpy(t->s + t->n, s, n);
    t->n += n;
    t->s[t->n] = 0;
}

void gf_text_add(gf_text *t, const char *s) { gf_text_add_n(t, s, strlen(s)); }

void gf_text_printf(gf_text *t, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char small[512];
    char *s = n < 0 ? NULL : (size_t)n < sizeof small ? small : gf_alloc_raw((size_t)n + 1, 1);
    if (s) {
        vsnprintf(s, (size_t)n + 1, fmt, again);
        gf_text_add_n(t, s, (size_t)n);
        if (s != small) gf_free(s);
    } else {
        t->failed = true;
    }
    va_end(again);
}

void gf_text_free(gf_text *t)
{
    gf_free(t->s);
    *t = (gf_text){0};
}
