/* data: what is found in folders, and what is refused (rows B1-B12, B14 of the fault catalogue). */
#include "data/build.h"
#include "tree.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static gf_index *built(const char *path, const gf_data_options *options)
{
    gf_index *index;
    graft_error err = {0};
    if (gf_index_build(&index, path, options, &err) != GRAFT_OK) fail_msg("E%d: %s", err.number, err.message);
    return index;
}

static void finds_split_folders(void **state)
{
    (void)state;
    tree t = tree_cats_and_dogs();
    gf_data_options o = tree_options();
    gf_index *index = built(t.dir, &o);
    assert_int_equal(index->classes.n, 2);
    assert_string_equal(index->classes.item[0], "cat");
    assert_string_equal(index->classes.item[1], "dog");
    assert_int_equal(index->n, 18);
    assert_int_equal(index->first[GF_VALIDATION], 12);
    assert_int_equal(index->first[GF_TEST], 18);
    assert_string_equal(gf_index_path(index, 0), "train/cat/p000.jpg");
    assert_string_equal(gf_index_path(index, 11), "train/dog/p005.jpg");
    assert_string_equal(gf_index_path(index, 17), "validation/dog/p002.jpg");
    assert_int_equal(index->sample[17].class_id, 1);
    assert_int_equal(gf_index_count(index, GF_VALIDATION, 0), 3);
    struct stat st;
    assert_int_equal(stat(tree_path(&t, "train/cat/p000.jpg"), &st), 0);
    assert_int_equal(index->sample[0].size, st.st_size);
    assert_int_equal(index->sample[0].inode, st.st_ino);
    gf_index_free(index);
    tree_remove(&t);
}

static void val_is_another_word_for_validation(void **state)
{
    (void)state;
    tree t = tree_cats_and_dogs();
    gf_data_options o = tree_options();
    assert_int_equal(rename(tree_path(&t, "validation"), tree_path(&t, "val")), 0);
    int seed = 50;
    tree_class(&t, "test/cat", 2, &seed);
    tree_class(&t, "test/dog", 2, &seed);
    gf_index *index = built(t.dir, &o);
    assert_int_equal(index->first[GF_TEST] - index->first[GF_VALIDATION], 6);
    assert_int_equal(index->first[GF_SPLITS] - index->first[GF_TEST], 4);
    gf_index_free(index);
    tree_folder(&t, "validation");
    assert_refused(t.dir, &o, GF_E_DATA_CLASSES_DIFFER, "both val/ and validation/");
    tree_remove(&t);
}

static void classes_are_sorted_by_bytes_and_walked_to_the_bottom(void **state)
{
    (void)state;
    tree t = tree_make();
    gf_data_options o = tree_options();
    o.split[0] = 1;
    o.split[1] = 0;
    tree_image(&t, "b/deep/er/x.png", 1);
    tree_image(&t, "b/a.JPG", 2);
    tree_image(&t, "B/y.webp", 3);
    tree_image(&t, "a.b/z.gif", 4);
    tree_image(&t, "a/z.bmp", 5);
    gf_index *index = built(t.dir, &o);
    const char *const classes[] = {"B", "a", "a.b", "b"};
    const char *const paths[] = {"B/y.webp", "a.b/z.gif", "a/z.bmp", "b/a.JPG", "b/deep/er/x.png"};
    const uint32_t of[] = {0, 2, 1, 3, 3};
    assert_int_equal(index->classes.n, 4);
    for (size_t i = 0; i < 4; i++) assert_string_equal(index->classes.item[i], classes[i]);
    assert_int_equal(index->n, 5);
    for (uint32_t i = 0; i < 5; i++) {
        assert_string_equal(gf_index_path(index, i), paths[i]);
        assert_int_equal(index->sample[i].class_id, of[i]);
        assert_int_equal(index->sample[i].split, GF_TRAIN);
    }
    gf_index_free(index);
    tree_remove(&t);
}

