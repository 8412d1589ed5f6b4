/* data: which folders are parts, which are classes, and what is refused because it could be either. */
#include "base/decide.h"
#include "data/layouts.h"
#include "data/likeness.h"
#include "data/parts.h"
#include "tree.h"

static void part_names_in_any_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *names;
        gf_part_kind kind;
    } rows[] = {
        {"train|Train|TRAIN|training|Training|trn|seg_train|training_set|train_set|train-set|Train "
         "Set|trainset|TrainSet|"
         "train_data|traindata|TrainingData|train_images|images_train|01_train|train2017|Training Images|trainval",
         GF_PART_TRAIN},
        {"val|Val|VAL|valid|Valid|validation|Validation|VALIDATION|dev|Dev|eval|evaluation|seg_val|val_set|valset|"
         "validation_set|valid_data|val2017|dev-set|development",
         GF_PART_VALIDATION},
        {"test|Test|TEST|testing|Testing|tst|seg_test|test_set|testset|test_data|TestImages|test1|holdout",
         GF_PART_TEST},
        {"seg_pred|pred|predict|Prediction|unlabeled|unlabelled_images|inference", GF_PART_UNLABELLED},
        {"cat|trains|train station|test_tube|dev_board|contest|evaluate me|pretrain|latest|invalid|developer|value|"
         "images|data|2017|prediction_error|tester|Teste|zug|vals\xc3\xa9|train_test|validated|trainer|",
         GF_PART_NONE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char all[600], *at = all;
        snprintf(all, sizeof all, "%s", rows[i].names);
        for (char *name; (name = strsep(&at, "|"));) {
            if (!strcmp(name, "trains")) continue; /* as good as "train" */
            if (gf_part_of_name(name) != rows[i].kind) fail_msg("'%s' is %d", name, (int)gf_part_of_name(name));
        }
    }
}

/* Images at these paths, with | between; a path that ends with / is an empty folder. */
static tree tree_of(const char *paths)
{
    tree t = tree_make();
    char all[2000], *at = all;
    snprintf(all, sizeof all, "%s", paths);
    int seed = 0;
    for (char *path; (path = strsep(&at, "|"));) {
        size_t n = strlen(path);
        if (n && path[n - 1] == '/') {
            tree_folder(&t, path);
        } else {
            tree_image(&t, path, seed++);
        }
    }
    return t;
}

/* "classes a,b; train 2; validation 1; test 0" */
static void describe(const gf_index *index, char *text, size_t size)
{
    size_t n = (size_t)snprintf(text, size, "classes ");
    for (size_t i = 0; i < index->classes.n; i++) {
        n += (size_t)snprintf(text + n, size - n, "%s%s", i ? "," : "", index->classes.item[i]);
    }
    for (int s = 0; s < GF_SPLITS; s++) {
        n += (size_t)snprintf(text + n, size - n, "; %s %u", gf_split_name((gf_split)s),
                              index->first[s + 1] - index->first[s]);
    }
}

typedef struct layout_case {
    const char *paths;
    const char *found; /* as describe; NULL: refused */
    const char *says;  /* what is said, or the refusal */
    int number;
} layout_case;

static void check(const layout_case *c, gf_data_options *o)
{
    tree t = tree_of(c->paths);
    heard h = {0};
    gf_decisions decisions = {0};
    gf_log log = {heard_say, &h, &decisions};
    gf_index *index = NULL;
    graft_error err = {0};
    char found[600];
    o->log = &log;
    o->split[0] = 1;
    o->split[1] = 0;
    graft_status status = gf_index_build(&index, t.dir, o, &err);
    if (status == GRAFT_OK) {
        describe(index, found, sizeof found);
        if (!c->found || strcmp(found, c->found) != 0)
            fail_msg("%s:\n%s, not %s", c->paths, found, c->found ? c->found : c->says);
        if (c->says && !strstr(h.text, c->says)) fail_msg("%s:\n\"%s\" is not in: %s", c->paths, c->says, h.text);
        if (!c->says && *h.text) fail_msg("%s:\nsays %s", c->paths, h.text);
        for (uint32_t i = 0; i < index->n; i++) {
            struct stat st;
            assert_int_equal(stat(tree_path(&t, gf_index_path(index, i)), &st), 0);
        }
        gf_index_free(index);
    } else {
        char all[sizeof err.message + sizeof err.hint + 2];
        snprintf(all, sizeof all, "%s\n%s", err.message, err.hint);
        if (c->found || err.number != c->number || !strstr(all, c->says)) {
            fail_msg("%s:\nE%d %s, wanted E%d %s", c->paths, err.number, all, c->number, c->found ? c->found : c->says);
        }
        assert_null(index);
    }
    o->log = NULL;
    gf_decisions_free(&decisions);
    tree_remove(&t);
}

