/* Every failing allocation and file call: an error is told, nothing leaks, no file is left half written. */
#include "base/alloc.h"
#include "base/io.h"
#include "report/events.h"
#include "report/inspection.h"
#include "report/part.h"
#include "report/report.h"
#include "support/sanitized.h"
#include "support/sys_faults.h"
#include "unit/report/fake_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/graft-test-XXXXXX";
static char path[256];

static const char *in_folder(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

typedef graft_status (*attempt)(const fake_run *f, graft_error *err);

/* Fails the calls of one kind, every `step`th of them, once each; gives how many faults there were. */
static long fail_each(fault_kind kind, long step, attempt run, const fake_run *f)
{
    long faults = 0;
    for (long k = 0;; k += step) {
        long live = faults_live();
        graft_error err = {0};
        faults_arm(kind, k);
        graft_status status = run(f, &err);
        bool happened = faults_disarm();
        assert_int_equal(faults_live(), live);
        if (!happened) {
            assert_int_equal(status, GRAFT_OK);
            return faults;
        }
        assert_int_equal(status, GRAFT_RESOURCE);
        assert_int_equal(err.status, GRAFT_RESOURCE);
        assert_true(err.message[0]);
        faults++;
    }
}

/* Fails every `step`th allocation of what draws and writes no file; gives how many. Each in a child, but under a
 * sanitizer, which looks for leaks where the process ends, and whose memory is long in forking. */
static long fail_allocations(long step, attempt run, const fake_run *f)
{
    if (SANITIZED) return fail_each(FAULT_ALLOC, step, run, f);
    long live = faults_live();
    graft_error err = {0};
    faults_arm_children(FAULT_ALLOC, step);
    graft_status status = run(f, &err);
    if (faults_in_child()) {
        bool told = status == GRAFT_RESOURCE && err.status == GRAFT_RESOURCE && err.message[0];
        faults_end_child(told && faults_live() == live);
    }
    long faults = faults_children();
    assert_int_equal(status, GRAFT_OK);
    assert_int_equal(faults_live(), live);
    return faults;
}

/* A page of a data set: samples, bins, a pair. */
static graft_status inspection(const fake_run *f, graft_error *err)
{
    static const uint64_t count[] = {0, 3, 12, 1, 0};
    static const char *const name[] = {"a", "b", "c", "d", "e"};
    const gf_bins bins = {"Size", "images by their shorter side", 5, count, name};
    const gf_pair pair = {f->record.samples.item[0], f->record.samples.item[1], "mirrored"};
    const gf_fact bad = {"a/1.jpg", "ends early"};
    const gf_inspection x = {.record = f->record,
                             .images = 16,
                             .bytes = 1 << 20,
                             .bad = 1,
                             .near_copies = 1,
                             .bins = &bins,
                             .n_bins = 1,
                             .pair = &pair,
                             .n_pairs = 1,
                             .bad_files = {&bad, 1}};
    char *html;
    size_t n;
    GF_TRY(gf_inspection_page(&html, &n, &x, err));
    assert_int_equal(strlen(html), n);
    assert_non_null(strstr(html, "ends early"));
    gf_free(html);
    return GRAFT_OK;
}

static void failures_of_an_inspections_page_are_survived(void **state)
{
    (void)state;
    fake_run f;
    fake_run_fill(&f);
    assert_true(fail_allocations(1, inspection, &f) > 20);
}

/* The file is either not there or these bytes, and no .tmp stands beside it. */
static void check_whole(const char *name, const uint8_t *wanted, size_t n)
{
    char tmp[300];
    snprintf(tmp, sizeof tmp, "%s.tmp", in_folder(name));
    assert_int_equal(access(tmp, F_OK), -1);
    if (access(path, F_OK)) return;
    uint8_t *data;
    size_t got;
    assert_int_equal(gf_file_read(path, 16 << 20, &data, &got, NULL), GRAFT_OK);
    assert_int_equal(got, n);
    assert_memory_equal(data, wanted, n);
    gf_free(data);
}

static graft_status write_history(const fake_run *f, graft_error *err)
{
    return gf_history_write(in_folder("history.csv"), &f->history, err);
}
static graft_status write_events(const fake_run *f, graft_error *err)
{
    return gf_events_write(in_folder(GF_EVENTS_NAME), &f->history, err);
}
static graft_status write_metrics(const fake_run *f, graft_error *err)
{
    return gf_record_write_json(in_folder("metrics.json"), &f->record, err);
}
static void text_files_are_whole_after_any_fault(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        attempt write;
    } files[] = {{"history.csv", write_history}, {GF_EVENTS_NAME, write_events}, {"metrics.json", write_metrics}};
    fake_run f;
    fake_run_fill(&f);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        uint8_t *good;
        size_t n;
        assert_int_equal(files[i].write(&f, NULL), GRAFT_OK);
        assert_int_equal(gf_file_read(in_folder(files[i].name), 1 << 20, &good, &n, NULL), GRAFT_OK);
        for (int kind = 0; kind < FAULT_KINDS; kind++) {
            if (kind == FAULT_READ) continue;
            unlink(in_folder(files[i].name));
            assert_true(fail_each((fault_kind)kind, 1, files[i].write, &f) > 0);
            check_whole(files[i].name, good, n);
        }
        gf_free(good);
    }
}

