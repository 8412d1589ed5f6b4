/* Plots, read back by the image decoder: sizes, colours where they must be, equal bytes for equal runs, and data that
 * real runs come with: no fine-tuning, one epoch, NaN, long and broken names, many classes. */
#include "base/alloc.h"
#include "image/image.h"
#include "report/part.h"
#include "unit/report/fake_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const gf_theme *const themes[2] = {&gf_theme_light, &gf_theme_dark};

static const gf_plot *plot_named(const char *file)
{
    for (size_t i = 0; gf_report_plot_at(i); i++) {
        if (!strcmp(gf_report_plot_at(i)->file, file)) return gf_report_plot_at(i);
    }
    fail_msg("no plot %s", file);
    return NULL;
}

/* The plot's PNG; NULL where there is nothing to draw. */
static uint8_t *png_of(const char *file, const gf_run_record *r, const gf_theme *theme, size_t *n)
{
    gf_canvas *sheet;
    uint8_t *png = NULL;
    graft_error err = {0};
    graft_status status = plot_named(file)->draw(&sheet, r, theme, &err);
    if (status == GRAFT_OK && sheet) status = gf_canvas_png(sheet, &png, n, &err);
    if (status != GRAFT_OK) fail_msg("%s: %s", file, err.message);
    gf_canvas_destroy(sheet);
    return png;
}

static gf_image draw(const char *file, const gf_run_record *r, const gf_theme *theme)
{
    size_t n;
    uint8_t *png = png_of(file, r, theme, &n);
    assert_non_null(png);
    gf_image image;
    gf_image_info info;
    assert_int_equal(gf_image_decode(png, n, file, NULL, &image, &info, NULL), GRAFT_OK);
    assert_int_equal(info.format, GF_IMAGE_PNG);
    gf_free(png);
    return image;
}

