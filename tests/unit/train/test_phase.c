/* The list of a run's phases: what the options make without one, what a text makes, what is refused and how. */
#include "base/alloc.h"
#include "train/phase.h"
#include "zoo/zoo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static gf_model model;
static int layers;

static gf_run_config options(gf_settings *s)
{
    return (gf_run_config){.epochs = 3,
                           .fine_tune_epochs = 4,
                           .fine_tune_at = 100,
                           .lr = 1e-2,
                           .fine_tune_lr = 1e-3,
                           .optimizer = "adam",
                           .fine_tune_optimizer = "rmsprop",
                           .augment = "flip,rotate=0.2",
                           .batch_norm = "fixed",
                           .settings = s};
}

static graft_status list(gf_phases *out, const char *text, graft_error *err)
{
    gf_settings *s = gf_settings_new();
    if (text) assert_int_equal(gf_settings_set(s, "train.phases", text, NULL), GRAFT_OK);
    gf_run_config c = options(s);
    graft_status status = gf_phases_of(out, &c, &model, err);
    gf_settings_free(s);
    return status;
}

static void two_phases_without_a_list(void **state)
{
    (void)state;
    gf_phases p;
    assert_int_equal(list(&p, NULL, NULL), GRAFT_OK);
    assert_int_equal(p.n, 2);
    assert_string_equal(p.name[0], "feature_extraction");
    assert_string_equal(p.name[1], "fine_tuning");
    assert_true(p.item[0].epochs == 3 && p.item[0].boundary == layers && p.item[0].lr == 1e-2);
    assert_true(p.item[1].epochs == 4 && p.item[1].boundary == 100 && p.item[1].lr == 1e-3);
    assert_string_equal(p.item[0].optimizer, "adam");
    assert_string_equal(p.item[1].optimizer_parsed.class->name, "rmsprop");
    assert_int_equal(gf_phases_epochs(&p), 7);
    assert_int_equal(gf_phases_boundary(&p, &model), 100);
    assert_int_equal(p.item[1].int8_layers, layers); /* all that the first phase left as it was */
    gf_phases_free(&p);
    gf_phases_free(&p);
}

static void keys_that_are_left_out_are_the_options(void **state)
{
    (void)state;
    gf_phases p;
    static const char text[] = "head; tail at=100;\n all at=0 epochs=2 lr=1e-6 optimizer=sgd:momentum=0.9 "
                               "augment=none batch-norm=batch; head_again epochs=0;";
    assert_int_equal(list(&p, text, NULL), GRAFT_OK);
    assert_int_equal(p.n, 4);
    assert_true(p.item[0].epochs == 3 && p.item[0].boundary == layers && p.item[0].lr == 1e-2);
    assert_true(p.item[1].epochs == 4 && p.item[1].boundary == 100 && p.item[1].lr == 1e-3);
    assert_string_equal(p.item[1].optimizer, "rmsprop");
    assert_true(p.item[2].epochs == 2 && p.item[2].boundary == 0 && p.item[2].lr == 1e-6);
    assert_string_equal(p.item[2].optimizer_parsed.class->name, "sgd");
    assert_true(!gf_augment_any(&p.item[2].augment_parsed) && gf_augment_any(&p.item[1].augment_parsed));
    assert_true(gf_phase_uses_batch_stats(&p.item[2]) && !gf_phase_uses_batch_stats(&p.item[1]));
    assert_true(gf_phases_use_batch_stats(&p));
    assert_int_equal(p.item[2].int8_layers, 100); /* the second phase trained the others */
    assert_int_equal(p.item[3].int8_layers, 0);
    assert_int_equal(gf_phases_epochs(&p), 9);
    assert_int_equal(gf_phases_boundary(&p, &model), 0);
    gf_json *j = gf_phases_json(&p);
    assert_int_equal(gf_json_size(j), 4);
    assert_string_equal(gf_json_str(gf_json_get(gf_json_at(j, 2), "name"), ""), "all");
    assert_int_equal(gf_json_i64(gf_json_get(gf_json_at(j, 1), "boundary"), -1), 100);
    assert_string_equal(gf_json_str(gf_json_get(gf_json_at(j, 2), "optimizer"), ""), "sgd:momentum=0.9");
    assert_string_equal(gf_json_str(gf_json_get(gf_json_at(j, 0), "schedule"), ""), "constant");
    bool agree;
    assert_int_equal(gf_phases_agree(&p, j, &agree, NULL), GRAFT_OK);
    assert_true(agree);
    gf_json_free(j);
    gf_phases_free(&p);
}

static void where_a_phase_begins(void **state)
{
    (void)state;
    gf_phases p;
    assert_int_equal(list(&p, "a last=30 epochs=1; b at=block_14_expand epochs=1; c last=0 epochs=1", NULL), GRAFT_OK);
    assert_int_equal(p.item[0].boundary, layers - 30);
    assert_string_equal(model.layer[p.item[1].boundary].name, "block_14_expand");
    assert_int_equal(p.item[2].boundary, layers);
    gf_phases_free(&p);
}

