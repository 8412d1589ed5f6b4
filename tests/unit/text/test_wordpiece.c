/* text: WordPiece gives the ids of the tools that it follows (digests of theirs, by tools/check_tokenizers.py), and
 * refuses files that it would read otherwise than they do. */
#include "base/hash.h"
#include "base/io.h"
#include "support/ok.h"
#include "support/own_dir.h"
#include "support/text_cases.h"
#include "text/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static gf_tokenizer open_lines(const char *lines, size_t n, const gf_tokenizer_argument *argument, size_t arguments)
{
    gf_tokenizer t;
    const gf_tokenizer_files files = {.name = "vocab.txt", .vocabulary = (const uint8_t *)lines, .n = n};
    OK(gf_tokenizer_open_files(&t, gf_tokenizer_at(0), &files, argument, arguments, &error));
    return t;
}

/* ---- the tools' own ids */

static void add(gf_sha256_state *digest, const gf_tokenizer *t, const gf_text *text, gf_pieces *pieces)
{
    pieces->n = 0;
    OK(t->class->encode(t->self, text->s, text->n, pieces, &error));
    uint32_t n = (uint32_t)pieces->n;
    gf_sha256_add(digest, &n, sizeof n);
    for (size_t i = 0; i < pieces->n; i++) gf_sha256_add(digest, &pieces->item[i].id, sizeof(uint32_t));
}

static void digest_of(const gf_tokenizer *t, bool scalars, char hex[65])
{
    gf_sha256_state *digest = gf_sha256_begin();
    gf_pieces pieces = {0};
    gf_text text = {0};
    for (int context = 0; scalars && context < TEXT_CASES_CONTEXTS; context++) {
        for (uint32_t c = 0; c < 0x110000; c++) {
            if (!text_cases_looks_at(c)) continue;
            text_cases_in_context(&text, context, c);
            add(digest, t, &text, &pieces);
        }
    }
    for (uint32_t i = 0; !scalars && i < TEXT_CASES_RANDOM; i++) {
        text_cases_random(&text, i);
        add(digest, t, &text, &pieces);
    }
    gf_sha256 d = gf_sha256_end(digest);
    gf_sha256_hex(&d, hex);
    gf_pieces_free(&pieces);
    gf_text_free(&text);
}

static void ids_are_the_tools_own(void **state)
{
    (void)state;
    gf_text vocabulary = {0};
    text_cases_vocabulary(&vocabulary);
    FILE *f = fopen(GRAFT_FIXTURES "/text/wordpiece.txt", "r");
    assert_non_null(f);
    char line[256], name[32], lower[2], kind[16], want[65], got[65];
    int compared = 0;
    while (fgets(line, sizeof line, f)) {
        if (line[0] == '#') continue;
        assert_int_equal(sscanf(line, "%31s %1s %15s %64s", name, lower, kind, want), 4);
        const gf_tokenizer_argument argument[] = {{"profile", name}, {"lower", lower}};
        gf_tokenizer t = open_lines(vocabulary.s, vocabulary.n, argument, 2);
        digest_of(&t, !strcmp(kind, "scalars"), got);
        if (strcmp(got, want)) fail_msg("%s lower=%s %s: %s, wanted %s", name, lower, kind, got, want);
        gf_tokenizer_close(&t);
        compared++;
    }
    fclose(f);
    gf_text_free(&vocabulary);
    assert_int_equal(compared, 16); /* 4 profiles, lower-cased and not, 2 kinds of texts */
}

/* ---- a small vocabulary, by hand */

