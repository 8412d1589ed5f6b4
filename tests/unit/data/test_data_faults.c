/* data: every allocation, open, read and write failed in turn: an error or a right result, never a leak; and files that
 * cannot be read at times (row A22), disks that are full. */
#include "base/sys.h"
#include "support/sys_faults.h"
#include "tree.h"

#include <errno.h>

enum { BYTES = 10 * 12 * 3 };

static graft_status nothing(void *ctx, size_t item, int worker, graft_error *err)
{
    (void)ctx, (void)item, (void)worker, (void)err;
    return GRAFT_OK;
}

/* With its thread at work, which has freed by then what it was started with: blocks are counted from here on. */
static gf_pool *one_thread(void)
{
    gf_pool *pool;
    assert_int_equal(gf_pool_create(&pool, 1, NULL, NULL), GRAFT_OK);
    assert_int_equal(gf_pool_run(pool, 1, nothing, NULL, NULL), GRAFT_OK);
    return pool;
}

static void empty_folder(const tree *t)
{
    gf_names names;
    assert_int_equal(gf_dir_list(t->dir, &names, NULL), GRAFT_OK);
    for (size_t i = 0; i < names.n; i++) assert_int_equal(unlink(tree_path(t, names.item[i])), 0);
    gf_names_free(&names);
}

/* Whether every image can be had; what a lost file system gives instead is an error, not other pixels. */
static void assert_pixels(gf_images *data)
{
    uint8_t scratch[BYTES], expected[BYTES];
    gf_buffer buffer = {0};
    for (uint32_t i = 0; i < data->set.index->n; i++) {
        const uint8_t *pixels;
        assert_int_equal(gf_cache_get(data->cache, i, scratch, &pixels, NULL), GRAFT_OK);
        assert_int_equal(gf_sample_read(data->set.index, i, &buffer, NULL), GRAFT_OK);
        assert_int_equal(gf_sample_decode(data->set.index, i, &buffer, &data->options, expected, NULL, NULL), GRAFT_OK);
        assert_memory_equal(pixels, expected, BYTES);
    }
    gf_buffer_free(&buffer);
}

typedef struct outcome {
    long faults, survived;
} outcome;

/* Opens the data with the k-th call of `kind` failing, for all k. */
static outcome fail_each(const char *path, const gf_data_options *o, fault_kind kind, const tree *disk)
{
    outcome seen = {0};
    gf_pool *pool = one_thread();
    for (long k = 0;; k++) {
        if (disk) empty_folder(disk);
        long live = faults_live();
        gf_images *data;
        gf_data_report *report;
        graft_error err = {0};
        faults_arm(kind, k);
        graft_status status = gf_images_open(&data, path, o, pool, &report, &err);
        bool happened = faults_disarm();
        if (status == GRAFT_OK) {
            assert_pixels(data);
            gf_images_close(data);
            seen.survived += happened;
        } else {
            assert_null(data);
            assert_true(err.number != 0 && err.message[0]);
            gf_report_free(report);
        }
        assert_int_equal(faults_live(), live);
        if (disk) {
            gf_names names;
            assert_int_equal(gf_dir_list(disk->dir, &names, NULL), GRAFT_OK);
            for (size_t i = 0; i < names.n; i++) assert_null(strstr(names.item[i], ".tmp"));
            gf_names_free(&names);
        }
        if (!happened) {
            assert_int_equal(status, GRAFT_OK);
            break;
        }
        seen.faults++;
    }
    gf_pool_destroy(pool);
    return seen;
}

static tree small_tree(void)
{
    tree t = tree_make();
    int seed = 0;
    tree_class(&t, "train/cat", 2, &seed);
    tree_class(&t, "train/dog", 2, &seed);
    tree_class(&t, "validation/cat", 1, &seed);
    tree_class(&t, "validation/dog", 1, &seed);
    tree_image(&t, "train/dog/copy.jpg", 2);
    return t;
}

