/* archive: what is in good archives, each bad one refused for its reason, every cut and every flipped bit of small
 * ones. The archives are Python's (tools/make_archive_fixtures.py). */
#include "archive/archive.h"
#include "base/alloc.h"
#include "support/ok.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { IMAGE = 54 + 8 * 8 * 3, FILES = 10, LARGEST = 1 << 16, LIMIT = 1 << 20, ENTRIES = 100 };

static const gf_archive_limits limits = {.bytes = LIMIT, .entries = ENTRIES, .spool = "/tmp"};

/* As make_archive_fixtures.py makes it. */
static void image_of(int seed, uint8_t pixels[IMAGE - 54])
{
    for (int i = 0; i < IMAGE - 54; i++) pixels[i] = (uint8_t)(seed * 41 + i * (i % 3 == seed % 3 ? 7 : 2));
}

static const char *fixture_path(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, GRAFT_FIXTURES "/archives/%s", name);
    return path;
}

static void assert_list(const gf_archive *a, const char *folder, const char *wanted)
{
    gf_names names;
    char all[512] = "";
    OK(gf_archive_list(a, folder, &names, &error));
    for (size_t i = 0; i < names.n; i++) {
        strcat(all, i ? " " : "");
        strcat(all, names.item[i]);
    }
    assert_string_equal(all, wanted);
    gf_names_free(&names);
}

static void assert_image(const gf_archive *a, const char *name, int seed)
{
    gf_archive_entry e;
    uint8_t bytes[IMAGE], pixels[IMAGE - 54];
    int failed;
    assert_true(gf_archive_find(a, name, &e));
    assert_false(e.is_folder);
    assert_int_equal(e.size, IMAGE);
    OK(gf_archive_read(a, e.member, bytes, IMAGE, &failed, &error));
    assert_int_equal(failed, 0);
    image_of(seed, pixels);
    assert_memory_equal(bytes + 54, pixels, sizeof pixels);
    OK(gf_archive_read(a, e.member, pixels, 60, &failed, &error)); /* the beginning alone */
    assert_memory_equal(bytes, pixels, 60);
}

static void good_ones_are_read(void **state)
{
    (void)state;
    static const char *const good[] = {"good.zip", "stored.zip", "streamed.zip", "folders.zip",   "good.tar",
                                       "dot.tar",  "pax.tar",    "good.tgz",     "members.tar.gz"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        gf_archive *a;
        assert_true(gf_archive_looks(fixture_path(good[i])));
        OK(gf_archive_open(&a, fixture_path(good[i]), &limits, &error));
        assert_list(a, "pets/train/cat", "0.bmp 1.bmp 2.bmp");
        assert_list(a, "pets/validation", "cat dog");
        if (strcmp(good[i], "folders.zip") != 0) assert_list(a, "", "pets");
        static const char *const part[] = {"train", "validation"}, *const kind[] = {"cat", "dog"};
        for (int k = 0; k < 2; k++) {
            for (int j = 0; j < 2; j++) {
                for (int n = 0; n < 3 - k; n++) {
                    char name[64];
                    snprintf(name, sizeof name, "pets/%s/%s/%d.bmp", part[k], kind[j], n);
                    assert_image(a, name, k * 16 + j * 8 + n);
                }
            }
        }
        gf_archive_entry e, other;
        assert_true(gf_archive_find(a, "pets", &e) && e.is_folder);
        assert_true(gf_archive_find(a, "pets/train", &other) && other.is_folder && other.member != e.member);
        assert_true(gf_archive_find(a, "", &e) && e.is_folder);
        assert_false(gf_archive_find(a, "pet", &e));
        assert_false(gf_archive_find(a, "pets/train/cat/3.bmp", &e));
        assert_true(gf_archive_find(a, "pets/train/cat/0.bmp", &e));
        assert_int_not_equal(e.mtime, 0);
        gf_archive_close(a);
    }
    assert_false(gf_archive_looks(fixture_path("cases.txt")));
    assert_false(gf_archive_looks(GRAFT_FIXTURES));
}

/* Names with bytes around the slash: a folder's files stand together all the same. */
static void folders_are_told_apart(void **state)
{
    (void)state;
    char dir[] = "/tmp/graft-archive-XXXXXX", command[1024], path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/x.tar", dir);
    snprintf(
        command, sizeof command,
        "cd %s && mkdir -p a a-b a/c empty && echo 1 >a/x && echo 2 >a-b/y && echo 3 >a.z && echo 4 >a/c/w && echo "
        "5 >'a!' && tar cf x.tar a a-b a.z 'a!' empty",
        dir);
    assert_int_equal(system(command), 0);
    gf_archive *a;
    OK(gf_archive_open(&a, path, NULL, &error));
    assert_list(a, "", "a a! a-b a.z empty");
    assert_list(a, "a", "c x");
    assert_list(a, "a/c", "w");
    assert_list(a, "a-b", "y");
    assert_list(a, "empty", "");
    assert_list(a, "none", "");
    gf_archive_close(a);
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

static void bad_ones_are_refused(void **state)
{
    (void)state;
    FILE *f = fopen(fixture_path("cases.txt"), "r");
    char line[256];
    int refused = 0, taken = 0;
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        char name[128], says[128];
        int number;
        assert_int_equal(sscanf(line, "%127s %d %127[^\n]", name, &number, says), 3);
        gf_archive *a;
        graft_error err = {0};
        graft_status status = gf_archive_open(&a, fixture_path(name), &limits, &err);
        if (err.number != number) fail_msg("%s: E%d %s, not E%d", name, err.number, err.message, number);
        if (*says != '-' && !strstr(err.message, says)) fail_msg("%s: \"%s\" lacks \"%s\"", name, err.message, says);
        if (number && !strstr(err.message, name)) fail_msg("%s: \"%s\" does not name it", name, err.message);
        assert_int_equal(status == GRAFT_OK, number == 0);
        assert_true((a != NULL) == (status == GRAFT_OK));
        gf_archive_close(a);
        refused += number != 0;
        taken += number == 0;
    }
    assert_int_equal(fclose(f), 0);
    assert_true(refused >= 35 && taken >= 10);
}

