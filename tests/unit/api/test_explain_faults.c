/* predict.explain: a drawing and a file of numbers for each image, the peak inside of it; refused where there is no
 * map; each allocation and file call failed in turn. */
#include "base/alloc.h"
#include "base/io.h"
#include "support/run_places.h"
#include "support/sys_faults.h"
#include "json/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char explained[128], image[160];

static void train(const char *out, int size)
{
    tiny_run t;
    graft_error err = {0};
    tiny_run_defaults(&t, data, out);
    t.size = t.model.width = t.model.height = size;
    t.train.epochs = 1;
    t.train.fine_tune_epochs = 0;
    if (tiny_run_train(&t, false, &err)) fail_msg("%s", err.message);
}

static graft_status explain(const char *of, graft_error *err)
{
    graft_context_options o;
    graft_context *context = NULL;
    graft_settings *s = NULL;
    graft_model *m = NULL;
    graft_result *r = NULL;
    const char *path = image;
    graft_context_defaults(&o);
    o.threads = 1;
    graft_status status = graft_context_open(&o, &context, err);
    if (!status) status = graft_settings_new(&s, err);
    if (!status) status = graft_settings_set(s, "predict.explain", explained, err);
    if (!status) status = graft_context_settings(context, s, err);
    if (!status) status = graft_run_open(context, of, &m, err);
    if (!status) status = graft_predict(m, &path, 1, 1, &r, err);
    graft_result_free(r);
    graft_model_free(m);
    graft_settings_free(s);
    graft_context_free(context);
    return status;
}

static void a_heat_map_and_its_numbers(void **state)
{
    (void)state;
    graft_error err = {0};
    gf_names names = {0};
    gf_json *j;
    uint8_t *text;
    size_t n;
    char path[512];
    if (explain(run, &err)) fail_msg("%s", err.message);
    assert_int_equal(gf_dir_list(explained, &names, NULL), GRAFT_OK);
    assert_int_equal(names.n, 2);
    snprintf(path, sizeof path, "%s/%s", explained, names.item[0]);
    assert_non_null(strstr(path, "0.bmp.json"));
    assert_int_equal(gf_file_read(path, 1 << 20, &text, &n, NULL), GRAFT_OK);
    assert_int_equal(gf_json_parse(&j, (const char *)text, n, path, NULL), GRAFT_OK);
    const gf_json *heat = gf_json_get(j, "heat"), *peak = gf_json_get(j, "peak");
    double most = 0;
    assert_int_equal(gf_json_size(heat), 3); /* 96 / 32 */
    for (size_t i = 0; i < 9; i++) most = fmax(most, gf_json_f64(gf_json_at(gf_json_at(heat, i / 3), i % 3), -1));
    assert_true(most == 1 || gf_json_is_null(peak));
    assert_int_equal(gf_json_i64(gf_json_get(j, "width"), 0), 40);
    if (most == 1) assert_true(gf_json_f64(gf_json_at(peak, 0), -1) > 0 && gf_json_f64(gf_json_at(peak, 1), 99) < 40);
    gf_json_free(j);
    gf_free(text);
    gf_names_free(&names);
}

static void a_network_without_a_map_is_refused(void **state)
{
    (void)state;
    graft_error err = {0};
    assert_int_equal(explain(reference, &err), GRAFT_USAGE); /* its last map is one place */
    assert_non_null(strstr(err.message, "stands between the logits and the last map"));
}

static void every_fault_is_survived(void **state)
{
    (void)state;
    long live = faults_live();
    for (fault_kind kind = FAULT_ALLOC; kind < FAULT_KINDS; kind++) {
        long step = kind == FAULT_ALLOC ? 7 : 1; /* of thousands: those of opening the model have tests of their own */
        for (long k = 0;; k += step) {
            graft_error err = {0};
            faults_arm(kind, k);
            graft_status status = explain(run, &err);
            bool happened = faults_disarm();
            assert_int_equal(faults_live(), live);
            if (!happened) assert_int_equal(status, GRAFT_OK);
            if (!happened) break;
        }
    }
    graft_error err = {0};
    assert_int_equal(explain(run, &err), GRAFT_OK);
}

static int make(void **state)
{
    (void)state;
    if (run_places_make(4, 4)) return -1;
    snprintf(explained, sizeof explained, "%s/explained", root);
    snprintf(image, sizeof image, "%s/validation/red/0.bmp", data);
    train(run, 96);
    train(reference, 32);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_heat_map_and_its_numbers),
        cmocka_unit_test(a_network_without_a_map_is_refused),
        cmocka_unit_test(every_fault_is_survived),
    };
    return cmocka_run_group_tests(tests, make, run_places_remove);
}