static const char small[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nun\n##aff\n##"
                            "able\nd\xc3\xa9j\xc3\xa0\ndeja\n\xe6\x88\xbf\n\xe9\x97\xb4\n,\na\n##a\nA\n";
enum { UN = 5, AFF, ABLE, DEJA_ACCENTS, DEJA, ROOM, BETWEEN, COMMA, SMALL_A, TAIL_A, CAPITAL_A };

static void check(const gf_tokenizer *t, const char *text, const gf_piece *want, size_t n)
{
    gf_pieces got = {0};
    OK(t->class->encode(t->self, text, strlen(text), &got, &error));
    assert_int_equal(got.n, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(got.item[i].id, want[i].id);
        assert_int_equal(got.item[i].begin, want[i].begin);
        assert_int_equal(got.item[i].end, want[i].end);
    }
    gf_pieces_free(&got);
}

static void pieces_know_their_bytes(void **state)
{
    (void)state;
    gf_tokenizer t = open_lines(small, sizeof small - 1, NULL, 0);
    check(&t, "  Unaffable,D\xc3\xa9j\xc3\xa0 ",
          (gf_piece[]){{UN, 2, 4}, {AFF, 4, 7}, {ABLE, 7, 11}, {COMMA, 11, 12}, {DEJA, 12, 18}}, 5);
    check(&t, "\xe6\x88\xbf\xe9\x97\xb4", (gf_piece[]){{ROOM, 0, 3}, {BETWEEN, 3, 6}}, 2);
    check(&t, "unknown a", (gf_piece[]){{1, 0, 7}, {SMALL_A, 8, 9}}, 2);
    check(&t,
          "a\x01"
          "a",
          (gf_piece[]){{SMALL_A, 0, 1}, {TAIL_A, 2, 3}}, 2); /* a control character is dropped */
    check(&t,
          "a\xff\xe6\x88"
          "a",
          (gf_piece[]){{SMALL_A, 0, 1}, {TAIL_A, 4, 5}}, 2);              /* so is what is not UTF-8: U+FFFD */
    check(&t, "[SEP]", (gf_piece[]){{1, 0, 1}, {1, 1, 4}, {1, 4, 5}}, 3); /* a text holds no special pieces */
    check(&t, "", NULL, 0);
    check(&t, " \t\xe3\x80\x80", NULL, 0);
    gf_tokenizer_close(&t);
}

static void long_words_are_unknown(void **state)
{
    (void)state;
    static const struct {
        const char *profile, *limit;
        size_t most;
    } row[] = {{"hf", NULL, 100}, {"hf-slow", NULL, 100}, {"google", NULL, 200}, {"tf", NULL, 100}, {"hf", "7", 7}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const gf_tokenizer_argument argument[] = {{"profile", row[i].profile}, {"limit", row[i].limit}};
        gf_tokenizer t = open_lines(small, sizeof small - 1, argument, row[i].limit ? 2 : 1);
        char word[256];
        memset(word, 'a', sizeof word);
        gf_pieces got = {0};
        OK(t.class->encode(t.self, word, row[i].most, &got, &error));
        assert_int_equal(got.n, row[i].most);
        OK(t.class->encode(t.self, word, row[i].most + 1, &got, &error));
        assert_int_equal(got.n, row[i].most + 1);
        assert_int_equal(got.item[row[i].most].id, 1);
        assert_int_equal(got.item[row[i].most].end, row[i].most + 1);
        gf_pieces_free(&got);
        gf_tokenizer_close(&t);
    }
}

static void decodes(void **state)
{
    (void)state;
    gf_tokenizer t = open_lines(small, sizeof small - 1, NULL, 0);
    gf_text text = {0};
    t.class->decode(t.self, (uint32_t[]){2, UN, AFF, ABLE, COMMA, DEJA, 999, 3}, 8, &text);
    assert_string_equal(text.s, "[CLS] unaffable , deja [SEP]");
    gf_text_free(&text);
    assert_int_equal(t.class->size(t.self), CAPITAL_A + 1);
    gf_special_pieces special = t.class->special(t.self);
    assert_int_equal(special.padding, 0);
    assert_int_equal(special.unknown, 1);
    assert_int_equal(special.begin, 2);
    assert_int_equal(special.end, 3);
    assert_int_equal(special.mask, 4);
    gf_tokenizer_close(&t);
}

/* ---- vocabularies */

static void lines_end_at_line_feeds_alone(void **state)
{
    (void)state;
    static const char lines[] =
        "[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n\xe2\x80\xa8\r\na\r\na"; /* U+2028; a twice, no end of line */
    gf_tokenizer t = open_lines(lines, sizeof lines - 1, NULL, 0);
    check(&t, "a", (gf_piece[]){{6, 0, 1}}, 1); /* the last one holds */
    assert_int_equal(t.class->size(t.self), 7);
    gf_tokenizer_close(&t);
}

static void bad_vocabularies_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t n;
        const char *message;
    } row[] = {
        {"", 0, "v.txt: the vocabulary is empty"},
        {"[PAD]\n[UNK]\n[CLS]\n", 18, "v.txt: the vocabulary of 3 pieces has no [SEP]"},
        {"[PAD]\n[CLS]\n[SEP]\n", 18, "v.txt: the vocabulary of 3 pieces has no [UNK]"},
        {"[UNK]\na\xff\n", 9, "v.txt:2: the line is not UTF-8 text"},
        {"[UNK]\na\0b\n", 10, "v.txt:2: the line is not UTF-8 text"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        gf_tokenizer t;
        graft_error err = {0};
        const gf_tokenizer_files files = {.name = "v.txt", .vocabulary = (const uint8_t *)row[i].text, .n = row[i].n};
        assert_int_equal(gf_tokenizer_open_files(&t, gf_tokenizer_at(0), &files, NULL, 0, &err), GRAFT_WEIGHTS);
        assert_int_equal(err.number, GF_E_VOCABULARY);
        assert_string_equal(err.message, row[i].message);
    }
}

