/* Parameter groups in a run: what is left out is what the run began with, bit by bit; a stop at any step and another
 * number of threads change nothing; other words are another run. */
#include "support/ok.h"
#include "support/run_bytes.h"
#include "support/run_places.h"
#include "support/tiny_run.h"

#include "base/error.h"
#include "formats/safetensors.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool head_alone, in_phases;
static uint64_t seed;

static const char words[] = "layer-decay=0.5,no-decay,freeze=block_16_depthwise*,group=head:lr=2";
/* With these words also another optimizer, accumulation, clipping and an average. */
static const char all_options[] = "layer-decay=0.5,no-decay,freeze=block_16_depthwise*";

/* Of `with`, or, where that is NULL, without groups or of the run. */
static graft_status train(const char *out, const char *with, int stop_after, int threads, bool resume)
{
    tiny_run t;
    tiny_stop s = {.left = stop_after};
    graft_context *context = NULL;
    graft_settings *settings = NULL;
    graft_result *result = NULL;
    tiny_run_defaults(&t, data, out);
    t.context.threads = threads;
    t.seed = seed;
    if (head_alone) t.train.fine_tune_epochs = 0;
    if (in_phases) t.model.fine_tune_at = -1;
    if (stop_after >= 0) tiny_run_stop(&t, &s);
    OK(graft_settings_new(&settings, &error));
    if (with) OK(graft_settings_set(settings, in_phases ? "train.phases" : "train.groups", with, &error));
    if (with == all_options) {
        t.train.optimizer = t.train.fine_tune_optimizer = "lamb:weight_decay=0.01";
        OK(graft_settings_set(settings, "train.accumulate", "2", &error));
        OK(graft_settings_set(settings, "train.clip_norm", "0.5", &error));
        OK(graft_settings_set(settings, "train.hooks", "ema:momentum=0.5", &error));
    }
    OK(graft_context_open(&t.context, &context, &error));
    graft_status status = graft_context_settings(context, settings, &error);
    if (!status && resume) status = graft_resume(context, out, NULL, &result, &error);
    if (!status && !resume) status = tiny_run_train_in(&t, context, &error);
    graft_result_free(result);
    graft_context_free(context);
    graft_settings_free(settings);
    return status;
}

static int largest_checkpoint(const char *folder, struct stat *out)
{
    DIR *dir = opendir(folder);
    if (!dir) return -1;
    for (struct dirent *d; (d = readdir(dir));) {
        char path[512];
        struct stat s;
        snprintf(path, sizeof path, "%s/%s", folder, d->d_name);
        if (!strncmp(d->d_name, "ckpt-", 5) && !stat(path, &s) && s.st_size > out->st_size) *out = s;
    }
    closedir(dir);
    return out->st_size ? 0 : -1;
}

/* Whether the tensor of that name is the same, bit by bit, in the model that the run began with and in what came of
 * it. */
static bool same(const gf_safetensors *base, const gf_safetensors *end, const gf_safetensors_tensor *t)
{
    const gf_safetensors_tensor *other = gf_safetensors_find(end, t->name);
    assert_non_null(other);
    size_t n = gf_count(&t->shape);
    assert_int_equal(gf_count(&other->shape), n);
    float *a = malloc(n * sizeof *a), *b = malloc(n * sizeof *b);
    OK(gf_safetensors_f32(base, t, NULL, a, &error));
    OK(gf_safetensors_f32(end, other, NULL, b, &error));
    bool equal = !memcmp(a, b, n * sizeof *a);
    free(a);
    free(b);
    return equal;
}

