/* What can be wrong with labelled boxes: row by row what is put right, left out, told or refused. */
#include "set.h"

static tree one_image(const char *x1, const char *y1, const char *x2, const char *y2)
{
    tree t = tree_make();
    set_image(&t, "a.jpg", 400, 300, 0);
    set_image(&t, "b.jpg", 400, 300, 0);
    set_voc(&t, "a.xml", 400, 300, set_object("x", x1, y1, x2, y2));
    set_voc(&t, "b.xml", 400, 300, set_object("x", "10", "10", "20", "20"));
    return t;
}

static void nothing_labelled_is_refused(void **state)
{
    (void)state;
    tree t = tree_make();
    set_image(&t, "a.jpg", 40, 30, 0);
    set_voc(&t, "a.xml", 40, 30, "");
    set_refused(t.dir, NULL, GF_E_LABELS_NONE, "nothing but background: the labels of 1 images have no boxes");
    tree_remove(&t);
    t = tree_make();
    set_image(&t, "a.jpg", 40, 30, 0);
    set_voc(&t, "other.xml", 40, 30, set_object("x", "1", "1", "9", "9"));
    const gf_annotation_options skip = {.skip_bad = true};
    set_refused(t.dir, &skip, GF_E_LABELS_NONE, "no label belongs to any of its 1 images (looked for: voc (.xml");
    tree_remove(&t);
}

static void several_formats_are_asked_about(void **state)
{
    (void)state;
    tree t = one_image("1", "1", "9", "9");
    tree_text(&t, "more.csv", "filename,class,xmin,ymin,xmax,ymax\na.jpg,x,1,1,5,5\n");
    set_refused(t.dir, NULL, GF_E_DATA_LAYOUT, "labels of several formats: voc, csv");
    gf_annotation_options o = {0};
    assert_int_equal(gf_annotation_format_parse(&o.format, "csv", NULL), GRAFT_OK);
    gf_annotations a = set_read(&t, &o);
    assert_box(&a, 0, 1, 1, 5, 5);
    gf_annotations_free(&a);
    graft_error err = {0};
    assert_int_equal(gf_annotation_format_parse(&o.format, "pascal", &err), GRAFT_USAGE);
    assert_has(err.hint, "voc, coco, yolo, createml, csv");
    tree_remove(&t);
}

static void unlabelled_images_are_left_out_and_told(void **state)
{
    (void)state;
    tree t = one_image("1", "1", "9", "9");
    char name[64];
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "more%d.jpg", i);
        set_image(&t, name, 40, 30, 0);
    }
    gf_annotations a = set_read(&t, NULL);
    assert_int_equal(a.images, 2);
    assert_int_equal(a.count.unlabelled, 4);
    assert_true(set_notes(&a, "4 of 6 images have no label and are left out (more0.jpg, more1.jpg, more2.jpg, ..)"));
    gf_annotations_free(&a);
    const gf_annotation_options background = {.background = true};
    a = set_read(&t, &background);
    assert_int_equal(a.images, 6);
    assert_int_equal(a.image[3].n, 0);
    gf_annotations_free(&a);
    tree_remove(&t);
}

static void labels_and_images_must_pair(void **state)
{
    (void)state;
    const gf_annotation_options skip = {.skip_bad = true};
    tree t = one_image("1", "1", "9", "9");
    set_voc(&t, "lost.xml", 40, 30, set_object("x", "1", "1", "9", "9"));
    set_problem(&t, NULL, GF_E_LABELS_IMAGE, "lost.xml: there is no image lost.xml");
    gf_annotations a = set_read(&t, &skip);
    assert_int_equal(a.problems, 0);
    assert_int_equal(a.count.left_out, 1);
    gf_annotations_free(&a);
    tree_remove(&t);
    t = one_image("1", "1", "9", "9");
    set_image(&t, "a.png", 400, 300, 0); /* a.jpg, a.png: which does a.xml mean? */
    set_problem(&t, NULL, GF_E_LABELS_IMAGE, "a.xml: several images are called a.xml");
    tree_text(&t, "a.xml", "<annotation><filename>a.png</filename></annotation>");
    a = set_read(&t, NULL);
    assert_string_equal(gf_annotations_path(&a, 0), "a.png");
    gf_annotations_free(&a);
    tree_remove(&t);
    t = tree_make();
    set_image(&t, "a.jpg", 40, 30, 0);
    tree_text(&t, "l.json",
              "{\"images\":[{\"id\":1,\"file_name\":\"a.jpg\"},{\"id\":2,\"file_name\":\"x/a.jpg\"}],\"categories\":"
              "[{\"id\":1,\"name\":\"x\"}],\"annotations\":[{\"image_id\":1,\"category_id\":1,\"bbox\":[1,1,5,5]}]}");
    set_problem(&t, NULL, GF_E_LABELS_IMAGE, "l.json: labels a.jpg, which is labelled already by l.json");
    tree_remove(&t);
}

