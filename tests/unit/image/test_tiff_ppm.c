/* TIFF and Netpbm images: each kind against the pixels that were written, damage, bombs (rows A2, A9, A15, A24). */
#include "images.h"

#include "image/codec.h"

enum { MOST = 80 };
static expected list[MOST];

static void every_kind_equals_what_was_written(void **state)
{
    (void)state;
    size_t n = expected_load("tiff_ppm.txt", list, MOST);
    assert_true(n > 40);
    for (size_t i = 0; i < n; i++) {
        const expected *e = &list[i];
        file f = fixture_file(e->name);
        gf_image p;
        gf_image_info info;
        graft_error err;
        char hex[65];
        graft_status status = decode(&f, NULL, &p, &info, &err);
        if (!strcmp(e->notes, "unsupported")) {
            if (status != GRAFT_DATA || err.number != GF_E_IMAGE_UNSUPPORTED) fail_msg("%s: %s", e->name, err.message);
            free(f.bytes);
            continue;
        }
        if (status != GRAFT_OK) fail_msg("%s: %s", e->name, err.message);
        image_digest(&p, hex);
        if (p.w != e->w || p.h != e->h || strcmp(hex, e->digest) != 0) {
            fail_msg("%s: %d x %d %s, wanted %d x %d %s", e->name, p.w, p.h, hex, e->w, e->h, e->digest);
        }
        if (info.alpha != !!strstr(e->notes, "alpha") || info.sixteen_bit != !!strstr(e->notes, "sixteen") ||
            info.animated != !!strstr(e->notes, "animated") || info.truncated) {
            fail_msg("%s: wrong notes", e->name);
        }
        assert_int_equal(info.format, gf_image_format_of_name(e->name));
        assert_true(gf_image_begins(f.bytes, f.n < GF_IMAGE_BEGIN ? f.n : GF_IMAGE_BEGIN));
        gf_image_free(&p);
        free(f.bytes);
    }
}

/* An error at every length, or the image itself (what is behind the pixels may be missing); padded ones say so. */
static void cut_at_every_length(void **state)
{
    (void)state;
    static const char *const names[] = {"tiff_rgb_none.tif", "tiff_rgb_lzw.tif",     "tiff_rgb_tiled.tif",
                                        "tiff_fax4.tif",     "tiff_rgb_bigtiff.tif", "tiff_jpeg.tif",
                                        "tiff_grey_16.tif",  "ppm_p6_255.ppm",       "ppm_p5_1000.pgm",
                                        "ppm_p3_15.ppm",     "ppm_p1.pbm",           "ppm_p4.pbm"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        file whole = fixture_file(names[i]);
        gf_image full, p;
        gf_image_info info;
        graft_error err;
        assert_int_equal(decode(&whole, NULL, &full, NULL, &err), GRAFT_OK);
        for (size_t n = 0; n < whole.n; n++) {
            file f = file_of(whole.bytes, n);
            if (decode(&f, NULL, &p, &info, &err) == GRAFT_OK) {
                size_t bytes = (size_t)p.w * (size_t)p.h * 3;
                bool same = p.w == full.w && p.h == full.h && !memcmp(p.rgb, full.rgb, bytes);
                if (!same) fail_msg("%s cut to %zu: made-up pixels", names[i], n);
                gf_image_free(&p);
            }
            gf_image_options lenient = gf_image_options_default();
            lenient.allow_truncated = true;
            if (decode(&f, &lenient, &p, &info, &err) == GRAFT_OK) gf_image_free(&p);
            free(f.bytes);
        }
        gf_image_free(&full);
        free(whole.bytes);
    }
}