static void memory_failures_are_survived(void **state)
{
    (void)state;
    tree t = small_tree(), disk = tree_make();
    gf_data_options o = tree_options();
    o.memory_limit = 3 * BYTES;
    o.cache = GF_CACHE_MEMORY;
    o.cache_dir = disk.dir;
    outcome seen = fail_each(t.dir, &o, FAULT_ALLOC, &disk);
    assert_true(seen.faults > 100);
    tree_remove(&t);
    tree_remove(&disk);
}

static void memory_failures_in_a_csv_are_survived(void **state)
{
    (void)state;
    tree t = small_tree();
    tree_text(&t, "list.csv",
              "path,label,split\ntrain/cat/p000.jpg,cat,train\n\"train/dog/p001.jpg\",dog,train\n"
              "validation/dog/p000.jpg,dog,val\n");
    gf_data_options o = tree_options();
    static const char *const classes[] = {"cat", "dog"};
    o.classes = classes;
    o.n_classes = 2;
    char path[4096];
    snprintf(path, sizeof path, "%s", tree_path(&t, "list.csv"));
    outcome seen = fail_each(path, &o, FAULT_ALLOC, NULL);
    assert_true(seen.faults > 30);
    tree_remove(&t);
}

/* In one field and in columns, shared out by both rules. */
static void memory_failures_with_several_labels_are_survived(void **state)
{
    (void)state;
    tree t = small_tree();
    char path[4096];
    gf_data_options o = tree_options();
    static const char *const rows[] = {
        "path,label\ntrain/cat/p000.jpg,cat|big\ntrain/cat/p001.jpg,cat\ntrain/dog/p001.jpg,dog|big\n"
        "validation/dog/p000.jpg,\n",
        "path,cat,dog\ntrain/cat/p000.jpg,1,1\ntrain/dog/p001.jpg,0,1\nvalidation/dog/p000.jpg,0,0\n"};
    snprintf(path, sizeof path, "%s", tree_path(&t, "list.csv"));
    gf_settings *by_content = gf_settings_new();
    assert_int_equal(gf_settings_set(by_content, "data.split_by", "content", NULL), GRAFT_OK);
    for (int i = 0; i < 4; i++) {
        tree_text(&t, "list.csv", rows[i % 2]);
        o.settings = i < 2 ? NULL : by_content;
        assert_true(fail_each(path, &o, FAULT_ALLOC, NULL).faults > 40);
    }
    gf_settings_free(by_content);
    tree_remove(&t);
}

/* Parts in other spellings, nested, files whose content decides, what is to be predicted: layout.c, look.c, walk.c. */
static tree odd_tree(void)
{
    tree t = tree_make();
    int seed = 0;
    tree_class(&t, "seg_train/seg_train/cat", 2, &seed);
    tree_class(&t, "seg_train/seg_train/dog", 2, &seed);
    tree_class(&t, "Valid/cat", 1, &seed);
    tree_class(&t, "Valid/dog", 1, &seed);
    tree_image(&t, "Valid/dog/deep/noending", seed++);
    tree_image(&t, "seg_pred/seg_pred/x.jpg", seed++);
    tree_image(&t, "other/x.jpg", seed++);
    tree_text(&t, "Valid/dog/notes.txt", "nothing");
    return t;
}