static void bad_images_are_told(void **state)
{
    (void)state;
    tree t = one_image("1", "1", "9", "9");
    tree_text(&t, "a.jpg", "no image");
    set_problem(&t, NULL, GF_E_DATA_BAD_IMAGES, "a.jpg");
    const gf_annotation_options skip = {.skip_bad = true};
    gf_annotations a = set_read(&t, &skip);
    assert_int_equal(a.images, 1);
    assert_int_equal(a.boxes, 1);
    assert_box(&a, 0, 10, 10, 20, 20);
    assert_int_equal(a.box[0].image, 0);
    gf_annotations_free(&a);
    tree_remove(&t);
}

static void empty_boxes_are_dropped_and_swapped_ones_put_right(void **state)
{
    (void)state;
    tree t = one_image("30", "20", "30", "40");
    gf_annotations a = set_read(&t, NULL);
    assert_int_equal(a.problems, 0);
    assert_int_equal(a.count.empty, 1);
    assert_int_equal(a.boxes, 1);
    assert_int_equal(a.image[0].n, 0);
    assert_true(set_notes(&a, "a.xml (box 3): an empty box, left out"));
    gf_annotations_free(&a);
    tree_remove(&t);
    t = one_image("30", "40", "20", "10");
    a = set_read(&t, NULL);
    assert_int_equal(a.count.swapped, 1);
    assert_box(&a, 0, 20, 10, 30, 40);
    gf_annotations_free(&a);
    tree_remove(&t);
}

static void boxes_a_little_outside_are_cut(void **state)
{
    (void)state;
    tree t = one_image("-2", "-1", "404", "303");
    gf_annotations a = set_read(&t, NULL);
    assert_int_equal(a.problems, 0);
    assert_int_equal(a.count.clipped, 1);
    assert_box(&a, 0, 0, 0, 400, 300);
    gf_annotations_free(&a);
    tree_remove(&t);
    t = one_image("-2", "-1", "404.1", "303");
    set_problem(&t, NULL, GF_E_LABELS_BOX, "a.xml (box 3): a.jpg is 400x300, the box is -2,-1 to 404.1,303");
    tree_remove(&t);
}

static void only_twenty_problems_are_listed(void **state)
{
    (void)state;
    tree t = tree_make();
    char text[4096] = "filename,class,xmin,ymin,xmax,ymax\n";
    set_image(&t, "a.jpg", 400, 300, 0);
    for (int i = 0; i < 25; i++) sprintf(text + strlen(text), "a.jpg,x,1,1,900,%d\n", 300 + i);
    tree_text(&t, "l.csv", text);
    gf_annotations a = set_read(&t, NULL);
    assert_int_equal(a.problems, 25);
    graft_error err = {0};
    assert_int_equal(gf_annotations_refuse(&a, &err), GRAFT_DATA);
    gf_json *document;
    char *report;
    assert_int_equal(gf_annotations_report(&a, &document, &report, NULL), GRAFT_OK);
    assert_has(report, "bad: and 5 more\n");
    assert_int_equal(gf_json_size(gf_json_get(document, "told")), GF_PROBLEMS_TOLD);
    gf_json_free(document);
    gf_free(report);
    gf_annotations_free(&a);
    tree_remove(&t);
}

static tree yolo_of(const char *label)
{
    tree t = tree_make();
    set_image(&t, "images/a.jpg", 400, 300, 0);
    tree_text(&t, "data.yaml", "names: [x, y]\n");
    tree_text(&t, "labels/a.txt", label);
    return t;
}