static uint32_t pixel(const gf_image *p, int x, int y)
{
    assert_true(x >= 0 && x < p->w && y >= 0 && y < p->h);
    const uint8_t *at = p->rgb + ((size_t)y * (size_t)p->w + (size_t)x) * 3;
    return (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
}

/* Pixels of exactly that colour in the box. */
static int count(const gf_image *p, uint32_t rgb, int x0, int y0, int x1, int y1)
{
    int n = 0;
    for (int y = y0; y < y1; y++) {
        for (int x = x0; x < x1; x++) n += pixel(p, x, y) == rgb;
    }
    return n;
}
static int count_all(const gf_image *p, uint32_t rgb) { return count(p, rgb, 0, 0, p->w, p->h); }

static void curves_show_both_lines_in_both_panels(void **state)
{
    (void)state;
    fake_run f;
    fake_run_fill(&f);
    for (int t = 0; t < 2; t++) {
        gf_image p = draw("curves.png", &f.record, themes[t]);
        assert_int_equal(p.w, 1520);
        assert_int_equal(p.h, 1280);
        assert_int_equal(pixel(&p, 0, 0), themes[t]->rgb[GF_INK_PAGE]);
        assert_int_equal(pixel(&p, p.w - 1, p.h - 1), themes[t]->rgb[GF_INK_PAGE]);
        for (int below = 0; below < 2; below++) {
            int y0 = below ? p.h / 2 : 0, y1 = below ? p.h : p.h / 2;
            assert_true(count(&p, themes[t]->rgb[GF_INK_TRAIN], 140, y0, 1330, y1) > 2000);
            assert_true(count(&p, themes[t]->rgb[GF_INK_VALIDATION], 140, y0, 1330, y1) > 2000);
        }
        gf_image_free(&p);
    }
}

/* Columns of the frame in which the muted ink (the dashed line) covers a third of the accuracy panel's height. */
static int vertical_lines(const gf_run_record *r)
{
    gf_image p = draw("curves.png", r, &gf_theme_light);
    int lines = 0;
    for (int x = 132; x < 1336; x++) {
        bool line = count(&p, gf_theme_light.rgb[GF_INK_MUTED], x, 124, x + 1, 124 + 464) > 464 / 3;
        bool before = count(&p, gf_theme_light.rgb[GF_INK_MUTED], x - 1, 124, x, 124 + 464) > 464 / 3;
        lines += line && !before;
    }
    gf_image_free(&p);
    return lines;
}

static void start_of_fine_tuning_is_marked_where_there_is_one(void **state)
{
    (void)state;
    fake_run f;
    fake_run_fill(&f);
    assert_int_equal(vertical_lines(&f.record), 1);
    f.history.n = 3; /* the first phase alone */
    assert_int_equal(vertical_lines(&f.record), 0);
    f.history.row = f.row + 3; /* fine-tuning alone */
    assert_int_equal(vertical_lines(&f.record), 0);
}

/* A photo of `predictions` in pixels: 4 columns of 180 units, 20 apart, captions of 42 below. */
static void prediction_place(int i, int *x, int *y)
{
    *x = 2 * (28 + i % 4 * 200);
    *y = 2 * (68 + i / 4 * 242);
}

static void right_predictions_are_blue_and_wrong_ones_red(void **state)
{
    (void)state;
    fake_run f;
    fake_run_fill(&f);
    for (int t = 0; t < 2; t++) {
        gf_image p = draw("predictions.png", &f.record, themes[t]);
        for (int i = 0; i < FAKE_PHOTOS; i++) {
            bool right = f.photo[i].truth == f.photo[i].predicted;
            uint32_t wanted = themes[t]->rgb[right ? GF_INK_RIGHT : GF_INK_WRONG];
            uint32_t other = themes[t]->rgb[right ? GF_INK_WRONG : GF_INK_RIGHT];
            int x, y;
            prediction_place(i, &x, &y);
            assert_int_equal(pixel(&p, x + 3, y + 180), wanted);                         /* the frame */
            assert_int_equal(pixel(&p, x + 180, y + 180), (uint32_t)(20 * i) * 0x10101); /* the photo in it */
            assert_true(count(&p, wanted, x, y + 364, x + 360, y + 404) > 60);           /* the words below */
            assert_int_equal(count(&p, other, x, y, x + 360, y + 444), 0);
        }
        gf_image_free(&p);
    }
}

static void unknown_truth_is_neither_right_nor_wrong(void **state)
{
    (void)state;
    fake_run f;
    fake_run_fill(&f);
    for (int i = 0; i < FAKE_PHOTOS; i++) f.photo[i].truth = -1;
    gf_image p = draw("predictions.png", &f.record, &gf_theme_light);
    assert_int_equal(count_all(&p, gf_theme_light.rgb[GF_INK_RIGHT]), 0);
    assert_int_equal(count_all(&p, gf_theme_light.rgb[GF_INK_WRONG]), 0);
    gf_image_free(&p);
}

static void samples_show_nine_photos(void **state)
{
    (void)state;
    fake_run f;
    fake_run_fill(&f);
    gf_image p = draw("samples.png", &f.record, &gf_theme_light),
             q = draw("augmentations.png", &f.record, &gf_theme_dark);
    assert_int_equal(p.w, 2 * (2 * 28 + 3 * 200 + 2 * 20));
    assert_int_equal(p.h, 2 * (2 * 28 + 40 + 3 * 224 + 2 * 20));
    assert_int_equal(q.h, 2 * (2 * 28 + 40 + 3 * 200 + 2 * 20));
    for (int i = 0; i < 9; i++) {
        uint32_t gray = (uint32_t)(20 * i) * 0x10101;
        assert_int_equal(pixel(&p, 2 * (128 + i % 3 * 220), 2 * (168 + i / 3 * 244)), gray);
        assert_int_equal(pixel(&q, 2 * (128 + i % 3 * 220), 2 * (168 + i / 3 * 220)), gray);
    }
    gf_image_free(&p);
    gf_image_free(&q);
}

static void tall_photo_keeps_its_proportions(void **state)
{
    (void)state;
    fake_run f;
    fake_run_fill(&f);
    f.photo[0].pixels.w = 12; /* 12 x 24 of 255 */
    memset(f.pixels[0], 255, sizeof f.pixels[0]);
    f.record.augmentations.n = 1;
    gf_image p = draw("augmentations.png", &f.record, &gf_theme_dark);
    int y = 2 * (68 + 100), x = 2 * 28;
    assert_int_equal(pixel(&p, x + 90, y), gf_theme_dark.rgb[GF_INK_PANEL]);
    assert_int_equal(pixel(&p, x + 110, y), 0xffffff);
    assert_int_equal(pixel(&p, x + 290, y), 0xffffff);
    assert_int_equal(pixel(&p, x + 310, y), gf_theme_dark.rgb[GF_INK_PANEL]);
    gf_image_free(&p);
}

static void confusion_colors_follow_the_shares(void **state)
{
    (void)state;
    fake_run f;
    fake_run_fill(&f);
    static const struct {
        gf_ink ink;
        double share;
    } cells[4] = {{GF_INK_RIGHT, 0.9}, {GF_INK_WRONG, 0.1}, {GF_INK_WRONG, 0.04}, {GF_INK_RIGHT, 0.96}};
    for (int t = 0; t < 2; t++) {
        gf_image p = draw("confusion.png", &f.record, themes[t]);
        for (int i = 0; i < 4; i++) {
            uint32_t color = gf_theme_mix(themes[t], GF_INK_PANEL, cells[i].ink, sqrt(cells[i].share));
            assert_true(count_all(&p, color) > 296 * 296 * 8 / 10); /* the rest of the cell are its numbers */
        }
        gf_image_free(&p);
    }
}

/* `n` classes, all right but for one mistake. */
static gf_image confusion_of(fake_run *f, size_t n, const char *const *names)
{
    static uint64_t many[1000 * 1000];
    memset(many, 0, sizeof many);
    for (size_t i = 0; i < n; i++) many[i * n + i] = 10;
    many[n - 1] = 10;
    f->record.test.confusion = many;
    f->record.classes = names;
    f->record.n_classes = n;
    return draw("confusion.png", &f->record, &gf_theme_light);
}

static void many_classes_become_a_heat_map_that_loses_no_mistake(void **state)
{
    (void)state;
    static const char *names[1000];
    for (int i = 0; i < 1000; i++)
        names[i] = i % 7 ? "class" : "a class with a name that is far too long for any label";
    fake_run f;
    fake_run_fill(&f);
    static const size_t sizes[] = {1, 3, 40, 41, 640, 1000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n = sizes[i];
        gf_image p = confusion_of(&f, n, names);
        assert_true(p.w < 2800 && p.h < 2800);
        if (n > 40) {
            double cell = 1280.0 / (double)(n < 640 ? n : 640);
            uint32_t wrong = gf_theme_mix(&gf_theme_light, GF_INK_PANEL, GF_INK_WRONG, sqrt(0.5));
            int key = count(&p, wrong, 0, p.h - 150, p.w, p.h); /* the legend has that colour too */
            assert_true(count_all(&p, wrong) - key >= (int)(cell - 1) * (int)(cell - 1));
        }
        gf_image_free(&p);
    }
}

static void what_real_runs_come_with_is_drawn(void **state)
{
    (void)state;
    static char long_name[2000];
    memset(long_name, 'W', sizeof long_name - 1);
    const char *names[] = {long_name, "b\xff\x01\xc3\xa9\xe7\x8c\xab \xf0\x9f\x90\xb1", ""};
    fake_run f;
    fake_run_fill(&f);
    f.record.classes = names;
    f.record.n_classes = 2;
    for (int i = 0; i < FAKE_ROWS; i++) f.row[i].value[1][0] = f.row[i].value[1][1] = NAN;
    f.row[2].value[0][0] = INFINITY;
    f.row[3].value[0][0] = 1e300;
    f.photo[0].probability = NAN;
    f.photo[1].predicted = 77;
    f.photo[2].pixels = (gf_pixels){0, 0, NULL};
    f.photo[3].pixels = (gf_pixels){1, 1, f.pixels[3]};
    f.record.best_epoch = 1000000;
    for (int t = 0; t < 2; t++) {
        for (size_t i = 0; gf_report_plot_at(i); i++) {
            gf_image p = draw(gf_report_plot_at(i)->file, &f.record, themes[t]);
            assert_true(p.w > 300 && p.h > 300);
            gf_image_free(&p);
        }
    }
    for (int i = 0; i < FAKE_ROWS; i++) f.row[i].value[0][0] = f.row[i].value[0][1] = NAN;
    gf_image p = draw("curves.png", &f.record, &gf_theme_light);
    gf_image_free(&p);
    f.history.n = 1;
    p = draw("curves.png", &f.record, &gf_theme_light);
    gf_image_free(&p);
}

static void long_names_stay_inside_their_column(void **state)
{
    (void)state;
    static char long_name[400];
    memset(long_name, 'W', sizeof long_name - 1);
    const char *names[] = {long_name, long_name};
    fake_run f;
    fake_run_fill(&f);
    f.record.classes = names;
    gf_image p = draw("predictions.png", &f.record, &gf_theme_light);
    for (int i = 0; i < FAKE_PHOTOS; i++) {
        int x, y;
        prediction_place(i, &x, &y);
        assert_int_equal(count(&p, 0xffffff, x + 361, y + 364, x + 399, y + 444), 38 * 80);
    }
    gf_image_free(&p);
}

static void nothing_to_draw_gives_no_sheet(void **state)
{
    (void)state;
    const gf_run_record empty = {0};
    for (size_t i = 0; gf_report_plot_at(i); i++) {
        gf_canvas *sheet;
        assert_int_equal(gf_report_plot_at(i)->draw(&sheet, &empty, &gf_theme_light, NULL), GRAFT_OK);
        assert_null(sheet);
    }
}

/* Equal runs, equal bytes: and the file holds no time, no text, nothing but the image. */
static void equal_runs_give_equal_bytes_without_time_stamps(void **state)
{
    (void)state;
    fake_run f;
    fake_run_fill(&f);
    for (size_t i = 0; gf_report_plot_at(i); i++) {
        size_t n, m;
        uint8_t *a = png_of(gf_report_plot_at(i)->file, &f.record, &gf_theme_light, &n);
        uint8_t *b = png_of(gf_report_plot_at(i)->file, &f.record, &gf_theme_light, &m);
        assert_int_equal(n, m);
        assert_memory_equal(a, b, n);
        for (size_t at = 8; at + 12 <= n;) {
            uint32_t len = (uint32_t)a[at] << 24 | (uint32_t)a[at + 1] << 16 | (uint32_t)a[at + 2] << 8 | a[at + 3];
            char name[5] = {(char)a[at + 4], (char)a[at + 5], (char)a[at + 6], (char)a[at + 7], 0};
            assert_non_null(strstr("IHDR sBIT bKGD IDAT IEND", name));
            at += 12 + (size_t)len;
        }
        gf_free(a);
        gf_free(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curves_show_both_lines_in_both_panels),
        cmocka_unit_test(start_of_fine_tuning_is_marked_where_there_is_one),
        cmocka_unit_test(right_predictions_are_blue_and_wrong_ones_red),
        cmocka_unit_test(unknown_truth_is_neither_right_nor_wrong),
        cmocka_unit_test(samples_show_nine_photos),
        cmocka_unit_test(tall_photo_keeps_its_proportions),
        cmocka_unit_test(confusion_colors_follow_the_shares),
        cmocka_unit_test(many_classes_become_a_heat_map_that_loses_no_mistake),
        cmocka_unit_test(what_real_runs_come_with_is_drawn),
        cmocka_unit_test(long_names_stay_inside_their_column),
        cmocka_unit_test(nothing_to_draw_gives_no_sheet),
        cmocka_unit_test(equal_runs_give_equal_bytes_without_time_stamps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
