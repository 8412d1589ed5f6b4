/* data: CSV files as people write them: separators, columns' names, no header, splits, paths; and what is refused with
 * what was found. Labels files too. */
#include "base/decide.h"
#include "data/labels.h"
#include "tree.h"

static tree pets(void)
{
    tree t = tree_make();
    int seed = 0;
    tree_class(&t, "pics/cat", 3, &seed); /* p000.jpg to p002.jpg */
    tree_class(&t, "pics/dog", 3, &seed);
    return t;
}

typedef struct csv_case {
    const char *text;
    const char *classes; /* "cat,dog"; NULL: refused */
    uint32_t train, validation, test;
    const char *says; /* what is said, or the refusal; NULL: nothing */
} csv_case;

static void check_options(const csv_case *c, const char *image, const char *label, const char *split)
{
    tree t = pets();
    heard h = {0};
    gf_log log = {heard_say, &h, NULL};
    gf_data_options o = tree_options();
    o.split[0] = 1;
    o.split[1] = 0;
    o.log = &log;
    o.image_column = image;
    o.label_column = label;
    o.split_column = split;
    tree_text(&t, "list.csv", c->text);
    gf_index *index = NULL;
    graft_error err = {0};
    char classes[200] = "";
    if (gf_index_build(&index, tree_path(&t, "list.csv"), &o, &err) != GRAFT_OK) {
        char all[sizeof err.message + sizeof err.hint + 2];
        snprintf(all, sizeof all, "%s\n%s", err.message, err.hint);
        if (c->classes || !strstr(all, c->says))
            fail_msg("%s\n%s\nwanted %s", c->text, all, c->classes ? c->classes : c->says);
    } else {
        for (size_t i = 0; i < index->classes.n; i++) {
            size_t n = strlen(classes);
            snprintf(classes + n, sizeof classes - n, "%s%s", i ? "," : "", index->classes.item[i]);
        }
        uint32_t n[3];
        for (int s = 0; s < 3; s++) n[s] = index->first[s + 1] - index->first[s];
        bool right =
            c->classes && !strcmp(classes, c->classes) && n[0] == c->train && n[1] == c->validation && n[2] == c->test;
        if (!right) fail_msg("%s\n%s: %u %u %u\n%s", c->text, classes, n[0], n[1], n[2], h.text);
        if (c->says ? !strstr(h.text, c->says) : *h.text) fail_msg("%s\nsaid: %s", c->text, h.text);
        for (uint32_t i = 0; i < index->n; i++) assert_memory_equal(gf_index_path(index, i), "pics/", 5);
        gf_index_free(index);
    }
    tree_remove(&t);
}

static void check(const csv_case *c) { check_options(c, NULL, NULL, NULL); }

#define A "pics/cat/p000.jpg"
#define B "pics/cat/p001.jpg"
#define C "pics/dog/p000.jpg"
#define D "pics/dog/p001.jpg"