static void epochs_of_0_1_without_a_boundary(void **state)
{
    (void)state;
    gf_phases p;
    gf_run_config c = options(NULL);
    c.fine_tune_at = -1;
    assert_int_equal(gf_phases_of(&p, &c, &model, NULL), GRAFT_OK);
    assert_true(p.n == 2 && p.item[0].epochs == 7 && p.item[1].epochs == 0);
    gf_phases_free(&p);
}

static void what_is_no_list_is_told(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {";a", "a phase is empty"},
        {"a;;b", "a phase is empty"},
        {"epochs=3", "a name comes first"},
        {"a epochs=3; a epochs=4", "there are two of that name"},
        {"a epoch=3", "\"epoch\" is not one of its keys: epochs, at, last, lr"},
        {"a epochs", "\"epochs\" is not one of its keys"},
        {"a epochs=2.5", "epochs \"2.5\": wanted is a whole number from 0 to 100000"},
        {"a epochs=nan", "epochs \"nan\""},
        {"a lr=0", "lr \"0\": wanted is a number from 1e-12 to 100"},
        {"a optimizer=", "optimizer \"\": wanted is a value"},
        {"a optimizer=adan", "optimizer \"adan\" is not known"},
        {"a augment=flop", "flop"},
        {"a schedule=cosinus", "schedule \"cosinus\" is not known"},
        {"a batch-norm=maybe", "batch-norm maybe is not known"},
        {"a at=3 last=4", "at and last both say"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        gf_phases p;
        graft_error err = {0}, of = {0};
        assert_int_not_equal(gf_phases_check(rows[i][0], &err), GRAFT_OK);
        if (!strstr(err.message, rows[i][1])) fail_msg("%s: %s", rows[i][0], err.message);
        assert_int_not_equal(list(&p, rows[i][0], &of), GRAFT_OK);
        assert_string_equal(err.message, of.message);
        assert_int_equal(p.n, 0);
    }
    static const char *const places[] = {"a at=1000000", "a at=-1", "a last=1000000", "a at=no_such_layer", "a last=x"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) { /* these need the model */
        gf_phases p;
        graft_error err = {0};
        assert_int_equal(gf_phases_check(places[i], NULL), GRAFT_OK);
        assert_int_not_equal(list(&p, places[i], &err), GRAFT_OK);
        if (!strstr(err.message, "layers of the backbone")) fail_msg("%s: %s", places[i], err.message);
    }
}

/* A list that an older version kept has fewer keys. */
static void a_kept_list_is_compared_by_what_it_has(void **state)
{
    (void)state;
    static const struct {
        const char *kept;
        bool agrees;
    } rows[] = {{"[{\"name\": \"a\", \"epochs\": 2}, {\"name\": \"b\"}]", true},
                {"[{\"name\": \"a\", \"epochs\": 3}, {\"name\": \"b\"}]", false},
                {"[{\"name\": \"a\"}]", false},
                {"[{\"name\": \"a\", \"newer\": 1}, {\"name\": \"b\"}]", false},
                {"[{\"name\": \"a\"}, 7]", false},
                {"{\"name\": \"a\"}", false}};
    gf_phases p;
    assert_int_equal(list(&p, "a epochs=2; b at=100 epochs=1", NULL), GRAFT_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        gf_json *j;
        assert_int_equal(gf_json_parse(&j, rows[i].kept, strlen(rows[i].kept), "kept", NULL), GRAFT_OK);
        bool agree;
        assert_int_equal(gf_phases_agree(&p, j, &agree, NULL), GRAFT_OK);
        if (agree != rows[i].agrees) fail_msg("%s", rows[i].kept);
        gf_json_free(j);
    }
    gf_phases_free(&p);
}

static void more_than_64_are_refused(void **state)
{
    (void)state;
    gf_text t = {0};
    graft_error err = {0};
    for (int i = 0; i < 64; i++) gf_text_printf(&t, "p%d;", i);
    assert_int_equal(gf_phases_check(t.s, NULL), GRAFT_OK);
    gf_text_add(&t, "another");
    assert_int_not_equal(gf_phases_check(t.s, &err), GRAFT_OK);
    assert_non_null(strstr(err.message, "more than 64"));
    gf_text_free(&t);
}

static int set_up(void **state)
{
    (void)state;
    gf_zoo_options o = {.width = 32, .height = 32, .alpha = 0.35};
    graft_error err = {0};
    if (gf_zoo_build(&model, "mobilenet_v2", &o, &err)) return -1;
    layers = (int)gf_model_backbone_layers(&model);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    gf_model_free(&model);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_phases_without_a_list),
        cmocka_unit_test(keys_that_are_left_out_are_the_options),
        cmocka_unit_test(where_a_phase_begins),
        cmocka_unit_test(epochs_of_0_1_without_a_boundary),
        cmocka_unit_test(what_is_no_list_is_told),
        cmocka_unit_test(more_than_64_are_refused),
        cmocka_unit_test(a_kept_list_is_compared_by_what_it_has),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