static void cut_in_the_middle_tells_its_rows(void **state)
{
    (void)state;
    static const char *const names[] = {"ppm_p6_255.ppm", "ppm_p3_255.ppm", "tiff_rgb_none.tif"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        file whole = fixture_file(names[i]), f = file_of(whole.bytes, whole.n * 2 / 3);
        gf_image p, full;
        gf_image_info info;
        graft_error err;
        gf_image_options lenient = gf_image_options_default();
        assert_int_equal(decode(&whole, NULL, &full, NULL, &err), GRAFT_OK);
        assert_int_equal(decode(&f, NULL, &p, NULL, &err), GRAFT_DATA);
        if (err.number != GF_E_IMAGE_TRUNCATED || !strstr(err.message, "ends early: ")) fail_msg("%s", err.message);
        lenient.allow_truncated = true;
        assert_int_equal(decode(&f, &lenient, &p, &info, &err), GRAFT_OK);
        assert_true(info.truncated && info.rows_present > 8 && info.rows_present < full.h);
        assert_memory_equal(p.rgb, full.rgb, (size_t)info.rows_present * (size_t)full.w * 3);
        assert_int_equal(p.rgb[(size_t)full.w * (size_t)full.h * 3 - 1], 128);
        gf_image_free(&p);
        gf_image_free(&full);
        free(f.bytes);
        free(whole.bytes);
    }
}

static void expect(const char *text, size_t n, int number, const char *words)
{
    file f = file_of(text, n);
    gf_image p;
    graft_error err;
    if (decode(&f, NULL, &p, NULL, &err) == GRAFT_OK) fail_msg("taken, wanted %s", words);
    if (err.number != number || !strstr(err.message, words))
        fail_msg("E%d %s, wanted %s", err.number, err.message, words);
    free(f.bytes);
}
#define EXPECT(text, number, words) expect((text), sizeof(text) - 1, (number), (words))

static void damaged_netpbm_is_told(void **state)
{
    (void)state;
    EXPECT("P5\n2 2\n9\n\1\2\3\12", GF_E_IMAGE_DAMAGED, "row 1: a sample of 10, the greatest is 9");
    EXPECT("P2\n2 2\n9\n1 2 3 10\n", GF_E_IMAGE_DAMAGED, "row 1: a sample of 10");
    EXPECT("P2\n2 2\n9\n1 2 x 10\n", GF_E_IMAGE_DAMAGED, "row 1: no number");
    EXPECT("P1\n2 2\n0 1 2 1", GF_E_IMAGE_DAMAGED, "row 1: no number");
    EXPECT("P5\n2 2\n0\n\0\0\0\0", GF_E_IMAGE_DAMAGED, "samples up to 0");
    EXPECT("P5\n2 2\n70000\n\0\0\0\0", GF_E_IMAGE_DAMAGED, "samples up to 70000");
    EXPECT("P5\n0 2\n255\n\0\0\0\0", GF_E_IMAGE_NO_PIXELS, "0 x 2");
    EXPECT("P6\n20 2", GF_E_IMAGE_TRUNCATED, "in its header");
    EXPECT("P6\n99999999 1\n255\nx", GF_E_IMAGE_TOO_LARGE, "99999999 x 1");
    EXPECT("P6 is a format of images", GF_E_IMAGE_UNKNOWN, "not an image");
    EXPECT("P7\nWIDTH 3\n", GF_E_IMAGE_UNSUPPORTED, "PAM is not supported");
    EXPECT("version https://git-lfs.github.com/spec/v1\noid sha256:00\n", GF_E_IMAGE_UNKNOWN, "a pointer of Git LFS");
}

/* Of a text's beginning none is an image; one of an image's is. */
static void beginnings_are_told(void **state)
{
    (void)state;
    static const char *const others[] = {"P5 was my favourite", "P1\n",     "II*", "BMW",
                                         "RIFF....WAVE",        "%PDF-1.4", "{}",  ""};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        bool begins = gf_image_begins((const uint8_t *)others[i], strlen(others[i]));
        if (begins && strcmp(others[i], "P1\n") != 0) fail_msg("%s", others[i]);
    }
    assert_true(gf_image_begins((const uint8_t *)"P6 # by GIMP\n12 9 255\n", 22));
    assert_true(gf_image_begins((const uint8_t *)"\0\0\0\30ftypheic\0\0", 14));
    assert_false(gf_image_begins((const uint8_t *)"\0\0\1\0\1\0", 6)); /* an icon, or a font, or numbers */
}

