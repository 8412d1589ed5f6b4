/* formats: files of word vectors give the words and values that their tools give; what is damaged is refused with its
 * line. */
#include "base/alloc.h"
#include "base/io.h"
#include "formats/word_vectors.h"
#include "support/ok.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VECTORS GRAFT_FIXTURES "/formats/vectors/"

static char path[64];

static int make_file(void **state)
{
    (void)state;
    strcpy(path, "/tmp/graft-test-XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 ? 1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void put(const void *bytes, size_t n) { OK(gf_file_write(path, &(gf_bytes){bytes, n}, 1, &error)); }

static graft_status add(void *ctx, const char *word, size_t n, const float *value, uint32_t dim, graft_error *err)
{
    (void)err;
    gf_text *t = ctx;
    gf_text_add_n(t, word, n);
    for (uint32_t i = 0; i < dim; i++) gf_text_printf(t, " %g", (double)value[i]);
    gf_text_add(t, ";");
    return GRAFT_OK;
}

static void check(const void *bytes, size_t n, const char *format, const char *want, uint64_t duplicates)
{
    gf_word_vectors v;
    gf_text got = {0};
    put(bytes, n);
    assert_true(gf_word_vectors_looks(bytes, n));
    OK(gf_word_vectors_each(path, &v, add, &got, &error));
    assert_string_equal(v.format, format);
    if (strcmp(got.s, want)) fail_msg("%s\nwanted %s", got.s, want);
    assert_int_equal(v.duplicates, duplicates);
    gf_text_free(&got);
}

static void texts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *format, *want;
        uint64_t duplicates;
    } row[] = {
        {"2 3\nthe 1 2 3\na -1 0.5 1e-1\n", "word2vec text", "the 1 2 3;a -1 0.5 0.1;", 0},
        {"2 3\r\nthe 1 2 3 \r\na 4 5 6 \r\n", "word2vec text", "the 1 2 3;a 4 5 6;", 0}, /* trailing spaces, CRLF */
        {"9 2\nthe 1 2\n\na 3 4", "word2vec text", "the 1 2;a 3 4;", 0}, /* the header lies, no last line end */
        {"1 2\n\xc2\xa0x\xe3\x80\x80 1 2\n", "word2vec text", "\xc2\xa0x\xe3\x80\x80 1 2;", 0},
        {"the 1 2 3\nat name@domain.com 4 5 6\nthe 7 8 9\n", "GloVe text", "the 1 2 3;at name@domain.com 4 5 6;", 1},
        {"1 2\n3 0.5 0.25\n", "word2vec text", "3 0.5 0.25;", 0}, /* a word that is a number */
        {"a 1 2\n\xff 3 4\n", "GloVe text", "a 1 2;\xff 3 4;", 0},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        check(row[i].text, strlen(row[i].text), row[i].format, row[i].want, row[i].duplicates);
}

static void binary(void **state)
{
    (void)state;
    static const float value[3] = {1, -2, 0.5f};
    for (int feeds = 0; feeds < 2; feeds++) { /* GoogleNews has no line feeds behind the vectors */
        gf_text t = {0};
        gf_text_add(&t, "3 3\n");
        for (int i = 0; i < 3; i++) {
            gf_text_printf(&t, "w%d ", i % 2);
            gf_text_add_n(&t, value, sizeof value);
            if (feeds) gf_text_add(&t, "\n");
        }
        check(t.s, t.n, "word2vec binary", "w0 1 -2 0.5;w1 1 -2 0.5;", 1);
        put(t.s, t.n - (feeds ? 2 : 1));
        gf_word_vectors v;
        gf_text got = {0};
        assert_int_equal(gf_word_vectors_each(path, &v, add, &got, &error), GRAFT_WEIGHTS);
        assert_int_equal(error.number, GF_E_VECTORS);
        assert_non_null(strstr(error.message, ":3: the file ends early"));
        gf_text_free(&got);
        gf_text_free(&t);
    }
}

static void damage_is_told_by_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t n;
        int number;
        const char *message;
    } row[] = {
        {"a 1 2\nb 1\n", 10, GF_E_VECTORS_DIM, ":2: a word and 2 numbers are wanted"},
        {"a 1 2\nb 1 x\n", 12, GF_E_VECTORS_DIM, ":2: a word and 2 numbers are wanted"},
        {"a 1 2\nb 1 2 3\n", 14, GF_E_VECTORS_DIM, ":2: more than 2 numbers"},
        {"a 1 2\nb nan 2\n", 14, GF_E_VECTORS, ":2: a value is NaN or infinite"},
        {"a 1 2\nb 1e999 2\n", 16, GF_E_VECTORS, ":2: a value is NaN or infinite"},
        {"a 1 2\nb\0c 1 2\n", 14, GF_E_VECTORS, ":2: a word holds a NUL"},
        {"3 5000\na 1\n", 11, GF_E_VECTORS_DIM, "vectors of 5000 values; 1 to 4096 are wanted"},
        {"hello\n", 6, GF_E_VECTORS_DIM, "vectors of 0 values"},
        {"", 0, GF_E_VECTORS_DIM, "vectors of 0 values"},
        {"1 2\n", 4, GF_E_VECTORS, "there are no vectors"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        gf_word_vectors v;
        gf_text got = {0};
        put(row[i].text, row[i].n);
        assert_int_equal(gf_word_vectors_each(path, &v, add, &got, &error), GRAFT_WEIGHTS);
        if (error.number != row[i].number || !strstr(error.message, row[i].message))
            fail_msg("row %zu: E%d %s", i, error.number, error.message);
        gf_text_free(&got);
    }
}

