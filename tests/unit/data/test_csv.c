/* data: CSV files (row B16): each fault is refused with the line it stands in. */
#include "data/csv.h"
#include "tree.h"

static tree tree_for_csv(void)
{
    tree t = tree_make();
    tree_image(&t, "in/a.jpg", 1);
    tree_image(&t, "in/b.jpg", 2);
    tree_image(&t, "in/c, \"d\".jpg", 3);
    tree_image(&t, "in/deep/e.bin", 4); /* a file that is named is taken whatever it is called */
    tree_image(&t, "out/x.jpg", 5);
    return t;
}

static gf_data_options csv_options(void)
{
    gf_data_options o = tree_options();
    o.split[0] = 1;
    o.split[1] = 0;
    return o;
}

static void reads_paths_labels_and_splits(void **state)
{
    (void)state;
    tree t = tree_for_csv();
    gf_data_options o = csv_options();
    char text[1024];
    snprintf(text, sizeof text,
             "author,split,label,path\r\n"
             "me,train,2,a.jpg\r\n"
             "\r\n"
             "\"you, too\",val,10,./deep//e.bin\r\n"
             ",train,10,%s/in/b.jpg\r\n"
             "x,test,2,\"c, \"\"d\"\".jpg\"",
             t.dir);
    tree_text(&t, "in/list.csv", text);
    gf_index *index;
    graft_error err = {0};
    if (gf_index_build(&index, tree_path(&t, "in/list.csv"), &o, &err)) fail_msg("%s", err.message);
    assert_int_equal(index->classes.n, 2);
    assert_string_equal(index->classes.item[0], "10"); /* by bytes, as class folders are */
    assert_string_equal(index->classes.item[1], "2");
    const char *const path[] = {"a.jpg", "b.jpg", "deep/e.bin", "c, \"d\".jpg"};
    const uint32_t label[] = {1, 0, 0, 1};
    const gf_split split[] = {GF_TRAIN, GF_TRAIN, GF_VALIDATION, GF_TEST};
    assert_int_equal(index->n, 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_string_equal(gf_index_path(index, i), path[i]);
        assert_int_equal(index->sample[i].class_id, label[i]);
        assert_int_equal(index->sample[i].split, split[i]);
    }
    gf_index_free(index);
    tree_remove(&t);
}

static void no_training_rows_is_fine(void **state)
{
    (void)state;
    tree t = tree_for_csv();
    gf_data_options o = csv_options();
    tree_text(&t, "in/list.csv", "path,label,split\na.jpg,u,test\nb.jpg,v,test\n");
    gf_index *index;
    assert_int_equal(gf_index_build(&index, tree_path(&t, "in/list.csv"), &o, NULL), GRAFT_OK);
    assert_int_equal(index->classes.n, 2);
    gf_index_free(index);
    tree_remove(&t);
}

