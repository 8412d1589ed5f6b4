/* Every failing allocation of decoding, resizing and encoding, one by one: E5001 or the right result, and nothing
 * leaks. What the JPEG, WebP and GIF libraries take for themselves is not in our hands and not failed here. */
#include "images.h"

#include "image/encode.h"
#include "image/resize.h"
#include "support/sys_faults.h"

enum { MOST = 200 };
static expected list[MOST];

static void decoding(void **state)
{
    (void)state;
    size_t count = expected_load("expected.txt", list, MOST);
    long faults = 0;
    for (size_t i = 0; i < count; i++) {
        file f = fixture_file(list[i].name);
        for (long k = 0;; k++) {
            long live = faults_live();
            gf_image p;
            gf_image_info info;
            graft_error err = {0};
            faults_arm(FAULT_ALLOC, k);
            graft_status status = gf_image_decode(f.bytes, f.n, "x", NULL, &p, &info, &err);
            bool happened = faults_disarm();
            if (status == GRAFT_OK) {
                char hex[65];
                image_digest(&p, hex);
                assert_string_equal(hex, list[i].digest);
            } else {
                assert_null(p.rgb);
                assert_int_equal(status, happened ? GRAFT_RESOURCE : GRAFT_DATA);
            }
            gf_image_free(&p);
            assert_int_equal(faults_live(), live);
            if (!happened) break;
            faults++;
        }
        free(f.bytes);
    }
    assert_true(faults > 300);
}

static void resizing(void **state)
{
    (void)state;
    static uint8_t src[20 * 30 * 3], dst[10 * 40 * 3];
    for (int antialias = 0; antialias < 2; antialias++) {
        for (long k = 0;; k++) {
            long live = faults_live();
            faults_arm(FAULT_ALLOC, k);
            graft_status status = gf_resize_u8(src, 20, 30, dst, 10, 40, antialias, NULL);
            bool happened = faults_disarm();
            assert_int_equal(faults_live(), live);
            assert_int_equal(status, happened ? GRAFT_RESOURCE : GRAFT_OK);
            if (!happened) break;
        }
    }
}

static void encoding(void **state)
{
    (void)state;
    enum { SIDE = 300 };
    static uint8_t src[SIDE * SIDE * 3];
    for (size_t i = 0; i < sizeof src; i++) src[i] = (uint8_t)(i * i * 2654435761u >> 13);
    long faults = 0;
    for (long k = 0;; k++) {
        long live = faults_live();
        uint8_t *bytes;
        size_t n;
        faults_arm(FAULT_ALLOC, k);
        graft_status status = gf_jpeg_encode(src, SIDE, SIDE, 95, &bytes, &n, NULL);
        bool happened = faults_disarm();
        assert_int_equal(status, happened ? GRAFT_RESOURCE : GRAFT_OK);
        gf_free(bytes);
        assert_int_equal(faults_live(), live);
        if (!happened) break;
        faults++;
    }
    assert_true(faults >= 3); /* the buffer grew */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoding),
        cmocka_unit_test(resizing),
        cmocka_unit_test(encoding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
