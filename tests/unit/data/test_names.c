/* Paths within a data folder in one spelling, and the keys by which names of classes that look alike are found. */
#include "data/names.h"
#include "data/paths.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void normalizes_paths(void **state)
{
    (void)state;
    static const char *const good[][2] = {{"a/b", "a/b"}, {"./a//b/", "a/b"}, {"a/./b", "a/b"}, {"..a/b..", "..a/b.."}};
    static const char *const bad[] = {"", ".", "./", "..", "a/../b", "/a", "../a", "a/.."};
    char buf[32];
    for (size_t i = 0; i < 4; i++) {
        snprintf(buf, sizeof buf, "%s", good[i][0]);
        assert_true(gf_path_normalize(buf));
        assert_string_equal(buf, good[i][1]);
    }
    for (size_t i = 0; i < 8; i++) {
        snprintf(buf, sizeof buf, "%s", bad[i]);
        assert_false(gf_path_normalize(buf));
    }
}

static void name_keys_stay_in_their_room(void **state)
{
    (void)state;
    char name[8], key[64];
    for (uint32_t code = 1; code < 0x110000; code += code < 0x10000 ? 1 : 257) {
        size_t n = 0;
        if (code < 0x80) {
            name[n++] = (char)code;
        } else if (code < 0x800) {
            name[n++] = (char)(0xc0 | code >> 6);
        } else if (code < 0x10000) {
            name[n++] = (char)(0xe0 | code >> 12);
            name[n++] = (char)(0x80 | (code >> 6 & 63));
        } else {
            name[n++] = (char)(0xf0 | code >> 18);
            name[n++] = (char)(0x80 | (code >> 12 & 63));
            name[n++] = (char)(0x80 | (code >> 6 & 63));
        }
        if (code >= 0x80) name[n++] = (char)(0x80 | (code & 63));
        name[n] = 0;
        gf_name_key(name, key);
        assert_true(strlen(key) <= GF_NAME_KEY_GROWTH * n);
    }
    gf_name_key("\xff\xc3\xf0\x9f", key); /* broken UTF-8 stays as it is */
    assert_string_equal(key, "\xff\xc3\xf0\x9f");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normalizes_paths),
        cmocka_unit_test(name_keys_stay_in_their_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
