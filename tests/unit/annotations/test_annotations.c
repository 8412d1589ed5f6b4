/* Formats of labelled boxes: how each is found, read, and written so that it reads back. */
#include "set.h"

static void voc_is_found_in_its_folders_and_beside_images(void **state)
{
    (void)state;
    static const char *const layout[][2] = {{"Annotations/a.xml", "JPEGImages/a.jpg"},
                                            {"annotations/a.xml", "images/a.JPG"},
                                            {"a.xml", "a.jpeg"},
                                            {"train/a.xml", "train/a.jpg"}};
    for (size_t i = 0; i < 4; i++) {
        tree t = tree_make();
        set_image(&t, layout[i][1], 40, 30, 0);
        char objects[4096];
        snprintf(objects, sizeof objects, "%s%s<object><name>x</name></object>",
                 set_object("dog", "1", "2", "30", "20.5"), set_object("cat", "0", "0", "40", "30"));
        set_voc(&t, layout[i][0], 40, 30, objects);
        assert_true(gf_annotations_are(t.dir));
        gf_annotations a = set_read(&t, NULL);
        assert_string_equal(a.format->name, "voc");
        assert_int_equal(a.problems, 0);
        assert_int_equal(a.classes.n, 2); /* an object without a box is none */
        assert_string_equal(a.classes.item[0], "cat");
        assert_string_equal(gf_annotations_path(&a, 0), layout[i][1]);
        assert_int_equal(a.image[0].w, 40);
        assert_int_equal(a.image[0].split, i == 3 ? GF_TRAIN : GF_NO_SPLIT);
        assert_int_equal(a.box[0].class_id, 1);
        assert_box(&a, 0, 1, 2, 30, 20.5);
        assert_box(&a, 1, 0, 0, 40, 30);
        gf_annotations_free(&a);
        tree_remove(&t);
    }
}

static void voc_pixels_are_corners_or_inclusive(void **state)
{
    (void)state;
    tree t = tree_make();
    set_image(&t, "a.jpg", 40, 30, 0);
    set_image(&t, "b.jpg", 40, 30, 0);
    set_voc(&t, "a.xml", 40, 30, set_object("x", "1", "1", "40", "30"));
    char text[2048];
    snprintf(text, sizeof text, "<source><database>The VOC2007 Database</database></source>%s",
             set_object("x", "1", "1", "40", "30"));
    set_voc(&t, "b.xml", 40, 30, text);
    gf_annotations a = set_read(&t, NULL);
    assert_box(&a, 0, 1, 1, 40, 30);
    assert_box(&a, 1, 0, 0, 40, 30);
    gf_annotations_free(&a);
    for (int inclusive = 0; inclusive < 2; inclusive++) {
        const gf_annotation_options o = {.voc_pixels = inclusive ? GF_VOC_INCLUSIVE : GF_VOC_CORNERS};
        a = set_read(&t, &o);
        for (size_t i = 0; i < 2; i++) assert_box(&a, i, !inclusive, !inclusive, 40, 30);
        gf_annotations_free(&a);
    }
    tree_remove(&t);
}

static void voc_lists_of_stems_are_splits(void **state)
{
    (void)state;
    tree t = tree_make();
    for (int i = 0; i < 3; i++) {
        char name[64];
        snprintf(name, sizeof name, "JPEGImages/p%d.jpg", i);
        set_image(&t, name, 40, 30, 0);
        snprintf(name, sizeof name, "Annotations/p%d.xml", i);
        set_voc(&t, name, 40, 30, set_object("x", "1", "1", "9", "9"));
    }
    tree_text(&t, "ImageSets/Main/train.txt", "p0\r\n\r\np2\r\n");
    tree_text(&t, "ImageSets/Main/val.txt", "p1\n");
    tree_text(&t, "ImageSets/Main/trainval.txt", "p0\np1\np2\n");
    tree_text(&t, "ImageSets/Main/x_train.txt", "p0 1\np1 1\np2 -1\n");
    gf_annotations a = set_read(&t, NULL);
    assert_int_equal(a.image[0].split, GF_TRAIN);
    assert_int_equal(a.image[1].split, GF_VALIDATION);
    assert_int_equal(a.image[2].split, GF_TRAIN);
    gf_annotations_free(&a);
    tree_remove(&t);
}

