/* data: what images look like: how bright, of one color, near copies; the bins that they are counted in. */
#include "data/looks.h"
#include "tree.h"

#include <math.h>

enum { W = 96, H = 64 };

/* A scene of its own for each seed: large soft shapes, as photos have them. */
static void scene(uint8_t *rgb, int w, int h, int seed, bool mirrored)
{
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++) {
            double u = (double)(mirrored ? w - 1 - x : x) / w, v = (double)y / h, s = seed;
            double value =
                128 + 50 * sin(3 * s + 5 * u + 2 * v * (s + 1)) + 40 * cos(s * 1.7 + 7 * v - 3 * u * (s + 2));
            for (int c = 0; c < 3; c++) rgb[3 * (y * w + x) + c] = (uint8_t)(value + 10 * c);
        }
    }
}

static void write_scene(const tree *t, const char *path, int w, int h, int seed, bool mirrored, int quality)
{
    uint8_t *rgb = gf_alloc((size_t)w * (size_t)h, 3), *bytes = NULL;
    size_t n;
    scene(rgb, w, h, seed, mirrored);
    assert_int_equal(gf_jpeg_encode(rgb, w, h, quality, &bytes, &n, NULL), GRAFT_OK);
    tree_bytes(t, path, bytes, n);
    gf_free(bytes);
    gf_free(rgb);
}

static void write_flat(const tree *t, const char *path, uint8_t gray)
{
    static uint8_t rgb[W * H * 3];
    uint8_t *bytes = NULL;
    size_t n;
    memset(rgb, gray, sizeof rgb);
    rgb[0] ^= 1; /* no two files are equal */
    assert_int_equal(gf_jpeg_encode(rgb, W, H, 95, &bytes, &n, NULL), GRAFT_OK);
    tree_bytes(t, path, bytes, n);
    gf_free(bytes);
}

static bool has_pair(const gf_data_report *r, const char *a, const char *b, bool mirrored)
{
    for (size_t i = 0; i < r->n_near; i++) {
        const gf_near_copy *n = &r->near[i];
        bool same = (!strcmp(n->path, a) && !strcmp(n->copy, b)) || (!strcmp(n->path, b) && !strcmp(n->copy, a));
        if (same) return n->mirrored == mirrored;
    }
    return false;
}

static void what_they_look_like_is_told(void **state)
{
    (void)state;
    tree t = tree_make();
    for (int i = 0; i < 6; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/s%d.jpg", i % 2 ? "b" : "a", i);
        write_scene(&t, path, W, H, i, false, 92);
    }
    write_scene(&t, "a/small.jpg", W / 2, H / 2, 0, false, 92); /* of a/s0.jpg */
    write_scene(&t, "b/poor.jpg", W, H, 2, false, 30);          /* of a/s2.jpg, in another class */
    write_scene(&t, "b/mirror.jpg", W, H, 3, true, 92);         /* of b/s3.jpg */
    write_flat(&t, "a/black.jpg", 3);
    write_flat(&t, "b/black.jpg", 4);
    write_flat(&t, "b/white.jpg", 250);
    gf_data_options o = tree_options();
    o.width = o.height = 160; /* inspect's own */
    gf_pool *pool;
    gf_data_report *r;
    assert_int_equal(gf_pool_create(&pool, 2, NULL, NULL), GRAFT_OK);
    assert_int_equal(tree_inspect(t.dir, &o, pool, &r, NULL), GRAFT_OK);
    assert_int_equal(r->images, 12);
    assert_int_equal(r->flat, 3);
    assert_int_equal(r->near_pairs, 3);
    assert_int_equal(r->near_other_class, 1);
    assert_true(has_pair(r, "a/s0.jpg", "a/small.jpg", false));
    assert_true(has_pair(r, "a/s2.jpg", "b/poor.jpg", false));
    assert_true(has_pair(r, "b/s3.jpg", "b/mirror.jpg", true));
    uint64_t sums[3] = {0};
    const gf_binned *of[3] = {&r->side, &r->shape, &r->brightness};
    for (int k = 0; k < 3; k++) {
        for (size_t i = 0; i < of[k]->n; i++) sums[k] += of[k]->count[i];
        assert_int_equal(sums[k], 12);
    }
    assert_int_equal(r->side.count[4], 11);      /* 64 to 90 */
    assert_int_equal(r->side.count[2], 1);       /* 32 to 44 */
    assert_int_equal(r->shape.count[6], 12);     /* 3:2 */
    assert_int_equal(r->brightness.count[0], 2); /* black */
    assert_int_equal(r->brightness.count[15], 1);
    char *text;
    assert_int_equal(gf_report_text(r, &text, NULL), GRAFT_OK);
    assert_has(text, "3 images are of one color");
    assert_has(text, "3 pairs of images that are the same but for size, quality or a mirror (1 in two classes");
    assert_has(text, "           3:2       12  ########################################");
    gf_free(text);
    gf_report_free(r);
    gf_pool_destroy(pool);
    tree_remove(&t);
}

