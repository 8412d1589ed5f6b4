/* Features that are kept: the same bits as without, in memory and from disk; a file that is damaged is told and made
 * anew; old ones go. */
#include "support/run_bytes.h"
#include "support/tiny_data.h"
#include "support/tiny_run.h"

#include "base/alloc.h"
#include "base/io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64], data[96], store[128], said[4096];

static void hear(void *user, graft_level level, const char *text)
{
    (void)user, (void)level;
    size_t n = strlen(said);
    snprintf(said + n, sizeof said - n, "%s\n", text);
}

static void train(const char *out, const char *how, const char *augment, int epochs, uint64_t seed)
{
    const char *by_name[][2] = {{"train.feature_cache", how}, {"train.feature_limit", "1048576"}, {NULL, NULL}};
    tiny_run t;
    graft_error err = {0};
    said[0] = 0;
    tiny_run_defaults(&t, data, out);
    t.by_name = by_name;
    t.seed = seed;
    t.context.say = hear;
    t.train.epochs = t.train.fine_tune_epochs = epochs;
    t.train.augment = augment;
    if (tiny_run_train(&t, false, &err)) fail_msg("%s: %s %s", how, err.message, err.hint);
}

static const char *path_in(const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", root, name);
    return path;
}

static void compare(const char *how, const char *other, const char *augment, int epochs)
{
    char one[128], two[128], where[64];
    snprintf(where, sizeof where, "%s and %s", how, other);
    train(path_in("one", one), how, augment, epochs, 0);
    train(path_in("two", two), other, augment, epochs, 0);
    run_bytes_equal(one, two, where);
}

static void what_is_kept_has_the_bits_of_what_is_not(void **state)
{
    (void)state;
    compare("auto", "off", "none", 2);
    compare("2", "off", "flip,rotate=0.2", 2);   /* no more epochs than variants: all of them live */
    compare("3", "3,off", "flip,rotate=0.2", 5); /* variants come again, kept or not */
}

/* The training loss of an epoch. */
static double loss_of(const char *run, int epoch)
{
    char path[192], line[512];
    double lr, loss = -1;
    snprintf(path, sizeof path, "%s/history.csv", run);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    for (int i = 0; i <= epoch; i++) assert_non_null(fgets(line, sizeof line, f));
    fclose(f);
    assert_int_equal(sscanf(line, "%*d,%*[^,],%lf,%lf", &lr, &loss), 2);
    return loss;
}

static void variants_come_again(void **state)
{
    (void)state;
    char one[128], two[128];
    train(path_in("one", one), "2", "flip,rotate=0.2", 4, 0);
    train(path_in("two", two), "off", "flip,rotate=0.2", 4, 0);
    assert_true(loss_of(one, 2) == loss_of(two, 2));
    assert_true(loss_of(one, 3) != loss_of(two, 3));
}

/* A run that is stopped in the second phase, and one in the first, go on with the variants of their phase. */
static void a_stop_changes_no_bit(void **state)
{
    (void)state;
    const char *by_name[][2] = {{"train.feature_cache", "2"}, {NULL, NULL}};
    static const int questions[] = {3, 9, 14, 20, 26};
    char whole[128], run[128];
    train(path_in("whole", whole), "2", "flip,rotate=0.2", 3, 0);
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        tiny_run t;
        graft_error err = {0};
        tiny_stop s = {.left = questions[i]};
        tiny_run_defaults(&t, data, path_in("stopped", run));
        t.by_name = by_name;
        t.train.epochs = t.train.fine_tune_epochs = 3;
        t.train.augment = "flip,rotate=0.2";
        tiny_run_stop(&t, &s);
        assert_int_equal(tiny_run_train(&t, false, &err), GRAFT_TERMINATED);
        tiny_run_defaults(&t, data, run);
        if (tiny_run_train(&t, true, &err)) fail_msg("%s", err.message);
        run_bytes_equal(whole, run, "stopped with variants");
    }
}