static void other_files_do_not_look_like_vectors(void **state)
{
    (void)state;
    static const char *const text[] = {"",    "hello\n",   "{\"a\": 1}\n", "[PAD]\n[UNK]\n", "a\tb\n1\t2\n",
                                       "1 1", "hello 1\n", "0 5\n",        "5 0\n"};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        if (gf_word_vectors_looks((const uint8_t *)text[i], strlen(text[i]))) fail_msg("%s", text[i]);
    }
}

/* ---- fastText */

typedef struct expected {
    FILE *f;
    size_t words;
} expected;

static graft_status compare(void *ctx, const char *word, size_t n, const float *value, uint32_t dim, graft_error *err)
{
    (void)err;
    expected *e = ctx;
    char want[256];
    assert_int_equal(dim, 6);
    assert_int_equal(fscanf(e->f, "%255s", want), 1);
    assert_int_equal(strlen(want), n);
    assert_memory_equal(want, word, n);
    for (uint32_t i = 0; i < dim; i++) {
        double x;
        assert_int_equal(fscanf(e->f, "%lf", &x), 1);
        if (!(fabs(x - (double)value[i]) <= 1e-6)) fail_msg("%s: %g, wanted %g", want, (double)value[i], x);
    }
    e->words++;
    return GRAFT_OK;
}

static void fasttexts_own_vectors(void **state)
{
    (void)state;
    static const char *const name[] = {"skipgram", "supervised"};
    for (size_t i = 0; i < 2; i++) {
        char file[512];
        gf_word_vectors v;
        expected e = {0};
        snprintf(file, sizeof file, VECTORS "%s.txt", name[i]);
        e.f = fopen(file, "r");
        assert_non_null(e.f);
        snprintf(file, sizeof file, VECTORS "%s.bin", name[i]);
        OK(gf_word_vectors_each(file, &v, compare, &e, &error));
        assert_int_equal(e.words, 20); /* </s> among them */
        assert_int_equal(v.words, 20);
        assert_string_equal(v.format, "fastText");
        fclose(e.f);
    }
}

static graft_status ignore(void *ctx, const char *word, size_t n, const float *value, uint32_t dim, graft_error *err)
{
    (void)ctx, (void)word, (void)n, (void)value, (void)dim, (void)err;
    return GRAFT_OK;
}

static void damaged_fasttext_files_are_refused(void **state)
{
    (void)state;
    uint8_t *bytes;
    size_t n;
    gf_word_vectors v;
    OK(gf_file_read(VECTORS "skipgram.bin", 1 << 20, &bytes, &n, &error));
    size_t matrix = 0; /* its last byte: the output matrix is behind it and is not read */
    for (size_t length = 4; length < n && !matrix; length++) {
        put(bytes, length);
        if (gf_word_vectors_each(path, &v, ignore, NULL, &error) == GRAFT_OK) matrix = length;
    }
    assert_true(matrix > 1000);
    static const struct {
        size_t at;
        int32_t value;
        const char *message;
    } row[] = {
        {4, 13, "the version is neither 11 nor 12"},
        {8, 0, "its settings make no sense"},
        {8, 5000, "its settings make no sense"},
        {40, -1, "its settings make no sense"},
        {40, 41, "the matrix has other lengths"},
        {40, 1 << 30, "the matrix has other lengths"},
        {64, 22, "its counts of words"},
        {68, -1, "its counts of words"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        int32_t before;
        memcpy(&before, bytes + row[i].at, sizeof before);
        memcpy(bytes + row[i].at, &row[i].value, sizeof before);
        put(bytes, n);
        assert_int_equal(gf_word_vectors_each(path, &v, ignore, NULL, &error), GRAFT_WEIGHTS);
        if (error.number != GF_E_FASTTEXT || !strstr(error.message, row[i].message))
            fail_msg("row %zu: E%d %s", i, error.number, error.message);
        memcpy(bytes + row[i].at, &before, sizeof before);
    }
    gf_free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(texts, make_file, remove_file),
        cmocka_unit_test_setup_teardown(binary, make_file, remove_file),
        cmocka_unit_test_setup_teardown(damage_is_told_by_line, make_file, remove_file),
        cmocka_unit_test(other_files_do_not_look_like_vectors),
        cmocka_unit_test(fasttexts_own_vectors),
        cmocka_unit_test_setup_teardown(damaged_fasttext_files_are_refused, make_file, remove_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
