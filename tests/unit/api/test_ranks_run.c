/* Runs that several ranks share: the same bytes for any number of ranks and threads, in every kind of run; a stop that
 * one rank is asked for stops all at one step, and any number of ranks take it up. */
#include "run_on_ranks.h"
#include "support/needs.h"
#include "support/run_bytes.h"
#include "support/run_places.h"

#include "base/io.h"

#include <stdio.h>
#include <stdlib.h>

static const char *path_of(const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", root, name);
    return path;
}

typedef struct kind {
    const char *name, *precision;
    const char *(*by_name)[2];
    int batch;
    bool from_zero; /* fine-tuning of all layers */
} kind;

static void begin(tiny_run *t, const kind *k, const char *out, int threads)
{
    tiny_run_defaults(t, data, out);
    t->precision = k->precision ? k->precision : "f32";
    t->by_name = k->by_name;
    t->context.threads = threads;
    if (k->batch) t->train.batch = k->batch;
    for (int i = 0; k->by_name && k->by_name[i][0]; i++) {
        if (!strcmp(k->by_name[i][0], "train.phases") || !strcmp(k->by_name[i][0], "train.probe")) {
            t->model.fine_tune_at = -1;
            t->train.fine_tune_epochs = 0;
        }
    }
}

static void same_on_any_ranks(const kind *k)
{
    static const struct {
        int ranks, threads;
    } on[] = {{2, 1}, {3, 2}, {4, 1}, {8, 1}};
    char alone[128], shared[128], where[64];
    tiny_run t;
    graft_error err = {0};
    begin(&t, k, path_of("alone", alone), 2);
    if (tiny_run_train(&t, false, &err)) fail_msg("%s alone: E%d %s", k->name, err.number, err.message);
    keep_choices_of(alone, root);
    for (size_t i = 0; i < sizeof on / sizeof *on; i++) {
        snprintf(where, sizeof where, "%s, %d ranks", k->name, on[i].ranks);
        begin(&t, k, path_of("shared", shared), on[i].threads);
        if (run_on_ranks(&t, false, on[i].ranks, 0, &err)) fail_msg("%s: E%d %s", where, err.number, err.message);
        run_bytes_equal(alone, shared, where);
    }
}

/* The head on features that are kept, then the last layers with random changes; eight images a micro-batch, so that a
 * batch of 20 is three of them. */
static void frozen_and_fine_tuning(void **state)
{
    (void)state;
    same_on_any_ranks(&(kind){.name = "two phases", .batch = 20});
    static const char *kept[][2] = {{"train.augment", "none"}, {NULL, NULL}};
    same_on_any_ranks(&(kind){.name = "kept features", .batch = 20, .by_name = kept});
}

static void batch_statistics_and_hooks(void **state)
{
    (void)state;
    static const char *phases[][2] = {
        {"train.phases",
         "head epochs=1 lr=0.05; all at=0 epochs=2 lr=1e-3 batch-norm=batch optimizer=sgd:momentum=0.9"},
        {"train.hooks", "ema:momentum=0.8,reduce-lr:patience=1,csv-log,step-lines"},
        {"train.accumulate", "2"},
        {"train.clip_norm", "0.5"},
        {NULL, NULL}};
    same_on_any_ranks(&(kind){.name = "batch statistics", .batch = 18, .by_name = phases});
}

static void variants_and_early_stopping(void **state)
{
    (void)state;
    static const char *kept[][2] = {{"train.feature_cache", "2"},
                                    {"train.hooks", "early-stopping:patience=1,restore_best_weights=1"},
                                    {"train.metrics", "auc"},
                                    {NULL, NULL}};
    same_on_any_ranks(&(kind){.name = "variants", .batch = 12, .by_name = kept});
}

static void a_probe(void **state)
{
    (void)state;
    static const char *probe[][2] = {{"train.probe", "1"}, {NULL, NULL}};
    same_on_any_ranks(&(kind){.name = "a probe", .by_name = probe});
}

static void in_bf16(void **state)
{
    (void)state;
    NEEDS("bf16");
    same_on_any_ranks(&(kind){.name = "bf16", .precision = "bf16", .batch = 20});
}

static void in_int8(void **state)
{
    (void)state;
    NEEDS("int8");
    same_on_any_ranks(&(kind){.name = "int8", .precision = "int8", .batch = 20});
}

