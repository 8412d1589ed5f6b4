/* data: the cache of decoded images: all modes give the same pixels; what is damaged, lost or does not fit (rows A21,
 * A23, D5). */
#include "data/cache_file.h"
#include "data/memory.h"
#include "tree.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <utime.h>

enum { BYTES = 10 * 12 * 3 };

typedef struct job {
    tree t, disk;
    gf_data_options o;
    gf_pool *pool;
    gf_images *data;
    heard h;
    gf_log log;
} job;

static job *job_make(gf_cache_mode mode)
{
    job *j = calloc(1, sizeof *j);
    assert_non_null(j);
    j->t = tree_cats_and_dogs();
    j->disk = tree_make();
    j->o = tree_options();
    j->o.cache = mode;
    j->o.cache_dir = j->disk.dir;
    j->o.max_bad = 0.2;
    j->log = (gf_log){heard_say, &j->h};
    j->o.log = &j->log;
    assert_int_equal(gf_pool_create(&j->pool, 2, NULL, NULL), GRAFT_OK);
    return j;
}

static void job_open(job *j)
{
    graft_error err = {0};
    gf_images_close(j->data);
    memset(&j->h, 0, sizeof j->h);
    if (gf_images_open(&j->data, j->t.dir, &j->o, j->pool, NULL, &err)) fail_msg("E%d: %s", err.number, err.message);
}

static void job_end(job *j)
{
    gf_images_close(j->data);
    gf_pool_destroy(j->pool);
    tree_remove(&j->t);
    tree_remove(&j->disk);
    free(j);
}

/* Every sample of the cache against the sample's own file. */
static void assert_right_pixels(const job *j)
{
    uint8_t expected[BYTES], scratch[BYTES];
    gf_buffer buffer = {0};
    for (uint32_t i = 0; i < j->data->set.index->n; i++) {
        const uint8_t *pixels;
        graft_error err = {0};
        if (gf_cache_get(j->data->cache, i, scratch, &pixels, &err)) fail_msg("sample %u: %s", i, err.message);
        assert_int_equal(gf_sample_read(j->data->set.index, i, &buffer, NULL), GRAFT_OK);
        assert_int_equal(gf_sample_decode(j->data->set.index, i, &buffer, &j->o, expected, NULL, NULL), GRAFT_OK);
        assert_memory_equal(pixels, expected, BYTES);
    }
    gf_buffer_free(&buffer);
}

/* The one file of the disk cache, in a static buffer. */
static const char *cache_file(const job *j)
{
    gf_names names;
    assert_int_equal(gf_dir_list(j->disk.dir, &names, NULL), GRAFT_OK);
    assert_int_equal(names.n, 1);
    const char *path = tree_path(&j->disk, names.item[0]);
    gf_names_free(&names);
    return path;
}

static void flip_byte(const char *path, long at)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    int c = fgetc(f);
    assert_true(c != EOF);
    assert_int_equal(fseek(f, -1, SEEK_CUR), 0);
    fputc(c ^ 0x40, f);
    assert_int_equal(fclose(f), 0);
}

