/* Damaged files and traps: cut at every length, wrong checksums, broken entropy data, bombs (A1-A4, A14-A16, A18-A20).
 */
#include "images.h"

#include "base/rng.h"
#include "image/encode.h"

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 200 };
static expected list[MOST];

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- cut files */

static bool same_image(const gf_image *a, const gf_image *b)
{
    return a->w == b->w && a->h == b->h && !memcmp(a->rgb, b->rgb, (size_t)a->w * (size_t)a->h * 3);
}

/* Whether its rows are stored from the bottom up. */
static bool from_below(const char *name) { return !strncmp(name, "bmp", 3) && !strstr(name, "top"); }

/* Strictly: an error that says where it ends, or the whole image. Leniently: the rows that are there, and gray. */
static void check_cut(const char *name, const file *whole, size_t n, const gf_image *full)
{
    file cut = file_of(whole->bytes, n);
    gf_image p;
    gf_image_info info;
    graft_error err;
    gf_image_options lenient = gf_image_options_default();
    lenient.allow_truncated = true;
    if (decode(&cut, NULL, &p, &info, &err) == GRAFT_OK) {
        if (!same_image(&p, full)) fail_msg("%s cut to %zu bytes is another image", name, n);
        gf_image_free(&p);
    } else if (n == 0) {
        assert_int_equal(err.number, GF_E_IMAGE_EMPTY);
    } else if (err.number != GF_E_IMAGE_TRUNCATED || !strstr(err.message, "ends early") ||
               !strstr(err.message, "rows")) {
        fail_msg("%s cut to %zu bytes: E%d %s", name, n, err.number, err.message);
    }
    if (decode(&cut, &lenient, &p, &info, &err) == GRAFT_OK) {
        bool rotated = info.stored_w != full->w; /* by EXIF data, which may be cut off as well */
        size_t rows = (size_t)info.rows_present;
        if (p.w * p.h != full->w * full->h || rows > (size_t)info.stored_h) fail_msg("%s cut to %zu", name, n);
        size_t row = (size_t)p.w * 3, lost = from_below(name) ? ((size_t)p.h - rows) * row : 0;
        if (!rotated && memcmp(p.rgb + lost, full->rgb + lost, rows * row) != 0) {
            fail_msg("%s cut to %zu bytes: its %zu rows are not the image's", name, n, rows);
        }
        if (!info.truncated && !same_image(&p, full)) fail_msg("%s cut to %zu bytes: padded unsaid", name, n);
        gf_image_free(&p);
    }
    free(cut.bytes);
}

static void cut_at_every_length(void **state)
{
    (void)state;
    enum { DENSE = 1500, TAIL = 40 };
    size_t count = expected_load("expected.txt", list, MOST);
    for (size_t i = 0; i < count; i++) {
        if (!list[i].w || list[i].w > 1000 || list[i].h > 1000) continue;
        file f = fixture_file(list[i].name);
        gf_image full;
        graft_error err;
        assert_int_equal(decode(&f, NULL, &full, NULL, &err), GRAFT_OK);
        bool every = f.n <= 2 * DENSE || !strncmp(list[i].name, "jpeg", 4);
        size_t step = every ? 1 : f.n / DENSE + 1;
        for (size_t n = 0; n < f.n; n += n + TAIL < f.n ? step : 1) check_cut(list[i].name, &f, n, &full);
        gf_image_free(&full);
        free(f.bytes);
    }
}

/* The message counts rows, and padding is gray. */
static void cut_in_the_middle_tells_its_rows(void **state)
{
    (void)state;
    static const char *const names[] = {"jpeg_444.jpg", "png_2_8.png", "bmp_24.bmp", "gif_plain.gif",
                                        "webp_lossless.webp"};
    gf_image_options lenient = gf_image_options_default();
    lenient.allow_truncated = true;
    for (int i = 0; i < 5; i++) {
        file f = fixture_file(names[i]);
        f.n = f.n * 4 / 5;
        gf_image p;
        gf_image_info info;
        graft_error err;
        assert_int_equal(decode(&f, NULL, &p, &info, &err), GRAFT_DATA);
        int rows = -1, of = -1;
        const char *at = strstr(err.message, "ends early: ");
        if (!at || sscanf(at, "ends early: %d of %d rows in", &rows, &of) != 2 || of != 29 || rows <= 0 || rows >= 29) {
            fail_msg("%s", err.message);
        }
        assert_int_equal(decode(&f, &lenient, &p, &info, &err), GRAFT_OK);
        assert_true(info.truncated);
        assert_int_equal(info.rows_present, rows);
        const uint8_t *last = p.rgb + 3 * (size_t)(from_below(names[i]) ? 0 : p.w * p.h - 1);
        for (int c = 0; c < 3; c++) assert_in_range(last[c], 127, 129);
        gf_image_free(&p);
        free(f.bytes);
    }
}

