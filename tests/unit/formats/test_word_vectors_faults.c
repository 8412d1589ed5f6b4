/* Every allocation and file call of reading word vectors failed in turn: an error or all words, no leaks. */
#include "formats/word_vectors.h"
#include "support/sys_faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static graft_status count(void *ctx, const char *word, size_t n, const float *value, uint32_t dim, graft_error *err)
{
    (void)word, (void)n, (void)value, (void)dim, (void)err;
    ++*(size_t *)ctx;
    return GRAFT_OK;
}

static void fail_each(const char *path, size_t want)
{
    size_t failed = 0;
    for (fault_kind kind = FAULT_ALLOC; kind <= FAULT_READ; kind++) {
        for (long k = 0;; k++) {
            long before = faults_live();
            size_t words = 0;
            gf_word_vectors v;
            graft_error err = {0};
            faults_arm(kind, k);
            graft_status status = gf_word_vectors_each(path, &v, count, &words, &err);
            bool happened = faults_disarm();
            assert_int_equal(faults_live(), before);
            if (status == GRAFT_OK) assert_int_equal(words, want);
            if (!happened) {
                assert_int_equal(status, GRAFT_OK);
                break;
            }
            failed += status != GRAFT_OK;
        }
    }
    assert_true(failed > 5);
}

static void vectors(void **state)
{
    (void)state;
    fail_each(GRAFT_FIXTURES "/formats/vectors/skipgram.bin", 20);
    fail_each(GRAFT_FIXTURES "/formats/vectors/skipgram.txt", 20); /* of GloVe's kind */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(vectors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
