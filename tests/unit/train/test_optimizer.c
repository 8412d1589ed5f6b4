/* optimizers: Keras's trajectories, the same bits for any cut, options as text. */
#include "base/alloc.h"
#include "formats/safetensors.h"
#include "train/optimizer.h"
#include "json/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT = 16, STEPS = 10 };

static void read_tensor(const gf_safetensors *st, const char *name, float *out, size_t count)
{
    const gf_safetensors_tensor *t = gf_safetensors_find(st, name);
    assert_non_null(t);
    assert_int_equal(gf_count(&t->shape), count);
    assert_int_equal(gf_safetensors_f32(st, t, NULL, out, NULL), GRAFT_OK);
}

/* The optimizer that the fixture's metadata describe, in graft's own text. */
static gf_optimizer described(const gf_safetensors *st, const char *name, double *lr)
{
    static const char *const keys[] = {"beta_1",       "beta_2",  "rho",      "momentum", "epsilon",
                                       "weight_decay", "amsgrad", "centered", "nesterov"};
    const char *meta = gf_safetensors_meta(st, name);
    assert_non_null(meta);
    gf_json *j;
    assert_int_equal(gf_json_parse(&j, meta, strlen(meta), name, NULL), GRAFT_OK);
    gf_text text = {0};
    for (const char *s = gf_json_str(gf_json_get(j, "kind"), ""); *s; s++) {
        gf_text_printf(&text, "%c", *s >= 'A' && *s <= 'Z' ? *s + 32 : *s);
    }
    char mark = ':';
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const gf_json *value = gf_json_get(j, keys[i]);
        double number = gf_json_true(value, false) ? 1 : gf_json_f64(value, value ? 0 : -1);
        if (number < 0) continue;
        gf_text_printf(&text, "%c%s=%.17g", mark, keys[i], number);
        mark = ',';
    }
    *lr = gf_json_f64(gf_json_get(j, "learning_rate"), 0);
    gf_optimizer o;
    graft_error err;
    if (gf_optimizer_parse(&o, text.s, &err) != GRAFT_OK) fail_msg("%s: %s", text.s, err.message);
    gf_text_free(&text);
    gf_json_free(j);
    return o;
}

/* Ten steps of each, bit by bit: the formulas round where Keras rounds. */
static void follows_kerass_trajectories(void **state)
{
    (void)state;
    static const char *const names[] = {"adam",
                                        "adam_amsgrad",
                                        "adamw",
                                        "sgd",
                                        "sgd_momentum",
                                        "sgd_nesterov",
                                        "rmsprop",
                                        "rmsprop_momentum",
                                        "rmsprop_centered",
                                        "rmsprop_centered_momentum"};
    gf_safetensors st;
    assert_int_equal(gf_safetensors_open(&st, GRAFT_FIXTURES "/optimizers.safetensors", NULL, NULL), GRAFT_OK);
    float start[COUNT], gradients[STEPS * COUNT], track[STEPS * COUNT];
    read_tensor(&st, "w", start, COUNT);
    read_tensor(&st, "gradients", gradients, STEPS * COUNT);
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        double lr;
        gf_optimizer o = described(&st, names[k], &lr);
        float w[COUNT], slots[GF_OPTIMIZER_MAX_SLOTS * COUNT] = {0};
        read_tensor(&st, names[k], track, STEPS * COUNT);
        memcpy(w, start, sizeof w);
        for (int step = 0; step < STEPS; step++) {
            gf_optimizer_begin_step(&o, lr, step);
            gf_optimizer_step(&o, w, gradients + step * COUNT, slots, COUNT, COUNT);
            for (int i = 0; i < COUNT; i++) {
                float wanted = track[step * COUNT + i];
                if (memcmp(&w[i], &wanted, sizeof wanted)) {
                    fail_msg("%s: step %d, element %d: %.9g, Keras %.9g", names[k], step, i, w[i], wanted);
                }
            }
        }
        assert_memory_not_equal(w, start, sizeof w);
    }
    gf_safetensors_close(&st);
}

/* A pseudo-random float in (-1, 1) by position. */
static float noise(uint32_t i)
{
    i = (i ^ 61 ^ i >> 16) * 0x27d4eb2du;
    return (float)((int32_t)(i ^ i >> 15) >> 8) * 0x1p-23f;
}

enum { TOTAL = 5003 };

