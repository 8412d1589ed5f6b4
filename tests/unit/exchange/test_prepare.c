/* How images are prepared for a foreign network: told by its own arithmetic, wherever that stands on the way from the
 * image, or by a structure that is a known architecture's as a whole; asked for where nothing tells. */
#include "exchange/prepare.h"
#include "support/ok.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SIDE = 96 };

/* An image, `before` layers that only act in training, what `step` is (if any), `behind` such layers, a convolution.
 */
static gf_model with_step(const gf_layer *step, int before, int behind)
{
    gf_model m = {0};
    gf_layer input = {.cls = &gf_layer_input, .name = "image", .shape = GF_SHAPE(SIDE, SIDE, 3), .backbone = true};
    int at;
    for (int c = 0; c < 4; c++) input.at.scale[c] = 1;
    OK(gf_model_add(&m, &input, &at, &error));
    for (int i = 0; i < before + behind + 1; i++) {
        gf_layer l = {.cls = &gf_layer_identity, .n_src = 1, .src = {at}, .backbone = true};
        if (i == before && !step) continue;
        if (i == before) l = *step, l.n_src = 1, l.src[0] = at;
        snprintf(l.name, sizeof l.name, "layer_%d", i);
        OK(gf_model_add(&m, &l, &at, &error));
    }
    gf_layer conv = {.cls = &gf_layer_conv2d, .name = "conv2d", .n_src = 1, .src = {at}, .backbone = true};
    conv.at.filters = 2, conv.at.kh = conv.at.kw = 3;
    OK(gf_model_add(&m, &conv, &at, &error));
    m.output = m.features = at;
    OK(gf_model_finish(&m, &error));
    return m;
}

/* The name of what is taken; NULL: it is asked for. */
static const char *taken(gf_model *m, const gf_preparing *w, gf_decisions *notes)
{
    const char *name = NULL;
    gf_decisions own = {0};
    memset(&error, 0, sizeof error);
    const gf_log log = {.decisions = notes ? notes : &own};
    graft_status status = gf_prepare(m, w, &(gf_import_options){.log = &log, .preprocess_taken = &name}, &error);
    gf_decisions_free(&own);
    if (status == GRAFT_OK) return name;
    assert_int_equal(error.number, GF_E_OPTION_VALUE);
    assert_non_null(strstr(error.hint, "--preprocess"));
    return NULL;
}

static void expect(const char *what, const char *got, const char *want)
{
    if (!want != !got || (want && strcmp(got, want)))
        fail_msg("%s: %s, wanted %s", what, got ? got : "asks", want ? want : "to ask");
}

static const gf_preparing keras = {.path = "m.keras", .has_values = true, .like = {.names = true}};

static gf_layer rescaling(float scale, float offset)
{
    gf_layer l = {.cls = &gf_layer_rescaling, .backbone = true};
    for (int c = 0; c < 4; c++) l.at.scale[c] = scale, l.at.offset[c] = offset;
    return l;
}

static void any_number_of_augmentations_gives_the_same(void **state)
{
    (void)state;
    for (int before = 0; before < 14; before++) {
        for (int behind = 0; behind < 3; behind++) {
            char what[64];
            gf_layer step = rescaling(1 / 255.0f, 0);
            snprintf(what, sizeof what, "%d before, %d behind", before, behind);
            gf_model m = with_step(&step, before, behind);
            expect(what, taken(&m, &keras, NULL), "none");
            assert_true(m.layer[0].at.scale[0] == 1);
            gf_model_free(&m);
            m = with_step(NULL, before, behind);
            expect(what, taken(&m, &keras, NULL), NULL);
            gf_model_free(&m);
        }
    }
}

