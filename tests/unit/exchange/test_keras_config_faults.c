/* Every allocation of reading and writing a configuration, failed in turn: an error, nothing leaked, no model half
 * built. And whatever a configuration asks for, no file is opened, and no memory is taken for it. */
#include "unit/exchange/keras_models.h"

#include "support/sys_faults.h"

/* Fails each allocation while `step` runs; returns how many failed. */
static long fail_each(graft_status (*step)(void *ctx), void *ctx)
{
    long faults = 0;
    for (;; faults++) {
        long live = faults_live();
        faults_arm(FAULT_ALLOC, faults);
        graft_status status = step(ctx);
        bool happened = faults_disarm();
        assert_int_equal(faults_live(), live);
        assert_true(faults < 100000);
        if (!happened) {
            assert_int_equal(status, GRAFT_OK);
            return faults;
        }
        assert_true(status == GRAFT_RESOURCE || status == GRAFT_OK); /* messages do without what they would show */
    }
}

typedef struct text {
    char *s;
    size_t n;
    gf_model m;
    bool own;
} text;

static graft_status read_it(void *ctx)
{
    text *t = ctx;
    gf_model m;
    graft_status status = gf_keras_config_parse(&m, t->s, t->n, "f", NULL, NULL);
    if (status != GRAFT_OK) assert_int_equal(m.n_layers, 0);
    gf_model_free(&m);
    return status;
}

static graft_status write_it(void *ctx)
{
    text *t = ctx;
    char *s;
    graft_status status = gf_keras_config_text(&s, &t->m, &(gf_keras_config_options){.own = t->own}, NULL);
    assert_int_equal(status == GRAFT_OK, s != NULL);
    gf_free(s);
    return status;
}

static graft_status export_it(void *ctx)
{
    text *t = ctx;
    gf_model out;
    graft_status status = gf_model_for_export(&out, &t->m, NULL);
    if (status != GRAFT_OK) assert_int_equal(out.n_layers, 0);
    gf_model_free(&out);
    return status;
}

static void memory_that_runs_out_is_an_error(void **state)
{
    (void)state;
    static const char *const names[] = {"windows", "nested", "old_functional", "siamese", "ends"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        text t = {.m = fixture_model(names[i])};
        t.s = fixture_text(names[i], &t.n);
        t.m.layer[0].at.bgr = true;
        assert_true(fail_each(read_it, &t) > 7);
        assert_true(fail_each(export_it, &t) > 7);
        t.own = true;
        assert_true(fail_each(write_it, &t) > 0);
        gf_model plain;
        OK(gf_model_for_export(&plain, &t.m, &error));
        gf_model_free(&t.m);
        t.m = plain;
        t.own = false;
        assert_true(fail_each(write_it, &t) > 0);
        gf_model_free(&t.m);
        free(t.s);
    }
}

static void no_file_is_touched(void **state)
{
    (void)state;
    static const char *const layers[] = {
        "{\"class_name\": \"Lambda\", \"config\": {\"name\": \"x\", \"function\": [\"4wEAAA\", null, null]}}",
        "{\"class_name\": \"StringLookup\", \"config\": {\"name\": \"x\", \"vocabulary\": \"/etc/passwd\"}}",
        "{\"class_name\": \"TFSMLayer\", \"config\": {\"name\": \"x\", \"filepath\": \"/etc\"}}",
        "{\"module\": \"os\", \"class_name\": \"system\", \"config\": {\"name\": \"x\"}}",
        "{\"class_name\": \"Flatten\", \"config\": {\"name\": \"../../x\"}}",
        "{\"class_name\": \"Flatten\", \"config\": {\"name\": \"x\"}}",
    };
    long calls = faults_file_calls();
    int taken = 0;
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        gf_model m;
        char *s =
            gf_sprintf("{\"class_name\": \"Sequential\", \"config\": {\"name\": \"s\", \"layers\": [%s]}}", layers[i]);
        taken += gf_keras_config_parse(&m, s, strlen(s), "f", NULL, &error) == GRAFT_OK;
        gf_model_free(&m);
        gf_free(s);
    }
    assert_int_equal(taken, 1);
    assert_int_equal(faults_file_calls(), calls);
}

/* Parameters and images by the 2^40, alone and multiplied: refused without a block for them. */
static void what_is_too_large_takes_no_memory(void **state)
{
    (void)state;
    static const char *const layers[] = {
        "{\"class_name\": \"Dense\", \"config\": {\"name\": \"x\", \"units\": 1099511627776}}",
        "{\"class_name\": \"Dense\", \"config\": {\"name\": \"x\", \"units\": 16777216}}, "
        "{\"class_name\": \"Dense\", \"config\": {\"name\": \"y\", \"units\": 16777216}}",
        "{\"class_name\": \"Conv2D\", \"config\": {\"name\": \"x\", \"filters\": 16777216, \"kernel_size\": 8}}",
        "{\"class_name\": \"UpSampling2D\", \"config\": {\"name\": \"x\", \"size\": 64}}, "
        "{\"class_name\": \"UpSampling2D\", \"config\": {\"name\": \"y\", \"size\": 64}}",
        "{\"class_name\": \"Flatten\", \"build_config\": {\"input_shape\": [null, 1099511627776]}, "
        "\"config\": {\"name\": \"x\"}}",
    };
    enum { FEW = 64 << 10 }; /* the model's own bookkeeping */
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        gf_model m;
        bool good = i == sizeof layers / sizeof *layers - 1; /* what Keras noted of shapes has no say */
        char *s =
            gf_sprintf("{\"class_name\": \"Sequential\", \"config\": {\"name\": \"s\", \"layers\": [{\"class_name\": "
                       "\"InputLayer\", \"config\": {\"batch_shape\": [null, 8, 8, 3], \"name\": \"i\"}}, %s]}}",
                       layers[i]);
        faults_largest();
        graft_status status = gf_keras_config_parse(&m, s, strlen(s), "f", NULL, &error);
        size_t largest = faults_largest();
        if ((status == GRAFT_OK) != good) fail_msg("%zu: status %d, %s", i, status, error.message);
        if (!(largest < FEW)) fail_msg("%zu: a block of %zu bytes", i, largest);
        gf_model_free(&m);
        gf_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_that_runs_out_is_an_error),
        cmocka_unit_test(no_file_is_touched),
        cmocka_unit_test(what_is_too_large_takes_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