static void coordinates_of_another_kind_are_guessed_at(void **state)
{
    (void)state;
    tree t = yolo_of("0 0.5 0.5 0.2 0.2\n1 120 80 50 60\n");
    set_problem(&t, NULL, GF_E_LABELS_BOX, "labels/a.txt:2: these look like pixels");
    tree_remove(&t);
    t = tree_make();
    set_image(&t, "a.jpg", 400, 300, 0);
    tree_text(&t, "l.json",
              "{\"images\":[{\"id\":1,\"file_name\":\"a.jpg\"}],\"categories\":[{\"id\":1,\"name\":\"x\"}],"
              "\"annotations\":[{\"image_id\":1,\"category_id\":1,\"bbox\":[200,100,380,290]}]}");
    set_problem(&t, NULL, GF_E_LABELS_BOX, "these look like corners, not x, y, width, height");
    tree_remove(&t);
}

static void labels_of_another_size_are_told(void **state)
{
    (void)state;
    tree t = tree_make();
    const gf_annotation_options scale = {.scale = true};
    set_image(&t, "a.jpg", 640, 360, 0);
    set_voc(&t, "a.xml", 1920, 1080, set_object("x", "300", "300", "900", "600"));
    set_problem(&t, NULL, GF_E_LABELS_SIZE,
                "a.jpg: labelled at 1920x1080, the image is 640x360 (--labels-scale takes it)");
    gf_annotations a = set_read(&t, &scale);
    assert_int_equal(a.count.scaled, 1);
    assert_box(&a, 0, 100, 100, 300, 200);
    gf_annotations_free(&a);
    set_voc(&t, "a.xml", 1920, 1440, set_object("x", "300", "300", "900", "600"));
    set_problem(&t, &scale, GF_E_LABELS_SIZE, "a.jpg: labelled at 1920x1440, the image is 640x360");
    set_voc(&t, "a.xml", 0, 0, set_object("x", "300", "300", "600", "310"));
    a = set_read(&t, NULL); /* no size, or 0, says nothing */
    assert_int_equal(a.problems, 0);
    gf_annotations_free(&a);
    tree_remove(&t);
}

static void what_is_no_number_is_refused_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *x, *words;
    } bad[] = {{"nan", "a.xml:3: <xmin> is \"nan\": wanted is a number"},
               {"inf", "a.xml:3: <xmin> is \"inf\": wanted is a number"},
               {"1e30", "a.xml:3: <xmin> is \"1e30\": wanted is a number"},
               {"1,5", "a.xml:3: <xmin> is \"1,5\": wanted is a number with a decimal point, not a comma"},
               {"", "a.xml:3: <xmin> is \"\": wanted is a number"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tree t = one_image(bad[i].x, "1", "9", "9");
        set_problem(&t, NULL, GF_E_LABELS_BOX, bad[i].words);
        tree_remove(&t);
    }
    tree t = one_image("1", "1", "9", "9");
    set_voc(&t, "a.xml", 0, 0, "<object><name>x</name><bndbox><xmin>1</xmin></bndbox></object>");
    set_problem(&t, NULL, GF_E_LABELS_FIELD, "a.xml:3: <bndbox> has no <ymin>");
    tree_remove(&t);
    static const struct {
        const char *text;
        int number;
        const char *words;
    } yolo[] = {
        {"2 0.5 0.5 0.2 0.2", GF_E_LABELS_CLASS, "labels/a.txt:1: there is no class 2"},
        {"-1 0.5 0.5 0.2 0.2", GF_E_LABELS_CLASS, "labels/a.txt:1: there is no class -1"},
        {"0.5 0.5 0.5 0.2 0.2", GF_E_LABELS_CLASS, "labels/a.txt:1: no number of a class: 0.5"},
        {"cat 0.5 0.5 0.2 0.2", GF_E_LABELS_CLASS, "labels/a.txt:1: no number of a class: cat"},
        {"0 0.5 0.5 0.2", GF_E_LABELS_FIELD, "labels/a.txt:1: wanted are a class and 4 numbers"},
        {"0 0.5 0.5 0.2 0.2 0.9 0.3 0.1", GF_E_LABELS_FIELD, "labels/a.txt:1: wanted are a class and 4 numbers"},
        {"0 0,5 0.5 0.2 0.2", GF_E_LABELS_BOX, "numbers have a decimal point, not a comma: 0,5"},
        {"0 nan 0.5 0.2 0.2", GF_E_LABELS_BOX, "labels/a.txt:1: no number: nan"},
        {"\xff\xfe"
         "0",
         GF_E_LABELS_FIELD, "this is UTF-16: save it as UTF-8"}};
    for (size_t i = 0; i < sizeof yolo / sizeof *yolo; i++) {
        t = yolo_of(yolo[i].text);
        set_problem(&t, NULL, yolo[i].number, yolo[i].words);
        tree_remove(&t);
    }
}