static void coco_has_ids_of_any_value(void **state)
{
    (void)state;
    tree t = tree_make();
    set_image(&t, "train/b.jpg", 40, 30, 0);
    set_image(&t, "train/a.jpg", 40, 30, 0);
    set_image(&t, "valid/a.jpg", 50, 30, 0);
    tree_text(
        &t, "train/_annotations.coco.json",
        "{\"images\":[{\"id\":900,\"file_name\":\"a.jpg\",\"width\":40,\"height\":30},"
        "{\"id\":-3,\"file_name\":\"b.jpg\"}],\"categories\":[{\"id\":7,\"name\":\"dog\"},{\"id\":2,\"name\":\"none\"},"
        "{\"id\":50,\"name\":\"ant\"}],\"annotations\":[{\"id\":0,\"image_id\":900,\"category_id\":50,"
        "\"bbox\":[1,2,3,4],\"area\":5,\"iscrowd\":1},{\"id\":1,\"image_id\":-3,\"category_id\":7,\"bbox\":[0,0,40,30]}"
        ","
        "{\"id\":2,\"image_id\":900,\"category_id\":7,\"bbox\":[10,10,5.5,5]}]}");
    tree_text(&t, "valid/_annotations.coco.json",
              "{\"images\":[{\"id\":0,\"file_name\":\"a.jpg\"}],\"categories\":[{\"id\":1,\"name\":\"ant\"}],"
              "\"annotations\":[{\"image_id\":0,\"category_id\":1,\"bbox\":[0,0,50,3]}]}");
    gf_annotations a = set_read(&t, NULL);
    assert_string_equal(a.format->name, "coco");
    assert_int_equal(a.problems, 0);
    assert_int_equal(a.classes.n, 3); /* by id: none 2, dog 7, ant 50 */
    assert_string_equal(a.classes.item[1], "dog");
    assert_int_equal(a.images, 3);
    assert_string_equal(gf_annotations_path(&a, 0), "train/a.jpg");
    assert_int_equal(a.image[0].n, 2);
    assert_box(&a, 0, 1, 2, 4, 6);
    assert_true(a.box[0].crowd && a.box[0].area == 5);
    assert_box(&a, 1, 10, 10, 15.5, 15);
    assert_int_equal(a.image[2].split, GF_VALIDATION);
    assert_int_equal(a.box[3].class_id, 2);
    assert_true(set_notes(&a, "class \"none\" has no boxes"));
    gf_annotations_free(&a);
    tree_remove(&t);
}

