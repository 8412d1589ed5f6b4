/* features.shard: each allocation and file call failed in turn; whatever was left, the same call again ends with the
 * same bytes. */
#include "base/alloc.h"
#include "base/io.h"
#include "support/run_places.h"
#include "support/sys_faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static char folder[128];
static graft_context *context;
static graft_model *model;
static gf_sha256 wanted[8];
enum { SHARDS = 3, ROWS = 3 };

static graft_status features(graft_error *err)
{
    graft_result *r = NULL;
    char images[128];
    const char *path = images;
    snprintf(images, sizeof images, "%s/validation", data);
    graft_status status = graft_features(model, &path, 1, NULL, folder, &r, err);
    graft_result_free(r);
    return status;
}

static void digests(gf_sha256 out[SHARDS + 1])
{
    for (int i = 0; i <= SHARDS; i++) {
        char path[192];
        snprintf(path, sizeof path, i < SHARDS ? "%s/%05d.npy" : "%s/manifest.json", folder, i);
        assert_int_equal(gf_file_sha256(path, &out[i], NULL), GRAFT_OK);
    }
}

/* What a failure left is gone on with. */
static void goes_on(void)
{
    graft_error err = {0};
    gf_sha256 got[SHARDS + 1];
    if (features(&err)) fail_msg("after a failure: %s", err.message);
    digests(got);
    assert_memory_equal(got, wanted, sizeof got);
}

static void every_fault_is_survived(void **state)
{
    (void)state;
    long live = faults_live();
    for (fault_kind kind = FAULT_ALLOC; kind < FAULT_KINDS; kind++) {
        long k = 0, told = 0;
        for (bool happened = true; happened; k++) {
            graft_error err = {0};
            tiny_data_remove(folder);
            faults_arm(kind, k);
            graft_status status = features(&err);
            happened = faults_disarm();
            assert_int_equal(faults_live(), live);
            told += status != GRAFT_OK;
            if (!happened) assert_int_equal(status, GRAFT_OK);
            goes_on();
        }
        print_message("kind %d: %ld calls, %ld told\n", (int)kind, k - 1, told);
        if (kind == FAULT_ALLOC) assert_true(told > (k - 1) / 2); /* a hint or a note may be left out */
    }
}

static int make(void **state)
{
    (void)state;
    graft_context_options o;
    graft_settings *s = NULL;
    tiny_run t;
    graft_error err = {0};
    if (run_places_make(4, 4)) return -1;
    snprintf(folder, sizeof folder, "%s/features", root);
    tiny_run_defaults(&t, data, run);
    t.train.epochs = 1;
    t.train.fine_tune_epochs = 0;
    graft_context_defaults(&o);
    o.threads = 1;
    bool ok = !tiny_run_train(&t, false, &err) && !graft_context_open(&o, &context, &err) &&
              !graft_settings_new(&s, &err) && !graft_settings_set(s, "features.shard", "3", &err) &&
              !graft_context_settings(context, s, &err) && !graft_run_open(context, run, &model, &err) &&
              !features(&err);
    graft_settings_free(s);
    if (!ok) print_error("%s\n", err.message);
    if (ok) digests(wanted);
    return ok ? 0 : -1;
}

static int end(void **state)
{
    graft_model_free(model);
    graft_context_free(context);
    return run_places_remove(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_fault_is_survived)};
    return cmocka_run_group_tests(tests, make, end);
}
