/* Every allocation and file call of reading texts and of the report on them failed in turn: an error or all rows, no
 * leaks. */
#include "data/text_report.h"
#include "data/texts.h"
#include "support/ok.h"
#include "support/own_dir.h"
#include "support/sys_faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    OK(gf_file_write_text(path, text, &error));
}

static graft_status report(const gf_texts *t, const gf_tokenizer *k, graft_error *err)
{
    gf_text_report r;
    char *text = NULL;
    graft_status status = gf_text_report_make(&r, t, k, NULL, err);
    if (status == GRAFT_OK) status = gf_text_report_text(&r, &text, err);
    gf_free(text);
    gf_text_report_free(&r);
    return status;
}

static graft_status all(const gf_texts_options *o, size_t *rows)
{
    gf_texts t;
    gf_tokenizer k = {0};
    graft_error err = {0};
    char path[128];
    snprintf(path, sizeof path, "%s/vocab.txt", dir);
    graft_status status = gf_texts_read(&t, dir, o, &err);
    *rows = t.n + t.n_bad;
    if (status == GRAFT_OK) status = gf_tokenizer_open(&k, path, NULL, 0, &err);
    if (status == GRAFT_OK) status = report(&t, &k, &err);
    gf_tokenizer_close(&k);
    gf_texts_free(&t);
    return status;
}

static void fail_each(const gf_texts_options *o, size_t want)
{
    size_t rows, failed = 0;
    OK(all(o, &rows));
    assert_int_equal(rows, want);
    for (fault_kind kind = FAULT_ALLOC; kind <= FAULT_READ; kind++) {
        for (long k = 0;; k++) {
            long before = faults_live();
            faults_arm(kind, k);
            graft_status status = all(o, &rows);
            bool happened = faults_disarm();
            assert_int_equal(faults_live(), before);
            if (!happened) {
                assert_int_equal(status, GRAFT_OK);
                break;
            }
            if (status == GRAFT_OK) assert_int_equal(rows, want);
            failed += status != GRAFT_OK;
        }
    }
    assert_true(failed > 10);
}

static void a_folder_of_tables(void **state)
{
    (void)state;
    assert_int_equal(make_dir(NULL), 0);
    put("vocab.txt", "[UNK]\n[CLS]\n[SEP]\na\n");
    put("train.csv", "text,label\na b,1\na  b,0\nbad\n");
    put("dev.jsonl", "{\"text\":\"a b\",\"label\":1}\n[]\n");
    put("test.tsv", "1\tlong text\n1\tanother\n0\ta\n");
    fail_each(&(gf_texts_options){0}, 8);
    fail_each(&(gf_texts_options){.encoding = "latin1"}, 8);
    assert_int_equal(remove_dir(NULL), 0);
}

static void several_labels(void **state)
{
    (void)state;
    assert_int_equal(make_dir(NULL), 0);
    put("vocab.txt", "[UNK]\n[CLS]\n[SEP]\na\n");
    put("train.csv", "text,labels\na b,1|2\na  b,2\nc,1|3\nd,\n");
    fail_each(&(gf_texts_options){0}, 4);
    put("train.csv", "id,text,x,y\n1,a b,1,1\n2,c,0,0\n3,d,0,1\n");
    put("dev.jsonl", "{\"text\":\"a b\",\"labels\":[\"x\",\"z\"]}\n{\"text\":\"b\",\"labels\":[]}\n");
    put("test.txt", "__label__x __label__y one\n__label__z two\n");
    fail_each(&(gf_texts_options){0}, 7);
    assert_int_equal(remove_dir(NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_folder_of_tables), cmocka_unit_test(several_labels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
