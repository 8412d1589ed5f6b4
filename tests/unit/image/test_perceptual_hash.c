/* Perceptual hashes: those of scipy's cosine transform (tools/make_hash_fixtures.py); of an image that is resized they
 * hardly change. */
#include "image/perceptual_hash.h"
#include "image/resize.h"
#include "support/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { SIDE = 32, VALUES = SIDE * SIDE * 3, BITS = 64 };

static uint64_t bits_of(const fixture *f, const char *name, const char *what)
{
    char full[32];
    uint64_t bits = 0;
    snprintf(full, sizeof full, "%s/%s", name, what);
    const float *one = fixture_f32(f, full, NULL);
    assert_non_null(one);
    for (int k = 0; k < BITS; k++) bits |= (uint64_t)(one[k] > 0) << k;
    return bits;
}

static void bits_are_scipys(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "c", "d"};
    fixture *f = fixture_open(GRAFT_FIXTURES "/perceptual_hash.safetensors");
    assert_non_null(f);
    for (int i = 0; i < 4; i++) {
        char full[32];
        uint8_t rgb[VALUES], large[4 * VALUES];
        uint64_t hash, mirrored, again, back;
        snprintf(full, sizeof full, "%s/rgb", names[i]);
        const float *value = fixture_f32(f, full, NULL);
        for (int k = 0; k < VALUES; k++) rgb[k] = (uint8_t)value[k];
        assert_int_equal(gf_perceptual_hash(rgb, SIDE, SIDE, &hash, &mirrored, NULL), GRAFT_OK);
        assert_true(hash == bits_of(f, names[i], "bits"));
        assert_true(mirrored == bits_of(f, names[i], "mirrored"));
        assert_int_equal(gf_resize_u8(rgb, SIDE, SIDE, large, 2 * SIDE, 2 * SIDE, false, NULL), GRAFT_OK);
        assert_int_equal(gf_perceptual_hash(large, 2 * SIDE, 2 * SIDE, &again, &back, NULL), GRAFT_OK);
        assert_true(__builtin_popcountll(hash ^ again) <= 4);
        assert_true(__builtin_popcountll(mirrored ^ back) <= 4);
    }
    fixture_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bits_are_scipys)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
