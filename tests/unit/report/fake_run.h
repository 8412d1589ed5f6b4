/* fake_run.h - a run record made up for tests: two phases, photos of plain colours, names that need escaping. */
#ifndef TESTS_REPORT_FAKE_RUN_H
#define TESTS_REPORT_FAKE_RUN_H

#include "report/record.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FAKE_PHOTO_SIDE = 24, FAKE_PHOTOS = 12, FAKE_ROWS = 6 };

typedef struct fake_run {
    gf_run_record record;
    gf_metric_list metrics; /* loss, accuracy */
    gf_history history;
    gf_history_row row[FAKE_ROWS];
    gf_photo photo[FAKE_PHOTOS];
    uint8_t pixels[FAKE_PHOTOS][FAKE_PHOTO_SIDE * FAKE_PHOTO_SIDE * 3];
    uint64_t confusion[4];
    gf_data_split splits[2];
    gf_fact facts[2];
    const char *classes[2];
    gf_promise promises[2];
    gf_found_record detection;
    gf_found_class found[2];
    double curve[3][2];
    gf_operating point[3];
} fake_run;

/* The second class has no objects. */
static inline void fake_run_detect(fake_run *f)
{
    static const double curve[3][2] = {{0, 1}, {0.5, 0.9}, {1, 0.2}};
    static const gf_operating point[3] = {{1, 1, 0, 0}, {NAN, NAN, NAN, NAN}, {0.4, 0.8, 0.7, 0.75}};
    memcpy(f->curve, curve, sizeof curve);
    memcpy(f->point, point, sizeof point);
    f->found[0] = (gf_found_class){30, 28, 24, 0.61, 0.87, (const double(*)[2])f->curve, 3};
    f->found[1] = (gf_found_class){0, 2, 0, -1, -1, NULL, 0};
    f->detection = (gf_found_record){.set = "validation",
                                     .images = 20,
                                     .objects = 30,
                                     .stat = {0.61, 0.87, 0.7, -1, 0.5, 0.66, 0.5, 0.7, 0.7, -1, 0.6, 0.7},
                                     .confidence = 0.4,
                                     .overlap = 0.55,
                                     .kind = {24, 0, 3, 0, 1, 2, 0},
                                     .missed = 2,
                                     .nearly = 4,
                                     .point = f->point,
                                     .points = 3,
                                     .item = f->found,
                                     .misses = {f->photo, 3},
                                     .wrong = {f->photo + 3, 2}};
    f->record.detection = &f->detection;
}

static inline void fake_run_calibrate(fake_run *f)
{
    gf_run_record *r = &f->record;
    r->calibrated_on = "test";
    r->calibration =
        (gf_reliability){.images = 200, .error = 0.031, .equal_mass_error = 0.03, .log_loss = 0.2, .brier = 0.07};
    r->calibration.bin[11] = (gf_reliability_bin){80, 60, 62};
    r->calibration.bin[14] = (gf_reliability_bin){120, 118, 117};
    r->uncalibrated_error = 0.082;
    r->temperature = 1.25;
    f->promises[0] = (gf_promise){0.9, 0.55, 0.97};
    f->promises[1] = (gf_promise){0.95, 0.7, 0.81};
    r->promises = f->promises;
    r->n_promises = 2;
}

/* Photo i is truly of class i % 2, predicted right but for i = 1, 6, 11. Pointers lead into *f. */
static inline void fake_run_fill(fake_run *f)
{
    memset(f, 0, sizeof *f);
    for (int i = 0; i < FAKE_ROWS; i++) {
        double t = 1.0 / (i + 1);
        f->row[i] = (gf_history_row){.epoch = i + 1,
                                     .phase = i < 3 ? 0 : 1,
                                     .lr = 1e-4,
                                     .value = {{t, 1 - t / 2}, {t / 2, 1 - t / 3}},
                                     .seconds = 10,
                                     .images_per_second = 160};
    }
    for (int i = 0; i < FAKE_PHOTOS; i++) {
        memset(f->pixels[i], 20 * i, sizeof f->pixels[i]);
        gf_pixels pixels = {FAKE_PHOTO_SIDE, FAKE_PHOTO_SIDE, f->pixels[i]};
        f->photo[i] = (gf_photo){pixels, "a/<photo>.jpg", i % 2, i % 5 == 1 ? !(i % 2) : i % 2, 0.6 + 0.03 * i};
    }
    memcpy(f->confusion, (uint64_t[4]){90, 10, 4, 96}, sizeof f->confusion);
    f->splits[0] = (gf_data_split){"training", 1000, f->confusion};
    f->splits[1] = (gf_data_split){"validation", 200, NULL};
    f->facts[0] = (gf_fact){"size", "160"};
    f->facts[1] = (gf_fact){"data", "/tmp/\"a\"&'b'"};
    f->classes[0] = "cats";
    f->classes[1] = "<dogs>";
    static const char *const phase[] = {"feature_extraction", "fine_tuning"};
    if (gf_metric_list_parse(&f->metrics, GF_OF_CLASSES, "loss,accuracy", NULL, NULL) != GRAFT_OK) abort();
    f->history = (gf_history){&f->metrics, f->row, FAKE_ROWS, FAKE_ROWS, phase, 2};
    gf_photos photos = {f->photo, FAKE_PHOTOS};
    f->record = (gf_run_record){.title = "cats & <dogs>",
                                .model = "mobilenet_v2",
                                .noun = "images",
                                .makes = "An image classifier",
                                .pipeline = "image-classification",
                                .command = "graft train \"data\" --out runs/<x>",
                                .classes = f->classes,
                                .n_classes = 2,
                                .splits = f->splits,
                                .n_splits = 2,
                                .model_facts = {f->facts, 1},
                                .data_facts = {f->facts + 1, 1},
                                .options = {f->facts, 2},
                                .versions = {f->facts, 1},
                                .metrics = &f->metrics,
                                .history = &f->history,
                                .before = {&f->metrics, 200, {0.8, 0.45}, NULL},
                                .validation = {&f->metrics, 200, {0.1, 0.93}, f->confusion},
                                .test = {&f->metrics, 200, {0.12, 0.93}, f->confusion},
                                .best_epoch = 5,
                                .seconds = 60,
                                .peak_rss_mb = 400,
                                .samples = photos,
                                .augmentations = photos,
                                .predictions = photos,
                                .found = photos,
                                .mistakes = {f->photo + 1, 1}};
    fake_run_calibrate(f);
    fake_run_detect(f);
}

#endif
