/* data: several labels of a sample out of tables: what parts a field, columns of 0 and 1, what is asked and what is
 * refused; the split, which keeps the classes' shares; texts likewise. */
#include "data/split_rules.h"
#include "data/text_report.h"
#include "data/text_set.h"
#include "tree.h"

#include "base/rng.h"

#include <math.h>

enum { FILES = 12 };

static tree t;

static int make(void **state)
{
    (void)state;
    t = tree_make();
    for (int i = 0; i < FILES; i++) {
        char name[32];
        snprintf(name, sizeof name, "%c.jpg", 'a' + i);
        tree_image(&t, name, i);
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    tree_remove(&t);
    return 0;
}

/* Every sample as "a=red|dress;", in the order of its path. */
static const char *summary(const gf_index *x)
{
    static char out[2048];
    size_t at = 0;
    out[0] = 0;
    for (int c = 'a'; c < 'a' + FILES; c++) {
        for (uint32_t i = 0; i < x->n; i++) {
            gf_text label = {0};
            if (gf_index_path(x, i)[0] != c) continue;
            gf_index_label_text(x, i, &label);
            at += (size_t)snprintf(out + at, sizeof out - at, "%c=%s;", c, label.s ? label.s : "");
            gf_text_free(&label);
        }
    }
    return out;
}

static void check(const char *text, const gf_data_options *o, const char *want, const char *said)
{
    gf_index *x;
    graft_error err = {0};
    heard h = {0};
    const gf_log log = {.say = heard_say, .ctx = &h};
    gf_data_options with = *o;
    with.log = &log;
    tree_text(&t, "labels.csv", text);
    if (gf_index_build(&x, tree_path(&t, "labels.csv"), &with, &err) != GRAFT_OK)
        fail_msg("%s\nE%d %s (%s)", text, err.number, err.message, err.hint);
    if (strcmp(summary(x), want)) fail_msg("%s\n%s\nwanted %s", text, summary(x), want);
    assert_has(h.text, said);
    gf_index_free(x);
}

static void refused(const char *text, const gf_data_options *o, const char *words)
{
    tree_text(&t, "labels.csv", text);
    assert_refused(tree_path(&t, "labels.csv"), o, GF_E_CSV_LABEL, words);
}

static void one_field(void **state)
{
    (void)state;
    gf_data_options o = tree_options();
    check("path,label\na.jpg,red|dress\nb.jpg,red\nc.jpg,dress|blue\nd.jpg,\n", &o,
          "a=dress|red;b=red;c=blue|dress;d=;", "'|'");
    check("path,label\na.jpg,red; dress\nb.jpg,red\nc.jpg,dress ;blue;\nd.jpg,blue;blue\n", &o,
          "a=dress|red;b=red;c=blue|dress;d=blue;", "';'");
    check("path,label\na.jpg,red|dress\nb.jpg,red\nc.jpg,dress|blue\nd.jpg,\n", &o,
          "a=dress|red;b=red;c=blue|dress;d=;", "1 of 4 samples have no label");
    /* nothing behind a bar, or nothing but bars, in the last of the values too */
    check("path,label\na.jpg,red|dress\nb.jpg,red\nc.jpg,dress|\nd.jpg,||\n", &o, "a=dress|red;b=red;c=dress;d=;",
          "'|'");
    /* not in another combination: names with a bar in them, as ever, but told */
    check("path,label\na.jpg,this|that\nb.jpg,this\nc.jpg,x|y\nd.jpg,that\ne.jpg,z|w\n", &o,
          "a=this|that;b=this;c=x|y;d=that;e=z|w;", "--label-delimiter");
    /* a space never parts by itself */
    check("path,label\na.jpg,red dress\nb.jpg,red shirt\nc.jpg,blue dress\nd.jpg,blue shirt\ne.jpg,red hat\nf.jpg,blue "
          "hat\n",
          &o, "a=red dress;b=red shirt;c=blue dress;d=blue shirt;e=red hat;f=blue hat;", "--label-delimiter");
    o.label_delimiter = "space";
    check("path,label\na.jpg,red dress\nb.jpg,red  shirt\nc.jpg,blue\n", &o, "a=dress|red;b=red|shirt;c=blue;", "");
    o.label_delimiter = ", ";
    check("path,label\na.jpg,\"red, dress\"\nb.jpg,red\nc.jpg,blue\n", &o, "a=dress|red;b=red;c=blue;", "");
    o.label_delimiter = "none";
    check("path,label\na.jpg,red|dress\nb.jpg,red\nc.jpg,dress|blue\n", &o, "a=red|dress;b=red;c=dress|blue;", "");
    refused("path,label\na.jpg,red|dress\nb.jpg,\nc.jpg,dress|blue\n", &o, "labels.csv:3: an empty label");
    o.label_delimiter = "longer than seven";
    tree_text(&t, "labels.csv", "path,label\na.jpg,x\n");
    assert_refused(tree_path(&t, "labels.csv"), &o, GF_E_OPTION_VALUE, "label_delimiter");
}

static void by_the_task(void **state)
{
    (void)state;
    gf_data_options o = tree_options();
    o.labels = true;
    check("path,label\na.jpg,red\nb.jpg,blue\nc.jpg,\n", &o, "a=red;b=blue;c=;", "");
    refused("path,label\na.jpg,red dress\nb.jpg,red shirt\n", &o, "one label or several");
    o.label_delimiter = "none";
    check("path,label\na.jpg,red dress\nb.jpg,red shirt\n", &o, "a=red dress;b=red shirt;", "");
    o.label_delimiter = NULL;
    /* with a model's classes it is clear what a space is */
    static const char *const known[] = {"dress", "red", "shirt"};
    o.classes = known;
    o.n_classes = 3;
    check("path,label\na.jpg,red dress\nb.jpg,red shirt\n", &o, "a=dress|red;b=red|shirt;", "classes of the model");
    refused("path,label\na.jpg,red|dress\nb.jpg,red|hat\nc.jpg,dress|hat\n", &o, "hat");
}

static void columns_of_flags(void **state)
{
    (void)state;
    gf_data_options o = tree_options();
    check("path,red,blue,dress\na.jpg,1,0,1\nb.jpg,0,1,0\nc.jpg,0,0,0\nd.jpg,1.0,0.0,0\n", &o,
          "a=dress|red;b=blue;c=;d=red;", "a label each");
    /* beside other columns it must be said which */
    tree_text(&t, "labels.csv", "path,red,blue,age\na.jpg,1,0,31\nb.jpg,1,1,8\n");
    assert_refused(tree_path(&t, "labels.csv"), &o, GF_E_CSV_COLUMN, "label");
    o.label_column = "red,blue";
    check("path,red,blue,age\na.jpg,1,0,31\nb.jpg,1,1,8\n", &o, "a=red;b=blue|red;", "");
    refused("path,red,blue,age\na.jpg,1,0,31\nb.jpg,1,yes,8\n", &o, "labels.csv:3: blue: yes");
    o.label_column = "red,red";
    tree_text(&t, "labels.csv", "path,red,blue\na.jpg,1,0\nb.jpg,1,1\n");
    assert_refused(tree_path(&t, "labels.csv"), &o, GF_E_CSV_COLUMN, "two things");
    o.label_column = NULL;
    /* one 1 in each line: one class each, or not? */
    refused("path,red,blue\na.jpg,1,0\nb.jpg,0,1\nc.jpg,1,0\n", &o, "just one 1");
    o.labels = true;
    check("path,red,blue\na.jpg,1,0\nb.jpg,0,1\nc.jpg,1,0\n", &o, "a=red;b=blue;c=red;", "");
}

static void parts_and_unknown_classes(void **state)
{
    (void)state;
    gf_data_options o = tree_options();
    check("path,label,split\na.jpg,red|dress,train\nb.jpg,red,train\nc.jpg,dress,test\nd.jpg,,val\n", &o,
          "a=dress|red;b=red;c=dress;d=;", "");
    refused("path,label,split\na.jpg,red|dress,train\nb.jpg,red,train\nc.jpg,dress|dresses,test\n", &o, "dresses");
}

/* ---- splits */

/* An index without files: n samples whose labels are drawn, class c with the share 1/(c + 2). */
static gf_index *drawn(uint32_t n, size_t classes)
{
    gf_index *x = gf_new(gf_index);
    x->root = gf_strdup("");
    x->sets = gf_new(gf_label_sets);
    for (size_t c = 0; c < classes; c++) {
        char name[8];
        snprintf(name, sizeof name, "c%02zu", c);
        assert_int_equal(gf_names_add(&x->classes, name, NULL), GRAFT_OK);
    }
    gf_rng r = gf_rng_make(7, GF_PURPOSE_SPLIT, 9, 9);
    for (uint32_t i = 0; i < n; i++) {
        char name[32];
        uint32_t label[32], set;
        size_t k = 0;
        for (uint32_t c = 0; c < classes; c++) {
            if (gf_rng_below(&r, c + 2) == 0) label[k++] = c;
        }
        assert_int_equal(gf_label_sets_add(x->sets, label, k, &set, NULL), GRAFT_OK);
        snprintf(name, sizeof name, "%06u", i);
        assert_int_equal(gf_index_add(x, name, &(struct stat){0}, set, GF_TRAIN, NULL), GRAFT_OK);
    }
    gf_index_sort(x);
    return x;
}

static void shares_are_kept(void **state)
{
    (void)state;
    enum { N = 1000, CLASSES = 10 };
    static const double share[GF_SPLITS] = {0.7, 0.2, 0.1};
    gf_data_options o = tree_options();
    gf_index *x = drawn(N, CLASSES), *again = drawn(N, CLASSES);
    assert_int_equal(gf_split_labels(x, share, &o, NULL), GRAFT_OK);
    assert_int_equal(gf_split_labels(again, share, &o, NULL), GRAFT_OK);
    for (int s = 0; s < GF_SPLITS; s++) {
        double n = x->first[s + 1] - x->first[s];
        if (!(fabs(n - share[s] * N) <= 5)) fail_msg("%s: %g samples", gf_split_name((gf_split)s), n);
        for (uint32_t c = 0; c < CLASSES; c++) {
            uint64_t all = 0;
            for (int k = 0; k < GF_SPLITS; k++) all += gf_index_count(x, (gf_split)k, c);
            double got = (double)gf_index_count(x, (gf_split)s, c), wanted = share[s] * (double)all;
            if (!(fabs(got - wanted) <= 3 + 0.02 * wanted))
                fail_msg("%s, class %u: %g of %g", gf_split_name((gf_split)s), c, got, wanted);
        }
    }
    for (uint32_t i = 0; i < x->n; i++) {
        assert_int_equal(x->sample[i].split, again->sample[i].split);
        assert_string_equal(gf_index_path(x, i), gf_index_path(again, i));
    }
    o.seed = 1;
    uint32_t differ = 0;
    gf_index *other = drawn(N, CLASSES);
    assert_int_equal(gf_split_labels(other, share, &o, NULL), GRAFT_OK);
    for (uint32_t i = 0; i < other->n; i++) differ += strcmp(gf_index_path(x, i), gf_index_path(other, i)) != 0;
    assert_true(differ > 100);
    gf_index_free(x);
    gf_index_free(again);
    gf_index_free(other);
}

/* ---- texts */

static const char *rows(const gf_texts *x)
{
    static char out[2048];
    size_t at = 0;
    out[0] = 0;
    for (size_t i = 0; i < x->n; i++) {
        const uint32_t *label;
        size_t n = gf_texts_labels(x, i, &label);
        at += (size_t)snprintf(out + at, sizeof out - at, "%s=", gf_texts_text(x, i));
        for (size_t k = 0; k < n; k++)
            at += (size_t)snprintf(out + at, sizeof out - at, "%s%s", k ? "|" : "", x->classes.item[label[k]]);
        at += (size_t)snprintf(out + at, sizeof out - at, x->row[i].label == GF_NO_LABEL ? "-;" : ";");
    }
    for (size_t i = 0; i < x->n_bad; i++) at += (size_t)snprintf(out + at, sizeof out - at, "!");
    return out;
}

static void texts(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *column, *want;
    } row[] = {
        {"x.csv", "text,labels\none,a|b\ntwo,b\nthree,\nfour,a|c\nfive,c\n", NULL,
         "one=a|b;two=b;three=;four=a|c;five=c;"},
        {"x.csv", "id,comment_text,toxic,insult\n0a,one,1,0\n0b,two,1,1\n0c,three,0,0\n", NULL,
         "one=toxic;two=insult|toxic;three=;"},
        {"x.csv", "text,toxic,insult,age\none,1,0,3\ntwo,1,1,4\nthree,x,0,5\n", "toxic,insult",
         "one=toxic;two=insult|toxic;!"},
        {"x.jsonl",
         "{\"text\":\"one\",\"labels\":[\"a\",7]}\n{\"text\":\"two\",\"labels\":[]}\n{\"text\":\"three\"}\n"
         "{\"text\":\"four\",\"label\":\"b\"}\n{\"text\":\"five\",\"labels\":[[]]}\n",
         NULL, "one=7|a;two=;three=-;four=b;!"},
        {"x.txt", "__label__a __label__b one\n__label__b two\nthree\n", NULL, "one=a|b;two=b;three=;"},
        {"x.txt", "__label__a one\n__label__b two\nthree\n", NULL, "one=a;two=b;three=-;"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        gf_texts x;
        graft_error err = {0};
        const gf_texts_options o = {.label_column = row[i].column};
        tree_text(&t, row[i].name, row[i].text);
        if (gf_texts_read(&x, tree_path(&t, row[i].name), &o, &err) != GRAFT_OK)
            fail_msg("%s: E%d %s", row[i].text, err.number, err.message);
        if (strcmp(rows(&x), row[i].want)) fail_msg("%s\n%s\nwanted %s", row[i].text, rows(&x), row[i].want);
        gf_texts_free(&x);
    }
    gf_texts x;
    graft_error err = {0};
    gf_texts_options o = {0};
    tree_text(&t, "x.csv", "text,red,blue\none,1,0\ntwo,0,1\n");
    assert_int_equal(gf_texts_read(&x, tree_path(&t, "x.csv"), &o, &err), GRAFT_DATA);
    assert_int_equal(err.number, GF_E_CSV_LABEL);
    gf_texts_free(&x);
    o.labels.wanted = true;
    assert_int_equal(gf_texts_read(&x, tree_path(&t, "x.csv"), &o, &err), GRAFT_OK);
    assert_string_equal(rows(&x), "one=red;two=blue;");
    gf_texts_free(&x);
}

static void what_inspect_tells(void **state)
{
    (void)state;
    gf_texts x;
    gf_text_report r;
    char *text;
    tree_text(&t, "x.csv", "text,labels\none,a|b\ntwo,b|a\nthree,\nfour,a|c\nfive,c\n");
    const gf_texts_options o = {0};
    assert_int_equal(gf_texts_read(&x, tree_path(&t, "x.csv"), &o, NULL), GRAFT_OK);
    assert_int_equal(gf_text_report_make(&r, &x, NULL, NULL, NULL), GRAFT_OK);
    assert_int_equal(r.labels.samples, 5);
    assert_int_equal(r.labels.labels, 7);
    assert_int_equal(r.labels.most, 2);
    assert_int_equal(r.labels.combinations, 4);
    assert_int_equal(r.labels.with[0], 1);
    assert_int_equal(r.labels.with[2], 3);
    assert_int_equal(r.labels.n_pairs, 2);
    assert_int_equal(r.labels.pair[0].together, 2);
    assert_int_equal(r.labels.pair[0].of_first, 3);
    assert_int_equal(gf_text_report_text(&r, &text, NULL), GRAFT_OK);
    assert_has(text, "1.40 a sample, 2 at most, 4 combinations; samples with 0: 1 1: 1 2: 3");
    assert_has(text, "together   2: a and b (of 3 and 2)");
    gf_free(text);
    gf_text_report_free(&r);
    gf_texts_free(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_field),          cmocka_unit_test(by_the_task),
        cmocka_unit_test(columns_of_flags),   cmocka_unit_test(parts_and_unknown_classes),
        cmocka_unit_test(shares_are_kept),    cmocka_unit_test(texts),
        cmocka_unit_test(what_inspect_tells),
    };
    return cmocka_run_group_tests(tests, make, end);
}