static void what_is_left_out_stays(void **state)
{
    (void)state;
    static const struct {
        const char *words, *changes; /* what alone changes, of the backbone: part of a tensor's name */
    } rows[] = {{"only=block_16_project_BN", "block_16_project_BN"},
                {"only=block_16_*/gamma,layer-decay=0.5", "/gamma"},
                {"bias-only,freeze=Conv_1_bn", "/beta"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[160];
        gf_safetensors base, end;
        size_t changed = 0;
        OK(train(run, rows[i].words, -1, 2, false));
        snprintf(path, sizeof path, "%s/checkpoint/base.safetensors", run);
        OK(gf_safetensors_open(&base, path, NULL, &error));
        snprintf(path, sizeof path, "%s/model.safetensors", run);
        OK(gf_safetensors_open(&end, path, NULL, &error));
        for (size_t k = 0; k < base.n; k++) {
            const gf_safetensors_tensor *t = &base.tensor[k];
            bool head = !strncmp(t->name, "head/", 5), moves = strstr(t->name, "moving_") != NULL;
            bool may = head || moves || strstr(t->name, rows[i].changes);
            bool stays = same(&base, &end, t);
            if (!stays && !may) fail_msg("%s: %s changed", rows[i].words, t->name);
            changed += !stays && !head && !moves;
        }
        assert_in_range(changed, 1, 4);
        gf_safetensors_close(&base);
        gf_safetensors_close(&end);
    }
}

static void check_stops(const char *with)
{
    OK(train(reference, with, -1, 2, false));
    for (int steps = 1; steps < 12; steps += with == words ? 2 : 3) {
        char where[48];
        snprintf(where, sizeof where, "%s stopped after %d", with, steps);
        graft_status stopped = train(run, with, steps, 1 + steps % 4, false);
        if (stopped == GRAFT_OK)
            assert_true(steps > 5); /* it had ended */
        else
            assert_int_equal(stopped, GRAFT_TERMINATED);
        if (stopped != GRAFT_OK) OK(train(run, NULL, -1, 1 + (steps + 1) % 4, true));
        run_bytes_equal(reference, run, where);
    }
}

static void a_stop_at_any_step_changes_no_bit(void **state)
{
    (void)state;
    check_stops(all_options);
    check_stops(words);
    OK(train(run, NULL, -1, 2, false));
    run_bytes_differ(reference, run, "without groups");
}

/* Whether the one gamma that trains in the last phase did, and nothing else but what trains in the others. */
static bool only_these_changed(const char *folder)
{
    static const char one[] = "block_16_project_BN/gamma";
    char path[160];
    gf_safetensors base, end;
    bool gamma = false;
    snprintf(path, sizeof path, "%s/checkpoint/base.safetensors", folder);
    OK(gf_safetensors_open(&base, path, NULL, &error));
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    OK(gf_safetensors_open(&end, path, NULL, &error));
    for (size_t k = 0; k < base.n; k++) {
        const gf_safetensors_tensor *t = &base.tensor[k];
        bool may = !strncmp(t->name, "head/", 5) || strstr(t->name, "moving_") || strstr(t->name, "/beta") ||
                   strstr(t->name, "/bias") || !strcmp(t->name, one);
        bool stays = same(&base, &end, t);
        if (!stays && !may) fail_msg("%s changed", t->name);
        gamma = gamma || (!stays && !strcmp(t->name, one));
    }
    gf_safetensors_close(&base);
    gf_safetensors_close(&end);
    return gamma;
}

/* Groups of one phase: what trains in none of them stays, what trains in one changes; a stop changes no bit. */
static void each_phase_has_its_own(void **state)
{
    (void)state;
    static const char phases[] = "head epochs=1; bias last=40 epochs=1 groups=bias-only; "
                                 "last last=20 epochs=1 groups=only=block_16_project_BN/gamma";
    in_phases = true;
    check_stops(phases);
    bool gamma = false; /* the best epoch is kept, which need not be the last */
    for (seed = 1; seed <= 6 && !gamma; seed++) {
        OK(train(reference, phases, -1, 2, false));
        gamma = only_these_changed(reference);
    }
    seed = 0;
    in_phases = false;
    assert_true(gamma);
}

/* A run of the head alone that is given fine-tuning later keeps more values from then on. */
static void fine_tuning_may_be_added(void **state)
{
    (void)state;
    graft_context *context;
    graft_settings *settings;
    graft_result *result;
    tiny_run t;
    OK(train(reference, words, -1, 2, false));
    head_alone = true;
    OK(train(run, words, -1, 2, false));
    head_alone = false;
    tiny_run_defaults(&t, data, run);
    OK(graft_settings_new(&settings, &error));
    OK(graft_settings_set(settings, "train.fine_tune_epochs", "2", &error));
    OK(graft_context_open(&t.context, &context, &error));
    OK(graft_context_settings(context, settings, &error));
    OK(graft_resume(context, run, NULL, &result, &error));
    graft_result_free(result);
    graft_context_free(context);
    graft_settings_free(settings);
    run_bytes_equal(reference, run, "with fine-tuning added");
}

/* A checkpoint holds what trains: of 409,600 values of a network nearly none. */
static void a_checkpoint_is_as_small_as_what_trains(void **state)
{
    (void)state;
    char path[160];
    struct stat all = {0}, few = {0};
    OK(train(run, NULL, -1, 2, false));
    snprintf(path, sizeof path, "%s/checkpoint", run);
    assert_int_equal(largest_checkpoint(path, &all), 0);
    OK(train(run, "only=block_16_project_BN", -1, 2, false));
    assert_int_equal(largest_checkpoint(path, &few), 0);
    assert_true(few.st_size > 1000 && 4 * few.st_size < all.st_size);
}

static void wrong_words_begin_no_run(void **state)
{
    (void)state;
    assert_int_equal(train(run, "only=block_16", -1, 2, false), GRAFT_USAGE);
    assert_int_equal(error.number, GF_E_PARAM_GROUPS);
    assert_non_null(strstr(error.message, "block_16"));
    assert_int_equal(train(run, "layer_decay=0.5", -1, 2, false), GRAFT_USAGE);
    assert_non_null(strstr(error.hint, "layer-decay=X"));
}

static int set_up(void **state)
{
    (void)state;
    return run_places_make(6, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_out_stays),   cmocka_unit_test(a_stop_at_any_step_changes_no_bit),
        cmocka_unit_test(fine_tuning_may_be_added), cmocka_unit_test(a_checkpoint_is_as_small_as_what_trains),
        cmocka_unit_test(wrong_words_begin_no_run), cmocka_unit_test(each_phase_has_its_own),
    };
    return cmocka_run_group_tests(tests, set_up, run_places_remove);
}
