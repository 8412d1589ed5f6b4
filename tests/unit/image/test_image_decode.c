/* Decoding of good files: every kind against its reference, EXIF, sizes, notes, telling formats (A5-A13, A17, A18,
 * A24). */
#include "images.h"

#include "image/codec.h"
#include "support/needs.h"

#include <sys/stat.h>

enum { MOST = 200 };
static expected list[MOST];

static void check_image(const file *f, const expected *e)
{
    gf_image p;
    gf_image_info info;
    graft_error err;
    char hex[65];
    graft_status status = decode(f, NULL, &p, &info, &err);
    if (!strcmp(e->notes, "unsupported") || !strcmp(e->notes, "damaged")) {
        if (status != GRAFT_DATA) fail_msg("%s was taken", e->name);
        assert_int_equal(err.number, e->notes[0] == 'u' ? GF_E_IMAGE_UNSUPPORTED : GF_E_IMAGE_DAMAGED);
        return;
    }
    if (status != GRAFT_OK) fail_msg("%s: %s", e->name, err.message);
    image_digest(&p, hex);
    if (p.w != e->w || p.h != e->h || strcmp(hex, e->digest) != 0) {
        fail_msg("%s: %d x %d %s, wanted %d x %d %s", e->name, p.w, p.h, hex, e->w, e->h, e->digest);
    }
    if (info.alpha != !!strstr(e->notes, "alpha") || info.sixteen_bit != !!strstr(e->notes, "sixteen") ||
        info.animated != !!strstr(e->notes, "animated") || info.truncated || info.bad_exif) {
        fail_msg("%s: wrong notes", e->name);
    }
    gf_image_free(&p);
}

static void every_kind_equals_its_reference(void **state)
{
    (void)state;
    size_t n = expected_load("expected.txt", list, MOST);
    assert_true(n > 90);
    for (size_t i = 0; i < n; i++) {
        file f = fixture_file(list[i].name);
        check_image(&f, &list[i]);
        gf_image_format format;
        int w, h;
        if (list[i].w) {
            assert_int_equal(gf_image_probe(f.bytes, f.n, "x", NULL, &w, &h, &format, NULL), GRAFT_OK);
            bool rotated = strstr(list[i].name, "exif6") != NULL;
            assert_true(w == (rotated ? list[i].h : list[i].w) && h == (rotated ? list[i].w : list[i].h));
            assert_int_equal(format, gf_image_format_of_name(list[i].name));
        }
        free(f.bytes);
    }
}

/* Where the PngSuite images are: all decode as listed, all corrupt ones (x*) are refused. */
static void pngsuite_where_present(void **state)
{
    (void)state;
    static const char *const corrupt[] = {"xc1n0g08", "xc9n2c08", "xcrn0g04", "xcsn0g01", "xd0n2c08",
                                          "xd3n2c08", "xd9n2c08", "xdtn0g01", "xhdn0g08", "xlfn0g04",
                                          "xs1n0g01", "xs2n0g01", "xs4n0g01", "xs7n0g01"};
    NEEDS("data:dirty");
    size_t n = expected_load("pngsuite.txt", list, MOST);
    assert_int_equal(n, 100);
    char name[256], path[512];
    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "dirty/pngsuite/%.127s", list[i].name);
        file f = file_load(needs_data(name, path, sizeof path));
        check_image(&f, &list[i]);
        free(f.bytes);
    }
    for (size_t i = 0; i < sizeof corrupt / sizeof *corrupt; i++) {
        snprintf(name, sizeof name, "dirty/pngsuite/corrupt/%s.png", corrupt[i]);
        file f = file_load(needs_data(name, path, sizeof path));
        gf_image p;
        graft_error err;
        if (decode(&f, NULL, &p, NULL, &err) == GRAFT_OK) fail_msg("%s was taken", corrupt[i]);
        free(f.bytes);
    }
}

/* ---- EXIF */