/* ---- small archives, changed */

static size_t read_whole(const char *name, uint8_t *bytes)
{
    FILE *f = fopen(fixture_path(name), "rb");
    assert_non_null(f);
    size_t n = fread(bytes, 1, LARGEST, f);
    assert_true(n > 0 && n < LARGEST);
    fclose(f);
    return n;
}

/* Opens the bytes; whatever is in there must then be the ten images. False: refused. */
static bool all_good(int fd, const char *path, const uint8_t *bytes, size_t n)
{
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(pwrite(fd, bytes, n, 0), n);
    gf_archive *a;
    graft_error err = {0};
    if (gf_archive_open(&a, path, &limits, &err) != GRAFT_OK) {
        assert_true(err.number >= 1160 && err.number <= 1165);
        assert_true(err.message[0]);
        return false;
    }
    static const char *const part[] = {"train", "validation"}, *const kind[] = {"cat", "dog"};
    int found = 0;
    for (int k = 0; k < 2; k++) {
        for (int j = 0; j < 2; j++) {
            for (int i = 0; i < 3 - k; i++) {
                char name[64];
                snprintf(name, sizeof name, "pets/%s/%s/%d.bmp", part[k], kind[j], i);
                assert_image(a, name, k * 16 + j * 8 + i);
                found++;
            }
        }
    }
    assert_int_equal(found, FILES);
    gf_archive_close(a);
    return true;
}

static void every_cut_is_refused(void **state)
{
    (void)state;
    static const char *const of[] = {"good.zip", "streamed.zip", "good.tgz", "good.tar"};
    static uint8_t bytes[LARGEST];
    char path[] = "/tmp/graft-archive-XXXXXX";
    int fd = mkstemp(path), refused = 0;
    assert_true(fd >= 0);
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        size_t n = read_whole(of[i], bytes), end = n;
        bool tar = !strcmp(of[i], "good.tar");
        if (tar) /* zeros fill it up: a tar that was cut there has lost nothing */
            while (!bytes[end - 1]) end--;
        for (size_t cut = 0; cut < (tar ? end : n); cut += tar ? 7 : 1) {
            if (all_good(fd, path, bytes, cut)) fail_msg("%s, cut at %zu of %zu, is taken", of[i], cut, n);
            refused++;
        }
    }
    close(fd);
    unlink(path);
    assert_true(refused > 4000);
}

/* A flipped bit is refused, or nothing of the images hangs on it. A plain tar has no checksums of its files. */
static void no_flipped_bit_changes_an_image(void **state)
{
    (void)state;
    static const char *const of[] = {"good.zip", "stored.zip", "good.tgz"};
    static uint8_t bytes[LARGEST];
    char path[] = "/tmp/graft-archive-XXXXXX";
    int fd = mkstemp(path), refused = 0;
    assert_true(fd >= 0);
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        size_t n = read_whole(of[i], bytes);
        for (size_t bit = i; bit < 8 * n; bit += 3) {
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            refused += !all_good(fd, path, bytes, n);
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
    close(fd);
    unlink(path);
    assert_true(refused > 5000);
}

static void one_that_is_written_to_is_noticed(void **state)
{
    (void)state;
    static uint8_t bytes[LARGEST];
    size_t n = read_whole("good.zip", bytes);
    char path[] = "/tmp/graft-archive-XXXXXX";
    int fd = mkstemp(path), failed;
    assert_int_equal(pwrite(fd, bytes, n, 0), n);
    gf_archive *a;
    gf_archive_entry e;
    graft_error err = {0};
    OK(gf_archive_open(&a, path, &limits, &error));
    assert_true(gf_archive_find(a, "pets/train/cat/0.bmp", &e));
    assert_int_equal(pwrite(fd, bytes, n, (off_t)n), n);
    assert_int_equal(gf_archive_read(a, e.member, bytes, IMAGE, &failed, &err), GRAFT_DATA);
    assert_int_equal(err.number, GF_E_DATA_CHANGED);
    gf_archive_close(a);
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_are_read),
        cmocka_unit_test(folders_are_told_apart),
        cmocka_unit_test(bad_ones_are_refused),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(no_flipped_bit_changes_an_image),
        cmocka_unit_test(one_that_is_written_to_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