/* B1 */
static void refuses_what_is_no_data_folder(void **state)
{
    (void)state;
    tree t = tree_make();
    gf_data_options o = tree_options();
    assert_refused(tree_path(&t, "nowhere"), &o, GF_E_DATA_NOT_FOUND, "nowhere");
    assert_refused(t.dir, &o, GF_E_DATA_NO_CLASSES, "looked for train/CLASS/");
    tree_image(&t, "x.jpg", 1);
    assert_refused(tree_path(&t, "x.jpg"), &o, GF_E_DATA_NOT_FOUND, "neither a folder nor a CSV file");
    assert_refused(t.dir, &o, GF_E_DATA_NO_CLASSES, "1 images lie loose");
    tree_folder(&t, "train");
    assert_refused(t.dir, &o, GF_E_DATA_NO_CLASSES, "train: no class folders");
    tree_remove(&t);
}

/* B2 */
static void refuses_an_empty_class_by_name(void **state)
{
    (void)state;
    tree t = tree_cats_and_dogs();
    gf_data_options o = tree_options();
    tree_folder(&t, "train/eel");
    assert_refused(t.dir, &o, GF_E_DATA_EMPTY_CLASS, "train/eel/");
    o.allow_empty_class = true;
    gf_index *index = built(t.dir, &o);
    assert_int_equal(index->classes.n, 3);
    assert_string_equal(index->classes.item[2], "eel");
    assert_int_equal(index->n, 18);
    gf_index_free(index);
    tree_remove(&t);
}

/* B4 */
static void refuses_a_class_that_training_lacks(void **state)
{
    (void)state;
    tree t = tree_cats_and_dogs();
    gf_data_options o = tree_options();
    heard h = {0};
    gf_log log = {heard_say, &h};
    o.log = &log;
    tree_image(&t, "train/ant/x.jpg", 90);
    gf_index *index = built(t.dir, &o); /* the other way round is worth a warning */
    assert_has(h.text, "validation has no folder for these classes of train: 'ant'");
    gf_index_free(index);
    tree_image(&t, "validation/\x1b[2Jeel/x.jpg", 91);
    assert_refused(
        t.dir, &o, GF_E_DATA_CLASSES_DIFFER,
        "validation has classes that train lacks: '\\x1b[2Jeel'; train has classes that validation lacks: 'ant'");
    tree_remove(&t);
}

static void given_classes_are_the_only_ones(void **state)
{
    (void)state;
    tree t = tree_cats_and_dogs();
    gf_data_options o = tree_options();
    static const char *const three[] = {"dog", "ant", "cat"}, *const one[] = {"dog"};
    o.classes = three;
    o.n_classes = 3;
    gf_index *index = built(t.dir, &o);
    assert_int_equal(index->classes.n, 3);
    assert_int_equal(index->sample[0].class_id, 2); /* cat */
    gf_index_free(index);
    o.classes = one;
    o.n_classes = 1;
    assert_refused(t.dir, &o, GF_E_DATA_CLASSES_DIFFER, "that the model lacks: 'cat'");
    tree_remove(&t);
}

/* B5, B6, B7 */
static void leaves_out_and_counts_what_is_no_image(void **state)
{
    (void)state;
    tree t = tree_cats_and_dogs();
    gf_data_options o = tree_options();
    heard h = {0};
    gf_log log = {heard_say, &h};
    o.log = &log;
    static const char *const litter[] = {"train/cat/Thumbs.db",     "train/cat/THUMBS.DB",  "train/cat/.DS_Store",
                                         "train/desktop.ini",       "train/cat/._p000.jpg", "train/cat/.git/x.jpg",
                                         "train/__MACOSX/cat/x.jpg"};
    for (size_t i = 0; i < 7; i++) tree_text(&t, litter[i], "x");
    tree_text(&t, "train/cat/a.txt", "x");
    tree_text(&t, "train/dog/b.TXT", "x");
    tree_text(&t, "labels.json", "{}");
    tree_text(&t, "train/dog/README", "x");
    tree_image(&t, "loose.jpg", 70);
    tree_image(&t, "train/loose.jpg", 71);
    tree_image(&t, "extra/cat/x.jpg", 72);
    gf_index *index = built(t.dir, &o);
    assert_int_equal(index->n, 18);
    assert_int_equal(index->ignored_system, 7);
    assert_int_equal(index->loose, 2);
    assert_int_equal(index->n_ignored, 3);
    uint64_t txt = 0, none = 0, json = 0;
    for (size_t i = 0; i < 3; i++) {
        if (!strcmp(index->ignored[i].name, "txt")) txt = index->ignored[i].n;
        if (!strcmp(index->ignored[i].name, "json")) json = index->ignored[i].n;
        if (!strcmp(index->ignored[i].name, "(none)")) none = index->ignored[i].n;
    }
    assert_int_equal(txt, 2);
    assert_int_equal(json, 1);
    assert_int_equal(none, 1);
    assert_has(h.text, "2 images lie outside of any class folder");
    assert_has(h.text, "extra/: not train");
    assert_int_equal(h.warnings, 2);
    gf_index_free(index);
    tree_remove(&t);
}