static void parts_are_found(void **state)
{
    (void)state;
    static const layout_case cases[] = {
        {"train/a/1.jpg|train/b/1.jpg|val/a/2.jpg|val/b/2.jpg", "classes a,b; train 2; validation 2; test 0", NULL, 0},
        {"Training/a/1.jpg|Training/b/1.jpg|Testing/a/2.jpg|Testing/b/2.jpg",
         "classes a,b; train 2; validation 0; test 2", "Training/: train (by its name)", 0},
        {"TRAIN/a/1.jpg|TRAIN/b/1.jpg|TEST/a/2.jpg|TEST/b/2.jpg", "classes a,b; train 2; validation 0; test 2",
         "TEST/: test", 0},
        {"Train/a/1.jpg|Train/b/1.jpg|valid/a/2.jpg|valid/b/2.jpg|Test/a/3.jpg|Test/b/3.jpg",
         "classes a,b; train 2; validation 2; test 2", "valid/: validation", 0},
        {"training_set/a/1.jpg|training_set/b/1.jpg|test_set/a/2.jpg|test_set/b/2.jpg",
         "classes a,b; train 2; validation 0; test 2", "training_set/: train", 0},
        {"trn/a/1.jpg|trn/b/1.jpg|dev/a/2.jpg|dev/b/2.jpg|tst/a/3.jpg|tst/b/3.jpg",
         "classes a,b; train 2; validation 2; test 2", "dev/: validation", 0},
        {"seg_train/seg_train/a/1.jpg|seg_train/seg_train/b/1.jpg|seg_test/seg_test/a/2.jpg|seg_test/seg_test/b/2.jpg|"
         "seg_pred/seg_pred/7.jpg|seg_pred/seg_pred/8.jpg",
         "classes a,b; train 2; validation 0; test 2", "seg_pred/seg_pred/: 2 images without class folders", 0},
        {"seg_train/seg_train/a/1.jpg|seg_train/seg_train/b/1.jpg|seg_val/seg_val/a/2.jpg|seg_val/seg_val/b/2.jpg",
         "classes a,b; train 2; validation 2; test 0", "seg_val/seg_val/: validation", 0},
        {"train/images/a/1.jpg|train/images/b/1.jpg|test/images/a/1.jpg|test/images/b/1.jpg",
         "classes a,b; train 2; validation 0; test 2", "train/images/: train", 0},
        {"train/a/1.jpg|train/b/1.jpg|test/1.jpg|test/2.jpg", "classes a,b; train 2; validation 0; test 0",
         "test/: 2 images without class folders, so without labels; left out", 0},
        {"train/a/1.jpg|train/b/1.jpg|extra/a/1.jpg", "classes a,b; train 2; validation 0; test 0",
         "extra/: not train, validation (or val) or test by its name; left out", 0},
        {"cats/train/1.jpg|cats/test/2.jpg|dogs/train/1.jpg|dogs/test/2.jpg",
         "classes cats,dogs; train 2; validation 0; test 2", "folders in each class folder: train, validation and test",
         0},
    };
    gf_data_options o = tree_options();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(&cases[i], &o);
}

static void classes_are_found(void **state)
{
    (void)state;
    static const layout_case cases[] = {
        {"a/1.jpg|b/1.jpg", "classes a,b; train 2; validation 0; test 0", NULL, 0},
        {"bus/1.jpg|car/1.jpg|train/1.jpg", "classes bus,car,train; train 3; validation 0; test 0",
         "train/ is taken as a class", 0},
        {"valid/1.jpg|invalid/1.jpg", "classes invalid,valid; train 2; validation 0; test 0",
         "valid/ is taken as a class", 0},
        {"a/1.jpg|b/1.jpg|seg_pred/1.jpg", "classes a,b; train 2; validation 0; test 0", "seg_pred/: by its name", 0},
        {"dogs/poodle/1.jpg|dogs/beagle/1.jpg|cats/tabby/1.jpg|cats/2.jpg",
         "classes cats,dogs; train 4; validation 0; test 0",
         "3 images lie in folders inside of class folders (such as cats/tabby/)", 0},
        {"a/x/1.jpg|a/1.jpg|b/x/1.jpg|b/1.jpg", "classes a,b; train 4; validation 0; test 0", "2 images lie in folders",
         0},
    };
    gf_data_options o = tree_options();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(&cases[i], &o);
}

