/* data: what has changed since a run was started (row B23). */
#include "data/manifest.h"
#include "tree.h"

static gf_pool *pool;

static gf_images *opened(const tree *t)
{
    gf_data_options o = tree_options();
    gf_images *data;
    graft_error err = {0};
    if (gf_images_open(&data, t->dir, &o, pool, NULL, &err)) fail_msg("%s", err.message);
    return data;
}

static void tells_what_differs(void **state)
{
    (void)state;
    assert_int_equal(gf_pool_create(&pool, 2, NULL, NULL), GRAFT_OK);
    tree t = tree_cats_and_dogs(), copy = tree_cats_and_dogs();
    gf_images *data = opened(&t);
    char *text;
    assert_int_equal(gf_manifest_text(data->set.index, &text, NULL), GRAFT_OK);
    size_t n = strlen(text);
    assert_int_equal(n, 13 + 18 * 34);
    assert_int_equal(gf_manifest_check(data->set.index, (uint8_t *)text, n, "m", NULL), GRAFT_OK);
    gf_images_close(data);
    data = opened(&copy); /* the same data elsewhere */
    assert_int_equal(gf_manifest_check(data->set.index, (uint8_t *)text, n, "m", NULL), GRAFT_OK);
    gf_images_close(data);

    for (int i = 0; i < 3; i++) {
        char name[64];
        snprintf(name, sizeof name, "train/dog/new%d.jpg", i);
        tree_image(&t, name, 200 + i);
    }
    assert_int_equal(unlink(tree_path(&t, "validation/cat/p001.jpg")), 0);
    data = opened(&t);
    graft_error err = {0};
    assert_int_equal(gf_manifest_check(data->set.index, (uint8_t *)text, n, "m", &err), GRAFT_DATA);
    assert_int_equal(err.number, GF_E_DATA_DIFFERS);
    assert_has(err.message, "3 added, 1 removed, 0 changed, such as train/dog/new0.jpg");
    gf_images_close(data);

    uint8_t *bytes;
    size_t size; /* as long as before, other pixels */
    assert_int_equal(gf_file_read(tree_path(&copy, "train/cat/p002.jpg"), 1 << 20, &bytes, &size, NULL), GRAFT_OK);
    size_t table = 0; /* a quantization table: marker FF DB, length, number, 64 values */
    while (table + 10 < size && !(bytes[table] == 0xff && bytes[table + 1] == 0xdb)) table++;
    bytes[table + 9] ^= 1;
    tree_bytes(&copy, "train/cat/p002.jpg", bytes, size);
    gf_free(bytes);
    data = opened(&copy);
    assert_int_equal(gf_manifest_check(data->set.index, (uint8_t *)text, n, "m", &err), GRAFT_DATA);
    assert_has(err.message, "0 added, 0 removed, 1 changed, such as train/cat/p002.jpg");

    for (size_t cut = 0; cut < n; cut += 7) { /* whole lines fewer are removed files, all else is no manifest */
        assert_int_equal(gf_manifest_check(data->set.index, (uint8_t *)text, cut, "m", &err), GRAFT_DATA);
    }
    text[40] = 'x';
    assert_int_equal(gf_manifest_check(data->set.index, (uint8_t *)text, n, "m", &err), GRAFT_DATA);
    assert_has(err.message, "m:2: damaged");
    gf_free(text);
    gf_images_close(data);
    tree_remove(&t);
    tree_remove(&copy);
    gf_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tells_what_differs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
