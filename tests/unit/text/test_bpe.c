/* text: byte-level BPE gives the ids of Hugging Face's tokenizers (digests of its own, by tools/check_tokenizers.py).
 */
#include "base/hash.h"
#include "base/io.h"
#include "support/ok.h"
#include "support/own_dir.h"
#include "support/text_cases.h"
#include "text/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BPE GRAFT_FIXTURES "/text/bpe.json"

static void add(gf_sha256_state *digest, const gf_tokenizer *t, const gf_text *text, gf_pieces *pieces)
{
    pieces->n = 0;
    OK(t->class->encode(t->self, text->s, text->n, pieces, &error));
    uint32_t n = (uint32_t)pieces->n;
    gf_sha256_add(digest, &n, sizeof n);
    for (size_t i = 0; i < pieces->n; i++) gf_sha256_add(digest, &pieces->item[i].id, sizeof(uint32_t));
}

static void ids_are_the_tools_own(void **state)
{
    (void)state;
    FILE *f = fopen(GRAFT_FIXTURES "/text/bpe.txt", "r");
    assert_non_null(f);
    char line[256], name[32], space[2], kind[16], want[65], got[65];
    int compared = 0;
    while (fgets(line, sizeof line, f)) {
        if (line[0] == '#') continue;
        assert_int_equal(sscanf(line, "%31s %1s %15s %64s", name, space, kind, want), 4);
        const gf_tokenizer_argument argument = {"prefix-space", space};
        gf_tokenizer t;
        gf_pieces pieces = {0};
        gf_text text = {0};
        OK(gf_tokenizer_open(&t, BPE, &argument, 1, &error));
        assert_string_equal(t.class->name, name);
        gf_sha256_state *digest = gf_sha256_begin();
        bool scalars = !strcmp(kind, "scalars");
        for (int context = 0; scalars && context < TEXT_CASES_CONTEXTS; context++) {
            for (uint32_t c = 0; c < 0x110000; c++) {
                if (!text_cases_looks_at(c)) continue;
                text_cases_in_context(&text, context, c);
                add(digest, &t, &text, &pieces);
            }
        }
        for (uint32_t i = 0; !scalars && i < TEXT_CASES_RANDOM; i++) {
            text_cases_random(&text, i);
            add(digest, &t, &text, &pieces);
        }
        gf_sha256 d = gf_sha256_end(digest);
        gf_sha256_hex(&d, got);
        if (strcmp(got, want)) fail_msg("prefix-space=%s %s: %s, wanted %s", space, kind, got, want);
        gf_pieces_free(&pieces);
        gf_text_free(&text);
        gf_tokenizer_close(&t);
        compared++;
    }
    fclose(f);
    assert_int_equal(compared, 4);
}

/* Pieces stand for the bytes of the text one behind the other, and decoding gives the text. */
static void pieces_are_the_text(void **state)
{
    (void)state;
    gf_text text = {0}, back = {0};
    gf_pieces pieces = {0};
    for (int space = 0; space < 2; space++) {
        gf_tokenizer t;
        OK(gf_tokenizer_open(&t, BPE, &(gf_tokenizer_argument){"prefix-space", space ? "1" : "0"}, 1, &error));
        for (uint32_t i = 0; i < 2000; i++) {
            text_cases_random(&text, i);
            pieces.n = back.n = 0;
            OK(t.class->encode(t.self, text.s, text.n, &pieces, &error));
            uint32_t at = 0;
            for (size_t p = 0; p < pieces.n; p++) {
                assert_int_equal(pieces.item[p].begin, at);
                at = pieces.item[p].end;
                t.class->decode(t.self, &pieces.item[p].id, 1, &back);
            }
            assert_int_equal(at, text.n);
            size_t put = space && text.s[0] != ' ' ? 1 : 0;
            assert_int_equal(back.n, text.n + put);
            assert_memory_equal(back.s + put, text.s, text.n);
        }
        gf_tokenizer_close(&t);
    }
    gf_text_free(&text);
    gf_text_free(&back);
    gf_pieces_free(&pieces);
}

/* One word of a megabyte takes no longer than many: merges are kept in order. */
static void long_words_take_no_longer(void **state)
{
    (void)state;
    enum { LONG = 1 << 20 };
    gf_tokenizer t;
    gf_pieces pieces = {0};
    char *text = malloc(LONG);
    assert_non_null(text);
    for (size_t i = 0; i < LONG; i++) text[i] = "thequick"[i * 7 % 8];
    OK(gf_tokenizer_open(&t, BPE, NULL, 0, &error));
    OK(t.class->encode(t.self, text, LONG, &pieces, &error));
    assert_true(pieces.n && pieces.item[pieces.n - 1].end == LONG);
    gf_pieces_free(&pieces);
    gf_tokenizer_close(&t);
    free(text);
}

static void what_is_not_utf8_is_replaced(void **state)
{
    (void)state;
    gf_tokenizer t;
    gf_pieces bad = {0}, good = {0};
    OK(gf_tokenizer_open(&t, BPE, NULL, 0, &error));
    OK(t.class->encode(t.self, "a\xff\xe6\x88z", 5, &bad, &error));
    OK(t.class->encode(t.self, "a\xef\xbf\xbd\xef\xbf\xbdz", 8, &good, &error));
    assert_int_equal(bad.n, good.n);
    for (size_t i = 0; i < bad.n; i++) assert_int_equal(bad.item[i].id, good.item[i].id);
    assert_int_equal(bad.item[bad.n - 1].end, 5);
    gf_pieces_free(&bad);
    gf_pieces_free(&good);
    gf_tokenizer_close(&t);
}