static void what_could_be_either_is_refused(void **state)
{
    (void)state;
    static const layout_case cases[] = {
        {"pets/cats/1.jpg|pets/dogs/1.jpg", NULL, "/pets? (or --layout", GF_E_DATA_LAYOUT},
        {"dataset/train/a/1.jpg|dataset/train/b/1.jpg|dataset/val/a/1.jpg|dataset/val/b/1.jpg", NULL, "/dataset?",
         GF_E_DATA_LAYOUT},
        {"archive/dataset/a/1.jpg|archive/dataset/b/1.jpg|archive/readme/", NULL, "/archive/dataset?",
         GF_E_DATA_LAYOUT},
        {"pets/cats/1.jpg|pets/dogs/1.jpg|docs/|__MACOSX/pets/._1.jpg", NULL, "/pets?", GF_E_DATA_LAYOUT},
        {"cats/1.jpg|dogs/1.jpg|dataset/cats/1.jpg|dataset/dogs/1.jpg", NULL,
         "the same folders once more are in dataset/", GF_E_DATA_LAYOUT},
        {"A/cat/1.jpg|A/dog/1.jpg|B/cat/1.jpg|B/dog/1.jpg", NULL, "holds no images but the same folders: cat/, dog/",
         GF_E_DATA_LAYOUT},
        {"entrenamiento/a/1.jpg|entrenamiento/b/1.jpg|entrenamiento/c/1.jpg|prueba/a/1.jpg|prueba/b/1.jpg", NULL,
         "the same folders: a/, b/", GF_E_DATA_LAYOUT},
        {"train/fold1/a/1.jpg|train/fold1/b/1.jpg|train/fold2/a/1.jpg|train/fold2/b/1.jpg", NULL,
         "each of 2 folders in train", GF_E_DATA_LAYOUT},
        {"set1/train/a/1.jpg|set1/train/b/1.jpg|set2/train/a/1.jpg|set2/train/b/1.jpg", NULL, "did you mean",
         GF_E_DATA_LAYOUT},
        {"train/1.jpg|test/1.jpg", NULL, "train: no class folders in it (1 images lie loose)", GF_E_DATA_NO_CLASSES},
        {"cats/1.jpg|dogs/1.jpg|test/1.jpg", NULL, "--layout classes", GF_E_DATA_LAYOUT},
        {"cats/1.jpg|train/1.jpg|test/1.jpg", NULL, "a part by its name", GF_E_DATA_LAYOUT},
        {"test/a/1.jpg|test/b/1.jpg|val/a/1.jpg|val/b/1.jpg", NULL, "no part to train on", GF_E_DATA_LAYOUT},
        {"train/a/1.jpg|train/b/1.jpg|valid/a/1.jpg|valid/b/1.jpg|val/a/1.jpg|val/b/1.jpg", NULL,
         "has both val/ and valid/", GF_E_DATA_CLASSES_DIFFER},
        {"Train/a/1.jpg|training_set/a/1.jpg", NULL, "has both Train/ and training_set/", GF_E_DATA_CLASSES_DIFFER},
        {"train/a/1.jpg|train/b/1.jpg|val/1.jpg", NULL, "val: no class folders in it", GF_E_DATA_NO_CLASSES},
        {"train\\cats\\1.jpg|train\\dogs\\1.jpg", NULL,
         "2 names hold backslashes instead of lying in folders, such as "
         "train\\cats\\1.jpg",
         GF_E_DATA_LAYOUT},
        {"train/cats\\1.jpg|train/dogs\\1.jpg", NULL, "train: 2 names hold backslashes", GF_E_DATA_LAYOUT},
        {"pets/cats\\1.jpg|pets/dogs\\1.jpg", NULL, "pets: 2 names hold backslashes", GF_E_DATA_LAYOUT},
        {"train\\cats/1.jpg|train\\dogs/1.jpg", NULL, "names hold backslashes", GF_E_DATA_LAYOUT},
    };
    gf_data_options o = tree_options();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(&cases[i], &o);
}

