#include "text/unicode.h"

#include "base/alloc.h"

#include <string.h>

uint8_t *gf_unicode_spread(const gf_unicode_table *table)
{
    uint8_t *of = gf_alloc_raw(GF_UNICODE_END, 1);
    for (size_t i = 0; of && i < table->n; i++) {
        uint32_t from = table->run[i] >> 8, to = i + 1 < table->n ? table->run[i + 1] >> 8 : GF_UNICODE_END;
        memset(of + from, (int)(table->run[i] & 0xff), to - from);
    }
    return of;
}

const uint32_t *gf_unicode_mapped(const gf_unicode_map *map, uint32_t c, size_t *n)
{
    size_t low = 0, high = map->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (map->row[mid].character < c) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    if (low == map->n || map->row[low].character != c) return NULL;
    *n = map->row[low].n;
    return map->text + map->row[low].at;
}

/* Hangul (Unicode standard, section 3.12): a syllable is 0xac00 + (l * 21 + v) * 28 + t. */
enum { SYLLABLES = 0xac00, LEADING = 0x1100, VOWEL = 0x1161, TRAILING = 0x11a7, LS = 19, VS = 21, TS = 28 };

size_t gf_unicode_hangul(uint32_t c, uint32_t out[3])
{
    if (c < SYLLABLES || c >= SYLLABLES + LS * VS * TS) return 0;
    uint32_t s = c - SYLLABLES;
    out[0] = LEADING + s / (VS * TS);
    out[1] = VOWEL + s / TS % VS;
    out[2] = TRAILING + s % TS;
    return s % TS ? 3 : 2;
}

static uint32_t composed_hangul(uint32_t first, uint32_t second)
{
    if (first >= LEADING && first < LEADING + LS && second >= VOWEL && second < VOWEL + VS) {
        return SYLLABLES + ((first - LEADING) * VS + second - VOWEL) * TS;
    }
    bool open = first >= SYLLABLES && first < SYLLABLES + LS * VS * TS && (first - SYLLABLES) % TS == 0;
    return open && second > TRAILING && second < TRAILING + TS ? first + second - TRAILING : 0;
}

uint32_t gf_unicode_composed(uint32_t first, uint32_t second)
{
    const gf_unicode_pairs *p = &gf_unicode_compose;
    size_t low = 0, high = p->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const gf_unicode_pair *at = &p->pair[mid];
        if (at->first < first || (at->first == first && at->second < second)) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    if (low < p->n && p->pair[low].first == first && p->pair[low].second == second) return p->pair[low].whole;
    return composed_hangul(first, second);
}