static void failures_in_odd_layouts_are_survived(void **state)
{
    (void)state;
    tree t = odd_tree(), nested = tree_make(), inverse = tree_make();
    gf_data_options o = tree_options();
    assert_true(fail_each(t.dir, &o, FAULT_ALLOC, NULL).faults > 150);
    assert_true(fail_each(t.dir, &o, FAULT_OPEN, NULL).faults > 8);
    assert_true(fail_each(t.dir, &o, FAULT_READ, NULL).faults > 8);
    int seed = 0;
    tree_class(&inverse, "cat/train", 2, &seed);
    tree_class(&inverse, "dog/train", 2, &seed);
    tree_class(&inverse, "dog/test", 2, &seed);
    tree_class(&inverse, "cat/test", 2, &seed);
    assert_true(fail_each(inverse.dir, &o, FAULT_ALLOC, NULL).faults > 100);
    tree_class(&nested, "a/b/cat", 1, &seed);
    tree_class(&nested, "a/b/dog", 1, &seed);
    tree_class(&nested, "a/b/cats", 1, &seed);
    long live = faults_live();
    for (long k = 0;; k++) { /* refused in any case, without a leak */
        gf_index *index;
        graft_error err = {0};
        faults_arm(FAULT_ALLOC, k);
        assert_int_not_equal(gf_index_build(&index, nested.dir, &o, &err), GRAFT_OK);
        assert_true(err.number == GF_E_DATA_LAYOUT || err.number == GF_E_NO_MEMORY);
        assert_int_equal(faults_live(), live);
        if (!faults_disarm()) break;
    }
    tree_remove(&t);
    tree_remove(&inverse);
    tree_remove(&nested);
}

static void failures_in_archives_are_survived(void **state)
{
    (void)state;
    static const char *const of[] = {"good.zip", "good.tgz"};
    tree spool = tree_make();
    gf_data_options o = tree_options();
    o.cache = GF_CACHE_NONE;
    o.cache_dir = spool.dir;
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        char path[512];
        snprintf(path, sizeof path, GRAFT_FIXTURES "/archives/%s", of[i]);
        assert_true(fail_each(path, &o, FAULT_ALLOC, &spool).faults > 100);
        assert_true(fail_each(path, &o, FAULT_OPEN, &spool).faults >= 3);
        assert_true(fail_each(path, &o, FAULT_READ, &spool).faults >= 10);
    }
    assert_true(fail_each(GRAFT_FIXTURES "/archives/good.tgz", &o, FAULT_WRITE, &spool).faults >= 10);
    tree_remove(&spool);
}

static void failures_in_an_odd_csv_are_survived(void **state)
{
    (void)state;
    tree t = small_tree();
    tree_text(
        &t, "list.csv",
        "n;id;kind;set\n0;cat\\p001;cat;Train\n1;dog\\p001;dog;Train\n2;dog\\p000;dog;dev\n3;cat\\p000;cat;training\n");
    gf_data_options o = tree_options();
    o.follow_links = true;
    char path[4096];
    snprintf(path, sizeof path, "%s", tree_path(&t, "list.csv"));
    assert_int_equal(rename(tree_path(&t, "validation"), tree_path(&t, "v")), 0);
    outcome seen = fail_each(path, &o, FAULT_ALLOC, NULL);
    assert_true(seen.faults > 60);
    tree_remove(&t);
}

/* Files that cannot be opened are refused; a single failed read is tried again. */
static void open_and_read_failures_are_survived(void **state)
{
    (void)state;
    tree t = small_tree(), disk = tree_make();
    gf_data_options o = tree_options();
    o.cache = GF_CACHE_DISK;
    o.cache_dir = disk.dir;
    outcome opens = fail_each(t.dir, &o, FAULT_OPEN, &disk), reads = fail_each(t.dir, &o, FAULT_READ, &disk);
    assert_true(opens.faults >= 7);
    assert_true(reads.faults >= 7);
    assert_int_equal(reads.survived, reads.faults);
    tree_remove(&t);
    tree_remove(&disk);
}

/* A cache on a disk that fails is done without; its remains are taken away. */
static void write_failures_cost_the_cache_alone(void **state)
{
    (void)state;
    tree t = small_tree(), disk = tree_make();
    gf_data_options o = tree_options();
    o.cache = GF_CACHE_DISK;
    o.cache_dir = disk.dir;
    for (int kind = FAULT_WRITE; kind < FAULT_KINDS; kind++) {
        outcome seen = fail_each(t.dir, &o, (fault_kind)kind, &disk);
        if (kind == FAULT_WRITE) assert_true(seen.faults >= 8);
        if (kind == FAULT_RENAME) assert_int_equal(seen.faults, 1);
        assert_int_equal(seen.survived, seen.faults);
    }
    tree_remove(&t);
    tree_remove(&disk);
}