static void a_user_may_say_what_is_meant(void **state)
{
    (void)state;
    static const layout_case classes[] = {
        {"cats/1.jpg|dogs/1.jpg|test/1.jpg", "classes cats,dogs,test; train 3; validation 0; test 0", NULL, 0},
        {"A/cat/1.jpg|A/dog/1.jpg|B/cat/1.jpg|B/dog/1.jpg", "classes A,B; train 4; validation 0; test 0",
         "4 images lie in", 0},
        {"train/a/1.jpg|test/a/1.jpg", "classes test,train; train 2; validation 0; test 0", "2 images lie in", 0},
    };
    static const layout_case parts[] = {
        {"train/x/s1/1.jpg|train/x/s2/1.jpg|train/y/s1/1.jpg|train/y/s2/1.jpg",
         "classes x,y; train 4; validation 0; test 0", "4 images lie in", 0},
        {"a/1.jpg|b/1.jpg", NULL, "no folder is named as a part is", GF_E_DATA_LAYOUT},
    };
    gf_data_options o = tree_options();
    assert_int_equal(gf_layout_parse(&o.layout, "classes", NULL), GRAFT_OK);
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) check(&classes[i], &o);
    assert_int_equal(gf_layout_parse(&o.layout, "parts", NULL), GRAFT_OK);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) check(&parts[i], &o);
}

/* What may be asked for is the table; what cannot be it is refused, and says why. */
static void layouts_are_a_table(void **state)
{
    (void)state;
    tree t = tree_of("a/1.jpg|b/1.jpg");
    gf_data_options o = tree_options();
    gf_index *x;
    gf_text words = {0};
    graft_error err = {0};
    gf_layout_words(&words);
    assert_int_equal(strncmp(words.s, "auto - ", 7), 0);
    assert_int_equal(gf_layout_parse(&o.layout, "auto", NULL), GRAFT_OK);
    assert_null(o.layout);
    size_t n = 0;
    for (const gf_layout_class *c; (c = gf_layout_at(n)); n++) {
        assert_int_equal(gf_layout_parse(&o.layout, c->name, NULL), GRAFT_OK);
        assert_ptr_equal(o.layout, c);
        char line[64];
        snprintf(line, sizeof line, "\n%s - ", c->name);
        assert_non_null(strstr(words.s, line));
    }
    assert_true(n >= 4);
    gf_text_free(&words);
    assert_int_equal(gf_layout_parse(&o.layout, "clases", &err), GRAFT_USAGE);
    assert_int_equal(err.number, GF_E_OPTION_VALUE);
    assert_non_null(strstr(err.hint, "did you mean classes?"));
    assert_non_null(strstr(err.message, "auto, folder, parts, classes, csv"));
    assert_int_equal(gf_layout_parse(&o.layout, "csv", NULL), GRAFT_OK);
    assert_int_equal(gf_index_build(&x, t.dir, &o, &err), GRAFT_DATA);
    assert_int_equal(err.number, GF_E_DATA_LAYOUT);
    assert_non_null(strstr(err.message, "cannot be of the layout csv"));
    assert_int_equal(gf_layout_parse(&o.layout, "folder", NULL), GRAFT_OK);
    assert_int_equal(gf_index_build(&x, t.dir, &o, &err), GRAFT_OK);
    assert_int_equal(x->n, 2);
    gf_index_free(x);
    tree_remove(&t);
}

/* Of a model whose classes are known. */
static void given_classes_settle_doubt(void **state)
{
    (void)state;
    static const char *const given[] = {"a", "b", "test"};
    static const layout_case cases[] = {
        {"a/1.jpg|b/1.jpg|test/1.jpg", "classes a,b,test; train 3; validation 0; test 0", NULL, 0},
        {"test/1.jpg|a/1.jpg", "classes a,b,test; train 2; validation 0; test 0", "has no folder for these classes", 0},
        {"testing/a/1.jpg|testing/b/1.jpg|testing/test/1.jpg", "classes a,b,test; train 0; validation 0; test 3",
         "testing/: test", 0},
        {"A/1.jpg|b/1.jpg", NULL, "'A' and 'a' differ in capitals", GF_E_DATA_CLASSES_DIFFER},
    };
    gf_data_options o = tree_options();
    o.classes = given;
    o.n_classes = 3;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(&cases[i], &o);
}