static void arguments_are_checked(void **state)
{
    (void)state;
    static const struct {
        gf_tokenizer_argument argument;
        int number;
    } row[] = {
        {{"profile", "bert"}, GF_E_OPTION_VALUE}, {{"profile", "h"}, GF_E_OPTION_VALUE},
        {{"profile", ""}, GF_E_OPTION_VALUE},     {{"lower", "yes"}, GF_E_OPTION_VALUE},
        {{"limit", "0"}, GF_E_OPTION_VALUE},      {{"limit", "1.5"}, GF_E_OPTION_VALUE},
        {{"limit", "nan"}, GF_E_OPTION_VALUE},    {{"case", "1"}, GF_E_OPTION_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        gf_tokenizer t;
        graft_error err = {0};
        const gf_tokenizer_files files = {.name = "v.txt", .vocabulary = (const uint8_t *)small, .n = sizeof small - 1};
        assert_int_equal(gf_tokenizer_open_files(&t, gf_tokenizer_at(0), &files, &row[i].argument, 1, &err),
                         GRAFT_USAGE);
        assert_int_equal(err.number, row[i].number);
    }
}

/* ---- folders */

static void put_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    OK(gf_file_write_text(path, text, &error));
}

/* The pieces of a text by the folder's tokenizer, as text. */
static const char *by_folder(const char *text)
{
    static char ids[2048];
    gf_tokenizer t;
    OK(gf_tokenizer_open(&t, dir, NULL, 0, &error));
    gf_pieces got = {0};
    OK(t.class->encode(t.self, text, strlen(text), &got, &error));
    size_t at = 0;
    ids[0] = 0;
    for (size_t i = 0; i < got.n && at < sizeof ids - 16; i++)
        at += (size_t)snprintf(ids + at, sizeof ids - at, "%s%u", i ? " " : "", got.item[i].id);
    gf_pieces_free(&got);
    gf_tokenizer_close(&t);
    return ids;
}

#define MODEL                                                                                                         \
    "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\","    \
    "\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":3,\"vocab\":{\"[UNK]\":0,\"a\":1,\"A\":2,\"##" \
    "a\":3,"                                                                                                          \
    "\"\\u00e9\":4,\"e\":5}}}"
#define ADDED                                                                                               \
    "{\"added_tokens\":[{\"id\":6,\"content\":\"[CLS]\",\"special\":true},{\"id\":7,\"content\":\"[SEP]\"," \
    "\"special\":true}"                                                                                     \
    "],\"normalizer\":{\"type\":\"BertNormalizer\","

