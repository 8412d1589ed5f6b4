/* data: the check of every file before training: bad files all at once, what is done about them, duplicates (rows B10,
 * B13, A23 and the policies). */
#include "data/names.h"
#include "support/needs.h"
#include "tree.h"

#include <sys/wait.h>

static gf_pool *pool_of(int threads)
{
    gf_pool *pool;
    assert_int_equal(gf_pool_create(&pool, threads, NULL, NULL), GRAFT_OK);
    return pool;
}

static gf_images *opened(const tree *t, const gf_data_options *o, gf_pool *pool)
{
    gf_images *data;
    graft_error err = {0};
    if (gf_images_open(&data, t->dir, o, pool, NULL, &err)) fail_msg("E%d: %s", err.number, err.message);
    return data;
}

/* Adds three bad files to cats and dogs. */
static void spoil(const tree *t)
{
    tree_text(t, "train/cat/p001.jpg", "");
    tree_text(t, "train/dog/p002.jpg", "<!DOCTYPE html><html>not found</html>");
    size_t n;
    uint8_t *bytes = tree_jpeg_bytes(64, 64, 5, &n);
    tree_bytes(t, "validation/dog/p000.jpg", bytes, n / 2);
    gf_free(bytes);
}

static void good_data_are_all_there(void **state)
{
    (void)state;
    tree t = tree_cats_and_dogs();
    gf_data_options o = tree_options();
    gf_pool *pool = pool_of(2);
    gf_images *data = opened(&t, &o, pool);
    assert_int_equal(data->set.index->n, 18);
    assert_int_equal(data->report->images, 18);
    assert_int_equal(data->report->n_bad, 0);
    assert_int_equal(data->report->format[GF_IMAGE_JPEG], 18);
    assert_int_equal(data->report->split_count[GF_TRAIN], 12);
    assert_int_equal(data->report->width.min, 20);
    assert_int_equal(data->report->width.median, 22);
    assert_int_equal(data->report->width.max, 24);
    assert_int_equal(data->report->height.max, 14);
    assert_int_equal(gf_cache_in_memory(data->cache), 18);
    uint8_t *bytes;
    size_t n;
    assert_int_equal(gf_file_read(tree_path(&t, "train/cat/p004.jpg"), 1 << 20, &bytes, &n, NULL), GRAFT_OK);
    gf_sha256 digest = gf_sha256_of(bytes, n);
    gf_free(bytes);
    assert_memory_equal(data->set.index->content[4].byte, digest.byte, 32);
    gf_images_close(data);
    gf_pool_destroy(pool);
    tree_remove(&t);
}

static void all_bad_files_are_told_at_once(void **state)
{
    (void)state;
    tree t = tree_cats_and_dogs();
    spoil(&t);
    gf_data_options o = tree_options();
    gf_pool *pool = pool_of(2);
    gf_images *data;
    gf_data_report *report;
    graft_error err = {0};
    assert_int_equal(gf_images_open(&data, t.dir, &o, pool, &report, &err), GRAFT_DATA);
    assert_null(data);
    assert_int_equal(err.number, GF_E_DATA_BAD_IMAGES);
    assert_has(err.message, "3 of 18 images cannot be used:");
    assert_has(err.message, "train/cat/p001.jpg");
    assert_has(err.message, "train/dog/p002.jpg");
    assert_has(err.message, "validation/dog/p000.jpg");
    assert_non_null(report);
    assert_int_equal(report->n_bad, 3);
    assert_string_equal(report->bad[0].path, "train/cat/p001.jpg"); /* in the index's order */
    assert_int_equal(report->bad[0].number, GF_E_IMAGE_EMPTY);
    assert_string_equal(report->bad[2].path, "validation/dog/p000.jpg");
    gf_report_free(report);
    assert_int_equal(gf_images_open(&data, t.dir, &o, pool, NULL, NULL), GRAFT_DATA); /* nobody wants the report */
    gf_pool_destroy(pool);
    tree_remove(&t);
}