/* A TIFF header, one directory, its entries (tag, type, count, value). */
static size_t make_tiff(uint8_t *out, bool big, const uint32_t (*entries)[4], uint32_t count)
{
    size_t n = 0;
#define PUT16(v) (out[n + !big] = (uint8_t)((v) >> 8), out[n + big] = (uint8_t)(v), n += 2)
#define PUT32(v)                                                                            \
    do {                                                                                    \
        uint32_t v_ = (v);                                                                  \
        for (int b_ = 0; b_ < 4; b_++) out[n++] = (uint8_t)(v_ >> 8 * (big ? 3 - b_ : b_)); \
    } while (0)
    out[n++] = big ? 'M' : 'I';
    out[n++] = big ? 'M' : 'I';
    PUT16(42);
    PUT32(8);
    PUT16(count);
    for (uint32_t i = 0; i < count; i++) {
        PUT16(entries[i][0]);
        PUT16(entries[i][1]);
        PUT32(entries[i][2]);
        if (entries[i][1] == 3) {
            PUT16(entries[i][3]);
            PUT16(0);
        } else {
            PUT32(entries[i][3]);
        }
    }
    PUT32(0);
    return n;
}

static file with_exif(const char *name, const uint8_t *tiff, size_t n)
{
    uint8_t segment[512] = {0xff, 0xe1, (uint8_t)((n + 8) >> 8), (uint8_t)(n + 8), 'E', 'x', 'i', 'f', 0, 0};
    memcpy(segment + 10, tiff, n);
    return file_splice(fixture_file(name), 2, 0, segment, n + 10);
}

/* Where the stored pixel of an upright one (x, y) is, by the words of the EXIF standard: "the 0th row is the visual
 * top, the 0th column the visual left side" and so on. */
static void stored_place(int orientation, int w, int h, int x, int y, int *sx, int *sy)
{
    const int places[9][2] = {{0, 0}, {x, y},         {w - 1 - x, y},         {w - 1 - x, h - 1 - y}, {x, h - 1 - y},
                              {y, x}, {y, h - 1 - x}, {w - 1 - y, h - 1 - x}, {w - 1 - y, x}};
    *sx = places[orientation][0];
    *sy = places[orientation][1];
}

static void all_orientations_are_rotated_upright(void **state)
{
    (void)state;
    gf_image_options as_stored = gf_image_options_default();
    as_stored.ignore_exif = true;
    for (int k = 0; k < 16; k++) {
        int o = k / 2 + 1;
        uint8_t tiff[64];
        const uint32_t entries[2][4] = {{0x010f, 2, 4, 0x41424344}, {0x0112, 3, 1, (uint32_t)o}};
        file f = with_exif("jpeg_420.jpg", tiff, make_tiff(tiff, k % 2, entries, 2));
        gf_image stored, upright;
        gf_image_info info;
        graft_error err;
        assert_int_equal(decode(&f, &as_stored, &stored, &info, &err), GRAFT_OK);
        assert_int_equal(info.orientation, 1);
        assert_int_equal(decode(&f, NULL, &upright, &info, &err), GRAFT_OK);
        assert_true(info.orientation == o && !info.bad_exif && info.stored_w == stored.w && info.stored_h == stored.h);
        assert_int_equal(upright.w, o >= 5 ? stored.h : stored.w);
        assert_int_equal(upright.h, o >= 5 ? stored.w : stored.h);
        for (int y = 0; y < upright.h; y++) {
            for (int x = 0; x < upright.w; x++) {
                int sx, sy;
                stored_place(o, stored.w, stored.h, x, y, &sx, &sy);
                assert_memory_equal(upright.rgb + 3 * (y * upright.w + x), stored.rgb + 3 * (sy * stored.w + sx), 3);
            }
        }
        gf_image_free(&stored);
        gf_image_free(&upright);
        free(f.bytes);
    }
}

