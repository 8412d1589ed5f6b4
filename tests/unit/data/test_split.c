/* data: shares of training, validation and test (row B3), and the order of an epoch. */
#include "tree.h"

#include <math.h>

static tree many_images(int a, int b, int c)
{
    tree t = tree_make();
    const int n[] = {a, b, c};
    size_t bytes;
    uint8_t *jpeg = tree_jpeg_bytes(4, 4, 1, &bytes);
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < n[k]; i++) {
            char name[64];
            snprintf(name, sizeof name, "%c/p%04d.jpg", 'a' + k, i);
            tree_bytes(&t, name, jpeg, bytes);
        }
    }
    gf_free(jpeg);
    return t;
}

static gf_index *built(const tree *t, const gf_data_options *o)
{
    gf_index *index;
    graft_error err = {0};
    if (gf_index_build(&index, t->dir, o, &err)) fail_msg("%s", err.message);
    return index;
}

static void assert_counts(const gf_index *index, gf_split split, uint64_t a, uint64_t b, uint64_t c)
{
    assert_int_equal(gf_index_count(index, split, 0), a);
    assert_int_equal(gf_index_count(index, split, 1), b);
    assert_int_equal(gf_index_count(index, split, 2), c);
}

static bool same_splits(const gf_index *x, const gf_index *y)
{
    if (x->n != y->n) return false;
    for (uint32_t i = 0; i < x->n; i++) {
        if (x->sample[i].split != y->sample[i].split || strcmp(gf_index_path(x, i), gf_index_path(y, i))) return false;
    }
    return true;
}

static void each_class_is_shared_out_by_itself(void **state)
{
    (void)state;
    tree t = many_images(100, 50, 10);
    gf_data_options o = tree_options();
    memcpy(o.split, (double[]){0.7, 0.2, 0.1}, sizeof o.split);
    gf_index *index = built(&t, &o), *again = built(&t, &o);
    assert_counts(index, GF_TRAIN, 70, 35, 7);
    assert_counts(index, GF_VALIDATION, 20, 10, 2);
    assert_counts(index, GF_TEST, 10, 5, 1);
    assert_true(same_splits(index, again));
    gf_index_free(again);
    o.seed = 1;
    again = built(&t, &o);
    assert_false(same_splits(index, again));
    gf_index_free(again);
    gf_index_free(index);
    tree_remove(&t);
}

/* B3 */
static void a_class_is_never_lost(void **state)
{
    (void)state;
    tree t = many_images(1, 2, 3);
    gf_data_options o = tree_options();
    heard h = {0};
    gf_log log = {heard_say, &h};
    o.log = &log;
    memcpy(o.split, (double[]){0.1, 0.8, 0.1}, sizeof o.split);
    gf_index *index = built(&t, &o);
    for (uint32_t c = 0; c < 3; c++) assert_true(gf_index_count(index, GF_TRAIN, c) >= 1);
    assert_int_equal(gf_index_count(index, GF_VALIDATION, 1), 1);
    assert_has(h.text, "class a has only 1 image: none of it for validation or test");
    assert_has(h.text, "class b has only 2 images: none of it for test");
    gf_index_free(index);
    tree_remove(&t);
}

static void no_split_is_all_training(void **state)
{
    (void)state;
    tree t = many_images(3, 3, 3);
    gf_data_options o = tree_options();
    memcpy(o.split, (double[]){1, 0, 0}, sizeof o.split);
    gf_index *index = built(&t, &o);
    assert_int_equal(index->first[GF_VALIDATION], 9);
    assert_int_equal(index->n, 9);
    gf_index_free(index);
    tree_remove(&t);
}