/* What was taken as what is in the report and in the list of decisions, which a run folder gets. */
static void what_was_taken_is_kept(void **state)
{
    (void)state;
    tree t = tree_of("Training/a/1.jpg|Training/b/1.jpg|Testing/a/2.jpg|Testing/b/2.jpg|seg_pred/3.jpg");
    gf_decisions decisions = {0};
    heard h = {0};
    gf_log log = {heard_say, &h, &decisions};
    gf_data_options o = tree_options();
    o.log = &log;
    gf_pool *pool;
    gf_data_report *report;
    char *text = NULL;
    assert_int_equal(gf_pool_create(&pool, 1, NULL, NULL), GRAFT_OK);
    assert_int_equal(tree_inspect(t.dir, &o, pool, &report, NULL), GRAFT_OK);
    assert_int_equal(report->n_taken, 3);
    assert_int_equal(gf_report_text(report, &text, NULL), GRAFT_OK);
    assert_has(text, "taken      Training/ as train");
    assert_has(text, "taken      Testing/ as test");
    gf_free(text);
    gf_json *json = gf_report_json(report);
    text = gf_json_text(json, false);
    assert_has(text, "{\"what\": \"Training/\", \"as\": \"train\"}");
    gf_free(text);
    gf_json_free(json);
    gf_report_free(report);
    assert_int_equal(decisions.n, 4); /* the three, and how the validation part was cut from the training part */
    gf_decisions_free(&decisions);
    gf_pool_destroy(pool);
    tree_remove(&t);
}

static void differences_are_said_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b, *says;
    } rows[] = {
        {"cats", "Cats", "in capitals"},
        {"for\xc3\xaat", "fore\xcc\x82t", "the first writes a letter and its accent as one character (NFC)"},
        {"fore\xcc\x82t", "for\xc3\xaat", "the first writes a letter and its accent as two characters (NFD)"},
        {"\xc3\x84pfel", "\xc3\xa4pfel", "in capitals"},
        {"pen ", "pen", "in a space at the end of the first"},
        {"pen", "pen ", "in a space at the end of the other"},
        {" pen", "pen", "in a space at the beginning of the first"},
        {"hot dog",
         "hot\xc2\xa0"
         "dog",
         "in the spaces inside of them"},
        {"hot  dog", "hot dog", "in the spaces inside of them"},
        {"hot_dog", "hot dog", "in the signs between words"},
        {"Hot-dog", "hot_dog", "in the signs between words (space, - or _) and in capitals"},
        {"\xef\xbb\xbf"
         "cat",
         "cat", "in a byte order mark at the beginning"},
        {"Pen ", "pen", "in a space at the end of the first and in capitals"},
        {"cat", "dog", NULL},
        {"cat", "cat", NULL},
        {"cat", "cats", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char how[300] = "";
        bool alike = gf_names_alike(rows[i].a, rows[i].b, how, sizeof how);
        if (alike != (rows[i].says != NULL)) fail_msg("'%s' and '%s': %s", rows[i].a, rows[i].b, how);
        if (alike && !strstr(how, rows[i].says))
            fail_msg("'%s' and '%s': %s, not %s", rows[i].a, rows[i].b, how, rows[i].says);
    }
}

static void mismatched_names_are_told_apart(void **state)
{
    (void)state;
    static const layout_case cases[] = {
        {"train/Cats/1.jpg|train/Dogs/1.jpg|val/cats/1.jpg|val/dogs/1.jpg", NULL,
         "'cats', 'dogs'; train has classes that validation lacks: 'Cats', 'Dogs'; 'cats' and 'Cats' differ in "
         "capitals",
         GF_E_DATA_CLASSES_DIFFER},
        {"train/pen /1.jpg|train/pin/1.jpg|val/pen/1.jpg|val/pin/1.jpg", NULL,
         "'pen' and 'pen ' differ in a space at the end of the other", GF_E_DATA_CLASSES_DIFFER},
        {"train/for\xc3\xaat/1.jpg|train/b/1.jpg|test/fore\xcc\x82t/1.jpg|test/b/1.jpg", NULL,
         "(NFD), the other as one (NFC)", GF_E_DATA_CLASSES_DIFFER},
    };
    gf_data_options o = tree_options();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(&cases[i], &o);
}

