/* data: 100,000 files in 10,000 classes (row B15): little memory a file, few descriptors. */
#include "tree.h"

#include <sys/resource.h>

enum { CLASSES = 10000, EACH = 10 };

static void big_index_is_small(void **state)
{
    (void)state;
    tree t = tree_make_in(access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm"); /* disks are slow at so many names */
    char source[128], name[128];
    tree_folder(&t, "data");
    for (int c = 0; c < CLASSES; c++) {
        snprintf(name, sizeof name, "%s/data/class%05d", t.dir, c);
        assert_int_equal(mkdir(name, 0777), 0);
        if (c % 1000 == 0) { /* hard links: a file system makes them faster than files, but not any number to one */
            snprintf(source, sizeof source, "source%d", c);
            tree_text(&t, source, "x");
            snprintf(source, sizeof source, "%s/source%d", t.dir, c);
        }
        for (int i = 0; i < EACH; i++) {
            snprintf(name, sizeof name, "%s/data/class%05d/picture%d.jpg", t.dir, c, i);
            assert_int_equal(link(source, name), 0);
        }
    }
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 64;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    gf_data_options o = tree_options();
    gf_index *index;
    graft_error err = {0};
    if (gf_index_build(&index, tree_path(&t, "data"), &o, &err)) fail_msg("E%d: %s", err.number, err.message);
    assert_int_equal(index->n, CLASSES * EACH);
    assert_int_equal(index->classes.n, CLASSES);
    uint64_t paths = 0;
    for (uint32_t i = 0; i < index->n; i++) paths += strlen(gf_index_path(index, i)) + 1;
    uint64_t without_digests = gf_index_bytes(index);
    index->content = gf_new_n(index->n, gf_sha256);
    assert_non_null(index->content);
    printf("%.1f bytes a file and its path, %.1f with its digest\n", (double)(without_digests - paths) / index->n,
           (double)(gf_index_bytes(index) - paths) / index->n);
    assert_true(gf_index_bytes(index) - paths <= 100 * (uint64_t)index->n);
    gf_index_free(index);
    tree_remove(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(big_index_is_small)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