static void a_long_list_is_cut_in_the_message_alone(void **state)
{
    (void)state;
    tree t = tree_cats_and_dogs();
    for (int i = 0; i < 300; i++) {
        char name[128];
        snprintf(name, sizeof name, "train/cat/broken-%03d.jpg", i);
        tree_text(&t, name, "no image");
    }
    gf_data_options o = tree_options();
    gf_pool *pool = pool_of(2);
    gf_images *data;
    gf_data_report *report;
    graft_error err = {0};
    assert_int_equal(gf_images_open(&data, t.dir, &o, pool, &report, &err), GRAFT_DATA);
    assert_has(err.message, "300 of 318 images cannot be used:");
    assert_has(err.message, "broken-000.jpg");
    const char *more = strstr(err.message, "  and ");
    assert_non_null(more);
    assert_has(more, " more");
    assert_int_equal(report->n_bad, 300);
    gf_report_free(report);
    gf_pool_destroy(pool);
    tree_remove(&t);
}

static void bad_files_are_left_out_when_told(void **state)
{
    (void)state;
    tree t = tree_cats_and_dogs();
    spoil(&t);
    gf_data_options o = tree_options();
    heard h = {0};
    gf_log log = {heard_say, &h};
    o.log = &log;
    o.bad_images = GF_BAD_SKIP;
    gf_pool *pool = pool_of(2);
    gf_images *data;
    graft_error err = {0};
    assert_int_equal(gf_images_open(&data, t.dir, &o, pool, NULL, &err), GRAFT_DATA);
    assert_has(err.message, "3 of 18 images cannot be used, at most 1 % are allowed:");
    o.max_bad = 0.2;
    data = opened(&t, &o, pool);
    assert_int_equal(data->set.index->n, 15);
    assert_int_equal(data->set.index->first[GF_VALIDATION], 10);
    assert_string_equal(gf_index_path(data->set.index, 1), "train/cat/p002.jpg");
    assert_has(h.text, "3 bad images are left out");
    /* the cache gives each sample its own pixels all the same */
    uint8_t expected[10 * 12 * 3];
    gf_buffer buffer = {0};
    for (uint32_t i = 0; i < data->set.index->n; i++) {
        const uint8_t *pixels;
        assert_int_equal(gf_cache_get(data->cache, i, NULL, &pixels, NULL), GRAFT_OK);
        assert_int_equal(gf_sample_read(data->set.index, i, &buffer, NULL), GRAFT_OK);
        assert_int_equal(gf_sample_decode(data->set.index, i, &buffer, &o, expected, NULL, NULL), GRAFT_OK);
        assert_memory_equal(pixels, expected, sizeof expected);
    }
    gf_buffer_free(&buffer);
    gf_images_close(data);
    gf_pool_destroy(pool);
    tree_remove(&t);
}

static void a_class_that_loses_all_is_refused(void **state)
{
    (void)state;
    tree t = tree_cats_and_dogs();
    tree_text(&t, "train/eel/x.jpg", "no image");
    gf_data_options o = tree_options();
    o.bad_images = GF_BAD_SKIP;
    o.max_bad = 1;
    gf_pool *pool = pool_of(1);
    gf_images *data;
    graft_error err = {0};
    assert_int_equal(gf_images_open(&data, t.dir, &o, pool, NULL, &err), GRAFT_DATA);
    assert_int_equal(err.number, GF_E_DATA_EMPTY_CLASS);
    assert_has(err.message, "class eel has no image left, 1 could not be used");
    gf_pool_destroy(pool);
    tree_remove(&t);
}

/* B5: by content, where the name tells nothing */
static void apple_double_files_are_litter(void **state)
{
    (void)state;
    tree t = tree_cats_and_dogs();
    tree_bytes(&t, "train/cat/resource.jpg", "\0\5\26\7\0\2\0\0Mac OS X", 16);
    gf_data_options o = tree_options();
    gf_pool *pool = pool_of(2);
    gf_images *data = opened(&t, &o, pool);
    assert_int_equal(data->set.index->n, 18);
    assert_int_equal(data->report->images, 18);
    assert_int_equal(data->report->ignored_system, 1);
    assert_int_equal(data->report->n_bad, 0);
    gf_images_close(data);
    gf_pool_destroy(pool);
    tree_remove(&t);
}