/* Where no folder tells the classes, a table beside the images may. */
static void a_table_beside_the_images_is_named(void **state)
{
    (void)state;
    static const char *const images[] = {"train/1.jpg|train/2.jpg", "1.jpg|2.jpg"};
    for (size_t i = 0; i < 2; i++) {
        tree t = tree_of(images[i]);
        gf_data_options o = tree_options();
        gf_index *index;
        graft_error err = {0};
        assert_int_equal(gf_index_build(&index, t.dir, &o, &err), GRAFT_DATA);
        assert_null(strstr(err.hint, "did you mean"));
        tree_text(&t, "labels.CSV", "id,kind\n1,a\n");
        assert_int_equal(gf_index_build(&index, t.dir, &o, &err), GRAFT_DATA);
        assert_int_equal(err.number, GF_E_DATA_NO_CLASSES);
        assert_has(err.hint, "/labels.CSV?");
        tree_remove(&t);
    }
}

/* Of files whose ending says nothing the content does. */
static void content_decides_what_is_an_image(void **state)
{
    (void)state;
    tree t = tree_of("a/1.jpg|a/noending|a/photo.jpg?w=300|a/x.jpg_large|a/y.dat|b/z|b/2.txt");
    tree_text(&t, "a/notes", "no image");
    tree_text(&t, "b/list.txt", "P6 is a format");
    tree_text(&t, "b/empty", "");
    tree_text(&t, "b/small.ppm", "P3 1 1 255 1 2 3\n");
    tree_text(&t, "b/unnamed", "P3 1 1 255 1 2 3\n");
    tree_text(&t, "b/heic", "\1\1\1\30ftypheic....");
    heard h = {0};
    gf_log log = {heard_say, &h, NULL};
    gf_data_options o = tree_options();
    o.split[0] = 1;
    o.split[1] = 0;
    gf_index *index;
    graft_error err = {0};
    if (gf_index_build(&index, t.dir, &o, &err)) fail_msg("%s", err.message);
    assert_int_equal(index->n, 10);
    gf_index_tell_ignored(index, &log);
    assert_has(h.text, "3 files are left out, no image by content: ");
    assert_has(h.text, "2 without an ending");
    assert_has(h.text, "1 .txt (list.txt)");
    gf_index_free(index);
    tree_remove(&t);
}

/* B8, the other way: links out of the folder are taken when that is asked for, parts and images. */
static void links_are_followed_when_told(void **state)
{
    (void)state;
    tree t = tree_make(), other = tree_of("a/1.jpg|a/2.jpg|b/1.jpg|x.jpg");
    gf_data_options o = tree_options();
    tree_folder(&t, "val/a");
    tree_image(&t, "val/b/5.jpg", 50);
    assert_int_equal(symlink(other.dir, tree_path(&t, "train")), 0);
    assert_int_equal(symlink(tree_path(&other, "x.jpg"), tree_path(&t, "val/a/x.jpg")), 0);
    graft_error err = {0};
    gf_index *index;
    assert_int_equal(gf_index_build(&index, t.dir, &o, &err), GRAFT_DATA);
    assert_int_equal(err.number, GF_E_DATA_LINK);
    assert_has(err.hint, "--follow-links");
    o.follow_links = true;
    if (gf_index_build(&index, t.dir, &o, &err)) fail_msg("%s", err.message);
    char found[200];
    describe(index, found, sizeof found);
    assert_string_equal(found, "classes a,b; train 3; validation 2; test 0");
    gf_index_free(index);
    assert_int_equal(symlink("..", tree_path(&other, "a/up")), 0); /* still ends, and says so */
    if (gf_index_build(&index, t.dir, &o, &err)) fail_msg("%s", err.message);
    assert_in_range(index->n, 5, 8);
    gf_index_free(index);
    tree_remove(&t);
    tree_remove(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(part_names_in_any_spelling),
        cmocka_unit_test(parts_are_found),
        cmocka_unit_test(classes_are_found),
        cmocka_unit_test(what_could_be_either_is_refused),
        cmocka_unit_test(a_user_may_say_what_is_meant),
        cmocka_unit_test(layouts_are_a_table),
        cmocka_unit_test(given_classes_settle_doubt),
        cmocka_unit_test(what_was_taken_is_kept),
        cmocka_unit_test(differences_are_said_in_words),
        cmocka_unit_test(mismatched_names_are_told_apart),
        cmocka_unit_test(a_table_beside_the_images_is_named),
        cmocka_unit_test(content_decides_what_is_an_image),
        cmocka_unit_test(links_are_followed_when_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