/* One directory of a gray image with one strip. */
static file tiff_of(uint32_t w, uint32_t h, uint32_t packing, uint32_t offset, uint32_t bytes, size_t n)
{
    const uint32_t fields[][3] = {{256, 4, w},      {257, 4, h}, {258, 3, 8}, {259, 3, packing}, {262, 3, 1},
                                  {273, 4, offset}, {277, 3, 1}, {278, 4, h}, {279, 4, bytes}};
    uint8_t head[512] = "II*\0\10\0\0\0\11\0";
    size_t at = 10;
    for (size_t i = 0; i < 9; i++, at += 12) {
        for (int k = 0; k < 2; k++) head[at + (size_t)k] = (uint8_t)(fields[i][0] >> 8 * k);
        head[at + 2] = (uint8_t)fields[i][1];
        head[at + 4] = 1;
        for (int k = 0; k < 4; k++) head[at + 8 + (size_t)k] = (uint8_t)(fields[i][2] >> 8 * k);
    }
    file f = {calloc(n, 1), n};
    assert_non_null(f.bytes);
    memcpy(f.bytes, head, n < sizeof head ? n : sizeof head);
    return f;
}

static void bombs_are_refused_from_the_header(void **state)
{
    (void)state;
    static const struct {
        uint32_t w, h, packing, offset, bytes;
        int number;
        const char *words;
    } bombs[] = {
        {65500, 65500, 1, 200, 800, GF_E_IMAGE_TOO_LARGE, "65500 x 65500"},
        {10000, 10000, 1, 200, 800, GF_E_IMAGE_TRUNCATED, "ends early"},
        {10000, 10000, 5, 200, 800, GF_E_IMAGE_TRUNCATED, "far too few bytes"},
        {10000, 10000, 8, 200, 800, GF_E_IMAGE_TRUNCATED, "far too few bytes"},
        {10000, 10000, 4, 200, 800, GF_E_IMAGE_TRUNCATED, "far too few bytes"},
        {10000, 9, 5, 0xfffffff0, 800, GF_E_IMAGE_TRUNCATED, "ends early"},
        {10000, 9, 5, 200, 0xfffffff0, GF_E_IMAGE_TRUNCATED, "ends early"},
        {0, 9, 1, 200, 800, GF_E_IMAGE_DAMAGED, "scanline size is zero"},
    };
    for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++) {
        file f = tiff_of(bombs[i].w, bombs[i].h, bombs[i].packing, bombs[i].offset, bombs[i].bytes, 1000);
        expect((const char *)f.bytes, f.n, bombs[i].number, bombs[i].words);
        free(f.bytes);
    }
    file good = tiff_of(30, 20, 1, 200, 600, 800);
    gf_image p;
    graft_error err;
    if (decode(&good, NULL, &p, NULL, &err) != GRAFT_OK) fail_msg("%s", err.message);
    gf_image_free(&p);
    free(good.bytes);
}

/* Any byte changed: an error or an image of some kind, but never more memory than the file's size is worth. */
static void changed_bytes_do_no_harm(void **state)
{
    (void)state;
    static const char *const names[] = {"tiff_rgb_lzw.tif", "tiff_rgb_tiled.tif", "tiff_palette.tif", "tiff_fax4.tif"};
    gf_image_options o = gf_image_options_default();
    o.max_pixels = 1 << 20;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        file f = fixture_file(names[i]);
        for (size_t at = 0; at < f.n && at < 700; at++) {
            static const uint8_t masks[] = {0x01, 0x80, 0xff};
            for (size_t k = 0; k < 3; k++) {
                gf_image p;
                graft_error err;
                f.bytes[at] ^= masks[k];
                if (decode(&f, &o, &p, NULL, &err) == GRAFT_OK) gf_image_free(&p);
                f.bytes[at] ^= masks[k];
            }
        }
        free(f.bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_equals_what_was_written),
        cmocka_unit_test(cut_at_every_length),
        cmocka_unit_test(cut_in_the_middle_tells_its_rows),
        cmocka_unit_test(damaged_netpbm_is_told),
        cmocka_unit_test(beginnings_are_told),
        cmocka_unit_test(bombs_are_refused_from_the_header),
        cmocka_unit_test(changed_bytes_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
