/* graft_clean: near copies as all pairs compared, wrong labels first, each allocation and file call failed in turn. */
#include "data/near_copies.h"
#include "support/own_dir.h"
#include "support/sys_faults.h"
#include "support/tiny_data.h"
#include "support/tiny_run.h"
#include "tasks/suspects.h"

#include "base/alloc.h"
#include "base/rng.h"

#include <graft/graft.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { EACH = 12, WRONG = 3 };

static char data[96], run[96];
static graft_context *context;

/* ---- near copies */

static void pairs_are_all_there_are(void **state)
{
    (void)state;
    enum { N = 300 };
    static gf_hashes hash[N];
    gf_rng rng = gf_rng_make(1, GF_PURPOSE_SHUFFLE, 0, 0);
    for (int i = 0; i < N; i++) {
        hash[i].as_is = (uint64_t)gf_rng_u32(&rng) << 32 | gf_rng_u32(&rng);
        hash[i].mirrored = ~hash[i].as_is * 3;
        int of = i > 10 ? (int)gf_rng_below(&rng, (uint32_t)i) : 0, bits = (int)gf_rng_below(&rng, 8);
        if (i > 10 && i % 3) hash[i].as_is = i % 2 ? hash[of].as_is : hash[of].mirrored;
        for (int k = 0; i > 10 && k < bits; k++) hash[i].as_is ^= UINT64_C(1) << gf_rng_below(&rng, 64);
    }
    gf_near_pair *pair;
    size_t n, at = 0;
    assert_int_equal(gf_near_copies(hash, N, &pair, &n, NULL), GRAFT_OK);
    for (uint32_t a = 0; a < N; a++) {
        for (uint32_t b = a + 1; b < N; b++) {
            int plain = __builtin_popcountll(hash[a].as_is ^ hash[b].as_is),
                turned = __builtin_popcountll(hash[a].as_is ^ hash[b].mirrored),
                other = __builtin_popcountll(hash[b].as_is ^ hash[a].mirrored);
            turned = other < turned ? other : turned;
            if (plain > GF_NEAR_BITS && turned > GF_NEAR_BITS) continue;
            assert_true(at < n && pair[at].first == a && pair[at].second == b);
            assert_int_equal(pair[at].bits, plain <= turned ? plain : turned);
            assert_int_equal(pair[at].mirrored, plain > turned);
            at++;
        }
    }
    assert_int_equal(at, n);
    assert_true(n > 100);
    gf_free(pair);
}

/* ---- suspects */

/* As cleanlab's filter by prune_by_noise_rate has it, worked out by hand: thresholds .7 and .6; of the images labelled
 * 0 two are confidently 1, of four (scaled: two). */
static void suspects_are_those_of_confident_learning(void **state)
{
    (void)state;
    static const float p[] = {0.9f, 0.1f, 0.95f, 0.05f, 0.3f, 0.7f, 0.35f, 0.65f, 0.4f, 0.6f, 0.45f, 0.55f, 0.2f, 0.8f};
    static const int32_t label[] = {0, 0, 0, 0, 1, 1, 1};
    gf_suspect *s;
    assert_int_equal(gf_suspects_find(&s, p, label, 7, 2, NULL), GRAFT_OK);
    assert_true(s[0].sample == 2 && s[0].counted && s[0].likely == 1); /* margin -.4 */
    assert_true(s[1].sample == 3 && s[1].counted);                     /* margin -.3 */
    for (int i = 2; i < 7; i++) assert_false(s[i].counted);
    assert_int_equal(s[2].sample, 5); /* margin .1: the least sure of the others */
    assert_true(fabs(s[0].margin + 0.4) <= 1e-6);
    gf_free(s);
}

/* ---- a data set */

static int make(void **state)
{
    graft_context_options o;
    graft_error err;
    tiny_run t;
    char command[512];
    if (make_dir(state)) return 1;
    snprintf(data, sizeof data, "%s/data", dir);
    snprintf(run, sizeof run, "%s/run", dir);
    tiny_data_make_kinds(data, 3, EACH, 4);
    tiny_run_defaults(&t, data, run);
    t.train.epochs = 1;
    t.train.fine_tune_epochs = 0;
    if (tiny_run_train(&t, false, &err)) return 1;
    strcat(data, "/train");
    for (int i = 0; i < WRONG; i++) {
        snprintf(command, sizeof command, "mv %s/kind0/%d.bmp %s/kind2/wrong%d.bmp", data, i, data, i);
        if (system(command)) return 1;
    }
    snprintf(command, sizeof command, "cp %s/kind1/5.bmp %s/kind1/copy.bmp", data, data);
    if (system(command)) return 1;
    graft_context_defaults(&o);
    o.threads = 1;
    return graft_context_open(&o, &context, &err) != GRAFT_OK;
}

static int unmake(void **state)
{
    graft_context_free(context);
    return remove_dir(state);
}

static graft_model *opened(void)
{
    graft_model *m;
    graft_error err;
    if (graft_run_open(context, run, &m, &err)) fail_msg("%s", err.message);
    return m;
}

static void what_is_wrong_stands_first(void **state)
{
    (void)state;
    graft_model *m = opened();
    graft_result *r;
    graft_error err;
    if (graft_clean(m, data, &r, &err)) fail_msg("%s", err.message);
    const char *s = graft_result_json(r);
    int wrong = 0;
    for (int i = 0; i < 2 * WRONG; i++) {
        s = strstr(s, "\"path\": ") + 1;
        wrong += !strncmp(s, "path\": \"kind2/wrong", 19);
    }
    assert_true(wrong >= WRONG - 1); /* of 37 images, by a network of random weights */
    assert_non_null(strstr(graft_result_json(r), "\"copy\": \"kind1/copy.bmp\""));
    graft_result_free(r);
    graft_model_free(m);
}

static void random_weights_are_refused(void **state)
{
    (void)state;
    graft_model_options o;
    graft_model *m;
    graft_result *r;
    graft_error err;
    graft_model_defaults(&o);
    o.alpha = 0.35;
    o.width = o.height = 32;
    assert_int_equal(graft_model_open(context, &o, &m, &err), GRAFT_OK);
    assert_int_equal(graft_clean(m, data, &r, &err), GRAFT_USAGE);
    assert_null(r);
    graft_model_free(m);
}

static void each_call_fails_cleanly(void **state)
{
    (void)state;
    graft_model *m = opened();
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        for (long k = 0;; k += kind == FAULT_ALLOC ? 37 : kind == FAULT_READ || kind == FAULT_OPEN ? 11 : 1) {
            graft_error err = {0};
            graft_result *r = NULL;
            long live = faults_live();
            faults_arm((fault_kind)kind, k);
            graft_status status = graft_clean(m, data, &r, &err);
            bool happened = faults_disarm();
            assert_true((status == GRAFT_OK) == (r != NULL));
            if (status) assert_true(err.status == status && err.message[0]);
            graft_result_free(r);
            if (k) assert_int_equal(faults_live(), live);
            if (!happened) break;
        }
    }
    graft_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_all_there_are),    cmocka_unit_test(suspects_are_those_of_confident_learning),
        cmocka_unit_test(what_is_wrong_stands_first), cmocka_unit_test(random_weights_are_refused),
        cmocka_unit_test(each_call_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