/* ---- checksums */

static void png_checksums_name_chunk_and_offset(void **state)
{
    (void)state;
    file f = fixture_file("png_3_8_key.png");
    int chunks = 0;
    for (size_t at = 8; at < f.n; chunks++) {
        size_t size =
            (size_t)f.bytes[at] << 24 | (size_t)f.bytes[at + 1] << 16 | (size_t)f.bytes[at + 2] << 8 | f.bytes[at + 3];
        f.bytes[at + 11 + size] ^= 0x10;
        gf_image p;
        graft_error err;
        char wanted[64];
        snprintf(wanted, sizeof wanted, "chunk %.4s at offset %zu", (const char *)f.bytes + at + 4, at);
        assert_int_equal(decode(&f, NULL, &p, NULL, &err), GRAFT_DATA);
        if (err.number != GF_E_IMAGE_CHECKSUM || !strstr(err.message, wanted))
            fail_msg("%s, wanted %s", err.message, wanted);
        f.bytes[at + 11 + size] ^= 0x10;
        at += 12 + size;
    }
    assert_int_equal(chunks, 6); /* IHDR gAMA PLTE tRNS IDAT IEND */
    free(f.bytes);
}

/* ---- JPEG */

/* An error, or the image itself: nothing in between. */
static void check_damaged(const char *what, file f, const gf_image *full, int *errors)
{
    gf_image p;
    graft_error err;
    if (decode(&f, NULL, &p, NULL, &err) == GRAFT_OK) {
        if (!same_image(&p, full)) fail_msg("%s: made-up pixels", what);
        gf_image_free(&p);
    } else {
        (*errors)++;
    }
    free(f.bytes);
}

static void jpeg_warnings_are_errors(void **state)
{
    (void)state;
    file f = fixture_file("jpeg_restart.jpg");
    gf_image full;
    graft_error err;
    int errors = 0;
    assert_int_equal(decode(&f, NULL, &full, NULL, &err), GRAFT_OK);
    size_t scan = file_find(&f, "\xff\xda", 2, 0) + 14, restart = file_find(&f, "\xff\xd1", 2, scan);
    check_damaged("an end marker in the middle", file_splice(file_of(f.bytes, f.n), restart, 0, "\xff\xd9", 2), &full,
                  &errors);
    check_damaged("a lost restart marker", file_splice(file_of(f.bytes, f.n), restart, 2, "", 0), &full, &errors);
    check_damaged("restarts out of order", file_splice(file_of(f.bytes, f.n), restart, 2, "\xff\xd5", 2), &full,
                  &errors);
    check_damaged("bytes too many", file_splice(file_of(f.bytes, f.n), restart, 0, "\x12\x34\x56", 3), &full, &errors);
    check_damaged("bytes too few", file_splice(file_of(f.bytes, f.n), restart - 9, 9, "", 0), &full, &errors);
    check_damaged("no such code", file_splice(file_of(f.bytes, f.n), scan + 2, 4, "\xff\0\xff\0\xff\0", 6), &full,
                  &errors);
    assert_true(errors >= 5); /* bytes too many before a restart do not touch the pixels */
    gf_image_free(&full);
    free(f.bytes);
}