static void bad_csv_and_json_are_refused(void **state)
{
    (void)state;
    tree t = tree_make();
    set_image(&t, "a.jpg", 400, 300, 0);
    tree_text(&t, "l.csv",
              "filename,class,xmin,ymin,xmax,ymax\na.jpg,x,1,1,9,9\na.jpg,x,1,1,9\na.jpg,,1,1,9,9\na.jpg,x,1,,9,9\n");
    set_problem(&t, NULL, GF_E_CSV_COLUMN, "l.csv:3: 5 columns, the header has 6");
    set_problem(&t, NULL, GF_E_CSV_COLUMN, "l.csv:4: column 2, the class, is empty");
    set_problem(&t, NULL, GF_E_CSV_COLUMN, "l.csv:5: column 4 is \"\": wanted is a number");
    gf_annotation_options csv = {0};
    assert_int_equal(gf_annotation_format_parse(&csv.format, "csv", NULL), GRAFT_OK);
    tree_text(&t, "l.csv", "filename,label\na.jpg,x\n");
    set_refused(tree_path(&t, "l.csv"), &csv, GF_E_CSV_COLUMN, "no columns of boxes");
    remove(tree_path(&t, "l.csv"));
    tree_text(
        &t, "l.json",
        "[{\"image\":\"a.jpg\",\"annotations\":[{\"label\":\"x\",\"coordinates\":{\"x\":1}},{\"coordinates\":1}]},"
        "{\"annotations\":[]}, {\"image\":\"b.jpg\"}]");
    set_problem(&t, NULL, GF_E_LABELS_BOX, "l.json: [0].annotations[0] has no coordinates of four numbers");
    set_problem(&t, NULL, GF_E_LABELS_BOX, "l.json: [0].annotations[1] has no \"label\"");
    set_problem(&t, NULL, GF_E_LABELS_BOX, "l.json: [1] has no \"image\"");
    set_problem(&t, NULL, GF_E_LABELS_BOX, "l.json: there is no image b.jpg");
    tree_text(&t, "l.json",
              "{\"images\":[{\"id\":1,\"file_name\":\"a.jpg\"},{\"id\":1,\"file_name\":\"b.jpg\"}],\"categories\":[],"
              "\"annotations\":[]}");
    set_refused(t.dir, NULL, GF_E_LABELS_ID, "have one id, 1");
    tree_text(&t, "l.json",
              "{\"images\":[{\"id\":1,\"file_name\":\"a.jpg\"}],\"categories\":[],\"annotations\":[{\"image_id\":1,"
              "\"category_id\":9,\"bbox\":[1,1,5,5]}]}");
    set_refused(t.dir, NULL, GF_E_LABELS_ID, "is of category 9, which the labels do not have");
    remove(tree_path(&t, "l.json"));
    tree_text(&t, "a.xml", "<annotation><object></annotation>");
    set_refused(t.dir, NULL, GF_E_MARKUP_SYNTAX, "a.xml:1:23: mismatched tag");
    tree_remove(&t);
}

static void names_nearly_alike_are_told_and_renamed(void **state)
{
    (void)state;
    tree t = tree_make();
    char text[8192] = "filename,class,xmin,ymin,xmax,ymax\n";
    set_image(&t, "a.jpg", 400, 300, 0);
    for (int i = 0; i < 40; i++) sprintf(text + strlen(text), "a.jpg,raccoon,%d,1,300,200\n", i);
    strcat(text, "a.jpg,racoon,3,3,90,90\na.jpg,Rac Coon,3,3,91,91\na.jpg,bear,3,3,92,92\n");
    tree_text(&t, "l.csv", text);
    gf_annotations a = set_read(&t, NULL);
    assert_int_equal(a.classes.n, 4);
    assert_true(set_notes(&a, "class \"racoon\" (1 box) looks like \"raccoon\" (40): --rename \"racoon=raccoon\""));
    assert_true(set_notes(&a, "class \"Rac Coon\" (1 box) looks like \"raccoon\" (40)"));
    assert_false(set_notes(&a, "class \"bear\" (1 box) looks"));
    assert_true(set_notes(&a, "class \"bear\" has 1 box only"));
    gf_annotations_free(&a);
    const gf_annotation_options rename = {.rename = "racoon=raccoon,Rac Coon=raccoon"}, bad = {.rename = "racoon"};
    a = set_read(&t, &rename);
    assert_int_equal(a.classes.n, 2);
    gf_annotations_free(&a);
    set_refused(t.dir, &bad, GF_E_OPTION_VALUE, "wanted is OLD=NEW");
    tree_remove(&t);
}