static void every_mode_gives_the_same_pixels(void **state)
{
    (void)state;
    static const struct {
        gf_cache_mode mode;
        uint64_t limit;
        bool dir;
        uint32_t in_memory;
        bool file;
    } cases[] = {
        {GF_CACHE_AUTO, 0, true, 18, false},         {GF_CACHE_AUTO, 18 * BYTES - 1, true, 0, true},
        {GF_CACHE_AUTO, 5 * BYTES, false, 5, false}, {GF_CACHE_MEMORY, 0, false, 18, false},
        {GF_CACHE_MEMORY, 7 * BYTES, true, 7, true}, {GF_CACHE_MEMORY, 7 * BYTES, false, 7, false},
        {GF_CACHE_DISK, 0, true, 0, true},           {GF_CACHE_DISK, 0, false, 0, false},
        {GF_CACHE_NONE, 0, true, 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        job *j = job_make(cases[i].mode);
        j->o.memory_limit = cases[i].limit;
        if (!cases[i].dir) j->o.cache_dir = NULL;
        for (int run = 0; run < 2; run++) { /* the second one finds the first one's file */
            job_open(j);
            assert_int_equal(gf_cache_in_memory(j->data->cache), cases[i].in_memory);
            assert_int_equal(gf_cache_has_file(j->data->cache), cases[i].file);
            assert_int_equal(j->data->report->checked_before, cases[i].file && !cases[i].in_memory && run);
            assert_int_equal(j->data->report->width.max, 24);
            assert_right_pixels(j);
        }
        job_end(j);
    }
}

/* D5 */
static void what_does_not_fit_is_told_in_numbers(void **state)
{
    (void)state;
    job *j = job_make(GF_CACHE_MEMORY);
    j->o.width = j->o.height = 256;
    j->o.memory_limit = 2 << 20;
    j->o.cache_dir = NULL;
    job_open(j);
    assert_has(j->h.text, "8 of 18 images are decoded anew in each epoch: all decoded take 3 MB, memory for 1 MB");
    job_end(j);
}

static void a_damaged_cache_is_made_anew(void **state)
{
    (void)state;
    static const long damage[] = {0, 9, 33, 64, 127, 128, 200}; /* in header and table */
    job *j = job_make(GF_CACHE_DISK);
    job_open(j);
    for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
        flip_byte(cache_file(j), damage[i]);
        job_open(j);
        assert_has(j->h.text, "the cache on disk is made anew");
        assert_false(j->data->report->checked_before);
        assert_right_pixels(j);
    }
    assert_int_equal(truncate(cache_file(j), 5000), 0);
    job_open(j);
    assert_has(j->h.text, "the cache on disk is made anew: it has another size");
    assert_right_pixels(j);
    job_open(j);
    assert_true(j->data->report->checked_before);
    job_end(j);
}

static void a_damaged_image_is_decoded_anew(void **state)
{
    (void)state;
    job *j = job_make(GF_CACHE_DISK);
    job_open(j);
    flip_byte(cache_file(j), -1);
    flip_byte(cache_file(j), -BYTES - 1);
    assert_right_pixels(j);
    assert_int_equal(gf_cache_tell_lost(j->data->cache, NULL), GRAFT_OK);
    assert_has(j->h.text, "2 images of the cache on disk were damaged");
    job_end(j);
}

static void changed_data_make_another_cache(void **state)
{
    (void)state;
    job *j = job_make(GF_CACHE_DISK);
    job_open(j);
    tree_image(&j->t, "train/cat/p000.jpg", 99);
    job_open(j);
    assert_false(j->data->report->checked_before);
    assert_right_pixels(j);
    j->o.antialias = true;
    job_open(j);
    assert_false(j->data->report->checked_before);
    assert_right_pixels(j);
    job_end(j);
}

/* A process that was killed leaves NAME.tmp, which never counts as a cache. */
static void a_half_made_cache_is_no_cache(void **state)
{
    (void)state;
    job *j = job_make(GF_CACHE_DISK);
    job_open(j);
    char path[4096], tmp[4104];
    snprintf(path, sizeof path, "%s", cache_file(j));
    snprintf(tmp, sizeof tmp, "%s.tmp", path);
    assert_int_equal(rename(path, tmp), 0);
    job_open(j);
    assert_false(j->data->report->checked_before);
    assert_right_pixels(j);
    assert_int_equal(access(tmp, F_OK), -1);
    assert_int_equal(access(path, F_OK), 0);

    assert_int_equal(unlink(path), 0); /* another process is just making it: done without */
    int fd = open(tmp, O_RDWR | O_CREAT, 0666);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    job_open(j);
    assert_false(gf_cache_has_file(j->data->cache));
    assert_has(j->h.text, "another process is making it");
    assert_int_equal(access(tmp, F_OK), 0);
    assert_right_pixels(j);
    close(fd);
    job_end(j);
}