static void bad_exif_is_noted_and_left_out(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        bool bad;
    } blocks[] = {
        {"", 0, true},                                                       /* nothing */
        {"II*\0\10\0\0\0", 8, true},                                         /* no directory */
        {"II*\0\377\377\377\377", 8, true},                                  /* offset out of range */
        {"II*\0\0\0\0\0\1\0", 10, true},                                     /* the directory is the header */
        {"XX*\0\10\0\0\0\0\0", 10, true},                                    /* no byte order */
        {"II+\0\10\0\0\0\0\0", 10, true},                                    /* not 42 */
        {"II*\0\10\0\0\0\377\377", 10, true},                                /* 65,535 entries in no bytes */
        {"II*\0\10\0\0\0\1\0\22\1\3\0\1\0\0\0\11\0\0\0", 22, true},          /* orientation 9 */
        {"II*\0\10\0\0\0\1\0\22\1\3\0\1\0\0\0\0\0\0\0", 22, true},           /* orientation 0 */
        {"II*\0\10\0\0\0\1\0\22\1\4\0\1\0\0\0\6\0\0\0", 22, true},           /* a LONG */
        {"II*\0\10\0\0\0\1\0\22\1\3\0\2\0\0\0\6\0\0\0", 22, true},           /* two values */
        {"II*\0\10\0\0\0\2\0\22\1\3\0\1\0\0\0\6\0\0\0", 22, true},           /* the second entry is missing */
        {"II*\0\10\0\0\0\0\0\10\0\0\0", 14, false},                          /* empty; its next directory is itself */
        {"II*\0\10\0\0\0\1\0\23\1\3\0\1\0\0\0\6\0\0\0\10\0\0\0", 26, false}, /* another tag; loops */
    };
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        file f = with_exif("jpeg_420.jpg", (const uint8_t *)blocks[i].bytes, blocks[i].n);
        gf_image p;
        gf_image_info info;
        graft_error err;
        assert_int_equal(decode(&f, NULL, &p, &info, &err), GRAFT_OK);
        assert_true(info.orientation == 1 && p.w == 37 && p.h == 29);
        if (info.bad_exif != blocks[i].bad) fail_msg("block %zu", i);
        gf_image_free(&p);
        free(f.bytes);
        /* Cut at every length, in a block of its own: no read past the end. */
        for (size_t n = 0; n <= blocks[i].n; n++) {
            file cut = file_of(blocks[i].bytes, n);
            bool bad;
            assert_int_equal(gf_exif_orientation(cut.bytes, n, &bad), 1);
            free(cut.bytes);
        }
    }
}

/* The same scene stored in all eight ways: upright they are one image, but for JPEG's losses. */
static void real_exif_photos_where_present(void **state)
{
    (void)state;
    static const char *const scenes[] = {"Landscape", "Portrait"};
    char name[256], path[512];
    NEEDS("data:dirty");
    for (int s = 0; s < 2; s++) {
        gf_image first = {0}, p;
        for (int o = 1; o <= 8; o++) {
            snprintf(name, sizeof name, "dirty/exif_orientation/%s_%d.jpg", scenes[s], o);
            file f = file_load(needs_data(name, path, sizeof path));
            gf_image_info info;
            graft_error err;
            assert_int_equal(decode(&f, NULL, &p, &info, &err), GRAFT_OK);
            assert_int_equal(info.orientation, o);
            free(f.bytes);
            if (!first.rgb) {
                first = p;
                continue;
            }
            assert_true(p.w == first.w && p.h == first.h);
            double sum = 0;
            size_t n = (size_t)p.w * (size_t)p.h * 3;
            for (size_t i = 0; i < n; i++) sum += abs(p.rgb[i] - first.rgb[i]);
            assert_true(sum / (double)n < 4); /* turned wrongly it is above 40 */
            gf_image_free(&p);
        }
        gf_image_free(&first);
    }
}

/* ---- what is told by content */

static void expect_refusal(const void *bytes, size_t n, int number, const char *says)
{
    file f = file_of(bytes, n);
    gf_image p;
    graft_error err;
    assert_int_equal(decode(&f, NULL, &p, NULL, &err), GRAFT_DATA);
    if (err.number != number || !strstr(err.message, says)) {
        fail_msg("E%d %s, wanted E%d ...%s...", err.number, err.message, number, says);
    }
    assert_true(*err.hint);
    graft_error again = {0};
    assert_int_equal(gf_image_probe(f.bytes, f.n, "a/b.img", NULL, NULL, NULL, NULL, &again), GRAFT_DATA);
    assert_string_equal(again.message, err.message);
    free(f.bytes);
}