/* A6, A7, A24: names do not decide; formats that are not read are told, not left out in silence. */
static void content_decides(void **state)
{
    (void)state;
    tree t = tree_cats_and_dogs();
    gf_data_options o = tree_options();
    tree_image(&t, "train/cat/really-a-jpeg.png", 60);
    tree_bytes(&t, "train/cat/phone.heic",
               "\0\0\0\x18"
               "ftypheic\0\0\0\0mif1heic",
               24);
    gf_pool *pool = pool_of(1);
    gf_data_report *report;
    assert_int_equal(tree_inspect(t.dir, &o, pool, &report, NULL), GRAFT_OK);
    assert_int_equal(report->mark[0], 1);
    assert_int_equal(report->n_bad, 1);
    assert_has(report->bad[0].message, "HEIC");
    gf_report_free(report);
    gf_pool_destroy(pool);
    tree_remove(&t);
}

/* B10 */
static void unreadable_files_are_named(void **state)
{
    (void)state;
    tree t = tree_cats_and_dogs();
    assert_int_equal(chmod(t.dir, 0755), 0);
    assert_int_equal(chmod(tree_path(&t, "train/dog/p003.jpg"), 0), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        if (!geteuid() && (setgid(65534) || setuid(65534))) _exit(3);
        gf_data_options o = tree_options();
        gf_pool *pool;
        gf_data_report *report;
        if (gf_pool_create(&pool, 2, NULL, NULL) || tree_inspect(t.dir, &o, pool, &report, NULL)) _exit(1);
        bool told = report->n_bad == 1 && report->bad[0].number == GF_E_DATA_UNREADABLE &&
                    strstr(report->bad[0].message, "train/dog/p003.jpg: permission denied");
        gf_report_free(report);
        gf_pool_destroy(pool);
        _exit(told ? 0 : 2);
    }
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result));
    assert_int_equal(WEXITSTATUS(result), 0);
    tree_remove(&t);
}

static tree tree_with_copies(void)
{
    tree t = tree_cats_and_dogs();
    tree_image(&t, "train/cat/copy.jpg", 0);      /* = train/cat/p000.jpg */
    tree_image(&t, "train/cat/mistake.jpg", 6);   /* = train/dog/p000.jpg */
    tree_image(&t, "validation/cat/leak.jpg", 2); /* = train/cat/p002.jpg */
    return t;
}

/* B13 */
static void duplicates_are_told_apart(void **state)
{
    (void)state;
    tree t = tree_with_copies();
    gf_data_options o = tree_options();
    heard h = {0};
    gf_log log = {heard_say, &h};
    o.log = &log;
    gf_pool *pool = pool_of(2);
    gf_images *data = opened(&t, &o, pool);
    const gf_data_report *r = data->report;
    assert_int_equal(r->same_class, 1);
    assert_int_equal(r->other_class, 1);
    assert_int_equal(r->other_split, 1);
    assert_int_equal(r->n_duplicates, 3);
    assert_int_equal(data->set.index->n, 21);
    assert_has(h.text, "1 images are exact copies of others of their class");
    assert_has(h.text, "1 images are in two or more classes (label conflict)");
    assert_has(h.text, "1 images are in training and in validation or test too (leak)");
    assert_int_equal(h.notes, 1);
    assert_int_equal(h.warnings, 2);
    size_t leaks = 0, conflicts = 0;
    for (size_t i = 0; i < r->n_duplicates; i++) {
        leaks += r->duplicate[i].other_split && !strcmp(r->duplicate[i].path, "train/cat/p002.jpg") &&
                 !strcmp(r->duplicate[i].duplicate, "validation/cat/leak.jpg");
        conflicts += r->duplicate[i].other_class && !strcmp(r->duplicate[i].path, "train/cat/mistake.jpg") &&
                     !strcmp(r->duplicate[i].duplicate, "train/dog/p000.jpg");
    }
    assert_int_equal(leaks, 1);
    assert_int_equal(conflicts, 1);
    gf_images_close(data);
    gf_pool_destroy(pool);
    tree_remove(&t);
}