static void yolo_is_found_by_its_yaml(void **state)
{
    (void)state;
    tree t = tree_make();
    set_image(&t, "train/images/a.jpg", 40, 20, 0);
    set_image(&t, "train/images/b.jpg", 40, 20, 0);
    set_image(&t, "train/images/none.jpg", 40, 20, 0);
    set_image(&t, "valid/images/c.jpg", 40, 20, 0);
    tree_text(&t, "data.yaml", "train: ../train/images\nval: ../valid/images\nnc: 2\nnames: ['b b', a]\n");
    tree_text(&t, "train/labels/a.txt",
              "\xef\xbb\xbf"
              "1 0.5 0.5 0.5 0.5\r\n\r\n0.0 0.25 0.5 0.5 1.0\n");
    tree_text(&t, "train/labels/b.txt", "");
    tree_text(&t, "valid/labels/c.txt", "0 0.1 0.1 0.6 0.2 0.3 0.9 0.2 0.5"); /* a polygon */
    tree_text(&t, "README.txt", "not a label");
    gf_annotations a = set_read(&t, NULL);
    assert_string_equal(a.format->name, "yolo");
    assert_int_equal(a.problems, 0);
    assert_string_equal(a.classes.item[0], "b b");
    assert_int_equal(a.images, 3); /* none.jpg is not labelled, b.jpg is background */
    assert_int_equal(a.count.unlabelled, 1);
    assert_int_equal(a.image[1].n, 0);
    assert_box(&a, 0, 10, 5, 30, 15);
    assert_int_equal(a.box[1].class_id, 0);
    assert_box(&a, 1, 0, 0, 20, 20);
    assert_box(&a, 2, 4, 2, 24, 18);
    assert_int_equal(a.image[0].split, GF_TRAIN);
    assert_int_equal(a.image[2].split, GF_VALIDATION);
    gf_annotations_free(&a);
    const gf_annotation_options background = {.background = true};
    a = set_read(&t, &background);
    assert_int_equal(a.images, 4);
    gf_annotations_free(&a);
    tree_remove(&t);
}

static void yolo_has_other_layouts(void **state)
{
    (void)state;
    tree t = tree_make();
    set_image(&t, "images/train/a.jpg", 40, 20, 0);
    set_image(&t, "images/test/b.jpg", 40, 20, 0);
    tree_text(&t, "labels/train/a.txt", "1 0.5 0.5 0.5 0.5\n");
    tree_text(&t, "labels/test/b.txt", "0 0.5 0.5 0.5 0.5\n");
    set_refused(t.dir, NULL, GF_E_LABELS_CLASS, "nothing names the classes");
    tree_text(&t, "sub/set.yml", "names:\n  1: one\n  0: zero\nlist: 1\n");
    gf_annotations a = set_read(&t, NULL);
    assert_string_equal(a.classes.item[1], "one");
    assert_int_equal(a.image[0].split, GF_TEST);
    assert_int_equal(a.image[1].split, GF_TRAIN);
    gf_annotations_free(&a);
    tree_remove(&t);
    t = tree_make();
    set_image(&t, "a.jpg", 40, 20, 0); /* all in one folder */
    set_image(&t, "b.jpg", 40, 20, 0);
    tree_text(&t, "a.txt", "0 0.5 0.5 0.5 0.5\n");
    tree_text(&t, "b.txt", "0 0.5 0.5 0.5 0.5\n");
    tree_text(&t, "classes.txt", "thing\n");
    tree_text(&t, "data.yaml", "names: [thing]\ntrain: list.txt\n");
    tree_text(&t, "list.txt", "./a.jpg\n");
    a = set_read(&t, NULL);
    assert_int_equal(a.boxes, 2);
    assert_int_equal(a.image[0].split, GF_TRAIN);
    assert_int_equal(a.image[1].split, GF_NO_SPLIT);
    gf_annotations_free(&a);
    tree_remove(&t);
}

static void createml_has_centers(void **state)
{
    (void)state;
    tree t = tree_make();
    set_image(&t, "a.jpg", 40, 30, 0);
    set_image(&t, "b.jpg", 40, 30, 0);
    tree_text(&t, "_annotations.createml.json",
              " [{\"image\":\"a.jpg\",\"annotations\":[{\"label\":\"x\",\"coordinates\":{\"x\":10,\"y\":12,\"width\":4,"
              "\"height\":6}}]},{\"image\":\"b.jpg\",\"annotations\":[]}]");
    gf_annotations a = set_read(&t, NULL);
    assert_string_equal(a.format->name, "createml");
    assert_int_equal(a.images, 2);
    assert_box(&a, 0, 8, 9, 12, 15);
    assert_int_equal(a.image[1].n, 0);
    gf_annotations_free(&a);
    tree_remove(&t);
}