/* A placeholder that is there many times is no pair with itself, and one pair with a copy of it. */
static void equal_files_make_no_pairs(void **state)
{
    (void)state;
    tree t = tree_make();
    for (int i = 0; i < 12; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/same%d.jpg", i % 2 ? "b" : "a", i);
        write_scene(&t, path, W, H, 0, false, 92);
    }
    write_scene(&t, "a/small.jpg", W / 2, H / 2, 0, false, 92);
    gf_data_options o = tree_options();
    o.width = o.height = 160;
    o.split[0] = 1; /* all are of one part */
    o.split[1] = 0;
    gf_pool *pool;
    gf_data_report *r;
    assert_int_equal(gf_pool_create(&pool, 2, NULL, NULL), GRAFT_OK);
    assert_int_equal(tree_inspect(t.dir, &o, pool, &r, NULL), GRAFT_OK);
    assert_int_equal(r->images, 13);
    assert_int_equal(r->same_class, 10);
    assert_int_equal(r->near_pairs, 2); /* with the first of a, and with that of b */
    assert_int_equal(r->near_other_class, 1);
    assert_true(has_pair(r, "a/same0.jpg", "a/small.jpg", false));
    assert_true(has_pair(r, "b/same1.jpg", "a/small.jpg", false));
    gf_report_free(r);
    gf_pool_destroy(pool);
    tree_remove(&t);
}

/* The same whatever the number of threads. */
static void threads_see_the_same(void **state)
{
    (void)state;
    tree t = tree_make();
    int seed = 0;
    tree_class(&t, "a", 9, &seed);
    tree_class(&t, "b", 9, &seed);
    gf_data_options o = tree_options();
    char *text[2];
    for (int k = 0; k < 2; k++) {
        gf_pool *pool;
        gf_data_report *r;
        assert_int_equal(gf_pool_create(&pool, k ? 4 : 1, NULL, NULL), GRAFT_OK);
        assert_int_equal(tree_inspect(t.dir, &o, pool, &r, NULL), GRAFT_OK);
        assert_int_equal(gf_report_text(r, &text[k], NULL), GRAFT_OK);
        gf_report_free(r);
        gf_pool_destroy(pool);
    }
    assert_string_equal(text[0], text[1]);
    gf_free(text[0]);
    gf_free(text[1]);
    tree_remove(&t);
}

static void values_on_edges_belong_above(void **state)
{
    (void)state;
    static const double edge[] = {0, 10, 20};
    gf_binned h = {2, edge, {0}};
    static const double value[] = {-5, 0, 9.99, 10, 19, 20, 1e9};
    for (size_t i = 0; i < sizeof value / sizeof *value; i++) gf_binned_add(&h, value[i]);
    assert_int_equal(h.count[0], 3);
    assert_int_equal(h.count[1], 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_they_look_like_is_told),
        cmocka_unit_test(equal_files_make_no_pairs),
        cmocka_unit_test(threads_see_the_same),
        cmocka_unit_test(values_on_edges_belong_above),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