static void a_full_disk_is_told(void **state)
{
    (void)state;
    tree t = small_tree(), disk = tree_make();
    gf_data_options o = tree_options();
    heard h = {0};
    gf_log log = {heard_say, &h};
    o.log = &log;
    o.cache = GF_CACHE_DISK;
    o.cache_dir = disk.dir;
    gf_pool *pool = one_thread();
    gf_images *data;
    for (long skip = 0; skip < 2; skip++) { /* when its space is reserved; when it is written */
        memset(&h, 0, sizeof h);
        faults_arm_errno(FAULT_WRITE, skip, ENOSPC, true);
        assert_int_equal(gf_images_open(&data, t.dir, &o, pool, NULL, NULL), GRAFT_OK);
        assert_true(faults_disarm());
        assert_has(h.text, skip ? "a write failed; is the disk full?" : "No space left on device");
        assert_has(h.text, "7 of 7 images are decoded anew in each epoch");
        assert_false(gf_cache_has_file(data->cache));
        assert_pixels(data);
        gf_images_close(data);
    }
    gf_pool_destroy(pool);
    tree_remove(&t);
    tree_remove(&disk);
}

/* A22 */
static void read_errors_are_tried_four_times(void **state)
{
    (void)state;
    tree t = small_tree();
    gf_data_options o = tree_options();
    gf_index *index;
    assert_int_equal(gf_index_build(&index, t.dir, &o, NULL), GRAFT_OK);
    gf_buffer buffer = {0};
    graft_error err = {0};
    double began = gf_sys_seconds();
    faults_arm(FAULT_READ, 0); /* once: the second try has it */
    assert_int_equal(gf_sample_read(index, 0, &buffer, &err), GRAFT_OK);
    assert_true(faults_disarm());
    double once = gf_sys_seconds() - began;
    assert_true(once >= 0.010);
    assert_int_equal(buffer.n, index->sample[0].size);

    began = gf_sys_seconds();
    faults_arm_errno(FAULT_READ, 0, EIO, true);
    assert_int_equal(gf_sample_read(index, 0, &buffer, &err), GRAFT_RESOURCE);
    assert_true(faults_disarm());
    double always = gf_sys_seconds() - began;
    assert_true(always >= 1.110);
    assert_int_equal(err.number, GF_E_IO_READ);
    assert_has(err.message, "train/cat/p000.jpg: cannot be read: Input/output error");

    began = gf_sys_seconds();
    faults_arm_errno(FAULT_OPEN, 0, EACCES, true); /* nothing that passes by itself */
    assert_int_equal(gf_sample_read(index, 0, &buffer, &err), GRAFT_DATA);
    assert_true(faults_disarm());
    assert_int_equal(err.number, GF_E_DATA_UNREADABLE);
    gf_buffer_free(&buffer);
    gf_index_free(index);
    tree_remove(&t);
}