static void a_folder_that_cannot_be_written_is_done_without(void **state)
{
    (void)state;
    job *j = job_make(GF_CACHE_DISK);
    j->o.cache_dir = "/proc/no/such/place";
    job_open(j);
    assert_false(gf_cache_has_file(j->data->cache));
    assert_has(j->h.text, "no cache on disk");
    assert_right_pixels(j);
    job_end(j);
}

/* A21 */
static void lost_files_are_left_out_for_good(void **state)
{
    (void)state;
    job *j = job_make(GF_CACHE_NONE);
    job_open(j);
    uint8_t scratch[BYTES];
    const uint8_t *pixels;
    graft_error err = {0};
    gf_cache *cache = j->data->cache;
    assert_int_equal(gf_cache_get(cache, 4, scratch, &pixels, NULL), GRAFT_OK);
    uint8_t *bytes;
    size_t n;
    assert_int_equal(gf_file_read(tree_path(&j->t, "train/cat/p004.jpg"), 1 << 20, &bytes, &n, NULL), GRAFT_OK);
    assert_int_equal(unlink(tree_path(&j->t, "train/cat/p004.jpg")), 0);
    tree_image(&j->t, "train/dog/p001.jpg", 98);
    assert_int_equal(gf_cache_get(cache, 4, scratch, &pixels, &err), GRAFT_DATA);
    assert_null(pixels);
    assert_int_equal(err.number, GF_E_DATA_CHANGED);
    assert_int_equal(gf_cache_get(cache, 7, scratch, &pixels, &err), GRAFT_DATA);
    assert_has(err.message, "train/dog/p001.jpg: was changed");
    assert_int_equal(gf_cache_tell_lost(cache, NULL), GRAFT_OK);
    assert_has(j->h.text, "E1121: train/cat/p004.jpg: is gone: trained on without it");
    assert_has(j->h.text, "E1121: train/dog/p001.jpg: was changed");
    int warnings = j->h.warnings;

    tree_bytes(&j->t, "train/cat/p004.jpg", bytes, n); /* it is back, but every epoch must have the same samples */
    gf_free(bytes);
    assert_int_equal(gf_cache_get(cache, 4, scratch, &pixels, &err), GRAFT_DATA);
    assert_true(gf_cache_is_lost(cache, 4));
    assert_int_equal(gf_cache_lost(cache), 2);
    assert_int_equal(gf_cache_tell_lost(cache, NULL), GRAFT_OK);
    assert_int_equal(j->h.warnings, warnings); /* told once */

    for (int i = 0; i < 2; i++) { /* 4 of 18 are more than a fifth */
        char name[64];
        snprintf(name, sizeof name, "validation/cat/p%03d.jpg", i);
        assert_int_equal(unlink(tree_path(&j->t, name)), 0);
        assert_int_equal(gf_cache_get(cache, 12 + (uint32_t)i, scratch, &pixels, NULL), GRAFT_DATA);
    }
    assert_int_equal(gf_cache_tell_lost(cache, &err), GRAFT_DATA);
    assert_int_equal(err.number, GF_E_DATA_LOST);
    assert_has(err.message, "4 of 18 images were lost during the run, at most 3 (20 %) are allowed");
    job_end(j);
}

/* What is in memory cannot be lost. */
/* ---- several threads at once */

enum { ASKED = 400 };

typedef struct crowd {
    const job *j;
    const uint8_t *want;
    atomic_int good, lost;
} crowd;

static graft_status ask(void *ctx, size_t item, int worker, graft_error *err)
{
    (void)worker;
    crowd *c = ctx;
    uint8_t scratch[BYTES];
    const uint8_t *pixels;
    uint32_t sample = (uint32_t)(item * 7 % c->j->data->set.index->n);
    if (gf_cache_get(c->j->data->cache, sample, scratch, &pixels, err) != GRAFT_OK) {
        atomic_fetch_add(&c->lost, 1);
    } else if (!memcmp(pixels, c->want + sample * BYTES, BYTES)) {
        atomic_fetch_add(&c->good, 1);
    }
    return GRAFT_OK;
}