static void other_files_are_refused_by_name(void **state)
{
    (void)state;
#define REFUSE(bytes, number, says) expect_refusal(bytes, sizeof(bytes) - 1, number, says)
    REFUSE("", GF_E_IMAGE_EMPTY, "empty file");
    REFUSE("<!DOCTYPE html><html>", GF_E_IMAGE_UNKNOWN, "not an image: begins `<!DOCTYPE ht`");
    REFUSE("404 Not Found\n", GF_E_IMAGE_UNKNOWN, "not an image: begins `404 Not Foun`");
    REFUSE("\x1b[2J\xff\xff boo", GF_E_IMAGE_UNKNOWN, "begins `\\x1b[2J\\xff\\xff boo`");
    REFUSE("\0\0\0\0\0\0\0\0\0\0\0\0", GF_E_IMAGE_UNKNOWN, "begins `\\x00");
    REFUSE("BMW is a maker of cars and motorcycles", GF_E_IMAGE_UNKNOWN, "not an image");
    REFUSE("\0\0\0\x18"
           "ftypheic\0\0\0\0mif1heic",
           GF_E_IMAGE_UNSUPPORTED, "HEIC is not supported: convert to JPEG");
    REFUSE("\0\0\0\x1c"
           "ftypavif\0\0\0\0avifmif1",
           GF_E_IMAGE_UNSUPPORTED, "AVIF is not supported");
    REFUSE("8BPS\0\1\0\0", GF_E_IMAGE_UNSUPPORTED, "PSD (Photoshop) is not supported");
    REFUSE("<svg xmlns=\"http://www.w3.org/2000/svg\"/>", GF_E_IMAGE_UNSUPPORTED, "SVG is not supported");
    REFUSE("<?xml version=\"1.0\"?>\n<!-- x -->\n<svg/>", GF_E_IMAGE_UNSUPPORTED, "SVG is not supported");
    REFUSE("<?xml version=\"1.0\"?><html/>", GF_E_IMAGE_UNKNOWN, "not an image");
    REFUSE("\0\0\0\14JXL \r\n\x87\n", GF_E_IMAGE_UNSUPPORTED, "JPEG XL is not supported");
    REFUSE("\x89PNG\n\x1a\n\0\0\0\rIHDR", GF_E_IMAGE_UNKNOWN, "not an image");
}

static void formats_are_told_by_content_and_by_name(void **state)
{
    (void)state;
    assert_int_equal(gf_image_format_of_name("x/y.JPEG"), GF_IMAGE_JPEG);
    assert_int_equal(gf_image_format_of_name("a.b.Png"), GF_IMAGE_PNG);
    assert_int_equal(gf_image_format_of_name("a.png/b"), GF_IMAGE_UNKNOWN);
    assert_int_equal(gf_image_format_of_name("noending"), GF_IMAGE_UNKNOWN);
    assert_int_equal(gf_image_format_of_name("a.tiff"), GF_IMAGE_TIFF);
    assert_string_equal(gf_image_format_name(GF_IMAGE_WEBP), "WebP");
    assert_string_equal(gf_image_format_name(GF_IMAGE_UNKNOWN), "unknown");
    file f = fixture_file("png_2_8.png");
    assert_int_equal(gf_image_format_of(f.bytes, f.n), GF_IMAGE_PNG);
    assert_int_equal(gf_image_format_of(f.bytes, 7), GF_IMAGE_UNKNOWN);
    free(f.bytes);
}

/* ---- kinds and limits */