static void a_folder_tells_how_texts_are_cleaned(void **state)
{
    (void)state;
    gf_tokenizer t;
    assert_int_equal(gf_tokenizer_open(&t, dir, NULL, 0, &error), GRAFT_WEIGHTS);
    assert_int_equal(error.number, GF_E_TOKENIZER_MISSING);
    char path[128];
    snprintf(path, sizeof path, "%s/assets", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    put_file("assets/vocab.txt", small);
    assert_string_equal(by_folder("A\xef\xbc\x8c"
                                  "a"),
                        "13 12 13"); /* a SavedModel: full-width comma, tensorflow-text's folding */
    put_file("vocab.txt", small);
    assert_string_equal(by_folder("A\xef\xbc\x8c"
                                  "a"),
                        "13 1 13");
    put_file("tokenizer_config.json", "{\"do_lower_case\":false}");
    assert_string_equal(by_folder("A a d\xc3\xa9j\xc3\xa0"), "15 13 8");
    put_file("tokenizer_config.json", "{\"do_lower_case\":false,\"strip_accents\":true}");
    assert_string_equal(by_folder("A a d\xc3\xa9j\xc3\xa0"), "15 13 9");
    put_file("tokenizer_config.json",
             "{\"do_lower_case\":true,\"strip_accents\":false,\"unk_token\":{\"content\":\",\"}}");
    assert_string_equal(by_folder("A d\xc3\xa9j\xc3\xa0 x"), "13 8 12");
    char word[151] = {0};
    memset(word, 'a', 150);
    assert_string_equal(by_folder(word), "12");
    put_file("bert_config.json", "{}"); /* Google's limit is 200 */
    assert_int_equal(strncmp(by_folder(word), "13 14 14", 8), 0);
    put_file("tokenizer.json", ADDED "\"lowercase\":true,\"strip_accents\":null}," MODEL);
    put_file("tokenizer_config.json", "{\"do_lower_case\":false}"); /* tokenizer.json goes first */
    assert_string_equal(by_folder("A a \xc3\xa9 aaa aaaa"), "1 1 5 1 3 3 0");
    put_file("tokenizer.json", ADDED "\"lowercase\":false,\"strip_accents\":null}," MODEL);
    assert_string_equal(by_folder("A a \xc3\xa9"), "2 1 4");
    put_file("tokenizer.json", ADDED "\"lowercase\":false,\"strip_accents\":true}," MODEL);
    assert_string_equal(by_folder("A a \xc3\xa9"), "2 1 5");
}

static void what_it_would_read_otherwise_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int number;
        const char *message;
    } row[] = {
        {"{\"model\":{\"type\":\"WordLevel\"}}", GF_E_TOKENIZER_UNSUPPORTED,
         "model is WordLevel, of which graft knows WordPiece"},
        {"{\"model\":{}}", GF_E_TOKENIZER_UNSUPPORTED, "model is missing"},
        {"[]", GF_E_TOKENIZER_UNSUPPORTED, "model is missing"},
        {"{\"normalizer\":{\"type\":\"NFKC\"}," MODEL, GF_E_TOKENIZER_UNSUPPORTED,
         "normalizer is NFKC, of which graft knows BertNormalizer"},
        {"{\"normalizer\":null," MODEL, GF_E_TOKENIZER_UNSUPPORTED, "normalizer is missing"},
        {"{\"normalizer\":{\"type\":4}," MODEL, GF_E_TOKENIZER_JSON, "normalizer: an object with a \"type\" is wanted"},
        {"{\"normalizer\":{\"type\":\"BertNormalizer\",\"lowercase\":1}," MODEL, GF_E_TOKENIZER_JSON,
         "normalizer: true or false is wanted"},
        {"{\"added_tokens\":[{\"id\":9,\"content\":\"foo\",\"special\":false}],\"normalizer\":{\"type\":"
         "\"BertNormalizer\"}," MODEL,
         GF_E_TOKENIZER_UNSUPPORTED, "added_tokens is foo, of which graft knows special ones"},
        {"{\"added_tokens\":[{\"id\":0,\"content\":\"[CLS]\",\"special\":true}],\"normalizer\":{\"type\":"
         "\"BertNormalizer\"}," MODEL,
         GF_E_VOCABULARY, "two pieces have the id 0"},
        {"{\"added_tokens\":[{\"id\":-1,\"content\":\"[CLS]\"}],\"normalizer\":{\"type\":\"BertNormalizer\"}," MODEL,
         GF_E_TOKENIZER_JSON, "added_tokens: a list of objects"},
        {"{\"normalizer\":{\"type\":\"BertNormalizer\"}," MODEL, GF_E_VOCABULARY, "has no [CLS]"},
        {"{\"normalizer\":{\"type\":\"BertNormalizer\"},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},\"model\":{"
         "\"type\":\"WordPiece\"}}",
         GF_E_TOKENIZER_JSON, "model.vocab: an object of pieces and ids is wanted"},
        {"{\"normalizer\":{\"type\":\"BertNormalizer\"},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},\"model\":{"
         "\"type\":\"WordPiece\","
         "\"vocab\":{\"a\":2000000}}}",
         GF_E_TOKENIZER_JSON, "model.vocab: an id of each piece is wanted"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        gf_tokenizer t;
        put_file("tokenizer.json", row[i].json);
        assert_int_equal(gf_tokenizer_open(&t, dir, NULL, 0, &error), GRAFT_WEIGHTS);
        if (error.number != row[i].number || !strstr(error.message, row[i].message)) {
            fail_msg("row %zu: E%d %s", i, error.number, error.message);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_the_tools_own),
        cmocka_unit_test(pieces_know_their_bytes),
        cmocka_unit_test(long_words_are_unknown),
        cmocka_unit_test(decodes),
        cmocka_unit_test(lines_end_at_line_feeds_alone),
        cmocka_unit_test(bad_vocabularies_are_refused),
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test_setup_teardown(a_folder_tells_how_texts_are_cleaned, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(what_it_would_read_otherwise_is_refused, make_dir, remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