/* All ask for the same images, of which two are gone: each has the right pixels or is lost, and lost once. */
static void threads_get_the_same_and_lose_the_same(void **state)
{
    (void)state;
    static const gf_cache_mode modes[] = {GF_CACHE_NONE, GF_CACHE_MEMORY, GF_CACHE_DISK};
    for (size_t m = 0; m < sizeof modes / sizeof *modes; m++) {
        job *j = job_make(modes[m]);
        job_open(j);
        uint32_t n = j->data->set.index->n;
        uint8_t *want = calloc(n, BYTES);
        assert_non_null(want);
        for (uint32_t i = 0; i < n; i++) {
            const uint8_t *pixels;
            assert_int_equal(gf_cache_get(j->data->cache, i, want + i * BYTES, &pixels, NULL), GRAFT_OK);
            if (pixels != want + i * BYTES) memcpy(want + i * BYTES, pixels, BYTES);
        }
        bool needs_files = modes[m] == GF_CACHE_NONE;
        assert_int_equal(unlink(tree_path(&j->t, "train/cat/p004.jpg")), 0);
        assert_int_equal(unlink(tree_path(&j->t, "train/dog/p001.jpg")), 0);
        gf_pool *pool;
        crowd c = {.j = j, .want = want};
        int gone = 0;
        for (size_t i = 0; i < ASKED; i++) gone += i * 7 % n == 4 || i * 7 % n == 7;
        assert_int_equal(gf_pool_create(&pool, 4, NULL, NULL), GRAFT_OK);
        assert_int_equal(gf_pool_run(pool, ASKED, ask, &c, NULL), GRAFT_OK);
        gf_pool_destroy(pool);
        assert_int_equal(c.lost, needs_files ? gone : 0);
        assert_int_equal(c.good, ASKED - (needs_files ? gone : 0));
        assert_int_equal(gf_cache_lost(j->data->cache), needs_files ? 2 : 0);
        assert_int_equal(gf_cache_tell_lost(j->data->cache, NULL), GRAFT_OK);
        free(want);
        job_end(j);
    }
}

static void memory_does_not_need_the_files(void **state)
{
    (void)state;
    job *j = job_make(GF_CACHE_MEMORY);
    job_open(j);
    assert_int_equal(unlink(tree_path(&j->t, "train/cat/p004.jpg")), 0);
    const uint8_t *pixels;
    assert_int_equal(gf_cache_get(j->data->cache, 4, NULL, &pixels, NULL), GRAFT_OK);
    assert_int_equal(gf_cache_lost(j->data->cache), 0);
    gf_cache_mark_lost(j->data->cache, 4); /* but a resumed run must not have what the first one had lost */
    gf_cache_mark_lost(j->data->cache, 4);
    assert_int_equal(gf_cache_lost(j->data->cache), 1);
    assert_int_equal(gf_cache_get(j->data->cache, 4, NULL, &pixels, NULL), GRAFT_DATA);
    assert_int_equal(gf_cache_get(j->data->cache, 5, NULL, &pixels, NULL), GRAFT_OK);
    job_end(j);
}