static bool has_path(const gf_index *index, const char *path)
{
    for (uint32_t i = 0; i < index->n; i++) {
        if (!strcmp(gf_index_path(index, i), path)) return true;
    }
    return false;
}

static void dedup_keeps_one_copy_and_no_conflict(void **state)
{
    (void)state;
    tree t = tree_with_copies();
    gf_data_options o = tree_options();
    o.dedup = true;
    gf_pool *pool = pool_of(2);
    gf_images *data = opened(&t, &o, pool);
    const gf_index *index = data->set.index;
    assert_int_equal(index->n, 17);
    assert_true(has_path(index, "train/cat/copy.jpg") != has_path(index, "train/cat/p000.jpg"));
    assert_false(has_path(index, "train/cat/mistake.jpg"));
    assert_false(has_path(index, "train/dog/p000.jpg"));
    assert_false(has_path(index, "train/cat/p002.jpg"));
    assert_true(has_path(index, "validation/cat/leak.jpg"));
    gf_images_close(data);
    gf_pool_destroy(pool);
    tree_remove(&t);
}

/* A23: a file that grows between being listed and being read */
static void a_file_that_is_being_written_is_bad(void **state)
{
    (void)state;
    tree t = tree_cats_and_dogs();
    gf_data_options o = tree_options();
    gf_index *index;
    assert_int_equal(gf_index_build(&index, t.dir, &o, NULL), GRAFT_OK);
    FILE *f = fopen(tree_path(&t, "train/cat/p002.jpg"), "ab");
    assert_non_null(f);
    assert_int_equal(fputs("more", f) >= 0, 1);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(unlink(tree_path(&t, "train/dog/p001.jpg")), 0);
    gf_pool *pool = pool_of(2);
    gf_data_report *report;
    bool drop[18] = {false};
    assert_int_equal(gf_check(index, NULL, &o, pool, &report, drop, NULL), GRAFT_OK);
    assert_int_equal(report->n_bad, 2);
    assert_string_equal(report->bad[0].message, "train/cat/p002.jpg: was changed after it was listed");
    assert_string_equal(report->bad[1].message, "train/dog/p001.jpg: is gone");
    assert_int_equal(report->bad[1].number, GF_E_DATA_CHANGED);
    for (int i = 0; i < 18; i++) assert_int_equal(drop[i], i == 2 || i == 7);
    gf_report_free(report);
    gf_pool_destroy(pool);
    gf_index_free(index);
    tree_remove(&t);
}

static void any_number_of_threads_tells_the_same(void **state)
{
    (void)state;
    tree t = tree_with_copies();
    spoil(&t);
    gf_data_options o = tree_options();
    char *first = NULL;
    for (int threads = 1; threads <= 4; threads++) {
        gf_pool *pool = pool_of(threads);
        gf_data_report *report;
        assert_int_equal(tree_inspect(t.dir, &o, pool, &report, NULL), GRAFT_OK);
        report->seconds = 0;
        gf_json *json = gf_report_json(report);
        char *text = gf_json_text(json, 1);
        assert_non_null(text);
        if (first) assert_string_equal(text, first);
        if (!first) {
            first = text;
        } else {
            gf_free(text);
        }
        gf_json_free(json);
        gf_report_free(report);
        gf_pool_destroy(pool);
    }
    gf_free(first);
    tree_remove(&t);
}