static void csv_columns_stand_in_any_order(void **state)
{
    (void)state;
    tree t = tree_make();
    set_image(&t, "images/a.jpg", 40, 30, 0);
    set_image(&t, "images/b.jpg", 40, 30, 0);
    set_image(&t, "images/c.jpg", 40, 30, 0);
    tree_text(&t, "labels.csv",
              "class,xmin,ymin,xmax,ymax,filename,width,height,split\r\n"
              "y,1,2,3,4.5,a.jpg,40,30,train\r\n"
              "x,0,0,40,30,b.jpg,40,30,val\r\n"
              "x,5,5,6,6,a.jpg,40,30,train\r\n"
              ",,,,,c.jpg,40,30,test\r\n");
    gf_annotations a = set_read(&t, NULL);
    assert_string_equal(a.format->name, "csv");
    assert_int_equal(a.problems, 0);
    assert_int_equal(a.images, 3);
    assert_string_equal(a.classes.item[0], "x");
    assert_box(&a, 0, 1, 2, 3, 4.5);
    assert_box(&a, 1, 5, 5, 6, 6);
    assert_box(&a, 2, 0, 0, 40, 30);
    assert_int_equal(a.image[1].split, GF_VALIDATION);
    assert_int_equal(a.image[2].split, GF_TEST);
    gf_annotations_free(&a);
    tree_text(&t, "labels.csv", "path;x1;y1;x2;y2;class\n\"images/a.jpg\";0.25;0;0.5;1;x\n");
    a = set_read(&t, NULL); /* shares, by their values */
    assert_box(&a, 0, 10, 0, 20, 30);
    gf_annotations_free(&a);
    a = (gf_annotations){0};
    static const gf_annotation_options none;
    assert_int_equal(gf_annotations_read(&a, tree_path(&t, "labels.csv"), &none, NULL, NULL), GRAFT_OK);
    assert_int_equal(a.boxes, 1); /* the file itself may be named */
    gf_annotations_free(&a);
    tree_remove(&t);
}

static void other_data_have_no_boxes(void **state)
{
    (void)state;
    tree t = tree_cats_and_dogs();
    tree_text(&t, "labels.csv", "path,label\ntrain/cat/p000.jpg,cat\n");
    tree_text(&t, "a.json", "{\"images\": 1}");
    tree_text(&t, "b.json", "[1, 2]");
    tree_text(&t, "c.xml", "<config/>");
    tree_text(&t, "notes.txt", "0 0.5 0.5 0.5 0.5\n");
    assert_false(gf_annotations_are(t.dir));
    assert_false(gf_annotations_are(tree_path(&t, "labels.csv")));
    assert_false(gf_annotations_are("/no/such/folder"));
    set_refused(t.dir, NULL, GF_E_DATA_LAYOUT, "no labels of boxes in it. Looked for were: voc (.xml");
    tree_remove(&t);
}

/* ---- each format into each, and back */

static size_t image_called(const gf_annotations *a, const char *name)
{
    for (size_t i = 0; i < a->images; i++)
        if (!strcmp(gf_base_name(gf_annotations_path(a, i)), name)) return i;
    fail_msg("%s is missing", name);
    return 0;
}

static void assert_same_box(const gf_annotations *a, const gf_annotation *x, const gf_annotations *b,
                            const gf_annotation *y, double share, const char *what)
{
    const double w = a->image[x->image].w * share, h = a->image[x->image].h * share;
    assert_string_equal(a->classes.item[x->class_id], b->classes.item[y->class_id]);
    if (!(fabs(x->box.x - y->box.x) <= w && fabs(x->box.y - y->box.y) <= h && fabs(x->box.w - y->box.w) <= w &&
          fabs(x->box.h - y->box.h) <= h))
        fail_msg("%s: the box is %.9g %.9g %.9g %.9g, was %.9g %.9g %.9g %.9g", what, y->box.x, y->box.y, y->box.w,
                 y->box.h, x->box.x, x->box.y, x->box.w, x->box.h);
}