static void many_extensions_share_the_last_place(void **state)
{
    (void)state;
    gf_index index = {0};
    for (int i = 0; i < 100; i++) {
        char name[32];
        snprintf(name, sizeof name, "x.e%d", i);
        gf_index_count_ignored(&index, name);
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < index.n_ignored; i++) sum += index.ignored[i].n;
    assert_int_equal(sum, 100);
    assert_int_equal(index.n_ignored, GF_EXTENSIONS);
    assert_string_equal(index.ignored[GF_EXTENSIONS - 1].name, "(other)");
}

/* B6 */
static void no_images_at_all_is_an_error(void **state)
{
    (void)state;
    tree t = tree_make();
    gf_data_options o = tree_options();
    o.allow_empty_class = true;
    tree_text(&t, "a/x.txt", "x");
    tree_text(&t, "b/y.json", "x");
    assert_refused(t.dir, &o, GF_E_DATA_NO_IMAGES, "no images found (2 other files)");
    tree_remove(&t);
}

/* B8 */
static void follows_links_only_inside(void **state)
{
    (void)state;
    tree t = tree_cats_and_dogs(), other = tree_make();
    gf_data_options o = tree_options();
    tree_image(&other, "secret.jpg", 5);
    tree_image(&other, "folder/x.jpg", 6);
    assert_int_equal(symlink("../dog/p000.jpg", tree_path(&t, "train/cat/linked.jpg")), 0);
    gf_index *index = built(t.dir, &o);
    assert_int_equal(index->n, 19);
    gf_index_free(index);

    assert_int_equal(symlink(tree_path(&other, "secret.jpg"), tree_path(&t, "train/cat/out.jpg")), 0);
    assert_refused(t.dir, &o, GF_E_DATA_LINK, "train/cat/out.jpg: the link leads out of the data folder");
    assert_int_equal(unlink(tree_path(&t, "train/cat/out.jpg")), 0);

    assert_int_equal(symlink(tree_path(&other, "folder"), tree_path(&t, "train/cat/out")), 0);
    assert_refused(t.dir, &o, GF_E_DATA_LINK, "train/cat/out: the link leads out of the data folder");
    assert_int_equal(unlink(tree_path(&t, "train/cat/out")), 0);

    assert_int_equal(symlink("gone.jpg", tree_path(&t, "train/cat/dangling.jpg")), 0);
    assert_refused(t.dir, &o, GF_E_DATA_LINK, "train/cat/dangling.jpg: the link leads nowhere");
    assert_int_equal(unlink(tree_path(&t, "train/cat/dangling.jpg")), 0);

    assert_int_equal(symlink("/etc/passwd", tree_path(&t, "train/cat/notes.txt")), 0); /* no image: not looked at */
    index = built(t.dir, &o);
    assert_int_equal(index->n, 19);
    gf_index_free(index);
    tree_remove(&other);
    tree_remove(&t);
}

/* A folder whose name begins like the root's is not inside of it. */
static void a_sibling_with_the_same_beginning_is_outside(void **state)
{
    (void)state;
    tree t = tree_make();
    tree_image(&t, "data/a/x.jpg", 1);
    tree_image(&t, "data/b/x.jpg", 2);
    tree_image(&t, "data_evil/x.jpg", 3);
    assert_int_equal(symlink("../../data_evil/x.jpg", tree_path(&t, "data/a/y.jpg")), 0);
    gf_data_options o = tree_options();
    assert_refused(tree_path(&t, "data"), &o, GF_E_DATA_LINK, "a/y.jpg: the link leads out");
    tree_remove(&t);
}

