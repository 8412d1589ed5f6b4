/* data: texts with labels out of tables, lines and folders; what is damaged is told by line, equal texts are found. */
#include "data/text_report.h"
#include "data/text_rows.h"
#include "data/texts.h"
#include "support/needs.h"
#include "support/ok.h"
#include "support/own_dir.h"
#include "text/encoding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void put_n(const char *name, const char *text, size_t n)
{
    const gf_bytes part = {text, n};
    char folder[256];
    snprintf(folder, sizeof folder, "%s", path_of(name));
    *strrchr(folder, '/') = 0;
    OK(gf_make_dirs(folder, &error));
    OK(gf_file_write(path_of(name), &part, 1, &error));
}
static void put(const char *name, const char *text) { put_n(name, text, strlen(text)); }

/* All rows as "text|label|split;", bad ones as "!message;". */
static const char *summary(const gf_texts *t)
{
    static char out[2048];
    size_t at = 0;
    out[0] = 0;
    for (size_t i = 0; i < t->n && at < sizeof out - 200; i++) {
        const gf_labelled_text *r = &t->row[i];
        at += (size_t)snprintf(out + at, sizeof out - at, "%s|%s|%.2s;", gf_texts_text(t, i),
                               r->label == GF_NO_LABEL ? "-" : t->classes.item[r->label],
                               gf_split_name((gf_split)r->split));
    }
    for (size_t i = 0; i < t->n_bad && at < sizeof out - 200; i++) {
        const char *slash = strrchr(t->bad[i].message, '/');
        at += (size_t)snprintf(out + at, sizeof out - at, "!%s;", slash ? slash + 1 : t->bad[i].message);
    }
    return out;
}

static void check(const char *name, const gf_texts_options *o, const char *want)
{
    gf_texts t;
    static const gf_texts_options none = {0};
    OK(gf_texts_read(&t, path_of(name), o ? o : &none, &error));
    if (strcmp(summary(&t), want)) fail_msg("%s: %s\nwanted %s", name, summary(&t), want);
    gf_texts_free(&t);
}

/* ---- tables */

static void tables(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *want;
    } row[] = {
        {"a.csv", "text,label\na,1\nb,0\n", "a|1|tr;b|0|tr;"},
        {"a.csv", "\xef\xbb\xbftext,label\r\na,1\r\n\r\nb, 0 \r\n", "a|1|tr;b|0|tr;"}, /* BOM, CRLF, a blank line */
        {"a.csv", "label;review\n1;\"a;\"\"b\"\"\nc\"\n0;plain \"quotes\" stay\n",
         "a;\"b\"\nc|1|tr;plain \"quotes\" stay|0|tr;"},
        {"a.csv", "id\tcontent\tsentiment\n7\ta,b\tgood\n", "a,b|good|tr;"},
        {"a.csv", "text,label,split\na,1,Training\nb,1,dev\nc,1,holdout_test\nd,1,moon\n",
         "a|1|tr;b|1|va;c|1|te;!a.csv:5: the split is neither train, validation nor test;"},
        {"a.csv", "text,label\na,1\nb\nc,1,2\n\"d\"x,1\ne,1\n",
         "a|1|tr;e|1|tr;!a.csv:3: 1 fields, the first row has 2;!a.csv:4: 3 fields, the first row has 2;!a.csv:5: text "
         "after a closing quote;"},
        {"a.csv", "text,label\na,1\n\"b,1\nc,1\n", "a|1|tr;!a.csv:3: a quote is not closed;"},
        {"a.csv", "Text,Label\na,\n,x\n", "a|-|tr;|x|tr;"},
        {"a.tsv", "text\tlabel\n\"a\" b\t1\n\"c\"\t0\n",
         "\"a\" b|1|tr;\"c\"|0|tr;"}, /* the first does not close its field */
        {"a.tsv", "text\tlabel\n\"a\t\"\"b\"\t1\n\"c\"\t0\n", "a\t\"b|1|tr;c|0|tr;"}, /* they all do */
        {"a.tsv", "a long sentence\t1\nanother one\t0\nand a third\t1\n",
         "a long sentence|1|tr;another one|0|tr;and a third|1|tr;"},
        {"a.tsv", "1\ta long sentence\n0\tanother one\n1\tand a third\n",
         "a long sentence|1|tr;another one|0|tr;and a third|1|tr;"},
        {"a.tsv", "label\tsomething\n1\ta\n", "a|1|tr;"}, /* of two columns the other one */
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        put(row[i].name, row[i].text);
        check(row[i].name, NULL, row[i].want);
    }
    put("a.csv", "1,a,x\n2,b,y\n");
    check("a.csv", &(gf_texts_options){.text_column = "2", .label_column = "3"}, "a|x|tr;b|y|tr;");
    put("a.csv", "one,two,label\na,b,1\n");
    check("a.csv", &(gf_texts_options){.text_column = "two"}, "b|1|tr;");
}