/* Bytes before a marker that belong to nothing: taken, with a note, where all pixels are there. */
static void surplus_bytes_are_taken_where_all_rows_are_there(void **state)
{
    (void)state;
    static const char *const names[] = {"jpeg_420.jpg",         "jpeg_444.jpg",        "jpeg_grey.jpg",
                                        "jpeg_progressive.jpg", "jpeg_cmyk_adobe.jpg", "jpeg_restart.jpg"};
    static const struct {
        const char *bytes;
        size_t n;
    } surplus[] = {{"\0", 1},
                   {"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32},
                   {"\1\2\3\4\5\6\7\10\11\12\13\14\15", 13},
                   {"made by a camera", 16},
                   {"\xff\xff\xff\0\xff", 5}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        file whole = fixture_file(names[i]);
        gf_image full, p;
        gf_image_info info;
        graft_error err;
        assert_int_equal(decode(&whole, NULL, &full, &info, &err), GRAFT_OK);
        assert_false(info.surplus);
        for (size_t k = 0; k < sizeof surplus / sizeof *surplus; k++) {
            file f = file_splice(file_of(whole.bytes, whole.n), whole.n - 2, 0, surplus[k].bytes, surplus[k].n);
            if (decode(&f, NULL, &p, &info, &err) != GRAFT_OK) fail_msg("%s, %zu: %s", names[i], k, err.message);
            /* libjpeg has read the first few bytes with the pixels' and does not miss them */
            assert_true((info.surplus || surplus[k].n < 13) && same_image(&p, &full));
            gf_image_free(&p);
            free(f.bytes);
        }
        size_t dqt = file_find(&whole, "\xff\xdb", 2, 0); /* between two segments */
        file f = file_splice(file_of(whole.bytes, whole.n), dqt, 0, "\0\0\0", 3);
        if (decode(&f, NULL, &p, &info, &err) == GRAFT_OK) {
            assert_true(info.surplus && same_image(&p, &full));
            gf_image_free(&p);
        }
        free(f.bytes);
        gf_image_free(&full);
        free(whole.bytes);
    }
}

/* A changed bit can make all rows be found before the data end. What is left then is pixels, not surplus. */
static void pixels_that_are_left_over_are_damage(void **state)
{
    (void)state;
    static const char *const names[] = {"jpeg_420.jpg", "jpeg_444.jpg", "jpeg_grey.jpg", "jpeg_restart.jpg"};
    long taken = 0, refused = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        file f = fixture_file(names[i]);
        gf_image full, p;
        gf_image_info info;
        graft_error err;
        assert_int_equal(decode(&f, NULL, &full, NULL, &err), GRAFT_OK);
        for (size_t at = file_find(&f, "\xff\xda", 2, 0) + 14; at < f.n - 2; at++) {
            for (int bit = 0; bit < 8; bit++) {
                f.bytes[at] ^= (uint8_t)(1 << bit);
                if (decode(&f, NULL, &p, &info, &err) == GRAFT_OK) {
                    taken += info.surplus && !same_image(&p, &full);
                    gf_image_free(&p);
                } else {
                    refused += strstr(err.message, "before the data end") != NULL;
                }
                f.bytes[at] ^= (uint8_t)(1 << bit);
            }
        }
        gf_image_free(&full);
        free(f.bytes);
    }
    print_message("left over: %ld refused, %ld taken\n", refused, taken);
    assert_true(refused > 5000);
    assert_true(taken * 15 < refused); /* where the last few blocks are hit, of an image of six MCUs */
}

/* A JPEG of more pixels than are decoded whole: at a fraction, but never smaller than it is needed. */
static void large_jpegs_are_decoded_at_a_fraction(void **state)
{
    (void)state;
    static const struct {
        uint64_t whole;
        int least, fraction;
    } rows[] = {{2000, 1, 1}, {1000, 1, 2}, {200, 1, 4}, {40, 1, 8}, {1, 1, 8},
                {1, 4, 4},    {1, 10, 2},   {1, 15, 1},  {1, 0, 1}};
    static const char *const names[] = {"jpeg_420.jpg", "jpeg_progressive.jpg", "jpeg_cmyk_adobe.jpg",
                                        "jpeg_exif6.jpg"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/image/%s", GRAFT_FIXTURES, names[i]);
        if (!gf_is_file(path)) continue;
        file f = fixture_file(names[i]); /* 37 x 29 */
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
            gf_image p;
            gf_image_info info;
            graft_error err;
            gf_image_options o = gf_image_options_default();
            o.whole_pixels = rows[k].whole;
            o.least_w = o.least_h = rows[k].least;
            if (decode(&f, &o, &p, &info, &err) != GRAFT_OK) fail_msg("%s: %s", names[i], err.message);
            int w = (info.stored_w + rows[k].fraction - 1) / rows[k].fraction,
                h = (info.stored_h + rows[k].fraction - 1) / rows[k].fraction;
            bool rotated = info.orientation >= 5;
            if (info.fraction != rows[k].fraction || p.w != (rotated ? h : w) || p.h != (rotated ? w : h)) {
                fail_msg("%s, %zu: 1/%d, %d x %d", names[i], k, info.fraction, p.w, p.h);
            }
            gf_image_free(&p);
            file cut = file_of(f.bytes, f.n * 3 / 4); /* damage is seen at any size */
            if (decode(&cut, &o, &p, &info, &err) == GRAFT_OK) fail_msg("%s, %zu: cut, but taken", names[i], k);
            free(cut.bytes);
        }
        free(f.bytes);
    }
}

