/* text_cases.h - the texts and the vocabulary of tools/text_cases.py, made alike. */
#ifndef TESTS_SUPPORT_TEXT_CASES_H
#define TESTS_SUPPORT_TEXT_CASES_H

#include "base/alloc.h"
#include "support/seeded.h"
#include "text/utf8.h"

#include <stdint.h>
#include <string.h>

enum { TEXT_CASES_RANDOM = 20000, TEXT_CASES_CONTEXTS = 4 };

static inline bool text_cases_is_scalar(uint32_t c) { return c < 0xd800 || (c >= 0xe000 && c < 0x110000); }

static inline bool text_cases_looks_at(uint32_t c)
{
    return text_cases_is_scalar(c) && (c < 0x40000 || (c >= 0xe0000 && c < 0xe1000) || c % 256 == 0);
}

static inline void text_cases_add(gf_text *t, const char *before, uint32_t c, const char *after)
{
    uint8_t byte[4];
    gf_text_add(t, before);
    gf_text_add_n(t, byte, gf_utf8_put(c, byte));
    gf_text_add(t, after);
}

static inline void text_cases_in_context(gf_text *t, int context, uint32_t c)
{
    static const char *const before[TEXT_CASES_CONTEXTS] = {"", "a", "中", "ΟΔΟΣ"};
    static const char *const after[TEXT_CASES_CONTEXTS] = {"", "b", "文", ""};
    t->n = 0;
    text_cases_add(t, before[context], c, after[context]);
}

static inline void text_cases_random(gf_text *t, uint32_t i)
{
    static const struct {
        uint32_t low, count;
    } pool[16] = {{0x61, 26},    {0x41, 26},    {0x20, 95},      {0xa0, 432},   {0x370, 144},    {0x300, 112},
                  {0x591, 55},   {0x1e00, 512}, {0xac00, 11172}, {0x1100, 256}, {0x4e00, 20992}, {0x3040, 192},
                  {0xff00, 240}, {0, 33},       {0, 0x110000},   {0x900, 1280}};
    uint64_t n = 1 + seeded_word("text", 1 + i, 0) % 40;
    t->n = 0;
    for (uint64_t k = 1; k <= n; k++) {
        uint64_t w = seeded_word("text", 1 + i, k);
        uint32_t c = pool[w & 15].low + (uint32_t)((w >> 8) % pool[w & 15].count);
        text_cases_add(t, "", text_cases_is_scalar(c) ? c : 'a', "");
    }
}

static inline void text_cases_vocabulary(gf_text *t)
{
    gf_text_add(t, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n");
    for (uint32_t c = 0x21; c < 0x40000; c++) {
        if (text_cases_is_scalar(c)) text_cases_add(t, "", c, "\n");
    }
    for (uint32_t c = 0x21; c < 0x20000; c++) {
        if (text_cases_is_scalar(c)) text_cases_add(t, "##", c, "\n");
    }
    for (int tail = 0; tail < 2; tail++) {
        for (int i = 0; i < 25; i++) gf_text_printf(t, "%s%c%c\n", tail ? "##" : "", 'a' + i / 5, 'a' + i % 5);
        for (int i = 0; i < 125; i++) {
            gf_text_printf(t, "%s%c%c%c\n", tail ? "##" : "", 'a' + i / 25, 'a' + i / 5 % 5, 'a' + i % 5);
        }
    }
}

#endif