static void report_tells_all(void **state)
{
    (void)state;
    tree t = tree_with_copies();
    spoil(&t);
    tree_text(&t, "train/cat/notes.txt", "x");
    tree_text(&t, "train/cat/Thumbs.db", "x");
    gf_data_options o = tree_options();
    gf_pool *pool = pool_of(2);
    gf_data_report *report;
    assert_int_equal(tree_inspect(t.dir, &o, pool, &report, NULL), GRAFT_OK);
    gf_json *json = gf_report_json(report);
    assert_int_equal(gf_json_i64(gf_json_get(json, "images"), -1), 21);
    assert_int_equal(gf_json_i64(gf_json_get(json, "bad_images"), -1), 3);
    const gf_json *train = gf_json_get(gf_json_get(json, "splits"), "train");
    assert_int_equal(gf_json_i64(gf_json_get(train, "images"), -1), 14);
    assert_int_equal(gf_json_i64(gf_json_get(gf_json_get(train, "classes"), "cat"), -1), 8);
    const gf_json *bad = gf_json_at(gf_json_get(json, "bad"), 0);
    assert_string_equal(gf_json_str(gf_json_get(bad, "path"), ""), "train/cat/p001.jpg");
    assert_string_equal(gf_json_str(gf_json_get(bad, "error"), ""), "E1201");
    const gf_json *ignored = gf_json_get(json, "ignored");
    assert_int_equal(gf_json_i64(gf_json_get(gf_json_get(ignored, "by_extension"), "txt"), -1), 1);
    assert_int_equal(gf_json_i64(gf_json_get(ignored, "system"), -1), 1);
    assert_int_equal(gf_json_i64(gf_json_get(gf_json_get(json, "duplicates"), "across_splits"), -1), 1);
    gf_json_free(json);
    char *text;
    assert_int_equal(gf_report_text(report, &text, NULL), GRAFT_OK);
    assert_has(text, "21 images, 2 classes");
    assert_has(text, "cat             8           4           0  ########################\n");
    assert_has(text, "bad: E1201: train/cat/p001.jpg");
    assert_has(text, "the same (other split): train/cat/p002.jpg = validation/cat/leak.jpg");
    gf_free(text);
    gf_report_free(report);
    gf_pool_destroy(pool);
    tree_remove(&t);
}

typedef struct steps {
    uint64_t last, total;
    int calls;
    graft_status answer;
} steps;

static graft_status step(void *user, uint64_t done, uint64_t total)
{
    steps *s = user;
    assert_true(done >= s->last && done <= total);
    s->last = done;
    s->total = total;
    s->calls++;
    return s->answer;
}

static void progress_is_told_and_may_stop(void **state)
{
    (void)state;
    tree t = tree_cats_and_dogs();
    gf_data_options o = tree_options();
    steps s = {0};
    o.progress = step;
    o.user = &s;
    gf_pool *pool = pool_of(2);
    gf_images *data = opened(&t, &o, pool);
    assert_int_equal(s.last, 18);
    assert_true(s.calls >= 2);
    gf_images_close(data);
    s = (steps){.answer = GRAFT_TERMINATED};
    assert_int_equal(gf_images_open(&data, t.dir, &o, pool, NULL, NULL), GRAFT_TERMINATED);
    gf_pool_destroy(pool);
    tree_remove(&t);
}

/* The photos that come with the working copy, where they are there. */
static void real_photos_are_good(void **state)
{
    (void)state;
    NEEDS("data:cats_dogs");
    char photos[512];
    needs_data("cats_dogs", photos, sizeof photos);
    gf_data_options o;
    gf_data_defaults(&o);
    o.test_from_validation = 0.2;
    gf_pool *pool = pool_of(2);
    gf_images *data;
    graft_error err = {0};
    if (gf_images_open(&data, photos, &o, pool, NULL, &err)) fail_msg("%s", err.message);
    assert_int_equal(data->set.index->first[GF_VALIDATION], 2000);
    assert_int_equal(data->set.index->first[GF_TEST], 2808);
    assert_int_equal(data->set.index->n, 3000);
    gf_images_close(data);
    gf_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_data_are_all_there),
        cmocka_unit_test(all_bad_files_are_told_at_once),
        cmocka_unit_test(a_long_list_is_cut_in_the_message_alone),
        cmocka_unit_test(bad_files_are_left_out_when_told),
        cmocka_unit_test(a_class_that_loses_all_is_refused),
        cmocka_unit_test(apple_double_files_are_litter),
        cmocka_unit_test(content_decides),
        cmocka_unit_test(unreadable_files_are_named),
        cmocka_unit_test(duplicates_are_told_apart),
        cmocka_unit_test(dedup_keeps_one_copy_and_no_conflict),
        cmocka_unit_test(a_file_that_is_being_written_is_bad),
        cmocka_unit_test(any_number_of_threads_tells_the_same),
        cmocka_unit_test(report_tells_all),
        cmocka_unit_test(progress_is_told_and_may_stop),
        cmocka_unit_test(real_photos_are_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