static void three_steps(const char *text, const size_t *cut, size_t n_cuts, float *param)
{
    gf_optimizer o;
    assert_int_equal(gf_optimizer_parse(&o, text, NULL), GRAFT_OK);
    float *slots = gf_alloc_tensor((size_t)GF_OPTIMIZER_MAX_SLOTS * TOTAL * sizeof(float));
    float *grad = gf_alloc_tensor(TOTAL * sizeof(float));
    assert_true(slots && grad);
    for (uint32_t i = 0; i < TOTAL; i++) param[i] = noise(i);
    for (uint32_t step = 0; step < 3; step++) {
        for (uint32_t i = 0; i < TOTAL; i++) grad[i] = noise(TOTAL * (step + 1) + i);
        gf_optimizer_begin_step(&o, 0.01, step);
        for (size_t c = n_cuts; c-- > 0;) { /* ranges in falling order: none depends on another */
            gf_optimizer_step(&o, param + cut[c], grad + cut[c], slots + cut[c], TOTAL, cut[c + 1] - cut[c]);
        }
    }
    gf_free(slots);
    gf_free(grad);
}

static void any_cut_gives_the_same_bits(void **state)
{
    (void)state;
    static const char *const texts[] = {"adam",
                                        "adam:amsgrad=1",
                                        "adamw",
                                        "rmsprop",
                                        "rmsprop:momentum=0.5,centered=1",
                                        "sgd",
                                        "sgd:momentum=0.9",
                                        "sgd:momentum=0.9,nesterov=1,weight_decay=0.1",
                                        "adagrad",
                                        "lion",
                                        "adam:form=torch,weight_decay=0.1",
                                        "adamw:form=torch",
                                        "sgd:form=torch,momentum=0.9",
                                        "rmsprop:form=torch,centered=1",
                                        "adagrad:form=torch"};
    const size_t whole[] = {0, TOTAL}, pieces[] = {0, 1, 64, 129, 130, 2048, 2048, 4099, 5002, TOTAL};
    static float a[TOTAL], b[TOTAL];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        three_steps(texts[i], whole, 1, a);
        three_steps(texts[i], pieces, 9, b);
        assert_memory_equal(a, b, sizeof a);
        for (uint32_t k = 0; k < TOTAL; k++) assert_true(isfinite(a[k]) && a[k] != noise(k));
    }
}

static double arg(const gf_optimizer *o, const char *name)
{
    for (size_t i = 0; i < o->class->n_args; i++) {
        if (!strcmp(o->class->arg[i].name, name)) return o->arg[i];
    }
    fail_msg("%s has no %s", o->class->name, name);
    return NAN;
}

static void defaults_are_kerass(void **state)
{
    (void)state;
    gf_optimizer o;
    assert_int_equal(gf_optimizer_parse(&o, "adam", NULL), GRAFT_OK);
    assert_true(arg(&o, "beta_1") == 0.9 && arg(&o, "beta_2") == 0.999 && arg(&o, "epsilon") == 1e-7);
    assert_true(o.weight_decay == 0);
    assert_int_equal(gf_optimizer_slots(&o), 2);
    assert_int_equal(gf_optimizer_parse(&o, "adamw", NULL), GRAFT_OK);
    assert_true(o.weight_decay == 0.004);
    assert_int_equal(gf_optimizer_parse(&o, "rmsprop", NULL), GRAFT_OK);
    assert_true(arg(&o, "rho") == 0.9 && arg(&o, "momentum") == 0 && arg(&o, "epsilon") == 1e-7);
    assert_int_equal(gf_optimizer_slots(&o), 1);
    assert_int_equal(gf_optimizer_parse(&o, "sgd", NULL), GRAFT_OK);
    assert_int_equal(gf_optimizer_slots(&o), 0);
    assert_int_equal(gf_optimizer_parse(&o, "sgd:momentum=0.9,nesterov=1", NULL), GRAFT_OK);
    assert_int_equal(gf_optimizer_slots(&o), 1);
}

/* Each kind is whole, its own line of gf_optimizer_words can be read back, and a value that is out of a range is not.
 */