static void arithmetic_tells_what_it_takes(void **state)
{
    (void)state;
    static const struct {
        float scale, offset;
        const char *want;
    } rows[] = {
        {1 / 255.0f, 0, "none"},
        {1 / 127.5f, -1, "none"},
        {1 / 58.4f, -123.7f / 58.4f, "none"},
        {1, -120, "none"},
        {-1 / 255.0f, 1, "none"},
        {1 / 0.229f, -0.485f / 0.229f, "unit"},
        {1 / 0.3081f, -0.1307f / 0.3081f, "unit"},
        {2, -1, "unit"},
        {1, -0.5f, "unit"},
        {255, 0, "unit"},
        {127.5f, 127.5f, NULL}, /* from [-1, 1] */
        {2, 0, NULL},
        {1, 0, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char what[64];
        gf_layer step = rescaling(rows[i].scale, rows[i].offset);
        snprintf(what, sizeof what, "%g x + %g", (double)rows[i].scale, (double)rows[i].offset);
        gf_model m = with_step(&step, 2, 0);
        gf_decisions notes = {0};
        expect(what, taken(&m, &keras, &notes), rows[i].want);
        assert_int_equal(notes.n, rows[i].want != NULL);
        if (notes.n) assert_non_null(strstr(notes.item[0].why, "--preprocess"));
        gf_decisions_free(&notes);
        gf_model_free(&m);
    }
}

static void statistics_tell_pixels(void **state)
{
    (void)state;
    static const struct {
        const gf_layer_class *cls;
        const char *mean, *variance;
        float m, v;
        const char *want;
    } rows[] = {
        {&gf_layer_normalization, "mean", "variance", 120, 4000, "none"},
        {&gf_layer_normalization, "mean", "variance", 0.47f, 0.06f, "unit"},
        {&gf_layer_normalization, "mean", "variance", 0, 0.3f, NULL},
        {&gf_layer_batch_norm, "moving_mean", "moving_variance", 110, 3600, "none"},
        {&gf_layer_batch_norm, "moving_mean", "moving_variance", 0, 1, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        gf_layer step = {.cls = rows[i].cls, .backbone = true};
        gf_model m = with_step(&step, 1, 0);
        int at = gf_model_find(&m, "layer_1");
        for (size_t c = 0; c < 3; c++) {
            m.value[gf_model_param(&m, at, rows[i].mean)->offset + c] = rows[i].m;
            m.value[gf_model_param(&m, at, rows[i].variance)->offset + c] = rows[i].v;
        }
        expect(rows[i].cls->name, taken(&m, &keras, NULL), rows[i].want);
        gf_model_free(&m);
    }
}

/* What the caller says is before all; then that graft wrote the file; bytes are bytes; without weights there is no
 * wrong one. */
static void who_says_it(void **state)
{
    (void)state;
    gf_layer step = rescaling(1 / 255.0f, 0);
    gf_preparing w = keras;
    gf_model m = with_step(&step, 0, 0);
    w.asked = "caffe";
    expect("asked", taken(&m, &w, NULL), "caffe");
    assert_true(m.layer[0].at.bgr);
    gf_model_free(&m);
    m = with_step(&step, 0, 0);
    w.asked = "other";
    expect("unknown", gf_prepare(&m, &w, &(gf_import_options){0}, &error) == GRAFT_USAGE ? NULL : "taken", NULL);
    gf_model_free(&m);
    const gf_preparing rows[] = {{.path = "own", .has_values = true, .own = true},
                                 {.path = "bytes", .has_values = true, .bytes = true},
                                 {.path = "new"}};
    static const char *const want[] = {"none", "none", "unit"};
    for (size_t i = 0; i < 3; i++) {
        gf_decisions notes = {0};
        m = with_step(NULL, 0, 0);
        expect(rows[i].path, taken(&m, &rows[i], &notes), want[i]);
        assert_int_equal(notes.n, i > 0);
        gf_decisions_free(&notes);
        gf_model_free(&m);
    }
}

/* ---- structure */

static gf_model zoo(const gf_architecture *a, double alpha, int top)
{
    gf_model m;
    const int side = a->least_size > SIDE ? a->least_size : SIDE;
    gf_zoo_options o = {.width = side, .height = side + 32, .alpha = alpha, .classes = top};
    OK(gf_zoo_layers(&m, a->name, &o, &error));
    return m;
}

static void every_architecture_is_known_by_its_structure(void **state)
{
    (void)state;
    for (size_t i = 0; gf_zoo_at(i); i++) {
        const gf_architecture *a = gf_zoo_at(i);
        gf_model m = zoo(a, a->has_alpha ? 0.75 : 1, 5);
        const gf_architecture *by_names = gf_resembles(&m, &(gf_resembling){.names = true});
        if (!by_names || strcmp(by_names->preprocess, a->preprocess)) {
            fail_msg("%s is taken for %s", a->name, by_names ? by_names->name : "none");
        }
        const gf_architecture *by_maker = gf_resembles(&m, &(gf_resembling){.source = a->source});
        bool same = by_maker && !strcmp(by_maker->preprocess, a->preprocess);
        if (!same && strncmp(a->name, "efficientnet_lite0", 18))
            fail_msg("%s: by its maker", a->name); /* two of one structure */
        gf_model_free(&m);
    }
}

static void two_of_one_structure_are_asked_about(void **state)
{
    (void)state;
    gf_model m = zoo(gf_zoo_find("vgg16"), 1, 5);
    assert_null(gf_resembles(&m, &(gf_resembling){0}));
    gf_model_free(&m);
}

/* Names of another structure, and a structure with one thing changed. */
static void names_alone_and_almost_are_none(void **state)
{
    (void)state;
    gf_model inception = zoo(gf_zoo_find("inception_v3"), 1, 0), m = {0};
    int at = 0, convs = 0;
    gf_layer input = inception.layer[0];
    OK(gf_model_add(&m, &input, &at, &error));
    for (size_t i = 1; i < inception.n_layers && convs < 20; i++) {
        gf_layer l = inception.layer[i];
        if (!l.n_params) continue;
        l.n_params = 0, l.n_src = 1, l.src[0] = at;
        l.at.filters = 4, l.at.padding = GF_PAD_SAME;
        OK(gf_model_add(&m, &l, &at, &error));
        convs++;
    }
    assert_null(gf_resembles(&m, &(gf_resembling){.names = true}));
    gf_model_free(&m);
    for (size_t changed = 1; changed < inception.n_layers; changed += 37) {
        gf_model other = {0};
        bool any = false;
        for (size_t i = 0; i < inception.n_layers; i++) {
            gf_layer l = inception.layer[i];
            l.n_params = 0;
            if (i >= changed && !any && l.cls == &gf_layer_conv2d && l.at.kh == 1) any = true, l.at.filters += 8;
            OK(gf_model_add(&other, &l, NULL, &error));
        }
        if (any && gf_resembles(&other, &(gf_resembling){.names = true})) fail_msg("changed at %zu", changed);
        gf_model_free(&other);
    }
    gf_model_free(&inception);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_augmentations_gives_the_same),
        cmocka_unit_test(arithmetic_tells_what_it_takes),
        cmocka_unit_test(statistics_tell_pixels),
        cmocka_unit_test(who_says_it),
        cmocka_unit_test(every_architecture_is_known_by_its_structure),
        cmocka_unit_test(two_of_one_structure_are_asked_about),
        cmocka_unit_test(names_alone_and_almost_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
