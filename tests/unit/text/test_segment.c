/* text: words of word vectors, and Chinese cut into them by the cheapest way. */
#include "support/ok.h"
#include "support/seeded.h"
#include "text/tokenizer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* By frequency. The cheapest way is not the longest word first. */
static const char list[] =
    "的\n我\n喜欢\n在\n北京\n大学\n生\n北京大学\n大学生\n研究\n研究生\n生命\n命\n起源\nhotel\n房间\n!\n";

static const char *cut(const char *segment, const char *text)
{
    static char out[512];
    gf_tokenizer t;
    gf_pieces pieces = {0};
    OK(gf_tokenizer_open_words(&t, "f", list, sizeof list - 1, &(gf_tokenizer_argument){"segment", segment}, 1,
                               &error));
    OK(t.class->encode(t.self, text, strlen(text), &pieces, &error));
    uint32_t unknown = t.class->special(t.self).unknown;
    size_t at = 0;
    out[0] = 0;
    for (size_t i = 0; i < pieces.n && at < sizeof out - 64; i++) {
        const gf_piece *p = &pieces.item[i];
        gf_text word = {0};
        t.class->decode(t.self, &p->id, 1, &word);
        bool same = word.s && word.n == p->end - p->begin && !memcmp(word.s, text + p->begin, word.n);
        assert_true(p->id == unknown ? !word.s : same);
        gf_text_free(&word);
        at += (size_t)snprintf(out + at, sizeof out - at, "%s%.*s%s", i ? "|" : "", (int)(p->end - p->begin),
                               text + p->begin, p->id == unknown ? "?" : "");
    }
    gf_pieces_free(&pieces);
    gf_tokenizer_close(&t);
    return out;
}

static void words_characters_or_none(void **state)
{
    (void)state;
    assert_string_equal(cut("words", "我喜欢北京大学"), "我|喜欢|北京大学");
    assert_string_equal(cut("words", "研究生命起源"), "研究|生命|起源"); /* the longest first would take 研究生 */
    assert_string_equal(cut("words", " 我  hotel\t房间的! "), "我|hotel|房间|的|!");
    assert_string_equal(cut("words", "我猫喜欢"), "我|猫?|喜欢");
    assert_string_equal(cut("words", "hotel我x"), "hotel|我|x?");
    assert_string_equal(cut("words", "我\xe3\x80\x80的"), "我|的");
    assert_string_equal(cut("char", "我喜欢hotel"), "我|喜?|欢?|hotel");
    assert_string_equal(cut("none", "我喜欢 喜欢"), "我喜欢?|喜欢");
    assert_string_equal(cut("words", ""), "");
    assert_string_equal(cut("words", "我\xff的"), "我|\xff?|的");
}

/* Against every way to cut a run: none is cheaper. */
static double cost_of(const char *const *word, size_t n, const char *s, size_t length)
{
    for (size_t i = 0; i < n; i++) {
        if (strlen(word[i]) == length && !memcmp(word[i], s, length))
            return log((double)i + 2) + log(log((double)n + 2));
    }
    return length == 3 ? log((double)n + 2) + log(log((double)n + 2)) + 4 : INFINITY;
}

static double cheapest(const char *const *word, size_t n, const char *s)
{
    double best = *s ? INFINITY : 0;
    for (size_t length = 3; length <= strlen(s) && length <= 12; length += 3) {
        double cost = cost_of(word, n, s, length) + cheapest(word, n, s + length);
        if (cost < best) best = cost;
    }
    return best;
}

static void no_other_way_is_cheaper(void **state)
{
    (void)state;
    enum { WORDS = 40, LENGTH = 9 };
    static const char *const character[] = {"一", "二", "三", "四"};
    char word[WORDS][16], text[64];
    const char *each[WORDS];
    for (uint64_t seed = 1; seed <= 60; seed++) {
        gf_text lines = {0};
        size_t n = 0;
        for (size_t i = 0; i < WORDS; i++) {
            uint64_t w = seeded_word("words", seed, i);
            word[n][0] = 0;
            for (size_t k = 0; k < 1 + w % 4; k++) strcat(word[n], character[w >> (8 + 4 * k) & 3]);
            bool again = false;
            for (size_t k = 0; k < n; k++) again |= !strcmp(word[k], word[n]);
            if (again) continue;
            each[n] = word[n];
            gf_text_printf(&lines, "%s\n", word[n++]);
        }
        text[0] = 0;
        for (size_t k = 0; k < LENGTH; k++) strcat(text, character[seeded_word("text", seed, k) & 3]);
        gf_tokenizer t;
        gf_pieces pieces = {0};
        OK(gf_tokenizer_open_words(&t, "f", lines.s, lines.n, NULL, 0, &error));
        OK(t.class->encode(t.self, text, strlen(text), &pieces, &error));
        double got = 0, want = cheapest(each, n, text);
        for (size_t i = 0; i < pieces.n; i++)
            got += cost_of(each, n, text + pieces.item[i].begin, pieces.item[i].end - pieces.item[i].begin);
        if (!(fabs(got - want) <= 1e-9)) fail_msg("%s: %g, the cheapest is %g", text, got, want);
        gf_pieces_free(&pieces);
        gf_tokenizer_close(&t);
        gf_text_free(&lines);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(words_characters_or_none),
                                       cmocka_unit_test(no_other_way_is_cheaper)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