static void unclear_columns_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        gf_texts_options o;
        const char *message;
        int number;
    } row[] = {
        {"text,review,label\na,b,1\n",
         {0},
         "which column is the text? The first row has: text, review, label",
         GF_E_TEXT_COLUMN},
        {"text,label,class\na,b,1\n", {0}, "which column is the label?", GF_E_TEXT_COLUMN},
        {"a,b,c\nd,e,f\n", {0}, "which column is the text? The first row has: a, b, c", GF_E_TEXT_COLUMN},
        {"a,b\nc,d\n", {0}, "which column is the text?", GF_E_TEXT_COLUMN}, /* which is the label? */
        {"text,label\na,1\n", {.text_column = "body"}, "which column is the text?", GF_E_TEXT_COLUMN},
        {"text,label\na,1\n", {.text_column = "3"}, "which column is the text?", GF_E_TEXT_COLUMN},
        {"text,label\na,1\n",
         {.text_column = "1", .label_column = "1"},
         "which column is the label?",
         GF_E_TEXT_COLUMN},
        {"", {0}, "the file is empty", GF_E_TEXT_ROWS},
        {"text,label\n", {0}, "there is no row that can be used", GF_E_TEXT_ROWS},
        {"text,label\na\n", {0}, "there is no row that can be used: ", GF_E_TEXT_ROWS},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        gf_texts t;
        put("a.csv", row[i].text);
        assert_int_equal(gf_texts_read(&t, path_of("a.csv"), &row[i].o, &error), GRAFT_DATA);
        if (error.number != row[i].number || !strstr(error.message, row[i].message))
            fail_msg("row %zu: E%d %s", i, error.number, error.message);
        gf_texts_free(&t);
    }
}

static void a_long_row_and_many_columns(void **state)
{
    (void)state;
    enum { LONG = 1 << 20 };
    char *text = malloc(LONG + 64);
    assert_non_null(text);
    size_t n = (size_t)sprintf(text, "text,label\n");
    memset(text + n, 'x', LONG);
    n += LONG;
    n += (size_t)sprintf(text + n, ",1\n");
    put_n("a.csv", text, n);
    gf_texts t;
    const gf_texts_options o = {0};
    OK(gf_texts_read(&t, path_of("a.csv"), &o, &error));
    assert_int_equal(t.row[0].n, LONG);
    gf_texts_free(&t);
    n = (size_t)sprintf(text, "text,label\n");
    memset(text + n, ',', GF_TEXT_COLUMNS + 9);
    n += GF_TEXT_COLUMNS + 9;
    n += (size_t)sprintf(text + n, "\nb,1\n");
    put_n("a.csv", text, n);
    check("a.csv", NULL, "b|1|tr;!a.csv:2: more than 256 columns;");
    free(text);
}

/* ---- lines */

static void lines(void **state)
{
    (void)state;
    put("a.jsonl", "{\"text\":\"a\\nb\",\"label\":1}\n\n{\"review\":\"c\",\"sentiment\":\"good\",\"split\":\"test\"}"
                   "\r\n{\"text\":\"d\"}\n"
                   "{\"label\":1}\n[1]\n{\"text\":\n{\"text\":\"e\",\"label\":1.5}\n{\"text\":\"f\",\"split\":\"x\"}");
    check("a.jsonl", NULL,
          "a\nb|1|tr;c|good|te;d|-|tr;!a.jsonl:5: the object has no text;!a.jsonl:6: the line is no JSON "
          "object;!a.jsonl:7: the line is no "
          "JSON object;!a.jsonl:8: the label is neither a text nor a whole number;!a.jsonl:9: the split is neither "
          "train, validation nor "
          "test;");
    check("a.jsonl", &(gf_texts_options){.text_column = "review", .label_column = "split"},
          "c|test|te;!a.jsonl:1: the object has no text;!a.jsonl:4: the object has no text;!a.jsonl:5: the object has "
          "no text;!a.jsonl:6: the "
          "line is no JSON object;!a.jsonl:7: the line is no JSON object;!a.jsonl:8: the object has no "
          "text;!a.jsonl:9: the object has no "
          "text;");
    put("a.txt", "__label__good  a b \r\nc\n__label__bad\n"); /* several labels: test_labels.c */
    check("a.txt", NULL, "a b|good|tr;c|-|tr;|bad|tr;");
}

/* ---- folders */

