/* data.stored_size: images to train on are kept larger than the network takes them, the others at its size, in memory,
 * on disk and decoded anew; a network gets its own size of both. */
#include "data/cache_file.h"
#include "data/images.h"
#include "image/fit.h"
#include "tree.h"

#include <math.h>

enum { H = 10, W = 12, SIDE = 17, STORED_W = 20, TRAIN = 12, ALL = 18 }; /* 12 x 1.7 is 20.4 */

typedef struct job {
    tree t, disk;
    gf_data_options o;
    gf_pool *pool;
    gf_images *data;
} job;

static void job_begin(job *j, gf_cache_mode mode, uint64_t limit)
{
    *j = (job){.t = tree_cats_and_dogs(), .disk = tree_make(), .o = tree_options()};
    j->o.cache = mode;
    j->o.memory_limit = limit;
    j->o.cache_dir = j->disk.dir;
    j->o.stored_side = SIDE;
    assert_int_equal(gf_pool_create(&j->pool, 2, NULL, NULL), GRAFT_OK);
}

static void job_open(job *j)
{
    graft_error err = {0};
    gf_images_close(j->data);
    if (gf_images_open(&j->data, j->t.dir, &j->o, j->pool, NULL, &err)) fail_msg("E%d: %s", err.number, err.message);
}

static void job_end(job *j)
{
    gf_images_close(j->data);
    gf_pool_destroy(j->pool);
    tree_remove(&j->t);
    tree_remove(&j->disk);
}

/* The sample's file, decoded whole and brought to that size. */
static void expect(const job *j, uint32_t sample, int h, int w, uint8_t *dst)
{
    gf_buffer buffer = {0};
    gf_image image;
    assert_int_equal(gf_sample_read(j->data->set.index, sample, &buffer, NULL), GRAFT_OK);
    assert_int_equal(gf_image_decode(buffer.data, buffer.n, "", NULL, &image, NULL, NULL), GRAFT_OK);
    assert_int_equal(gf_fit_image_u8(&j->o.fit, image.rgb, image.h, image.w, dst, h, w, false, NULL), GRAFT_OK);
    gf_image_free(&image);
    gf_buffer_free(&buffer);
}

static void assert_right_pixels(const job *j)
{
    uint8_t scratch[3 * SIDE * STORED_W], want[3 * SIDE * STORED_W];
    const gf_index *x = j->data->set.index;
    assert_int_equal(x->n, ALL);
    assert_int_equal(gf_cache_image_bytes(j->data->cache), sizeof scratch);
    for (uint32_t i = 0; i < x->n; i++) {
        const uint8_t *pixels;
        int h, w;
        gf_sample_size(x, i, &j->o, &h, &w);
        assert_int_equal(h, i < TRAIN ? SIDE : H);
        assert_int_equal(w, i < TRAIN ? STORED_W : W);
        assert_int_equal(gf_cache_get(j->data->cache, i, scratch, &pixels, NULL), GRAFT_OK);
        expect(j, i, h, w, want);
        assert_memory_equal(pixels, want, 3 * (size_t)(h * w));
    }
}

static void every_mode_keeps_both_sizes(void **state)
{
    (void)state;
    enum { LARGE = 3 * SIDE * STORED_W, SMALL = 3 * H * W };
    static const struct {
        gf_cache_mode mode;
        uint64_t limit;
        uint32_t in_memory;
        bool file;
    } cases[] = {
        {GF_CACHE_MEMORY, 0, ALL, false},
        {GF_CACHE_MEMORY, TRAIN * LARGE + 6 * SMALL, ALL, false},
        {GF_CACHE_MEMORY, TRAIN * LARGE + 6 * SMALL - 1, ALL - 1, true},
        {GF_CACHE_MEMORY, TRAIN * LARGE + SMALL - 1, TRAIN, true},
        {GF_CACHE_MEMORY, 5 * LARGE, 5, true},
        {GF_CACHE_DISK, 0, 0, true},
        {GF_CACHE_NONE, 0, 0, false},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        job j;
        job_begin(&j, cases[k].mode, cases[k].limit);
        for (int again = 0; again < 2; again++) { /* the second time from the file that the first one left */
            job_open(&j);
            assert_int_equal(gf_cache_in_memory(j.data->cache), cases[k].in_memory);
            assert_int_equal(gf_cache_has_file(j.data->cache), cases[k].file);
            assert_right_pixels(&j);
        }
        job_end(&j);
    }
}

/* A sample that is left out moves the others' numbers, not their pixels. */
static void dropped_samples_change_no_size(void **state)
{
    (void)state;
    for (int disk = 0; disk < 2; disk++) {
        job j;
        job_begin(&j, disk ? GF_CACHE_DISK : GF_CACHE_MEMORY, 0);
        j.o.bad_images = GF_BAD_SKIP;
        j.o.max_bad = 0.5;
        tree_bytes(&j.t, "train/cat/p002.jpg", "none", 4);
        job_open(&j);
        const gf_index *x = j.data->set.index;
        assert_int_equal(x->n, ALL - 1);
        uint8_t scratch[3 * SIDE * STORED_W], want[3 * SIDE * STORED_W];
        for (uint32_t i = 0; i < x->n; i++) {
            const uint8_t *pixels;
            int h, w;
            gf_sample_size(x, i, &j.o, &h, &w);
            assert_int_equal(h, i < TRAIN - 1 ? SIDE : H);
            assert_int_equal(gf_cache_get(j.data->cache, i, scratch, &pixels, NULL), GRAFT_OK);
            expect(&j, i, h, w, want);
            assert_memory_equal(pixels, want, 3 * (size_t)(h * w));
        }
        job_end(&j);
    }
}