/* B9 */
static void ends_on_link_loops(void **state)
{
    (void)state;
    tree t = tree_cats_and_dogs();
    gf_data_options o = tree_options();
    heard h = {0};
    gf_log log = {heard_say, &h};
    o.log = &log;
    assert_int_equal(symlink("self.jpg", tree_path(&t, "train/cat/self.jpg")), 0);
    assert_int_equal(symlink("..", tree_path(&t, "train/cat/up")), 0);
    assert_int_equal(symlink(".", tree_path(&t, "train/dog/here")), 0);
    gf_index *index = built(t.dir, &o);
    assert_has(h.text, "train/cat/self.jpg: a link that leads to itself");
    assert_has(h.text, "train/dog/here: a link to a folder that it lies in");
    assert_has(h.text, "train/cat/up/cat: a link to a folder that it lies in");
    assert_true(h.warnings >= 3);
    gf_index_free(index);
    tree_remove(&t);
}

/* B9: each folder has two links to the next; followed at each meeting these were 2^20 ways. */
static void ends_on_a_ladder_of_links(void **state)
{
    (void)state;
    tree t = tree_make();
    for (int i = 0; i < 20; i++) {
        char name[64], target[64];
        snprintf(name, sizeof name, "cat/f%02d", i);
        tree_folder(&t, name);
        snprintf(target, sizeof target, "../f%02d", i + 1);
        for (int k = 0; k < 2 && i < 19; k++) {
            snprintf(name, sizeof name, "cat/f%02d/link%d", i, k);
            assert_int_equal(symlink(target, tree_path(&t, name)), 0);
        }
    }
    tree_image(&t, "cat/f19/x.jpg", 1);
    tree_image(&t, "dog/x.jpg", 2);
    gf_data_options o = tree_options();
    gf_index *index = built(t.dir, &o);
    assert_in_range(index->n, 2, 200);
    gf_index_free(index);
    tree_remove(&t);
}

/* B10. Root may read everything, so the look is taken by a child that is nobody. */
static void names_what_it_may_not_read(void **state)
{
    (void)state;
    tree t = tree_cats_and_dogs();
    assert_int_equal(chmod(t.dir, 0755), 0);
    assert_int_equal(chmod(tree_path(&t, "train/dog"), 0), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        if (!geteuid() && (setgid(65534) || setuid(65534))) _exit(3);
        gf_data_options o = tree_options();
        gf_index *index;
        graft_error err = {0};
        graft_status status = gf_index_build(&index, t.dir, &o, &err);
        bool named = strstr(err.message, "train/dog") && strstr(err.message, "permission denied");
        _exit(status != GRAFT_DATA ? 1 : err.number != GF_E_DATA_UNREADABLE || !named ? 2 : 0);
    }
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result));
    assert_int_equal(WEXITSTATUS(result), 0);
    assert_int_equal(chmod(tree_path(&t, "train/dog"), 0755), 0);
    tree_remove(&t);
}

/* B11 */
static void takes_any_name(void **state)
{
    (void)state;
    tree t = tree_make();
    gf_data_options o = tree_options();
    o.split[0] = 1;
    o.split[1] = 0;
    char longest[256];
    memset(longest, 'n', 251);
    memcpy(longest + 251, ".jpg", 5);
    char with_class[300];
    snprintf(with_class, sizeof with_class, "a/%s", longest);
    static const char *const names[] = {"a/\xff\xfe\x80.jpg", "a/line\nbreak.jpg", "a/\x1b[31mred.jpg", "b/ .jpg",
                                        "b/\xe2\x80\xaeright.jpg"};
    for (size_t i = 0; i < 5; i++) tree_image(&t, names[i], (int)i);
    tree_image(&t, with_class, 9);
    gf_index *index = built(t.dir, &o);
    assert_int_equal(index->n, 6);
    gf_buffer buffer = {0};
    for (uint32_t i = 0; i < index->n; i++) {
        assert_int_equal(gf_sample_read(index, i, &buffer, NULL), GRAFT_OK);
        assert_int_equal(buffer.n, index->sample[i].size);
    }
    gf_buffer_free(&buffer);
    gf_index_free(index);
    tree_remove(&t);
}