static void refuses_with_the_line(void **state)
{
    (void)state;
    tree t = tree_for_csv();
    gf_data_options o = csv_options();
    assert_int_equal(symlink("../out/x.jpg", tree_path(&t, "in/link.jpg")), 0);
    assert_int_equal(symlink("../out", tree_path(&t, "in/link")), 0);
    tree_folder(&t, "in/folder");
    static const struct {
        const char *csv;
        int error;
        const char *words;
    } faults[] = {
        {"", GF_E_CSV_COLUMN, "csv:1: a column is missing: path"},
        {"path,one,two\na.jpg,x,y\n", GF_E_CSV_COLUMN,
         "csv:1: no column is clearly the label: found 'path' (as a.jpg), 'one' (as x), 'two' (as y)"},
        {"path\na.jpg\n", GF_E_CSV_COLUMN, "csv:1: no column is clearly the label: found 'path' (as a.jpg)"},
        {"one,two,three\nx,y,z\n", GF_E_CSV_COLUMN, "csv:1: no column is clearly the image"},
        {"path,label,path\n", GF_E_CSV_COLUMN, "csv:1: two columns of one name: path"},
        {"\xff\xfep", GF_E_CSV_SYNTAX, "csv:1: is UTF-16"},
        {"path,label\n\na.jpg,x\n\"b\n.jpg\",y\n", GF_E_CSV_SYNTAX, "csv:4: a quoted field does not end on its line"},
        {"path,label\na.jpg,\"x", GF_E_CSV_SYNTAX, "csv:2: a quoted field does not end on its line"},
        {"path,label\na.jpg,\"x\"y\n", GF_E_CSV_SYNTAX, "csv:2: text after a closing quote"},
        {"path,label\na\"b.jpg,x\n", GF_E_CSV_SYNTAX, "csv:2: a quote inside of a field"},
        {"path,label\na.jpg,x\nb.jpg\n", GF_E_CSV_SYNTAX, "csv:3: 1 columns, the header has 2"},
        {"path,label\na.jpg,x,y\n", GF_E_CSV_SYNTAX, "csv:2: 3 columns, the header has 2"},
        {"path,label\na.jpg,x\n../out/x.jpg,y\n", GF_E_CSV_PATH, "csv:3: outside of the data folder: ../out/x.jpg"},
        {"path,label\n/etc/passwd,y\n", GF_E_CSV_PATH, "csv:2: outside of the data folder: /etc/passwd"},
        {"path,label\nlink.jpg,y\n", GF_E_CSV_PATH, "csv:2: a link out of the data folder: link.jpg"},
        {"path,label\nlink/x.jpg,y\n", GF_E_CSV_PATH, "csv:2: outside of the data folder: link/x.jpg"},
        {"path,label\nfolder,y\n", GF_E_CSV_PATH, "csv:2: not a file: folder"},
        {"path,label\n,y\n", GF_E_CSV_PATH, "csv:2: an empty path"},
        {"path,label\na.jpg,x\ngone.jpg,y\n", GF_E_CSV_PATH, "csv:3: no such file: gone.jpg"},
        {"path,label\ngone/a.jpg,y\n", GF_E_CSV_PATH, "csv:2: no such folder: gone/a.jpg"},
        {"path,label\na.jpg,\n", GF_E_CSV_LABEL, "csv:2: an empty label"},
        {"path,label,split\na.jpg,x,train\nb.jpg,x,Vol\n", GF_E_CSV_LABEL, "csv:3: unknown split: Vol"},
        {"path,label,split\na.jpg,x,train\nb.jpg,x,\n", GF_E_CSV_LABEL, "csv:3: an empty split"},
        {"path,label,split\na.jpg,x,train\nb.jpg,y\x1b,val\n", GF_E_CSV_LABEL,
         "csv:3: no training row has this label: y\\x1b"},
        {"path,label\na.jpg,x\nb.jpg,y\n./a.jpg,x\n", GF_E_CSV_DUPLICATE, "csv:4: listed before, in line 2: a.jpg"},
        {"path,label\n", GF_E_DATA_NO_IMAGES, "no images found"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        tree_text(&t, "in/list.csv", faults[i].csv);
        assert_refused(tree_path(&t, "in/list.csv"), &o, faults[i].error, faults[i].words);
    }
    tree_bytes(&t, "in/list.csv", "path,label\na\0.jpg,x\n", 20);
    assert_refused(tree_path(&t, "in/list.csv"), &o, GF_E_CSV_SYNTAX, "csv:2: a NUL byte");
    static const char *const classes[] = {"x"};
    o.classes = classes;
    o.n_classes = 1;
    tree_text(&t, "in/list.csv", "path,label\na.jpg,x\nb.jpg,y\n");
    assert_refused(tree_path(&t, "in/list.csv"), &o, GF_E_CSV_LABEL, "csv:3: a label that the model does not know: y");
    tree_remove(&t);
}

static void fields_of_a_record(void **state)
{
    (void)state;
    static const char text[] = "a,,\"b\"\"c\",\r\n\n\"\"\n x ,y";
    gf_csv csv;
    bool more;
    assert_int_equal(gf_csv_open(&csv, (const uint8_t *)text, sizeof text - 1, "t", NULL), GRAFT_OK);
    assert_int_equal(gf_csv_next(&csv, &more, NULL), GRAFT_OK);
    assert_true(more);
    const char *const first[] = {"a", "", "b\"c", ""};
    assert_int_equal(csv.columns, 4);
    for (size_t i = 0; i < 4; i++) assert_string_equal(gf_csv_field(&csv, i), first[i]);
    assert_int_equal(gf_csv_next(&csv, &more, NULL), GRAFT_OK);
    assert_true(more);
    assert_int_equal(csv.line, 3);
    assert_int_equal(csv.columns, 1);
    assert_string_equal(gf_csv_field(&csv, 0), "");
    assert_int_equal(gf_csv_next(&csv, &more, NULL), GRAFT_OK);
    assert_true(more);
    assert_string_equal(gf_csv_field(&csv, 0), "x");
    assert_string_equal(gf_csv_field(&csv, 1), "y");
    assert_int_equal(gf_csv_next(&csv, &more, NULL), GRAFT_OK);
    assert_false(more);
    gf_csv_close(&csv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_paths_labels_and_splits),
        cmocka_unit_test(no_training_rows_is_fine),
        cmocka_unit_test(refuses_with_the_line),
        cmocka_unit_test(fields_of_a_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