static void folders(void **state)
{
    (void)state;
    put("tables/train.tsv", "text\tlabel\na\t1\n");
    put("tables/dev.tsv", "text\tlabel\nb\t0\n");
    put("tables/test.jsonl", "{\"text\":\"c\",\"label\":1}\n");
    put("tables/README.md", "text\n");
    check("tables", NULL, "b|0|va;c|1|te;a|1|tr;");
    put("classes/neg/1.txt", "bad\n");
    put("classes/neg/2.txt", "worse\r\n");
    put("classes/pos/1.txt", "good");
    put("classes/pos/note.md", "no text");
    check("classes", NULL, "bad|neg|tr;worse|neg|tr;good|pos|tr;");
    put("imdb/train/neg/1.txt", "bad");
    put("imdb/train/pos/1.txt", "good");
    put("imdb/test/pos/1.txt", "fine");
    check("imdb", NULL, "fine|pos|te;bad|neg|tr;good|pos|tr;");
}

static void texts_are_told_from_images(void **state)
{
    (void)state;
    put("reviews.csv", "label,review\n1,a\n");
    put("images.csv", "path,label,text\na.jpg,1,x\n");
    put("plain.txt", "hello\n");
    put("labelled.txt", "__label__a hello\n");
    put("images.tsv", "path\tlabel\npets/cat/1.jpg\tcat\n");
    put("reviews.tsv", "label\ttext_a\n1\tgood.\n");
    put("pets/cat/1.jpg", "x");
    put("pets/cat/1.txt", "x");
    put("empty/readme.txt", "x");
    put("noted/cat/about.txt", "x"); /* before its images, and they have no ending */
    put("noted/cat/photo", "\xff\xd8\xff\xe0 and so on");
    static const struct {
        const char *name;
        bool texts;
    } row[] = {{"reviews.csv", true}, {"images.csv", false},  {"images.tsv", false}, {"reviews.tsv", true},
               {"plain.txt", false},  {"labelled.txt", true}, {"tables", true},      {"classes", true},
               {"imdb", true},        {"pets", false},        {"empty", false},      {"noted", false},
               {"nowhere", false}};
    folders(NULL);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        if (gf_texts_are(path_of(row[i].name)) != row[i].texts) fail_msg("%s", row[i].name);
    }
}

/* ---- encodings */

static void encodings(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        const char *encoding, *want; /* the text, or a part of the message */
        int number;
        const char *hint;
    } row[] = {
        {"\xe6\x88\xbf", 3, NULL, "\xe6\x88\xbf", 0, NULL},
        {"\xef\xbb\xbfx", 4, "gb18030", "x", 0, NULL}, /* the mark goes first */
        {"\xff\xfe\x3f\x62", 4, NULL, "\xe6\x88\xbf", 0, NULL},
        {"\xfe\xff\x62\x3f", 4, NULL, "\xe6\x88\xbf", 0, NULL},
        {"\x3f\x62", 2, "utf-16le", "\xe6\x88\xbf", 0, NULL},
        {"\xb7\xbf\xbc\xe4", 4, "gb18030", "\xe6\x88\xbf\xe9\x97\xb4", 0, NULL},
        {"caf\xe9", 4, "latin1", "caf\xc3\xa9", 0, NULL},
        {"a\n\xb7\xbf\xbc\xe4", 6, NULL, "f:2: byte 2 (0xb7) is not UTF-8", GF_E_TEXT_ENCODING,
         "all of it decodes as GB18030: --encoding gb18030"},
        {"a\xff", 2, NULL, "f:1: byte 1 (0xff) is not UTF-8", GF_E_TEXT_ENCODING, "--encoding NAME says what it is"},
        {"a\n\xff\xff", 4, "gb18030", "f:2: byte 2 is not gb18030", GF_E_TEXT_ENCODING, NULL},
        {"\xff\xfe\x00\xd8", 4, NULL, "f:1: byte 0 is not UTF-16LE", GF_E_TEXT_ENCODING, NULL},
        {"a\0b\0", 4, NULL, "f:1: byte 1 is NUL", GF_E_TEXT_ENCODING,
         "is it a text file? UTF-16 without a byte order mark is --encoding utf-16le"},
        {"a", 1, "klingon", "the encoding klingon is not known", GF_E_OPTION_VALUE, NULL},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        gf_decoded d;
        graft_error err = {0};
        graft_status status = gf_decode(&d, (const uint8_t *)row[i].bytes, row[i].n, "f", row[i].encoding, &err);
        if (!row[i].number) {
            if (status != GRAFT_OK) fail_msg("row %zu: %s", i, err.message);
            assert_int_equal(d.n, strlen(row[i].want));
            assert_memory_equal(d.text, row[i].want, d.n);
            gf_decoded_free(&d);
            continue;
        }
        if (err.number != row[i].number || !strstr(err.message, row[i].want))
            fail_msg("row %zu: E%d %s", i, err.number, err.message);
        if (row[i].hint) assert_string_equal(err.hint, row[i].hint);
    }
}