/* One rank's user asks for a stop; then another number of ranks goes on. */
static void stopped_and_resumed_on_others(void **state)
{
    (void)state;
    static const struct {
        int left, ranks, then, whose;
    } stop[] = {{0, 2, 3, 0}, {5, 3, 1, 0}, {9, 2, 4, 1}, {14, 4, 2, 3}, {18, 2, 2, 0}, {13, 1, 3, 0}};
    char alone[128], taken_up[128], where[64];
    const kind k = {.name = "stopped", .batch = 20};
    tiny_run t;
    graft_error err = {0};
    begin(&t, &k, path_of("alone", alone), 2);
    if (tiny_run_train(&t, false, &err)) fail_msg("%s", err.message);
    keep_choices_of(alone, root);
    for (size_t i = 0; i < sizeof stop / sizeof *stop; i++) {
        tiny_stop s = {.left = stop[i].left};
        snprintf(where, sizeof where, "question %d of rank %d", stop[i].left, stop[i].whose);
        begin(&t, &k, path_of("stopped", taken_up), 1);
        tiny_run_stop(&t, &s);
        graft_status status = run_on_ranks(&t, false, stop[i].ranks, stop[i].whose, &err);
        if (status != GRAFT_TERMINATED) fail_msg("%s: %d E%d %s", where, status, err.number, err.message);
        begin(&t, &k, taken_up, 1 + (int)i % 2);
        if (run_on_ranks(&t, true, stop[i].then, 0, &err)) fail_msg("%s: E%d %s", where, err.number, err.message);
        run_bytes_equal(alone, taken_up, where);
    }
}

/* The same decisions about steps whose gradient is not finite. */
static void what_is_not_finite_is_left_out_by_all(void **state)
{
    (void)state;
    char alone[128], shared[128];
    graft_error err[2] = {0};
    const kind k = {.name = "diverged", .batch = 20};
    graft_status status[2];
    for (int i = 0; i < 2; i++) {
        tiny_run t;
        begin(&t, &k, i ? path_of("shared", shared) : path_of("alone", alone), 1);
        t.train.epochs = 12;
        t.train.lr = 100;
        t.train.optimizer = "sgd:weight_decay=0.9";
        t.train.on_nan = "lower-lr";
        status[i] = i ? run_on_ranks(&t, false, 3, 0, &err[i]) : tiny_run_train(&t, false, &err[i]);
        if (!i) keep_choices_of(alone, root);
    }
    if (status[0] != status[1]) fail_msg("%s / %s", err[0].message, err[1].message);
    assert_int_equal(err[0].number, err[1].number);
    char diverged[160];
    snprintf(diverged, sizeof diverged, "%s/diverged.json", shared);
    assert_true(gf_is_file(diverged)); /* it did happen */
    if (!status[0]) run_bytes_equal(alone, shared, "diverged");
}

/* ---- ranks that are not like the first */

typedef struct taken {
    char path[192];
    bool checked, done;
} taken;

/* An image goes away when rank 0 has opened the data, and the others have not. */
static void take_away(void *user, const graft_progress *p)
{
    taken *t = user;
    t->checked = t->checked || p->stage == GRAFT_STAGE_CHECK;
    if (t->done || !t->checked || p->stage != GRAFT_STAGE_PLAN) return;
    t->done = remove(t->path) == 0;
}

static void other_data_are_refused(void **state)
{
    (void)state;
    char other[128], refused[128];
    taken t = {.checked = false};
    tiny_run r;
    graft_error err = {0};
    tiny_data_make(path_of("other", other), 8, 4);
    snprintf(t.path, sizeof t.path, "%s/train/red/3.bmp", other);
    begin(&r, &(kind){.name = "other data"}, path_of("refused", refused), 1);
    r.data = other;
    r.context.progress = take_away;
    r.context.user = &t;
    assert_int_equal(run_on_ranks(&r, false, 2, 0, &err), GRAFT_WORKER);
    assert_true(t.done);
    assert_int_equal(err.number, GF_E_RANK_DIFFERS);
    if (!strstr(err.message, "rank 1: ") || !strstr(err.message, "its digest is")) fail_msg("%s", err.message);
}

static int set_up(void **state)
{
    (void)state;
    if (run_places_make(21, 9)) return -1;
    return setenv("XDG_CACHE_HOME", root, 1); /* what ranks keep for each other */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frozen_and_fine_tuning),
        cmocka_unit_test(batch_statistics_and_hooks),
        cmocka_unit_test(variants_and_early_stopping),
        cmocka_unit_test(a_probe),
        cmocka_unit_test(in_bf16),
        cmocka_unit_test(in_int8),
        cmocka_unit_test(stopped_and_resumed_on_others),
        cmocka_unit_test(what_is_not_finite_is_left_out_by_all),
        cmocka_unit_test(other_data_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, run_places_remove);
}