/* ---- files */

static void put_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    OK(gf_file_write_text(path, text, &error));
}

#define BEFORE "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false}"

static void bad_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int number;
        const char *message;
    } row[] = {
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{},\"merges\":[]}," BEFORE "}", GF_E_VOCABULARY,
         "the vocabulary lacks pieces of single bytes"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a b\"]}," BEFORE "}", GF_E_VOCABULARY,
         "merge 1 makes a piece that the vocabulary lacks"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"ab\"]}," BEFORE "}", GF_E_VOCABULARY,
         "merge 1 is not two pieces"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[7]}," BEFORE "}", GF_E_TOKENIZER_JSON,
         "model.merges: merge 1 is not two pieces"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0}}," BEFORE "}", GF_E_TOKENIZER_JSON,
         "model.merges: a list is wanted"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[],\"byte_fallback\":true}," BEFORE "}",
         GF_E_TOKENIZER_UNSUPPORTED, "model.byte_fallback is set, which graft does not do"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[],\"dropout\":0.1}," BEFORE "}",
         GF_E_TOKENIZER_UNSUPPORTED, "model.dropout is set"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]},\"normalizer\":{\"type\":\"NFC\"}," BEFORE
         "}",
         GF_E_TOKENIZER_UNSUPPORTED, "normalizer is NFC, of which graft knows none for this model"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]},\"pre_tokenizer\":{\"type\":\"ByteLevel\","
         "\"use_regex\":false}}",
         GF_E_TOKENIZER_UNSUPPORTED, "pre_tokenizer.use_regex is off"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]},\"pre_tokenizer\":{\"type\":\"Whitespace\"}}",
         GF_E_TOKENIZER_UNSUPPORTED, "pre_tokenizer is Whitespace, of which graft knows ByteLevel"},
    };
    assert_int_equal(make_dir(NULL), 0);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        gf_tokenizer t;
        put_file("tokenizer.json", row[i].json);
        assert_int_equal(gf_tokenizer_open(&t, dir, NULL, 0, &error), GRAFT_WEIGHTS);
        if (error.number != row[i].number || !strstr(error.message, row[i].message))
            fail_msg("row %zu: E%d %s", i, error.number, error.message);
    }
    assert_int_equal(remove_dir(NULL), 0);
}

/* GPT-2's form of the same: vocab.json and merges.txt, written out of the fixture. */
static void vocab_and_merges_are_the_same(void **state)
{
    (void)state;
    uint8_t *bytes;
    size_t n;
    gf_json *json;
    assert_int_equal(make_dir(NULL), 0);
    OK(gf_file_read(BPE, 1 << 20, &bytes, &n, &error));
    OK(gf_json_parse(&json, (const char *)bytes, n, "f", &error));
    const gf_json *model = gf_json_get(json, "model"), *merges = gf_json_get(model, "merges");
    char *vocab = gf_json_text(gf_json_get(model, "vocab"), 0);
    gf_text lines = {0};
    gf_text_add(&lines, "#version: 0.2\n");
    for (size_t i = 0; i < gf_json_size(merges); i++) {
        const gf_json *m = gf_json_at(merges, i);
        if (gf_json_str(m, NULL)) {
            gf_text_printf(&lines, "%s\r\n", gf_json_str(m, NULL));
        } else {
            gf_text_printf(&lines, "%s %s\n", gf_json_str(gf_json_at(m, 0), ""), gf_json_str(gf_json_at(m, 1), ""));
        }
    }
    put_file("vocab.json", vocab);
    gf_tokenizer one, two;
    assert_int_equal(gf_tokenizer_open(&two, dir, NULL, 0, &error), GRAFT_WEIGHTS);
    assert_int_equal(error.number, GF_E_TOKENIZER_MISSING);
    put_file("merges.txt", lines.s);
    put_file("tokenizer_config.json", "{\"add_prefix_space\":true}");
    OK(gf_tokenizer_open(&one, BPE, &(gf_tokenizer_argument){"prefix-space", "1"}, 1, &error));
    OK(gf_tokenizer_open(&two, dir, NULL, 0, &error));
    gf_pieces a = {0}, b = {0};
    gf_text text = {0};
    for (uint32_t i = 0; i < 500; i++) {
        text_cases_random(&text, i);
        a.n = b.n = 0;
        OK(one.class->encode(one.self, text.s, text.n, &a, &error));
        OK(two.class->encode(two.self, text.s, text.n, &b, &error));
        assert_int_equal(a.n, b.n);
        assert_memory_equal(a.item, b.item, a.n * sizeof *a.item);
    }
    gf_special_pieces special = two.class->special(two.self);
    assert_int_equal(special.begin, 0);
    assert_int_equal(special.end, 2);
    assert_int_equal(special.mask, 4);
    gf_text_free(&text);
    gf_text_free(&lines);
    gf_pieces_free(&a);
    gf_pieces_free(&b);
    gf_tokenizer_close(&one);
    gf_tokenizer_close(&two);
    gf_json_free(json);
    gf_free(vocab);
    gf_free(bytes);
    assert_int_equal(remove_dir(NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_the_tools_own),     cmocka_unit_test(pieces_are_the_text),
        cmocka_unit_test(long_words_take_no_longer), cmocka_unit_test(what_is_not_utf8_is_replaced),
        cmocka_unit_test(bad_files_are_refused),     cmocka_unit_test(vocab_and_merges_are_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
