#include "formats/vector_words.h"

#include <string.h>

typedef struct gf_vector_word {
    uint64_t at;
    uint32_t n, hash;
} gf_vector_word;

static uint32_t hash_of(const char *s, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 0x100000001b3u;
    return (uint32_t)(h ^ h >> 32);
}

void gf_vector_words_free(gf_vector_words *w)
{
    gf_text_free(&w->bytes);
    gf_free(w->item);
    gf_free(w->slot);
    *w = (gf_vector_words){0};
}

/* Twice as many slots, or the first ones. */
static bool more_slots(gf_vector_words *w)
{
    size_t slots = w->slots ? 2 * w->slots : 1024;
    uint32_t *slot = gf_new_n(slots, uint32_t);
    if (!slot) return false;
    for (size_t i = 0; i < w->n; i++) {
        size_t at = w->item[i].hash & (slots - 1);
        while (slot[at]) at = (at + 1) & (slots - 1);
        slot[at] = (uint32_t)i + 1;
    }
    gf_free(w->slot);
    w->slot = slot;
    w->slots = slots;
    return true;
}

graft_status gf_vector_words_add(gf_vector_words *w, const char *word, size_t n, bool *again, graft_error *err)
{
    uint32_t hash = hash_of(word, n);
    if (2 * w->n >= w->slots && !more_slots(w))
        return gf_fail_memory(err, 2 * w->slots * sizeof *w->slot, "a table of words");
    size_t at = hash & (w->slots - 1);
    for (; w->slot[at]; at = (at + 1) & (w->slots - 1)) {
        const gf_vector_word *there = &w->item[w->slot[at] - 1];
        *again = there->hash == hash && there->n == n && (!n || !memcmp(w->bytes.s + there->at, word, n));
        if (*again) return GRAFT_OK;
    }
    *again = false;
    if (!gf_grow(&w->item, w->n, &w->cap)) return gf_fail_memory(err, w->n * sizeof *w->item, "a list of words");
    w->item[w->n] = (gf_vector_word){w->bytes.n, (uint32_t)n, hash};
    gf_text_add_n(&w->bytes, word, n);
    if (w->bytes.failed) return gf_fail_memory(err, w->bytes.cap, "words");
    w->slot[at] = (uint32_t)++w->n;
    return GRAFT_OK;
}

bool gf_is_utf8(const char *s, size_t n)
{
    const unsigned char *p = (const unsigned char *)s;
    for (size_t i = 0; i < n;) {
        unsigned char first = p[i];
        size_t length = first < 0x80                     ? 1
                        : first >= 0xc2 && first <= 0xdf ? 2
                        : first >= 0xe0 && first <= 0xef ? 3
                        : first >= 0xf0 && first <= 0xf4 ? 4
                                                         : 0;
        if (!length || n - i < length) return false;
        for (size_t k = 1; k < length; k++) {
            if ((p[i + k] & 0xc0) != 0x80) return false;
        }
        if ((first == 0xe0 && p[i + 1] < 0xa0) || (first == 0xed && p[i + 1] > 0x9f) ||
            (first == 0xf0 && p[i + 1] < 0x90) || (first == 0xf4 && p[i + 1] > 0x8f))
            return false;
        i += length;
    }
    return true;
}