static const char *check_kind(const gf_optimizer_class *c, bool torch, const char *line)
{
    char text[512], form[64];
    gf_optimizer plain, full;
    graft_error err = {0};
    snprintf(form, sizeof form, "%s:form=%s", c->name, torch ? "torch" : "keras");
    snprintf(text, sizeof text, "%.*s", (int)strcspn(line, " "), line);
    assert_int_equal(gf_optimizer_parse(&plain, form, NULL), GRAFT_OK);
    if (gf_optimizer_parse(&full, text, &err) != GRAFT_OK) fail_msg("%s: %s", text, err.message);
    assert_ptr_equal(full.class, c);
    assert_true(full.torch == torch && full.weight_decay == plain.weight_decay);
    assert_in_range(gf_optimizer_slots(&plain), 0, GF_OPTIMIZER_MAX_SLOTS);
    assert_in_range(c->n_args, 0, GF_OPTIMIZER_MAX_ARGS);
    for (size_t i = 0; i < c->n_args; i++) {
        assert_true(full.arg[i] == plain.arg[i] && c->arg[i].help && *c->arg[i].help);
        snprintf(text, sizeof text, "%s,%s=%g", form, c->arg[i].name, c->arg[i].high + 1);
        assert_int_equal(gf_optimizer_parse(&full, text, &err), GRAFT_USAGE);
        assert_non_null(strstr(err.message, c->arg[i].torch_only && !torch ? "Keras" : c->arg[i].help));
    }
    return strchr(line, '\n') + 1;
}

static void every_kind_of_the_table_can_be_written(void **state)
{
    (void)state;
    gf_text words = {0};
    gf_optimizer_words(&words);
    assert_false(words.failed);
    const char *line = words.s;
    for (size_t k = 0; gf_optimizer_at(k); k++) {
        const gf_optimizer_class *c = gf_optimizer_at(k);
        assert_true(c->help && *c->help && !c->measure == !c->prepare);
        line = check_kind(c, false, line);
        if (c->torch) line = check_kind(c, true, line);
    }
    assert_int_equal(*line, 0);
    gf_text_free(&words);
}

static void bad_text_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int number;
        const char *says;
    } rows[] = {
        {"", GF_E_OPTIMIZER_UNKNOWN, "\"\""},
        {"Adam", GF_E_OPTIMIZER_UNKNOWN, "\"Adam\""},
        {"ada\x1b[m", GF_E_OPTIMIZER_UNKNOWN, "\\x1b"},
        {"adam:rho=0.5", GF_E_OPTIMIZER_OPTION, "\"rho\""},
        {"adam:", GF_E_OPTIMIZER_OPTION, "\"\""},
        {"adam:beta_1", GF_E_OPTIMIZER_OPTION, "beta_1"},
        {"adam:beta_1=", GF_E_OPTIMIZER_OPTION, "beta_1"},
        {"adam:beta_1=nan", GF_E_OPTIMIZER_OPTION, "beta_1"},
        {"adam:beta_1=1", GF_E_OPTIMIZER_OPTION, "beta_1"},
        {"adam:beta_1=0,5", GF_E_OPTIMIZER_OPTION, "\"5\""},
        {"adam:beta_1=0.5x", GF_E_OPTIMIZER_OPTION, "0.5x"},
        {"adam:beta_1=-0.1", GF_E_OPTIMIZER_OPTION, "-0.1"},
        {"adam:epsilon=1e400", GF_E_OPTIMIZER_OPTION, "epsilon"},
        {"rmsprop:epsilon=0", GF_E_OPTIMIZER_OPTION, "between 0 and 1"},
        {"adam:amsgrad=0.5", GF_E_OPTIMIZER_OPTION, "0 or 1"},
        {"sgd:momentum=0.9,,", GF_E_OPTIMIZER_OPTION, "\"\""},
        {"sgd:form=tf", GF_E_OPTIMIZER_OPTION, "keras or torch"},
        {"lamb:form=torch", GF_E_OPTIMIZER_OPTION, "takes keras"},
        {"sgd:momentum=0.9,dampening=0.1", GF_E_OPTIMIZER_OPTION, "dampening"},
        {"adagrad:lr_decay=0.1", GF_E_OPTIMIZER_OPTION, "lr_decay"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        gf_optimizer o;
        graft_error err = {0};
        assert_int_equal(gf_optimizer_parse(&o, rows[i].text, &err), GRAFT_USAGE);
        assert_int_equal(err.number, rows[i].number);
        if (!strstr(err.message, rows[i].says)) fail_msg("\"%s\": %s", rows[i].text, err.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_kerass_trajectories), cmocka_unit_test(any_cut_gives_the_same_bits),
        cmocka_unit_test(defaults_are_kerass),         cmocka_unit_test(every_kind_of_the_table_can_be_written),
        cmocka_unit_test(bad_text_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