/* A file with the same size and time but another inode is told by its bytes. */
static void another_inode_is_told_by_its_bytes(void **state)
{
    (void)state;
    job *j = job_make(GF_CACHE_NONE);
    job_open(j);
    char path[4096];
    snprintf(path, sizeof path, "%s", tree_path(&j->t, "train/cat/p000.jpg"));
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(link(path, tree_path(&j->t, "kept")), 0); /* so that its inode is not given out again */
    uint8_t *bytes;
    size_t n;
    assert_int_equal(gf_file_read(path, 1 << 20, &bytes, &n, NULL), GRAFT_OK);
    for (int changed = 0; changed < 2; changed++) {
        bytes[n - 5] ^= (uint8_t)changed;
        tree_bytes(&j->t, "new.tmp", bytes, n);
        assert_int_equal(rename(tree_path(&j->t, "new.tmp"), path), 0);
        const struct timespec times[2] = {st.st_atim, st.st_mtim};
        assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
        uint8_t scratch[BYTES];
        const uint8_t *pixels;
        graft_error err = {0};
        graft_status status = gf_cache_get(j->data->cache, 0, scratch, &pixels, &err);
        assert_int_equal(status, changed ? GRAFT_DATA : GRAFT_OK);
        if (changed) assert_has(err.message, "is another file than the one that was checked");
    }
    gf_free(bytes);
    job_end(j);
}

static void pixel_sum_sees_each_bit(void **state)
{
    (void)state;
    uint8_t pixels[77];
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * i);
    uint64_t sum = gf_pixel_sum(pixels, sizeof pixels);
    assert_true(sum != 0);
    for (size_t bit = 0; bit < 8 * sizeof pixels; bit++) {
        pixels[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_true(gf_pixel_sum(pixels, sizeof pixels) != sum);
        pixels[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(gf_pixel_sum(pixels, sizeof pixels - 1) != sum);
}

static void memory_limits_are_read(void **state)
{
    (void)state;
    uint64_t x;
    const char *meminfo = "MemTotal:  100 kB\nMemAvailable:    50 kB\nSwap: 1 kB\n";
    assert_true(gf_meminfo_value(meminfo, "MemAvailable", &x));
    assert_int_equal(x, 51200);
    assert_true(gf_meminfo_value("cache 3\ninactive_file 4096\n", "inactive_file", &x));
    assert_int_equal(x, 4096);
    assert_false(gf_meminfo_value(meminfo, "MemAvail", &x));
    assert_false(gf_meminfo_value("MemAvailable: x kB\n", "MemAvailable", &x));
    assert_false(gf_meminfo_value("MemAvailable: 99999999999999999999 kB\n", "MemAvailable", &x));
    assert_true(gf_cgroup_number("max\n", &x));
    assert_true(x == UINT64_MAX);
    assert_true(gf_cgroup_number("1073741824\n", &x));
    assert_int_equal(x, 1 << 30);
    assert_false(gf_cgroup_number("\n", &x));
    const char *groups = "12:cpu,memory:/a/b\n3:pids:/\n0::/user.slice/x\n";
    char path[64], small[4];
    assert_true(gf_cgroup_path(groups, NULL, path, sizeof path));
    assert_string_equal(path, "/user.slice/x");
    assert_true(gf_cgroup_path(groups, "memory", path, sizeof path));
    assert_string_equal(path, "/a/b");
    assert_false(gf_cgroup_path(groups, "mem", path, sizeof path));
    assert_false(gf_cgroup_path(groups, "memory", small, sizeof small));
    assert_false(gf_cgroup_path("nonsense", NULL, path, sizeof path));
    x = gf_memory_available();
    assert_true(x > 1 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mode_gives_the_same_pixels),
        cmocka_unit_test(what_does_not_fit_is_told_in_numbers),
        cmocka_unit_test(a_damaged_cache_is_made_anew),
        cmocka_unit_test(a_damaged_image_is_decoded_anew),
        cmocka_unit_test(changed_data_make_another_cache),
        cmocka_unit_test(a_half_made_cache_is_no_cache),
        cmocka_unit_test(a_folder_that_cannot_be_written_is_done_without),
        cmocka_unit_test(lost_files_are_left_out_for_good),
        cmocka_unit_test(threads_get_the_same_and_lose_the_same),
        cmocka_unit_test(memory_does_not_need_the_files),
        cmocka_unit_test(another_inode_is_told_by_its_bytes),
        cmocka_unit_test(pixel_sum_sees_each_bit),
        cmocka_unit_test(memory_limits_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