/* 1000 images in batches of 32 are 32 batches; a fifth of them, rounded down, are 6 batches, 192 images. */
static void test_set_is_whole_batches_of_validation(void **state)
{
    (void)state;
    tree t = tree_make();
    size_t n;
    uint8_t *jpeg = tree_jpeg_bytes(4, 4, 1, &n);
    for (int i = 0; i < 1004; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s/%s/p%04d.jpg", i < 4 ? "train" : "validation", i % 2 ? "cats" : "dogs", i);
        tree_bytes(&t, name, jpeg, n);
    }
    gf_free(jpeg);
    gf_data_options o = tree_options();
    o.batch = 32;
    o.test_from_validation = 0.2;
    gf_index *index = built(&t, &o), *again = built(&t, &o);
    assert_int_equal(index->first[GF_TEST] - index->first[GF_VALIDATION], 808);
    assert_int_equal(index->first[GF_SPLITS] - index->first[GF_TEST], 192);
    uint64_t cats = gf_index_count(index, GF_TEST, 0);
    assert_in_range(cats, 60, 132); /* shuffled, not the first in order */
    assert_true(same_splits(index, again));
    gf_index_free(again);
    o.seed = 7;
    again = built(&t, &o);
    assert_false(same_splits(index, again));
    gf_index_free(again);
    gf_index_free(index);
    tree_image(&t, "test/cats/x.jpg", 3);
    tree_image(&t, "test/dogs/x.jpg", 4);
    assert_refused(t.dir, &o, GF_E_USAGE, "has a test set of its own");
    tree_remove(&t);
}

static void refuses_shares_that_are_none(void **state)
{
    (void)state;
    tree t = many_images(3, 3, 3);
    static const double bad[][3] = {{0.8, 0.1, 0}, {0, 1, 0}, {1.2, -0.2, 0}, {0.8, 0.2, 0.1}, {NAN, 0.2, 0}};
    for (size_t i = 0; i < 5; i++) {
        gf_data_options o = tree_options();
        memcpy(o.split, bad[i], sizeof o.split);
        assert_refused(t.dir, &o, GF_E_OPTION_VALUE, "split");
    }
    gf_data_options o = tree_options();
    o.max_bad = NAN;
    assert_refused(t.dir, &o, GF_E_OPTION_VALUE, "max bad: nan is not in 0 to 1");
    o = tree_options();
    o.width = 0;
    assert_refused(t.dir, &o, GF_E_OPTION_VALUE, "width: 0 is not in 1 to 16384");
    tree_remove(&t);
}

static void each_epoch_has_each_sample_once(void **state)
{
    (void)state;
    tree t = many_images(20, 20, 7);
    gf_data_options o = tree_options();
    memcpy(o.split, (double[]){1, 0, 0}, sizeof o.split);
    gf_index *index = built(&t, &o);
    gf_order *order, *other;
    assert_int_equal(gf_order_create(&order, index, GF_TRAIN, 10, NULL), GRAFT_OK);
    assert_int_equal(gf_order_create(&other, index, GF_TRAIN, 10, NULL), GRAFT_OK);
    assert_int_equal(gf_order_batches(order), 5);
    const uint32_t *sample;
    assert_int_equal(gf_order_batch(order, 0, &sample), 10);
    for (uint32_t i = 0; i < 10; i++) assert_int_equal(sample[i], i); /* not shuffled: the index's order */
    for (uint32_t epoch = 0; epoch < 4; epoch++) {
        int seen[47] = {0};
        gf_order_shuffle(order, index, GF_TRAIN, 3, epoch);
        for (uint32_t b = 0; b < 5; b++) {
            uint32_t n = gf_order_batch(order, b, &sample);
            assert_int_equal(n, b < 4 ? 10 : 7);
            for (uint32_t i = 0; i < n; i++) seen[sample[i]]++;
        }
        for (int i = 0; i < 47; i++) assert_int_equal(seen[i], 1);
    }
    gf_order_shuffle(other, index, GF_TRAIN, 3, 3); /* straight to epoch 3, as a resumed run does */
    assert_memory_equal(order->sample, other->sample, 47 * sizeof *order->sample);
    gf_order_shuffle(other, index, GF_TRAIN, 3, 2);
    assert_memory_not_equal(order->sample, other->sample, 47 * sizeof *order->sample);
    gf_order_free(order);
    gf_order_free(other);
    assert_int_equal(gf_order_create(&order, index, GF_TEST, 10, NULL), GRAFT_OK);
    assert_int_equal(gf_order_batches(order), 0);
    gf_order_free(order);
    gf_index_free(index);
    tree_remove(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_class_is_shared_out_by_itself), cmocka_unit_test(a_class_is_never_lost),
        cmocka_unit_test(no_split_is_all_training),           cmocka_unit_test(test_set_is_whole_batches_of_validation),
        cmocka_unit_test(refuses_shares_that_are_none),       cmocka_unit_test(each_epoch_has_each_sample_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