static const gf_plot *plot; /* the one draw_plot draws */

static graft_status draw_plot(const fake_run *f, graft_error *err)
{
    gf_canvas *sheet;
    uint8_t *png = NULL;
    size_t n;
    graft_status status = plot->draw(&sheet, &f->record, &gf_theme_light, err);
    if (status == GRAFT_OK) status = gf_canvas_png(sheet, &png, &n, err);
    gf_canvas_destroy(sheet);
    gf_free(png);
    return status;
}

static void plots_fail_cleanly(void **state)
{
    (void)state;
    fake_run f;
    fake_run_fill(&f);
    f.record.samples.n = f.record.augmentations.n = f.record.predictions.n = 2;
    for (size_t i = 0; gf_report_plot_at(i); i++) {
        plot = gf_report_plot_at(i);
        assert_true(fail_allocations(1, draw_plot, &f) >= 2);
    }
    enum { N = 41 };
    static uint64_t confusion[N * N];
    static const char *names[N];
    for (int i = 0; i < N; i++) names[i] = "class";
    f.record.test.confusion = confusion;
    f.record.classes = names;
    f.record.n_classes = N;
    plot = &gf_report_part_confusion.plot;
    assert_string_equal(plot->file, "confusion.png");
    assert_true(fail_allocations(1, draw_plot, &f) >= 5);
}

static graft_status make_page(const fake_run *f, graft_error *err)
{
    char *html;
    graft_status status = gf_report_page(&html, NULL, &f->record, err);
    assert_int_equal(status == GRAFT_OK, html != NULL);
    gf_free(html);
    return status;
}

static void page_fails_cleanly(void **state)
{
    (void)state;
    fake_run f;
    fake_run_fill(&f);
    f.record.samples.n = f.record.augmentations.n = f.record.predictions.n = 1;
    f.record.history = NULL; /* one large plot, the matrix, is enough here */
    f.record.detection = NULL;
    assert_true(fail_allocations(1, make_page, &f) > 100);
    fake_run_fill(&f); /* a detector's page, every third fault: two large plots */
    f.record.history = NULL;
    f.record.samples.n = f.record.augmentations.n = f.record.predictions.n = f.record.found.n = f.record.mistakes.n = 0;
    f.record.validation.confusion = f.record.test.confusion = NULL;
    f.record.calibration.images = 0;
    f.detection.misses.n = f.detection.wrong.n = 1;
    assert_true(fail_allocations(3, make_page, &f) > 20);
}

static graft_status write_all(const fake_run *f, graft_error *err) { return gf_report_write(folder, &f->record, err); }

static void folder_holds_whole_files_after_any_fault(void **state)
{
    (void)state;
    static const char *const names[] = {"metrics.json",        "history.csv",           GF_EVENTS_NAME,
                                        "report.html",         "plots/curves.png",      "plots/samples.png",
                                        "plots/confusion.png", "plots/reliability.png", "model-card.md"};
    enum { N = sizeof names / sizeof *names };
    fake_run f;
    fake_run_fill(&f);
    f.record.samples.n = 1;
    f.record.augmentations.n = f.record.predictions.n = f.record.mistakes.n = 0;
    f.record.detection = NULL;
    uint8_t *good[N];
    size_t n[N];
    assert_int_equal(write_all(&f, NULL), GRAFT_OK);
    for (int i = 0; i < N; i++) {
        assert_int_equal(gf_file_read(in_folder(names[i]), 16 << 20, &good[i], &n[i], NULL), GRAFT_OK);
    }
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        if (kind == FAULT_READ) continue;
        for (int i = 0; i < N; i++) unlink(in_folder(names[i]));
        assert_true(fail_each((fault_kind)kind, kind == FAULT_ALLOC ? 23 : 1, write_all, &f) >= N);
        for (int i = 0; i < N; i++) check_whole(names[i], good[i], n[i]);
    }
    for (int i = 0; i < N; i++) gf_free(good[i]);
}

static void full_disk_is_told_as_such(void **state)
{
    (void)state;
    fake_run f;
    fake_run_fill(&f);
    graft_error err;
    faults_arm_errno(FAULT_WRITE, 0, 28 /* ENOSPC */, true);
    assert_int_equal(gf_report_write(folder, &f.record, &err), GRAFT_RESOURCE);
    assert_true(faults_disarm());
    assert_int_equal(err.number, GF_E_NO_SPACE);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_files_are_whole_after_any_fault),
        cmocka_unit_test(plots_fail_cleanly),
        cmocka_unit_test(page_fails_cleanly),
        cmocka_unit_test(failures_of_an_inspections_page_are_survived),
        cmocka_unit_test(folder_holds_whole_files_after_any_fault),
        cmocka_unit_test(full_disk_is_told_as_such),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