static size_t stored(char first[300], uint64_t *bytes)
{
    gf_names names;
    size_t n = 0;
    *bytes = 0;
    if (gf_dir_list(store, &names, NULL)) return 0;
    for (size_t i = 0; i < names.n; i++) {
        struct stat st;
        char path[300];
        snprintf(path, sizeof path, "%s/%s", store, names.item[i]);
        assert_int_equal(stat(path, &st), 0);
        *bytes += (uint64_t)st.st_size;
        if (!n++) snprintf(first, 300, "%s", path);
    }
    gf_names_free(&names);
    return n;
}

static void flip(const char *path, long at)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    int c = fgetc(f);
    assert_int_equal(fseek(f, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    fputc(c ^ 4, f);
    fclose(f);
}

static void a_later_run_takes_what_is_on_disk(void **state)
{
    (void)state;
    static const long places[] = {3, 40, 250, 256, 300, -1};
    char one[128], two[128], file[300];
    uint64_t bytes;
    train(path_in("one", one), "off", "none", 2, 0);
    train(path_in("two", two), "disk", "none", 2, 0);
    run_bytes_equal(one, two, "to disk");
    if (strstr(said, "were there")) fail_msg("%s", said);
    size_t files = stored(file, &bytes);
    assert_int_equal(files, 4); /* training and validation, of two phases */
    train(two, "disk", "none", 2, 0);
    run_bytes_equal(one, two, "from disk");
    assert_non_null(strstr(said, "features of 16 images were there from an earlier run"));
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        flip(file, places[i]);
        train(two, "disk", "none", 2, 0);
        run_bytes_equal(one, two, "from a damaged file");
        if (!strstr(said, "E1124") || !strstr(said, "computed anew")) fail_msg("byte %ld: %s", places[i], said);
        train(two, "disk", "none", 2, 0); /* it has been made again */
        if (strstr(said, "E1124")) fail_msg("byte %ld: %s", places[i], said);
    }
    assert_int_equal(truncate(file, 700), 0);
    train(two, "disk", "none", 2, 0);
    assert_non_null(strstr(said, "it ends early"));
    assert_int_equal(stored(file, &bytes), files);
}

/* Other images, other values, other changes: none of the files is taken. */
static void other_features_are_others(void **state)
{
    (void)state;
    char run[128], file[300];
    uint64_t bytes;
    train(path_in("one", run), "disk", "none", 1, 5); /* the backbone's random values are of the seed */
    if (strstr(said, "were there")) fail_msg("%s", said);
    train(run, "2,disk", "flip,rotate=0.2", 1, 5);
    assert_null(strstr(said, "features of 32 images were there"));
    train(run, "2,disk", "flip,rotate=0.1", 1, 5);
    assert_null(strstr(said, "features of 32 images were there"));
    train(run, "2,disk", "flip,rotate=0.1", 1, 5);
    assert_non_null(strstr(said, "features of 32 images were there"));
    for (uint64_t seed = 6; seed < 10; seed++) train(run, "4,disk", "flip", 1, seed);
    assert_true(stored(file, &bytes) > 1);
    if (bytes > 1 << 20) fail_msg("%llu bytes are more than the limit", (unsigned long long)bytes);
}

static void words_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"no", "0", "2,,disk", "disc", "-1", "2x", "1001"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *by_name[][2] = {{"train.feature_cache", bad[i]}, {NULL, NULL}};
        char run[128];
        tiny_run t;
        graft_error err = {0};
        tiny_run_defaults(&t, data, path_in("one", run));
        t.by_name = by_name;
        assert_int_equal(tiny_run_train(&t, false, &err), GRAFT_USAGE);
        if (!strstr(err.message, bad[i])) fail_msg("%s: %s", bad[i], err.message);
    }
}

static int set_up(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/graft-test-XXXXXX");
    if (!mkdtemp(root)) return -1;
    snprintf(data, sizeof data, "%s/data", root);
    snprintf(store, sizeof store, "%s/graft/features", root);
    tiny_data_make(data, 8, 4);
    return setenv("XDG_CACHE_HOME", root, 1);
}

static int tear_down(void **state)
{
    (void)state;
    tiny_data_remove(root);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_has_the_bits_of_what_is_not),
        cmocka_unit_test(variants_come_again),
        cmocka_unit_test(a_stop_changes_no_bit),
        cmocka_unit_test(a_later_run_takes_what_is_on_disk),
        cmocka_unit_test(other_features_are_others),
        cmocka_unit_test(words_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