/* Pixel areas onto each other, the nearest pixel beyond the edge: in float64. */
static double stretched(const uint8_t *rgb, int y, int x, int c)
{
    double sy = (y + 0.5) * SIDE / H - 0.5, sx = (x + 0.5) * STORED_W / W - 0.5;
    int y0 = (int)floor(sy), x0 = (int)floor(sx);
    double fy = sy - y0, fx = sx - x0, sum = 0;
    for (int k = 0; k < 4; k++) {
        int yy = y0 + k / 2, xx = x0 + k % 2;
        yy = yy < 0 ? 0 : yy > SIDE - 1 ? SIDE - 1 : yy;
        xx = xx < 0 ? 0 : xx > STORED_W - 1 ? STORED_W - 1 : xx;
        sum += (k / 2 ? fy : 1 - fy) * (k % 2 ? fx : 1 - fx) * rgb[(yy * STORED_W + xx) * 3 + c];
    }
    return sum;
}

static void a_network_gets_its_own_size(void **state)
{
    (void)state;
    job j;
    gf_data_feed f;
    job_begin(&j, GF_CACHE_MEMORY, 0);
    job_open(&j);
    assert_int_equal(gf_data_feed_open(&f, &j.data->set, 1, NULL), GRAFT_OK);
    const gf_input_layout in = {.dtype = GF_F32, .shape = GF_SHAPE(H, W, 3)};
    float got[H * W * 3], scratch[H * W * 3], *dst = got;
    uint8_t pixels[3 * SIDE * STORED_W];
    gf_feed feed = gf_data_feed_of(&f);
    for (int changed = 0; changed < 2; changed++) {
        for (uint32_t i = 0; i < ALL; i++) {
            gf_class_target target = {-1, -1, 0};
            const gf_request q = {.sample = i, .training = changed, .scratch = scratch};
            assert_int_equal(feed.fill(feed.ctx, &q, &in, (void *const *)&dst, &target, NULL), GRAFT_OK);
            assert_int_equal(target.label, (int)j.data->set.index->sample[i].class_id);
            assert_true(target.share == 1);
            expect(&j, i, i < TRAIN ? SIDE : H, i < TRAIN ? STORED_W : W, pixels);
            for (int k = 0; k < H * W * 3; k++) {
                double want = i < TRAIN ? stretched(pixels, k / 3 / W, k / 3 % W, k % 3) : pixels[k];
                if (!(fabs((double)got[k] - want) <= (i < TRAIN ? 1e-3 : 0)))
                    fail_msg("%u: %g, not %g", i, (double)got[k], want);
            }
        }
        assert_int_equal(gf_data_feed_change(&f, &(gf_augment_spec){0}, 0, NULL), GRAFT_OK); /* then as in training */
    }
    gf_data_feed_close(&f);
    job_end(&j);
}

/* Files of both kinds lie beside each other; without the option a file is that of earlier versions. */
static void the_size_is_part_of_the_key(void **state)
{
    (void)state;
    gf_names names;
    job j;
    job_begin(&j, GF_CACHE_DISK, 0);
    job_open(&j);
    j.o.stored_side = 0;
    job_open(&j);
    gf_cache_key plain, same, other;
    assert_int_equal(gf_cache_key_make(&plain, j.data->set.index, &j.o, 0, NULL), GRAFT_OK);
    assert_int_equal(plain.train + plain.train_bytes, 0);
    assert_int_equal(plain.image_bytes, 3 * H * W);
    j.o.stored_side = H; /* as large as the network takes them */
    assert_int_equal(gf_cache_key_make(&same, j.data->set.index, &j.o, 0, NULL), GRAFT_OK);
    assert_int_equal(same.train_bytes, 0);
    j.o.stored_side = SIDE;
    assert_int_equal(gf_cache_key_make(&other, j.data->set.index, &j.o, 0, NULL), GRAFT_OK);
    assert_int_equal(other.train, TRAIN);
    assert_int_equal(other.train_bytes, 3 * SIDE * STORED_W);
    assert_memory_not_equal(plain.digest.byte, other.digest.byte, sizeof plain.digest.byte);
    assert_int_equal(gf_dir_list(j.disk.dir, &names, NULL), GRAFT_OK);
    assert_int_equal(names.n, 2);
    gf_names_free(&names);
    job_end(&j);
}

static void it_is_not_below_the_networks(void **state)
{
    (void)state;
    job j;
    job_begin(&j, GF_CACHE_NONE, 0);
    j.o.stored_side = H - 1;
    assert_refused(j.t.dir, &j.o, GF_E_OPTION_VALUE, "stored size: 9 is not in 10 to");
    job_end(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mode_keeps_both_sizes),  cmocka_unit_test(dropped_samples_change_no_size),
        cmocka_unit_test(a_network_gets_its_own_size),  cmocka_unit_test(the_size_is_part_of_the_key),
        cmocka_unit_test(it_is_not_below_the_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