/* ---- equal texts, lengths */

static const char vocabulary[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nb\n##b\n";

static void the_report_counts(void **state)
{
    (void)state;
    put("a.csv", "text,label,split\na b,1,train\n a  b ,0,train\na\xe3\x80\x80"
                 "b,1,dev\nc,0,dev\nab x,1,train\n,1,train\nc,0,test\n");
    put("vocab.txt", vocabulary);
    gf_texts t;
    gf_tokenizer k;
    gf_text_report r;
    const gf_texts_options o = {0};
    OK(gf_texts_read(&t, path_of("a.csv"), &o, &error));
    OK(gf_tokenizer_open(&k, path_of("vocab.txt"), NULL, 0, &error));
    OK(gf_text_report_make(&r, &t, &k, NULL, &error));
    assert_int_equal(r.rows[GF_TRAIN], 4);
    assert_int_equal(r.distinct[GF_TRAIN], 3);
    assert_int_equal(r.seen[GF_VALIDATION], 1);
    assert_int_equal(r.seen[GF_TEST], 0);
    assert_int_equal(r.conflicts, 1);
    assert_int_equal(r.empty, 1);
    assert_int_equal(r.count[0], 1); /* of training, with the label 0 */
    assert_int_equal(r.count[1], 3);
    assert_int_equal(r.pieces.pieces, 2 + 2 + 2 + 1 + 3 + 0 + 1);
    assert_int_equal(r.pieces.unknown, 3);
    assert_int_equal(r.pieces.max, 5);
    assert_int_equal(r.pieces.median, 4);
    assert_true(r.pieces.mean > 25.0 / 7 - 1e-9 && r.pieces.mean < 25.0 / 7 + 1e-9);
    char *text;
    OK(gf_text_report_text(&r, &text, &error));
    assert_non_null(strstr(text, "1 of 2 texts of validation are texts of training, too"));
    assert_non_null(strstr(text, "1 texts are there with different labels"));
    assert_non_null(strstr(text, "27.27 % of 11 pieces"));
    gf_free(text);
    gf_json *j = gf_text_report_json(&r);
    char *json = gf_json_text(j, 0);
    assert_non_null(json);
    assert_non_null(strstr(json, "\"seen_in_training\": 1"));
    assert_non_null(strstr(json, "\"longer_than\": {\"64\": 0,"));
    gf_free(json);
    gf_json_free(j);
    gf_text_report_free(&r);
    gf_tokenizer_close(&k);
    OK(gf_tokenizer_open_words(&k, "v", "a\nb\n", 4, NULL, 0, &error)); /* words have no special pieces */
    OK(gf_text_report_make(&r, &t, &k, NULL, &error));
    assert_int_equal(r.pieces.special, 0);
    assert_int_equal(r.pieces.max, 2);
    gf_text_report_free(&r);
    gf_tokenizer_close(&k);
    gf_texts_free(&t);
}

/* The counts were found by another program (tools/check_texts.py). */
static void real_data_have_these_counts(void **state)
{
    (void)state;
    NEEDS("data:text");
    static const struct {
        const char *folder;
        uint64_t rows[GF_SPLITS], distinct, seen[GF_SPLITS], conflicts;
    } row[] = {
        {"text/zh_sentiment", {9600, 1200, 1200}, 8249, {0, 338, 331}, 36},
        {"text/sst2", {6920, 872, 1821}, 6911, {0, 0, 2}, 0},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        char path[512];
        gf_texts t;
        gf_text_report r;
        const gf_texts_options o = {0};
        OK(gf_texts_read(&t, needs_data(row[i].folder, path, sizeof path), &o, &error));
        OK(gf_text_report_make(&r, &t, NULL, NULL, &error));
        for (int s = 0; s < GF_SPLITS; s++) {
            assert_int_equal(r.rows[s], row[i].rows[s]);
            assert_int_equal(r.seen[s], row[i].seen[s]);
        }
        assert_int_equal(t.classes.n, 2);
        assert_int_equal(t.n_bad, 0);
        assert_int_equal(r.distinct[GF_TRAIN], row[i].distinct);
        assert_int_equal(r.conflicts, row[i].conflicts);
        gf_text_report_free(&r);
        gf_texts_free(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tables, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(unclear_columns_are_refused, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_long_row_and_many_columns, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(lines, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(folders, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(texts_are_told_from_images, make_dir, remove_dir),
        cmocka_unit_test(encodings),
        cmocka_unit_test_setup_teardown(the_report_counts, make_dir, remove_dir),
        cmocka_unit_test(real_data_have_these_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