static void boxes_that_are_there_twice_are_one(void **state)
{
    (void)state;
    tree t = tree_make();
    set_image(&t, "a.jpg", 400, 300, 0);
    tree_text(&t, "l.csv",
              "filename,class,xmin,ymin,xmax,ymax\na.jpg,x,1,1,100,100\na.jpg,x,1,1,100,100\n"
              "a.jpg,x,1,1,100,101\na.jpg,y,1,1,100,100\n");
    gf_annotations a = set_read(&t, NULL);
    assert_int_equal(a.boxes, 3);
    assert_int_equal(a.count.equal, 1);
    assert_int_equal(a.count.near_same, 1);
    assert_int_equal(a.count.near_other, 2);
    assert_true(set_notes(&a, "1 boxes are there twice: one is kept"));
    gf_annotations_free(&a);
    tree_remove(&t);
}

static void sizes_that_do_not_suit_are_told(void **state)
{
    (void)state;
    tree t = one_image("0", "0", "400", "299");
    set_voc(&t, "b.xml", 400, 300, set_object("x", "1", "1", "400", "300"));
    gf_annotations a = set_read(&t, NULL);
    assert_true(set_notes(&a, "2 of 2 boxes cover over 98 % of their image: this looks like classification"));
    gf_annotations_free(&a);
    tree_remove(&t);
    t = one_image("10", "10", "17", "17"); /* 320 * 7 / sqrt(400 * 300) = 6.5; the median of two is the larger, 9.2 */
    a = set_read(&t, NULL);
    assert_true(
        set_notes(&a, "1 of 2 boxes are smaller than 8 pixels at 320 x 320: --size 576 lifts the median to 16"));
    gf_box_statistics s;
    assert_int_equal(gf_box_statistics_of(&a, 320, &s, NULL), GRAFT_OK);
    assert_true(fabs(s.side[0] - 320 * 7 / sqrt(120000)) < 1e-9 && fabs(s.side[4] - 320 * 10 / sqrt(120000)) < 1e-9);
    assert_true(fabs(s.aspect - 4.0 / 3) < 1e-12);
    gf_annotations_free(&a);
    tree_remove(&t);
}

static void a_class_may_be_missing_from_validation(void **state)
{
    (void)state;
    tree t = tree_make();
    set_image(&t, "a.jpg", 400, 300, 0);
    set_image(&t, "b.jpg", 400, 300, 0);
    tree_text(&t, "l.csv",
              "filename,class,xmin,ymin,xmax,ymax,split\na.jpg,x,1,1,50,50,train\na.jpg,y,1,1,99,99,train\n"
              "b.jpg,x,1,1,100,100,val\n");
    gf_annotations a = set_read(&t, NULL);
    assert_true(set_notes(&a, "class \"y\" has no boxes in the validation part"));
    assert_false(set_notes(&a, "class \"x\" has no boxes in the validation part"));
    gf_annotations_free(&a);
    tree_remove(&t);
}

static void limits_hold(void **state)
{
    (void)state;
    tree t = tree_make();
    gf_text text = {0};
    set_image(&t, "images/a.jpg", 400, 300, 0);
    tree_text(&t, "data.yaml", "names: [x, y]\n");
    for (int i = 0; i <= GF_BOXES_OF_IMAGE_MOST; i++) gf_text_printf(&text, "0 0.5 0.5 0.2 0.%05d\n", i + 1);
    tree_text(&t, "labels/a.txt", text.s);
    set_problem(&t, NULL, GF_E_LABELS_BOX, "images/a.jpg: 10001 boxes; the most is 10000");
    gf_text_free(&text);
    tree_remove(&t);
    t = one_image("1", "1", "9", "9");
    FILE *f = fopen(tree_path(&t, "a.xml"), "r+");
    assert_non_null(f);
    assert_int_equal(ftruncate(fileno(f), GF_LABEL_FILE_MOST + 1), 0);
    fclose(f);
    set_refused(t.dir, NULL, GF_E_FILE_TOO_LARGE, "a.xml");
    tree_remove(&t);
}