/* Each marker's length set wrong in turn. */
static void jpeg_marker_lengths(void **state)
{
    (void)state;
    static const int lengths[] = {0, 1, 2, 3, 10, 1000, 65535};
    file f = fixture_file("jpeg_420.jpg");
    gf_image full;
    graft_error err;
    int errors = 0, tried = 0;
    assert_int_equal(decode(&f, NULL, &full, NULL, &err), GRAFT_OK);
    for (size_t at = 2; f.bytes[at + 1] != 0xda;) {
        int size = f.bytes[at + 2] << 8 | f.bytes[at + 3];
        for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
            if (lengths[k] == size) continue;
            file bad = file_of(f.bytes, f.n);
            bad.bytes[at + 2] = (uint8_t)(lengths[k] >> 8);
            bad.bytes[at + 3] = (uint8_t)lengths[k];
            check_damaged("a marker's length", bad, &full, &errors);
            tried++;
        }
        at += 2 + (size_t)size;
    }
    assert_true(tried > 40 && errors > tried * 3 / 4);
    gf_image_free(&full);
    free(f.bytes);
}

static double time_of(const file *f, graft_status *status, graft_error *err)
{
    double best = 1e9;
    for (int k = 0; k < 3; k++) {
        gf_image p;
        double start = seconds();
        *status = decode(f, NULL, &p, NULL, err);
        double took = seconds() - start;
        if (took < best) best = took;
        gf_image_free(&p);
    }
    return best;
}

static void ten_thousand_scans_are_refused_at_once(void **state)
{
    (void)state;
    enum { SCANS = 10000 };
    file f = fixture_file("jpeg_progressive.jpg");
    size_t first = file_find(&f, "\xff\xda", 2, 0), last = first, end = f.n - 2;
    for (size_t at = first; at + 1 < end; at++) {
        if (f.bytes[at] == 0xff && f.bytes[at + 1] == 0xda) last = at;
    }
    size_t n = end - last;
    uint8_t *many = malloc(n * SCANS);
    assert_non_null(many);
    for (int k = 0; k < SCANS; k++) memcpy(many + n * (size_t)k, f.bytes + last, n);
    f = file_splice(f, end, 0, many, n * SCANS);
    graft_error err;
    graft_status status;
    double took = time_of(&f, &status, &err);
    assert_int_equal(status, GRAFT_DATA);
    assert_int_equal(err.number, GF_E_IMAGE_SCANS);
    assert_true(took < 0.05);
    free(many);
    free(f.bytes);
}

/* Thousands of tables cost no more than ten times a good file of that size. */
static void many_tables_take_no_more_time(void **state)
{
    (void)state;
    enum { TIMES = 4000, SIDE = 1000 };
    file f = fixture_file("jpeg_420.jpg");
    gf_image full;
    graft_error err;
    graft_status status;
    int errors = 0;
    assert_int_equal(decode(&f, NULL, &full, NULL, &err), GRAFT_OK);
    size_t at = file_find(&f, "\xff\xc4", 2, 0), n = 2 + (size_t)(f.bytes[at + 2] << 8 | f.bytes[at + 3]);
    uint8_t *many = malloc(n * TIMES), *noise = malloc(SIDE * SIDE * 3), *good;
    assert_true(many && noise);
    for (int k = 0; k < TIMES; k++) memcpy(many + n * (size_t)k, f.bytes + at, n);
    f = file_splice(f, at, 0, many, n * TIMES);
    double took = time_of(&f, &status, &err);
    check_damaged("many tables", file_of(f.bytes, f.n), &full, &errors);
    assert_int_equal(errors, 0);
    gf_rng r = gf_rng_make(1, GF_PURPOSE_SYNTHETIC, 0, 0);
    for (int i = 0; i < SIDE * SIDE * 3; i++) noise[i] = (uint8_t)gf_rng_u32(&r);
    file whole = {NULL, 0};
    for (int side = 50; side <= SIDE && whole.n < f.n / 2; side += 50) {
        free(whole.bytes);
        assert_int_equal(gf_jpeg_encode(noise, side, side, 90, &good, &whole.n, NULL), GRAFT_OK);
        whole = file_of(good, whole.n);
        gf_free(good);
    }
    double good_took = time_of(&whole, &status, &err) * (double)f.n / (double)whole.n;
    assert_int_equal(status, GRAFT_OK);
    assert_true(took < 10 * good_took + 0.005);
    gf_image_free(&full);
    free(many);
    free(noise);
    free(whole.bytes);
    free(f.bytes);
}

/* ---- bombs */

/* Most memory that this process ever had, in KiB; a child's count begins with the fork. */
static long peak_kib(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    long kib = -1;
    while (f && fgets(line, sizeof line, f)) sscanf(line, "VmHWM: %ld", &kib);
    if (f) fclose(f);
    return kib;
}