static void kinds_of_jpeg_that_are_not_read_are_named(void **state)
{
    (void)state;
    static const struct {
        uint8_t sof, bits;
        const char *says;
    } kinds[] = {{0xc1, 12, "12-bit JPEG is not supported"},  {0xc0, 16, "16-bit JPEG is not supported"},
                 {0xc3, 8, "lossless JPEG is not supported"}, {0xc5, 8, "hierarchical JPEG is not supported"},
                 {0xcb, 8, "lossless JPEG is not supported"}, {0xcf, 8, "hierarchical JPEG is not supported"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        file f = fixture_file("jpeg_420.jpg");
        size_t at = file_find(&f, "\xff\xc0", 2, 0);
        f.bytes[at + 1] = kinds[i].sof;
        f.bytes[at + 4] = kinds[i].bits;
        expect_refusal(f.bytes, f.n, GF_E_IMAGE_UNSUPPORTED, kinds[i].says);
        free(f.bytes);
    }
}

static void no_pixels_and_too_many_are_refused_from_the_header(void **state)
{
    (void)state;
    /* Where each format keeps its size: offset of width and height, bytes of each, big end first or not. */
    static const struct {
        const char *name;
        int w_at, h_at, size;
        bool big;
    } heads[] = {{"png_2_8.png", 16, 20, 4, true},
                 {"gif_plain.gif", 6, 8, 2, false},
                 {"bmp_24.bmp", 18, 22, 4, false},
                 {"jpeg_420.jpg", -1, -1, 2, true}};
    static const int sizes[][2] = {{0, 29}, {37, 0}, {0, 0}, {65500, 65500}};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        for (int s = 0; s < 4; s++) {
            file f = fixture_file(heads[i].name);
            size_t frame = heads[i].w_at < 0 ? file_find(&f, "\xff\xc0", 2, 0) : 0;
            size_t at[2] = {frame ? frame + 7 : (size_t)heads[i].w_at, frame ? frame + 5 : (size_t)heads[i].h_at};
            for (int side = 0; side < 2; side++) {
                for (int b = 0; b < heads[i].size; b++) {
                    int shift = 8 * (heads[i].big ? heads[i].size - 1 - b : b);
                    f.bytes[at[side] + (size_t)b] = (uint8_t)(sizes[s][side] >> shift);
                }
            }
            expect_refusal(f.bytes, f.n, s < 3 ? GF_E_IMAGE_NO_PIXELS : GF_E_IMAGE_TOO_LARGE,
                           s < 3 ? " pixels" : "65500 x 65500 pixels: more than the limit of 100000000");
            free(f.bytes);
        }
    }
    gf_image_options opts = gf_image_options_default();
    gf_image p;
    graft_error err;
    file f = fixture_file("png_2_8.png");
    opts.max_pixels = 37 * 29;
    assert_int_equal(decode(&f, &opts, &p, NULL, &err), GRAFT_OK);
    gf_image_free(&p);
    opts.max_pixels--;
    assert_int_equal(decode(&f, &opts, &p, NULL, &err), GRAFT_DATA);
    assert_int_equal(err.number, GF_E_IMAGE_TOO_LARGE);
    free(f.bytes);
}

static void frames_error_refuses_animations(void **state)
{
    (void)state;
    static const char *const names[] = {"gif_animated.gif", "webp_animated.webp", "png_animated.png"};
    gf_image_options opts = gf_image_options_default();
    opts.frames_error = true;
    for (int i = 0; i < 3; i++) {
        file f = fixture_file(names[i]);
        gf_image p;
        graft_error err;
        assert_int_equal(decode(&f, &opts, &p, NULL, &err), GRAFT_DATA);
        assert_int_equal(err.number, GF_E_IMAGE_ANIMATED);
        free(f.bytes);
    }
    file f = fixture_file("gif_plain.gif");
    gf_image p;
    graft_error err;
    assert_int_equal(decode(&f, &opts, &p, NULL, &err), GRAFT_OK);
    gf_image_free(&p);
    free(f.bytes);
}

static void background_shows_through(void **state)
{
    (void)state;
    gf_image_options opts = gf_image_options_default();
    memcpy(opts.background, "\x10\x20\x30", 3);
    file f = fixture_file("gif_transparent.gif");
    gf_image p;
    graft_error err;
    assert_int_equal(decode(&f, &opts, &p, NULL, &err), GRAFT_OK);
    assert_memory_equal(p.rgb, "\x10\x20\x30", 3);
    gf_image_free(&p);
    free(f.bytes);
    uint8_t out[3];
    for (int a = 0; a < 256; a++) {
        for (int c = 0; c < 256; c += 5) {
            gf_blend_row(out, (const uint8_t[4]){(uint8_t)c, 255, 0, (uint8_t)a}, 1, opts.background);
            assert_int_equal(out[0], (c * a + 0x10 * (255 - a) + 127) / 255);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_equals_its_reference),
        cmocka_unit_test(pngsuite_where_present),
        cmocka_unit_test(all_orientations_are_rotated_upright),
        cmocka_unit_test(bad_exif_is_noted_and_left_out),
        cmocka_unit_test(real_exif_photos_where_present),
        cmocka_unit_test(other_files_are_refused_by_name),
        cmocka_unit_test(formats_are_told_by_content_and_by_name),
        cmocka_unit_test(kinds_of_jpeg_that_are_not_read_are_named),
        cmocka_unit_test(no_pixels_and_too_many_are_refused_from_the_header),
        cmocka_unit_test(frames_error_refuses_animations),
        cmocka_unit_test(background_shows_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