static void turned_images_are_labelled_either_way(void **state)
{
    (void)state;
    /* where (10, 20) to (70, 50) of the stored 400 x 300 image is seen */
    static const double seen[9][4] = {{0},
                                      {10, 20, 70, 50},
                                      {330, 20, 390, 50},
                                      {330, 250, 390, 280},
                                      {10, 250, 70, 280},
                                      {20, 10, 50, 70},
                                      {250, 10, 280, 70},
                                      {250, 330, 280, 390},
                                      {20, 330, 50, 390}};
    for (int o = 1; o <= 8; o++) {
        tree t = tree_make();
        set_image(&t, "a.jpg", 400, 300, o);
        set_voc(&t, "a.xml", 400, 300, set_object("x", "10", "20", "70", "50"));
        gf_annotations a = set_read(&t, NULL);
        bool turns = o >= 5; /* the label's size says so; else it is of what is displayed */
        assert_int_equal(a.image[0].w, turns ? 300 : 400);
        assert_int_equal(a.count.rotated, turns);
        const double *b = seen[turns ? o : 1];
        assert_box(&a, 0, b[0], b[1], b[2], b[3]);
        gf_annotations_free(&a);
        const gf_annotation_options stored = {.ignore_exif = true};
        a = set_read(&t, &stored);
        assert_box(&a, 0, 10, 20, 70, 50);
        gf_annotations_free(&a);
        set_voc(&t, "a.xml", 0, 0, set_object("x", "10", "20", "70", "50"));
        a = set_read(&t, NULL);
        assert_box(&a, 0, 10, 20, 70, 50);
        assert_int_equal(set_notes(&a, "1 image is (a.jpg) turned by EXIF"), o > 1);
        gf_annotations_free(&a);
        tree_remove(&t);
    }
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    tree t = one_image("1", "1", "9", "9");
    tree_text(&t, "b.jpg", "no image");
    gf_pool *pool;
    assert_int_equal(gf_pool_create(&pool, 3, NULL, NULL), GRAFT_OK);
    static const gf_annotation_options none;
    gf_annotations a = set_read(&t, NULL), b;
    assert_int_equal(gf_annotations_read(&b, t.dir, &none, pool, NULL), GRAFT_OK);
    assert_int_equal(a.problems, b.problems);
    assert_string_equal(a.problem[0].text, b.problem[0].text);
    assert_memory_equal(&a.image[0].content, &b.image[0].content, sizeof(gf_sha256));
    gf_annotations_free(&a);
    gf_annotations_free(&b);
    gf_pool_destroy(pool);
    tree_remove(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_labelled_is_refused),
        cmocka_unit_test(several_formats_are_asked_about),
        cmocka_unit_test(unlabelled_images_are_left_out_and_told),
        cmocka_unit_test(labels_and_images_must_pair),
        cmocka_unit_test(bad_images_are_told),
        cmocka_unit_test(empty_boxes_are_dropped_and_swapped_ones_put_right),
        cmocka_unit_test(boxes_a_little_outside_are_cut),
        cmocka_unit_test(only_twenty_problems_are_listed),
        cmocka_unit_test(coordinates_of_another_kind_are_guessed_at),
        cmocka_unit_test(labels_of_another_size_are_told),
        cmocka_unit_test(what_is_no_number_is_refused_with_its_line),
        cmocka_unit_test(bad_csv_and_json_are_refused),
        cmocka_unit_test(names_nearly_alike_are_told_and_renamed),
        cmocka_unit_test(boxes_that_are_there_twice_are_one),
        cmocka_unit_test(sizes_that_do_not_suit_are_told),
        cmocka_unit_test(a_class_may_be_missing_from_validation),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(turned_images_are_labelled_either_way),
        cmocka_unit_test(threads_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