static void separators_are_found(void **state)
{
    (void)state;
    static const csv_case cases[] = {
        {"path,label\n" A ",cat\n" C ",dog\n", "cat,dog", 2, 0, 0, NULL},
        {"path;label\n" A ";cat\n" C ";dog\n", "cat,dog", 2, 0, 0, "the columns' separator: ;"},
        {"path\tlabel\r\n" A "\tcat\r\n" C "\tdog\r\n", "cat,dog", 2, 0, 0, "the columns' separator: a tab"},
        {"path|label\n" A "|cat\n" C "|dog\n", "cat,dog", 2, 0, 0, "separator: |"},
        {"sep=;\npath;label\n" A ";cat\n" C ";dog\n", "cat,dog", 2, 0, 0, "separator: ;"},
        {"path label\n" A " cat\n" C " dog\n", "cat,dog", 2, 0, 0, "separator: a space"},
        {"path,label\n" A ",a cat\n" C ",a dog\n", "a cat,a dog", 2, 0, 0, NULL},
        {"path;label\n" A ";\"cat, small\"\n" C ";\"dog, small\"\n", "cat, small,dog, small", 2, 0, 0, "separator: ;"},
        {"path,label\n" A ",cat;small\n" C ",dog;small\n", "cat;small,dog;small", 2, 0, 0, NULL},
        {"\xef\xbb\xbfpath,label\n" A ",cat\n" C ",dog\n", "cat,dog", 2, 0, 0, NULL},
        {"path , label\n" A " , cat \n" C ", \"dog\" \n", "cat,dog", 2, 0, 0, NULL},
        {"\n\npath,label\n\n" A ",cat\n" C ",dog\n\n\n", "cat,dog", 2, 0, 0, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(&cases[i]);
}

static void columns_are_found_by_name_or_by_content(void **state)
{
    (void)state;
    static const csv_case cases[] = {
        {"Path,LABEL\n" A ",cat\n" C ",dog\n", "cat,dog", 2, 0, 0, "column 'Path': the image"},
        {"filename,class\n" A ",cat\n" C ",dog\n", "cat,dog", 2, 0, 0, "column 'class': the label"},
        {"Image_Path,Category\n" A ",cat\n" C ",dog\n", "cat,dog", 2, 0, 0, "column 'Category': the label"},
        {"target,img\ncat," A "\ndog," C "\n", "cat,dog", 2, 0, 0, "column 'img': the image"},
        {"image_id,species,weight\n" A ",cat,3\n" C ",dog,9\n", "cat,dog", 2, 0, 0, "column 'species': the label"},
        {"ClassId,Width,Path\n0,9," A "\n1,8," C "\n", "0,1", 2, 0, 0, "column 'ClassId': the label"},
        {"class id,filepaths,labels,data set\n0," A ",cat,train\n1," C ",dog,train\n", "cat,dog", 2, 0, 0,
         "column 'data set': the split"},
        {",file,class\n0," A ",cat\n1," C ",dog\n", "cat,dog", 2, 0, 0, "column 'file': the image"},
        {"foto;klasse\n" A ";cat\n" C ";dog\n", "cat,dog", 2, 0, 0, "column 'klasse': the label"},
        {"Unnamed: 0,foto,klasse\n0," A ",cat\n1," C ",dog\n", "cat,dog", 2, 0, 0, "column 'foto': the image"},
        {"path,class,label\n" A ",1,cat\n" C ",2,dog\n", "cat,dog", 2, 0, 0, NULL},
        {A ",cat\n" B ",cat\n" C ",dog\n", "cat,dog", 3, 0, 0, "the first line: a row, not a header"},
        {"cat," A "\ncat," B "\ndog," C "\n", "cat,dog", 3, 0, 0, "column 1: the label"},
        {"TRAIN," A ",cat\nTEST," B ",cat\nTRAIN," C ",dog\n", "cat,dog", 2, 0, 1, "column 1: the split"},
        {"id,breed\npics/cat/p000,cat\npics/dog/p000,dog\n", "cat,dog", 2, 0, 0,
         "names without an ending: with that of the file"},
        {"pics/cat/p000,cat\npics/cat/p001,cat\npics/dog/p000,dog\n", "cat,dog", 3, 0, 0, "the first line: a row"},
        {"path,label\npics\\cat\\p000.jpg,cat\npics\\dog\\p000.jpg,dog\n", "cat,dog", 2, 0, 0,
         "backslashes in paths: slashes"},
        {"path,label\ncat/p000.jpg,cat\ndog/p000.jpg,dog\n", "cat,dog", 2, 0, 0, "the folder of the images: pics"},
        {"id,breed\ncat/p000,cat\ndog/p000,dog\n", "cat,dog", 2, 0, 0, "the folder of the images: pics"},
        {"a,b,c\n" A ",x,cat\n" C ",y,dog\n", NULL, 0, 0, 0,
         "no column is clearly the label: found 'a' (as pics/cat/p000.jpg), 'b' (as x), 'c' (as cat)"},
        {"a,b,c\n" A ",x,cat\n" C ",y,dog\n", NULL, 0, 0, 0, "--label-column NAME says which"},
        {"path,class,category\n" A ",x,cat\n" C ",y,dog\n", NULL, 0, 0, 0, "several columns may be the label"},
        {"a,b,c\nx,y,z\nx,y,w\n", NULL, 0, 0, 0, "no column is clearly the image: found 'a' (as x)"},
        {"image,mask,label\n" A "," B ",cat\n" C "," D ",dog\n", "cat,dog", 2, 0, 0, "column 'image': the image"},
        {"one,two\n" A "," B "\n" C "," D "\n", NULL, 0, 0, 0, "no column is clearly the image"},
        {A "," B ",cat\n", NULL, 0, 0, 0, "without a header"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(&cases[i]);
}

/* Two columns without a header, files that are not there: the one with few, short values is the label. Then the files
 * are asked for. */
static void of_two_columns_the_few_and_short_values_are_labels(void **state)
{
    (void)state;
    static const csv_case cases[] = {
        {"one,x\ntwo,x\nthree,x\nfour,y\n", NULL, 0, 0, 0, "list.csv:2: no such file: two"},
        {"x,one\nx,two\nx,three\ny,four\n", NULL, 0, 0, 0, "list.csv:2: no such file: two"},
        {"one,aa\ntwo,bb\n", NULL, 0, 0, 0, "no column is clearly the image"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(&cases[i]);
}

static void splits_are_read_in_any_spelling(void **state)
{
    (void)state;
    static const csv_case cases[] = {
        {"path,label,split\n" A ",cat,TRAIN\n" B ",cat,VALIDATION\n" C ",dog,Train\n" D ",dog,Test\n", "cat,dog", 2, 1,
         1, NULL},
        {"path,label,split\n" A ",cat,train\n" B ",cat,valid\n" C ",dog,training\n" D ",dog,dev\n", "cat,dog", 2, 2, 0,
         NULL},
        {"path,label,set\n" A ",cat,train\n" B ",cat,eval\n" C ",dog,train\n", "cat,dog", 2, 1, 0,
         "column 'set': the split"},
        {"path,label,Usage\n" A ",cat,Training\n" B ",cat,Testing\n" C ",dog,Training\n", "cat,dog", 2, 0, 1,
         "column 'Usage': the split"},
        {"path,label,split\n" A ",cat,\n" C ",dog,\n", "cat,dog", 2, 0, 0, NULL},
        {"path,label,split\n" A ",cat,train\n" C ",dog,\n", NULL, 0, 0, 0,
         "list.csv:3: an empty split, though other rows have one"},
        {"path,label,split\n" A ",cat,train\n" C ",dog,2\n", NULL, 0, 0, 0, "list.csv:3: unknown split: 2"},
        {"path,label,split\n" A ",Cat,train\n" B ",cat,val\n" C ",dog,train\n", NULL, 0, 0, 0,
         "'cat' and 'Cat' differ in capitals"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(&cases[i]);
}

static void columns_may_be_named(void **state)
{
    (void)state;
    static const csv_case by_name = {
        "f,g,h,i\n" A "," B ",cat,train\n" C "," D ",dog,test\n" B "," A ",dog,train\n", "cat,dog", 2, 0, 1, NULL};
    static const csv_case none = {"f,g\n" A ",cat\n",
                                  NULL,
                                  0,
                                  0,
                                  0,
                                  "there is no column 'nope' (--label-column): found 'f' (as pics/cat/p000.jpg), 'g'"};
    static const csv_case unnamed = {"9," A ",cat\n8," C ",dog\n", "8,9", 2, 0, 0, "the first line: a row"};
    check_options(&by_name, "f", "h", "i");
    check_options(&by_name, "1", "3", "4");
    check_options(&by_name, "F", "H", "I");
    check_options(&none, NULL, "nope", NULL);
    check_options(&none, NULL, "nope", NULL);
    check_options(&unnamed, "2", "1", NULL);
    static const csv_case twice = {"f,g\n" A ",cat\n", NULL, 0, 0, 0, "one column cannot be two things"};
    check_options(&twice, "f", "f", NULL);
}

/* ---- labels files */

static void check_labels(const char *text, const char *names, bool numbered)
{
    gf_labels labels;
    graft_error err = {0};
    char all[200] = "";
    if (gf_labels_parse(&labels, (const uint8_t *)text, strlen(text), "l.txt", &err))
        fail_msg("%s: %s", text, err.message);
    for (size_t i = 0; i < labels.names.n; i++) {
        size_t n = strlen(all);
        snprintf(all + n, sizeof all - n, "%s%s", i ? "|" : "", labels.names.item[i]);
    }
    if (strcmp(all, names) != 0 || labels.numbered != numbered) fail_msg("%s: %s, wanted %s", text, all, names);
    gf_labels_free(&labels);
}

static void labels_files_are_read_as_they_come(void **state)
{
    (void)state;
    check_labels("a\nb\nc\n", "a|b|c", false);
    check_labels("a\nb\nc", "a|b|c", false);
    check_labels("\xef\xbb\xbf"
                 "a\r\nb\r\n",
                 "a|b", false);
    check_labels("a\nb\n\n  \n", "a|b", false);
    check_labels("a\n\nb\n", "a|b", false);
    check_labels("0 Rock\n1 Paper\n2 Scissors\n", "Rock|Paper|Scissors", true);
    check_labels("0: Rock\r\n1: Paper\r\n", "Rock|Paper", true);
    check_labels("0,Rock\n1,Paper\n", "Rock|Paper", true);
    check_labels("1. Rock\n2. Paper\n", "Rock|Paper", true);
    check_labels("1\tRock\n0\tPaper\n", "Paper|Rock", true);
    check_labels("0 0\n1 180\n2 270\n3 90\n", "0|180|270|90", true);
    check_labels("0\n1\n2\n", "0|1|2", false);
    check_labels("0 Rock\n2 Paper\n", "0 Rock|2 Paper", false);
    check_labels("0 Rock\n0 Paper\n", "0 Rock|0 Paper", false);
    check_labels("0 Rock\nPaper\n", "0 Rock|Paper", false);
    check_labels("1st\n2nd\n", "1st|2nd", false);
    check_labels("7 days\n", "7 days", false);
    check_labels("", "", false);
    gf_labels labels;
    graft_error err = {0};
    assert_int_not_equal(gf_labels_parse(&labels,
                                         (const uint8_t *)"\xff\xfe"
                                                          "a\0",
                                         4, "l.txt", &err),
                         GRAFT_OK);
    assert_has(err.message, "l.txt: is UTF-16");
    gf_labels_free(&labels);
    assert_int_not_equal(gf_labels_parse(&labels, (const uint8_t *)"a\0b", 3, "l.txt", &err), GRAFT_OK);
    gf_labels_free(&labels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(separators_are_found),
        cmocka_unit_test(columns_are_found_by_name_or_by_content),
        cmocka_unit_test(of_two_columns_the_few_and_short_values_are_labels),
        cmocka_unit_test(splits_are_read_in_any_spelling),
        cmocka_unit_test(columns_may_be_named),
        cmocka_unit_test(labels_files_are_read_as_they_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