/* The same images, classes, splits and boxes, to a share of the image's sides; the folders may be others. */
static void assert_same(const gf_annotations *a, const gf_annotations *b, double share, const char *what)
{
    assert_int_equal(a->images, b->images);
    assert_int_equal(a->boxes, b->boxes);
    assert_int_equal(a->classes.n, b->classes.n);
    for (size_t i = 0; i < a->images; i++) {
        size_t k = image_called(b, gf_base_name(gf_annotations_path(a, i)));
        assert_int_equal(a->image[i].split, b->image[k].split);
        assert_int_equal(a->image[i].n, b->image[k].n);
        for (size_t n = 0; n < a->image[i].n; n++)
            assert_same_box(a, &a->box[a->image[i].first + n], b, &b->box[b->image[k].first + n], share, what);
    }
}

static void write_to(const gf_annotations *a, const gf_annotation_format *format, const char *folder)
{
    graft_error err = {0};
    if (gf_annotations_write(a, format, folder, false, &err)) fail_msg("%s: %s", format->name, err.message);
}

static void each_format_reads_back_what_each_wrote(void **state)
{
    (void)state;
    tree t = tree_make(), out = tree_make();
    tree_text(&t, "labels.csv",
              "filename,class,xmin,ymin,xmax,ymax,split\n"
              "a b.jpg,\"it's a & <b>\",1.5,2.25,30.125,20,train\na b.jpg,z,0,0,61,47,train\n"
              "c.jpg,z,3,3.3333333,9,9,val\nd.jpg,,,,,,test\n");
    set_image(&t, "a b.jpg", 61, 47, 0);
    set_image(&t, "c.jpg", 33, 57, 0);
    set_image(&t, "d.jpg", 33, 57, 0);
    gf_annotations a = set_read(&t, NULL);
    const gf_annotation_format *first, *second;
    for (size_t i = 0; (first = gf_annotation_format_at(i)); i++) {
        char one[128], two[160];
        snprintf(one, sizeof one, "%s/%s", out.dir, first->name);
        write_to(&a, first, one);
        gf_annotations b = set_read_from(one, NULL);
        assert_ptr_equal(b.format, first);
        assert_same(&a, &b, 1.1e-6, first->name);
        for (size_t k = 0; (second = gf_annotation_format_at(k)); k++) {
            snprintf(two, sizeof two, "%s-%s", one, second->name);
            write_to(&b, second, two);
            gf_annotations c = set_read_from(two, NULL);
            assert_same(&a, &c, 2.2e-6, second->name);
            gf_annotations_free(&c);
        }
        gf_annotations_free(&b);
    }
    gf_annotations_free(&a);
    tree_remove(&t);
    tree_remove(&out);
}