/* A21 with A22: a disk that begins to fail during the run costs the sample, memory that is short costs nothing. */
static void a_failing_read_loses_the_sample_alone(void **state)
{
    (void)state;
    tree t = small_tree();
    gf_data_options o = tree_options();
    o.cache = GF_CACHE_NONE;
    o.max_bad = 0.5;
    gf_pool *pool = one_thread();
    gf_images *data;
    assert_int_equal(gf_images_open(&data, t.dir, &o, pool, NULL, NULL), GRAFT_OK);
    uint8_t scratch[BYTES];
    const uint8_t *pixels;
    graft_error err = {0};
    for (long k = 0;; k++) {
        long live = faults_live();
        faults_arm(FAULT_ALLOC, k);
        graft_status status = gf_cache_get(data->cache, 2, scratch, &pixels, &err);
        bool happened = faults_disarm();
        assert_int_equal(faults_live(), live);
        if (!happened) {
            assert_int_equal(status, GRAFT_OK);
            break;
        }
        assert_int_equal(status, GRAFT_RESOURCE);
        assert_int_equal(err.number, GF_E_NO_MEMORY);
        assert_false(gf_cache_is_lost(data->cache, 2));
    }
    faults_arm_errno(FAULT_READ, 0, EIO, true);
    assert_int_equal(gf_cache_get(data->cache, 2, scratch, &pixels, &err), GRAFT_RESOURCE);
    assert_true(faults_disarm());
    assert_int_equal(err.number, GF_E_IO_READ);
    assert_true(gf_cache_is_lost(data->cache, 2));
    assert_int_equal(gf_cache_get(data->cache, 3, scratch, &pixels, &err), GRAFT_OK);
    assert_int_equal(gf_cache_tell_lost(data->cache, NULL), GRAFT_OK);
    gf_images_close(data);
    gf_pool_destroy(pool);
    tree_remove(&t);
}

/* The report's texts, with each allocation failed. */
static void report_failures_are_survived(void **state)
{
    (void)state;
    tree t = small_tree();
    tree_text(&t, "train/dog/bad.jpg", "no image");
    gf_data_options o = tree_options();
    gf_pool *pool = one_thread();
    gf_data_report *report;
    assert_int_equal(tree_inspect(t.dir, &o, pool, &report, NULL), GRAFT_OK);
    long faults = 0;
    for (bool happened = true; happened; faults++) {
        long live = faults_live();
        char *text;
        faults_arm(FAULT_ALLOC, faults);
        graft_status status = gf_report_text(report, &text, NULL);
        happened = faults_disarm();
        assert_int_equal(status, happened ? GRAFT_RESOURCE : GRAFT_OK);
        gf_free(text);
        assert_int_equal(faults_live(), live);
    }
    assert_true(faults > 3);
    gf_report_free(report);
    gf_pool_destroy(pool);
    tree_remove(&t);
}

/* What inspect does, with each allocation and each read failed. */
static void failures_of_an_inspection_are_survived(void **state)
{
    (void)state;
    tree t = small_tree();
    gf_data_options o = tree_options();
    gf_pool *pool = one_thread();
    static const fault_kind kinds[] = {FAULT_ALLOC, FAULT_READ};
    for (size_t i = 0; i < 2; i++) {
        long faults = 0;
        for (bool happened = true; happened; faults++) {
            long live = faults_live();
            gf_data_report *report;
            graft_error err = {0};
            faults_arm(kinds[i], faults);
            graft_status status = tree_inspect(t.dir, &o, pool, &report, &err);
            happened = faults_disarm();
            assert_true(happened || status == GRAFT_OK);
            assert_true(status == GRAFT_OK ? report != NULL : err.number != 0 && !report);
            gf_report_free(report);
            assert_int_equal(faults_live(), live);
        }
        assert_true(faults > (i ? 5 : 60));
    }
    gf_pool_destroy(pool);
    tree_remove(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_failures_are_survived),
        cmocka_unit_test(memory_failures_in_a_csv_are_survived),
        cmocka_unit_test(memory_failures_with_several_labels_are_survived),
        cmocka_unit_test(failures_in_odd_layouts_are_survived),
        cmocka_unit_test(failures_in_archives_are_survived),
        cmocka_unit_test(failures_in_an_odd_csv_are_survived),
        cmocka_unit_test(open_and_read_failures_are_survived),
        cmocka_unit_test(write_failures_cost_the_cache_alone),
        cmocka_unit_test(a_full_disk_is_told),
        cmocka_unit_test(read_errors_are_tried_four_times),
        cmocka_unit_test(a_failing_read_loses_the_sample_alone),
        cmocka_unit_test(report_failures_are_survived),
        cmocka_unit_test(failures_of_an_inspection_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