/* B11: a path over 4096 bytes, longer than the kernel takes at once. */
static void reaches_paths_longer_than_the_kernel_takes(void **state)
{
    (void)state;
    tree t = tree_make();
    int seed = 0;
    tree_class(&t, "a", 2, &seed);
    tree_class(&t, "b", 2, &seed);
    char name[201];
    memset(name, 'd', 200);
    name[200] = 0;
    int here = open(".", O_RDONLY | O_DIRECTORY);
    assert_true(here >= 0);
    assert_int_equal(chdir(tree_path(&t, "a")), 0);
    for (int i = 0; i < 42; i++) {
        assert_int_equal(mkdir(name, 0777), 0);
        assert_int_equal(chdir(name), 0);
    }
    size_t n;
    uint8_t *bytes = tree_jpeg_bytes(8, 8, 77, &n);
    FILE *f = fopen("deep.jpg", "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    gf_free(bytes);
    assert_int_equal(fchdir(here), 0);
    close(here);

    gf_data_options o = tree_options();
    o.split[0] = 1;
    o.split[1] = 0;
    gf_index *index = built(t.dir, &o);
    assert_int_equal(index->n, 5);
    assert_true(strlen(gf_index_path(index, 0)) > 8192);
    gf_buffer buffer = {0};
    graft_error err = {0};
    if (gf_sample_read(index, 0, &buffer, &err) != GRAFT_OK) fail_msg("%s", err.message);
    assert_int_equal(buffer.n, n);
    gf_buffer_free(&buffer);
    gf_index_free(index);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", t.dir); /* nftw does not reach so deep */
    assert_int_equal(system(command), 0);
}

/* B12 */
static void warns_of_classes_that_look_alike(void **state)
{
    (void)state;
    tree t = tree_make();
    gf_data_options o = tree_options();
    heard h = {0};
    gf_log log = {heard_say, &h};
    o.log = &log;
    static const char *const classes[] = {
        "Cat", "cat", "caf\xc3\xa9", "cafe\xcc\x81", "cafe", "\xea\xb0\x81", "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8"};
    int seed = 0;
    for (size_t i = 0; i < 7; i++) tree_class(&t, classes[i], 3, &seed);
    gf_index *index = built(t.dir, &o);
    assert_int_equal(index->classes.n, 7); /* kept apart */
    assert_has(h.text, "'Cat' and 'cat' differ only");
    assert_has(h.text, "'cafe\xcc\x81' and 'caf\xc3\xa9' differ only");
    assert_has(h.text, "'\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8' and '\xea\xb0\x81' differ only");
    assert_int_equal(h.warnings, 3);
    gf_index_free(index);
    tree_remove(&t);
}

/* B14: opening a FIFO without a writer would wait for ever. */
static void never_opens_special_files(void **state)
{
    (void)state;
    tree t = tree_cats_and_dogs();
    gf_data_options o = tree_options();
    heard h = {0};
    gf_log log = {heard_say, &h};
    o.log = &log;
    assert_int_equal(mkfifo(tree_path(&t, "train/cat/pipe.jpg"), 0666), 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/train/dog/socket.jpg", t.dir);
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(s >= 0);
    assert_int_equal(bind(s, (struct sockaddr *)&address, sizeof address), 0);
    gf_index *index = built(t.dir, &o);
    assert_int_equal(index->n, 18);
    assert_int_equal(index->special, 2);
    assert_has(h.text, "train/cat/pipe.jpg: a pipe, socket or device; left out");
    assert_int_equal(h.notes, 2);
    close(s);
    gf_index_free(index);
    tree_remove(&t);
}

static void lists_images_without_classes(void **state)
{
    (void)state;
    tree t = tree_cats_and_dogs();
    gf_data_options o = tree_options();
    tree_image(&t, "odd.name", 40);
    char odd[4096], folder[4096];
    snprintf(odd, sizeof odd, "%s", tree_path(&t, "odd.name"));
    snprintf(folder, sizeof folder, "%s", tree_path(&t, "train/dog"));
    const char *const paths[] = {odd, folder};
    gf_index *index;
    assert_int_equal(gf_index_images(&index, paths, 2, &o, NULL), GRAFT_OK);
    assert_int_equal(index->n, 7);
    assert_string_equal(gf_index_path(index, 0), odd);
    assert_string_equal(gf_index_path(index, 1), tree_path(&t, "train/dog/p000.jpg"));
    assert_int_equal(index->first[GF_SPLITS] - index->first[GF_TEST], 7);
    gf_buffer buffer = {0};
    assert_int_equal(gf_sample_read(index, 6, &buffer, NULL), GRAFT_OK);
    gf_buffer_free(&buffer);
    gf_index_free(index);
    const char *const gone[] = {"/nowhere/x.jpg", odd}; /* told when it is read: the other one is there */
    graft_error err;
    assert_int_equal(gf_index_images(&index, gone, 2, &o, &err), GRAFT_OK);
    assert_int_equal(index->n, 2);
    assert_int_equal(gf_sample_read(index, 0, &buffer, &err), GRAFT_DATA);
    assert_int_equal(err.number, GF_E_DATA_NOT_FOUND);
    assert_non_null(strstr(err.message, "/nowhere/x.jpg"));
    assert_int_equal(gf_sample_read(index, 1, &buffer, &err), GRAFT_OK);
    gf_buffer_free(&buffer);
    gf_index_free(index);
    tree_remove(&t);
}

static void digest_tells_data_not_places(void **state)
{
    (void)state;
    tree a = tree_cats_and_dogs(), b = tree_cats_and_dogs();
    gf_data_options o = tree_options();
    gf_index *x = built(a.dir, &o), *y = built(b.dir, &o);
    gf_sha256 dx, dy;
    assert_int_equal(gf_index_digest(x, &dx, NULL), GRAFT_OK);
    assert_int_equal(gf_index_digest(y, &dy, NULL), GRAFT_OK);
    assert_memory_equal(dx.byte, dy.byte, 32);
    bool drop[18] = {[3] = true};
    gf_index_drop(y, drop);
    assert_int_equal(y->n, 17);
    assert_string_equal(gf_index_path(y, 3), "train/cat/p004.jpg");
    assert_int_equal(y->first[GF_VALIDATION], 11);
    assert_int_equal(gf_index_digest(y, &dy, NULL), GRAFT_OK);
    assert_memory_not_equal(dx.byte, dy.byte, 32);
    x->sample[0].class_id = 1;
    assert_int_equal(gf_index_digest(x, &dy, NULL), GRAFT_OK);
    assert_memory_not_equal(dx.byte, dy.byte, 32);
    gf_index_free(x);
    gf_index_free(y);
    tree_remove(&a);
    tree_remove(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_split_folders),
        cmocka_unit_test(val_is_another_word_for_validation),
        cmocka_unit_test(classes_are_sorted_by_bytes_and_walked_to_the_bottom),
        cmocka_unit_test(refuses_what_is_no_data_folder),
        cmocka_unit_test(refuses_an_empty_class_by_name),
        cmocka_unit_test(refuses_a_class_that_training_lacks),
        cmocka_unit_test(given_classes_are_the_only_ones),
        cmocka_unit_test(leaves_out_and_counts_what_is_no_image),
        cmocka_unit_test(many_extensions_share_the_last_place),
        cmocka_unit_test(no_images_at_all_is_an_error),
        cmocka_unit_test(follows_links_only_inside),
        cmocka_unit_test(a_sibling_with_the_same_beginning_is_outside),
        cmocka_unit_test(ends_on_link_loops),
        cmocka_unit_test(ends_on_a_ladder_of_links),
        cmocka_unit_test(names_what_it_may_not_read),
        cmocka_unit_test(takes_any_name),
        cmocka_unit_test(reaches_paths_longer_than_the_kernel_takes),
        cmocka_unit_test(warns_of_classes_that_look_alike),
        cmocka_unit_test(never_opens_special_files),
        cmocka_unit_test(lists_images_without_classes),
        cmocka_unit_test(digest_tells_data_not_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