/* Decodes in a child: the growth of its memory in KiB, and the decoding's status through *status. */
static long growth_kib(const file *f, int *status)
{
    int ends[2];
    struct {
        long growth;
        int status;
    } answer = {-1, -1};
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        gf_image p;
        graft_error err;
        long before = peak_kib();
        answer.status = gf_image_decode(f->bytes, f->n, "bomb", NULL, &p, NULL, &err);
        answer.growth = peak_kib() - before;
        if (before < 0 || write(ends[1], &answer, sizeof answer) != (ssize_t)sizeof answer) _exit(1);
        _exit(0);
    }
    assert_int_equal(read(ends[0], &answer, sizeof answer), (ssize_t)sizeof answer);
    close(ends[0]);
    close(ends[1]);
    waitpid(child, NULL, 0);
    *status = answer.status;
    return answer.growth;
}

static void put_size(uint8_t *at, int bytes, bool big, uint32_t v)
{
    for (int b = 0; b < bytes; b++) at[b] = (uint8_t)(v >> 8 * (big ? bytes - 1 - b : b));
}

/* Headers that claim 65,500 x 65,500, above the limit, and 10,000 x 10,000, at it: neither takes memory for pixels
 * that are not there. */
static void pixel_bombs_take_no_memory(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int w_at, h_at, size;
        bool big;
    } heads[] = {{"png_2_8.png", 16, 20, 4, true},        {"gif_plain.gif", 6, 8, 2, false},
                 {"bmp_24.bmp", 18, 22, 4, false},        {"jpeg_420.jpg", 0, 0, 2, true},
                 {"jpeg_progressive.jpg", 0, 0, 2, true}, {"jpeg_arithmetic.jpg", 0, 0, 2, true}};
    for (size_t i = 0; i < 2 * sizeof heads / sizeof *heads; i++) {
        uint32_t side = i % 2 ? 10000 : 65500;
        file f = fixture_file(heads[i / 2].name);
        size_t w = (size_t)heads[i / 2].w_at, h = (size_t)heads[i / 2].h_at;
        if (!w) {
            uint8_t marker[5] = {0xff,
                                 strstr(heads[i / 2].name, "prog")    ? 0xc2
                                 : strstr(heads[i / 2].name, "arith") ? 0xc9
                                                                      : 0xc0,
                                 0, 17, 8};
            h = file_find(&f, marker, 5, 0) + 5;
            w = h + 2;
        }
        put_size(f.bytes + w, heads[i / 2].size, heads[i / 2].big, side);
        put_size(f.bytes + h, heads[i / 2].size, heads[i / 2].big, side);
        if (f.bytes[0] == 0x89 && side == 10000) { /* a right checksum, so that the header is believed */
            static const uint8_t crc[4] = {0x35, 0x2c, 0xf5, 0x70};
            memcpy(f.bytes + 29, crc, 4);
        }
        int status;
        long growth = growth_kib(&f, &status);
        if (status != GRAFT_DATA && !(status == GRAFT_OK && strstr(heads[i / 2].name, "gif")))
            fail_msg("%s", heads[i / 2].name);
        if (status == GRAFT_DATA && growth > 8 << 10) fail_msg("%s %u: %ld KiB", heads[i / 2].name, side, growth);
        free(f.bytes);
    }
}

static void packed_text_and_profiles_are_not_unpacked(void **state)
{
    (void)state;
    file f = fixture_file("png_bomb.png"); /* three chunks of 8 MiB each once unpacked */
    int status;
    long growth = growth_kib(&f, &status);
    assert_int_equal(status, GRAFT_OK);
    assert_true(growth <= 1 << 10);
    free(f.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_at_every_length),
        cmocka_unit_test(cut_in_the_middle_tells_its_rows),
        cmocka_unit_test(png_checksums_name_chunk_and_offset),
        cmocka_unit_test(jpeg_warnings_are_errors),
        cmocka_unit_test(surplus_bytes_are_taken_where_all_rows_are_there),
        cmocka_unit_test(pixels_that_are_left_over_are_damage),
        cmocka_unit_test(large_jpegs_are_decoded_at_a_fraction),
        cmocka_unit_test(jpeg_marker_lengths),
        cmocka_unit_test(ten_thousand_scans_are_refused_at_once),
        cmocka_unit_test(many_tables_take_no_more_time),
        cmocka_unit_test(pixel_bombs_take_no_memory),
        cmocka_unit_test(packed_text_and_profiles_are_not_unpacked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
