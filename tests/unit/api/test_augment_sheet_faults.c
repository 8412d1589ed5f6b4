/* graft_augment: the sheet holds the image and what the words make of it; every allocation and file call failed in
 * turn: a whole sheet or an error, no leak. */
#include "image/augment.h"
#include "image/image.h"
#include "support/sys_faults.h"

#include <graft/graft.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIDE = 24, GRID = 5, COLUMNS = 3, ROWS = 2, GAP = 4, W = COLUMNS * (SIDE + GAP) - GAP, SEED = 7 };
static const char words[] = "flip,zoom=0.3,contrast=0.5";
static char root[] = "/tmp/graft-test-XXXXXX", photo[64], sheet[64];
static uint8_t image[SIDE * SIDE * 3];
static graft_context *context;

static int make_photo(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof image; i++) image[i] = (uint8_t)(i * 37 + i / 72);
    assert_non_null(mkdtemp(root));
    snprintf(photo, sizeof photo, "%s/a.ppm", root);
    snprintf(sheet, sizeof sheet, "%s/sheet.png", root);
    FILE *f = fopen(photo, "wb");
    assert_non_null(f);
    fprintf(f, "P6 %d %d 255\n", SIDE, SIDE);
    assert_int_equal(fwrite(image, 1, sizeof image, f), sizeof image);
    fclose(f);
    graft_context_options o;
    graft_settings *settings;
    graft_error err;
    graft_context_defaults(&o);
    o.threads = 1;
    assert_int_equal(graft_context_open(&o, &context, &err), GRAFT_OK);
    assert_int_equal(graft_settings_new(&settings, &err), GRAFT_OK);
    assert_int_equal(graft_settings_set(settings, "augment.words", words, &err), GRAFT_OK);
    assert_int_equal(graft_settings_set(settings, "augment.grid", "5", &err), GRAFT_OK);
    assert_int_equal(graft_settings_set(settings, "augment.size", "24", &err), GRAFT_OK);
    assert_int_equal(graft_context_settings(context, settings, &err), GRAFT_OK);
    graft_settings_free(settings);
    return 0;
}

static int remove_photo(void **state)
{
    (void)state;
    graft_context_free(context);
    unlink(photo);
    unlink(sheet);
    return rmdir(root);
}

static void read_sheet(gf_image *out)
{
    static uint8_t bytes[1 << 20];
    FILE *f = fopen(sheet, "rb");
    assert_non_null(f);
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    assert_int_equal(gf_image_decode(bytes, n, sheet, NULL, out, NULL, NULL), GRAFT_OK);
    assert_true(out->w == W && out->h == ROWS * (SIDE + GAP) - GAP);
}

/* What place k is to show. */
static void wanted(int k, uint8_t *rgb)
{
    static float values[sizeof image];
    static _Alignas(64) uint8_t scratch[16 * sizeof image];
    gf_augment_spec spec;
    gf_augment_drawn d;
    assert_int_equal(gf_augment_parse(k ? words : "none", &spec, NULL), GRAFT_OK);
    gf_augment_draw(&spec, SEED, (uint32_t)(k ? k - 1 : 0), 0, SIDE, SIDE, SIDE, SIDE, &d);
    gf_augment_apply(&d, image, values, scratch);
    for (size_t i = 0; i < sizeof image; i++) rgb[i] = (uint8_t)(values[i] + 0.5f);
}

static void the_sheet_shows_the_changes(void **state)
{
    (void)state;
    graft_result *got;
    graft_error err;
    gf_image all;
    assert_int_equal(graft_augment(context, photo, sheet, SEED, &got, &err), GRAFT_OK);
    assert_non_null(strstr(graft_result_json(got), "\"columns\": 3"));
    graft_result_free(got);
    read_sheet(&all);
    int same = 0;
    for (int k = 0; k < GRID; k++) {
        uint8_t rgb[sizeof image];
        wanted(k, rgb);
        same += !memcmp(rgb, image, sizeof image);
        for (int y = 0; y < SIDE; y++) {
            size_t at = (size_t)(k / COLUMNS * (SIDE + GAP) + y) * W + (size_t)(k % COLUMNS * (SIDE + GAP));
            assert_memory_equal(all.rgb + at * 3, rgb + (size_t)y * SIDE * 3, SIDE * 3);
        }
    }
    assert_int_equal(same, 1); /* place 0 alone */
    gf_image_free(&all);
    assert_int_equal(graft_augment(context, photo, photo, SEED, &got, &err), GRAFT_USAGE);
    assert_int_equal(graft_augment(context, "/nowhere/a.png", sheet, SEED, &got, &err), GRAFT_DATA);
    assert_null(got);
}

static void each_call_fails_cleanly(void **state)
{
    (void)state;
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        for (long k = 0;; k++) {
            graft_error err = {0};
            graft_result *got = NULL;
            long live = faults_live();
            unlink(sheet);
            faults_arm((fault_kind)kind, k);
            graft_status status = graft_augment(context, photo, sheet, SEED, &got, &err);
            bool happened = faults_disarm();
            assert_true((status == GRAFT_OK) == (got != NULL));
            if (status) assert_true(err.status == status && err.number && err.message[0]);
            if (access(sheet, F_OK) == 0) { /* whole, whatever came after it */
                gf_image all;
                read_sheet(&all);
                gf_image_free(&all);
            }
            graft_result_free(got);
            assert_int_equal(faults_live(), live);
            if (!happened) {
                assert_int_equal(status, GRAFT_OK);
                assert_true(k > (kind == FAULT_ALLOC ? 10 : 0));
                break;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sheet_shows_the_changes),
        cmocka_unit_test(each_call_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, make_photo, remove_photo);
}