/* Detections have scores, which each format has a place for; they read back as labels. */
static void detections_are_written_with_their_scores(void **state)
{
    (void)state;
    static const struct {
        const char *format, *file, *has;
    } rows[] = {{"voc", "Annotations/a.xml", "<confidence>0.25</confidence>"},
                {"coco", "detections.json", "\"score\": 0.25"},
                {"yolo", "labels/a.txt", " 0.250000\n"},
                {"createml", "_annotations.createml.json", "\"confidence\": 0.25"},
                {"csv", "labels.csv", ",0.25\n"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tree t = tree_make(), out = tree_make();
        const gf_annotation_format *format;
        char folder[128], file[192];
        uint8_t *text;
        size_t n;
        set_image(&t, "a.jpg", 40, 30, 0);
        gf_annotations a = {.found = true};
        const gf_annotation box = {.box = {1, 2, 10, 20}, .area = NAN, .score = 0.25};
        assert_int_equal(gf_names_add(&a.classes, "x", NULL), GRAFT_OK);
        assert_int_equal(gf_annotations_add_image(&a, "a.jpg", 40, 30, NULL), GRAFT_OK);
        assert_int_equal(gf_annotations_add(&a, &box, NULL), GRAFT_OK);
        a.image[0].n = 1;
        snprintf(folder, sizeof folder, "%s/to", out.dir);
        snprintf(file, sizeof file, "%s/%s", folder, rows[i].file);
        assert_int_equal(gf_annotation_format_parse(&format, rows[i].format, NULL), GRAFT_OK);
        assert_int_equal(gf_annotations_write(&a, format, folder, true, NULL), GRAFT_OK);
        gf_annotations_free(&a);
        assert_int_equal(gf_file_read(file, 1 << 20, &text, &n, NULL), GRAFT_OK);
        if (!strstr((char *)text, rows[i].has)) fail_msg("%s: no %s in %s", rows[i].format, rows[i].has, (char *)text);
        gf_free(text);
        set_image(&out, "to/images/a.jpg", 40, 30, 0);
        a = set_read_from(folder, NULL);
        assert_string_equal(a.format->name, rows[i].format);
        if (a.boxes != 1) fail_msg("%s: %zu boxes", rows[i].format, a.boxes);
        assert_true(fabs(a.box[0].box.x - 1) < 1e-4 && fabs(a.box[0].box.h - 20) < 1e-4);
        gf_annotations_free(&a);
        tree_remove(&t);
        tree_remove(&out);
    }
}

static void names_that_clash_are_written_apart(void **state)
{
    (void)state;
    tree t = tree_make(), out = tree_make();
    set_image(&t, "train/a.jpg", 40, 30, 0);
    set_image(&t, "test/a.jpg", 40, 30, 0);
    set_voc(&t, "train/a.xml", 40, 30, set_object("x", "1", "1", "9", "9"));
    set_voc(&t, "test/a.xml", 40, 30, set_object("x", "2", "1", "9", "9"));
    gf_annotations a = set_read(&t, NULL);
    write_to(&a, a.format, tree_path(&out, "voc"));
    assert_true(gf_is_file(tree_path(&out, "voc/JPEGImages/train_a.jpg")));
    assert_true(gf_is_file(tree_path(&out, "voc/Annotations/test_a.xml")));
    graft_error err = {0};
    assert_int_equal(gf_annotations_write(&a, a.format, tree_path(&out, "voc"), false, &err), GRAFT_USAGE);
    assert_has(err.message, "is not empty");
    assert_int_equal(gf_annotations_write(&a, a.format, tree_path(&t, "new"), true, &err), GRAFT_USAGE);
    assert_has(err.message, "never written to");
    assert_int_equal(gf_annotations_write(&a, a.format, tree_path(&out, "alone"), true, &err), GRAFT_OK);
    assert_false(gf_is_dir(tree_path(&out, "alone/JPEGImages")));
    set_image(&t, "train/a.jpg", 40, 31, 0);
    assert_int_equal(gf_annotations_write(&a, a.format, tree_path(&out, "late"), false, &err), GRAFT_DATA);
    assert_int_equal(err.number, GF_E_DATA_CHANGED);
    gf_annotations_free(&a);
    tree_remove(&t);
    tree_remove(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(voc_is_found_in_its_folders_and_beside_images),
        cmocka_unit_test(voc_pixels_are_corners_or_inclusive),
        cmocka_unit_test(voc_lists_of_stems_are_splits),
        cmocka_unit_test(coco_has_ids_of_any_value),
        cmocka_unit_test(yolo_is_found_by_its_yaml),
        cmocka_unit_test(yolo_has_other_layouts),
        cmocka_unit_test(createml_has_centers),
        cmocka_unit_test(csv_columns_stand_in_any_order),
        cmocka_unit_test(other_data_have_no_boxes),
        cmocka_unit_test(each_format_reads_back_what_each_wrote),
        cmocka_unit_test(detections_are_written_with_their_scores),
        cmocka_unit_test(names_that_clash_are_written_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
