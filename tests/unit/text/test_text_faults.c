/* Every allocation and file call of opening a tokenizer and of encoding failed in turn: an error or the right ids, no
 * leaks. */
#include "base/io.h"
#include "support/ok.h"
#include "support/own_dir.h"
#include "support/sys_faults.h"
#include "text/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    OK(gf_file_write_text(path, text, &error));
}

/* A word with marks out of order, a sigma, Hangul: every buffer is used. */
static const char text[] = "\xce\x91\xce\xa3 a\xcc\x81\xcc\xa3\xea\xb0\x80 caf\xc3\xa9 \xe6\x88\xbf";

static graft_status ids(const char *profile, size_t *n, gf_text *decoded)
{
    gf_tokenizer t;
    gf_pieces pieces = {0};
    graft_error err = {0};
    const gf_tokenizer_argument argument = {"profile", profile};
    graft_status status = gf_tokenizer_open(&t, dir, &argument, 1, &err);
    if (status != GRAFT_OK) return status;
    status = t.class->encode(t.self, text, sizeof text - 1, &pieces, &err);
    *n = pieces.n;
    for (size_t i = 0; i < pieces.n && status == GRAFT_OK; i++) t.class->decode(t.self, &pieces.item[i].id, 1, decoded);
    gf_pieces_free(&pieces);
    gf_tokenizer_close(&t);
    return status;
}

static void fail_each(const char *profile)
{
    size_t want = 0, failed = 0;
    gf_text decoded = {0};
    OK(ids(profile, &want, &decoded));
    assert_true(want > 3);
    gf_text_free(&decoded);
    for (fault_kind kind = FAULT_ALLOC; kind <= FAULT_READ; kind++) {
        for (long k = 0;; k++) {
            long before = faults_live();
            size_t n = 0;
            gf_text got = {0};
            faults_arm(kind, k);
            graft_status status = ids(profile, &n, &got);
            bool happened = faults_disarm();
            bool lost = got.failed;
            gf_text_free(&got);
            assert_int_equal(faults_live(), before);
            if (!happened) {
                assert_int_equal(status, GRAFT_OK);
                break;
            }
            if (status == GRAFT_OK) assert_true(lost || n == want);
            failed += status != GRAFT_OK;
        }
    }
    assert_true(failed > 10);
}

static void wordpiece(void **state)
{
    (void)state;
    static const char json[] = "{\"added_tokens\":[{\"id\":6,\"content\":\"[CLS]\",\"special\":true},{\"id\":7,"
                               "\"content\":\"[SEP]\",\"special\":true}],"
                               "\"normalizer\":{\"type\":\"BertNormalizer\"},\"pre_tokenizer\":{\"type\":"
                               "\"BertPreTokenizer\"},\"model\":{\"type\":\"WordPiece\","
                               "\"vocab\":{\"[UNK]\":0,\"a\":1,\"cafe\":2,\"\\u623f\":3}}}";
    assert_int_equal(make_dir(NULL), 0);
    put_file("vocab.txt", "[UNK]\n[CLS]\n[SEP]\na\ncafe\n\xe6\x88\xbf\n");
    put_file("tokenizer_config.json", "{\"do_lower_case\":true}");
    fail_each("hf-slow");
    fail_each("tf");
    put_file("tokenizer.json", json);
    fail_each("hf");
    assert_int_equal(remove_dir(NULL), 0);
}

/* ---- the other kinds */

static graft_status open_bpe(gf_tokenizer *t, graft_error *err)
{
    return gf_tokenizer_open(t, GRAFT_FIXTURES "/text/bpe.json", &(gf_tokenizer_argument){"prefix-space", "1"}, 1, err);
}

static graft_status open_words(gf_tokenizer *t, graft_error *err)
{
    static const char list[] = "a\ncaf\xc3\xa9\n\xe6\x88\xbf\n";
    return gf_tokenizer_open_words(t, "f", list, sizeof list - 1, NULL, 0, err);
}

static graft_status pieces_of(graft_status (*open)(gf_tokenizer *t, graft_error *err), size_t *n)
{
    gf_tokenizer t;
    gf_pieces pieces = {0};
    graft_error err = {0};
    graft_status status = open(&t, &err);
    if (status != GRAFT_OK) return status;
    status = t.class->encode(t.self, text, sizeof text - 1, &pieces, &err);
    *n = pieces.n;
    gf_pieces_free(&pieces);
    gf_tokenizer_close(&t);
    return status;
}

static void fail_some(graft_status (*open)(gf_tokenizer *t, graft_error *err), long step)
{
    size_t want, n, failed = 0;
    OK(pieces_of(open, &want));
    for (long k = 0;; k += step) {
        long before = faults_live();
        faults_arm(FAULT_ALLOC, k);
        graft_status status = pieces_of(open, &n);
        bool happened = faults_disarm();
        assert_int_equal(faults_live(), before);
        if (status == GRAFT_OK) assert_int_equal(n, want);
        if (!happened) break;
        failed += status != GRAFT_OK;
    }
    assert_true(failed > 5);
}

static void bpe_and_words(void **state)
{
    (void)state;
    fail_some(open_bpe, 11); /* each piece of the vocabulary is an allocation or more */
    fail_some(open_words, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(wordpiece), cmocka_unit_test(bpe_and_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
