/* PyTorch's networks: the names that timm gives their layers, and VGG16 with its own classifier. Numbers are compared
 * in test_backbones. */
#include "base/hash.h"
#include "support/ok.h"
#include "zoo/zoo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static gf_model with_top(const char *name, int size, int classes)
{
    gf_model m;
    OK(gf_zoo_build(&m, name, &(gf_zoo_options){.width = size, .height = size, .top = classes}, &error));
    return m;
}

/* The names of all layers with weights, a line each: another one where the architecture has it, else its own.
 * (DenseNet's other names are not timm's.) */
static size_t list_names(const gf_model *m, const gf_architecture *a, gf_text *t)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n_layers; i++) {
        const gf_layer *l = &m->layer[i];
        char other[GF_NAME_MAX];
        if (!l->n_params) continue;
        bool own = !strcmp(a->name, "densenet121_torch") || !strncmp(a->name, "resnet", 6); /* timm's names, too */
        bool has = a->alias && !own && a->alias(l->name, 0, other);
        gf_text_printf(t, "%s\n", has ? other : l->name);
        n++;
    }
    return n;
}

static void timm_names_are_timms(void **state)
{
    (void)state;
    FILE *f = fopen(GRAFT_FIXTURES "/zoo/timm_names.txt", "r");
    assert_non_null(f);
    char name[64], timm[64], want[65], hex[65];
    size_t layers;
    int rows = 0;
    while (fscanf(f, "%63s %63s %zu %64s", name, timm, &layers, want) == 4) {
        gf_model m = with_top(name, 224, 1000);
        gf_text t = {0};
        size_t n = list_names(&m, gf_zoo_find(name), &t);
        assert_false(t.failed);
        gf_sha256 digest = gf_sha256_of(t.s, t.n);
        gf_sha256_hex(&digest, hex);
        if (n != layers || strcmp(hex, want)) fail_msg("%s has not the names of timm's %s but:\n%s", name, timm, t.s);
        gf_text_free(&t);
        gf_model_free(&m);
        rows++;
    }
    fclose(f);
    assert_int_equal(rows, 8);
}

/* Hugging Face's names, and those of a Sequential of the network's children, as fastai makes it. */
static void resnets_have_other_names(void **state)
{
    (void)state;
    static const struct {
        const char *layer, *name[2];
    } row[] = {
        {"conv1", {"embedder.embedder.convolution", "0"}},
        {"bn1", {"embedder.embedder.normalization", "1"}},
        {"layer1.0.conv1", {"encoder.stages.0.layers.0.layer.0.convolution", "4.0.conv1"}},
        {"layer2.1.bn3", {"encoder.stages.1.layers.1.layer.2.normalization", "5.1.bn3"}},
        {"layer4.0.downsample.0", {"encoder.stages.3.layers.0.shortcut.convolution", "7.0.downsample.0"}},
        {"layer3.10.downsample.1", {"encoder.stages.2.layers.10.shortcut.normalization", "6.10.downsample.1"}},
        {"fc", {"classifier.1", NULL}},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        for (int k = 0; k < 2; k++) {
            char name[GF_NAME_MAX];
            bool has = gf_zoo_find("resnet50")->alias(row[i].layer, k, name);
            assert_int_equal(has, row[i].name[k] != NULL);
            if (has) assert_string_equal(name, row[i].name[k]);
        }
    }
}

static void other_names_come_to_an_end(void **state)
{
    (void)state;
    for (size_t i = 0; gf_zoo_at(i); i++) {
        const gf_architecture *a = gf_zoo_at(i);
        char other[GF_NAME_MAX];
        if (!a->alias) continue;
        assert_false(a->alias("head", 0, other));
        assert_false(a->alias("", 0, other));
        gf_model m = with_top(a->name, 224, 10);
        for (size_t k = 0; k < m.n_layers; k++) assert_false(a->alias(m.layer[k].name, 2, other));
        gf_model_free(&m);
    }
}

static void densenet_has_the_names_of_its_published_file(void **state)
{
    (void)state;
    static const char *const row[][2] = {
        {"features.denseblock1.denselayer1.norm1", "features.denseblock1.denselayer1.norm.1"},
        {"features.denseblock4.denselayer16.conv2", "features.denseblock4.denselayer16.conv.2"},
        {"features.denseblock4.denselayer2.cat", NULL},
        {"features.transition1.norm", NULL},
        {"features.conv0", NULL},
    };
    const gf_architecture *a = gf_zoo_find("densenet121_torch");
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        char other[GF_NAME_MAX];
        assert_int_equal(a->alias(row[i][0], 0, other), row[i][1] != NULL);
        if (row[i][1]) assert_string_equal(other, row[i][1]);
    }
}

/* Pretrained classifier without its last layer, Linear 256, ReLU, dropout 0.4, Linear 100. */
static void vgg16_keeps_its_classifier(void **state)
{
    (void)state;
    gf_zoo_options o = {.width = 224, .height = 224, .classes = 100};
    double dropout = 0;
    OK(gf_head_parse("replace-last:256,0.4", &o.head, &dropout, &error));
    o.dropout = (float)dropout;
    gf_model m;
    OK(gf_zoo_build(&m, "vgg16_torch", &o, &error));
    gf_counts c = gf_model_counts(&m);
    assert_int_equal(c.total, 135335076);
    assert_int_equal(c.trainable, 1074532);
    assert_int_equal(c.trainable_variables, 4);
    assert_string_equal(m.layer[m.features].name, "classifier.5");
    assert_true(gf_model_find(&m, "classifier.6") < 0);
    const gf_layer *drop = &m.layer[m.layer[m.output].src[0]];
    assert_ptr_equal(drop->cls, &gf_layer_dropout);
    assert_float_equal(drop->at.rate, 0.4, 1e-6);
    gf_model_free(&m);
}

static void heads_are_read_as_meant(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int hidden;
        double dropout;
    } good[] = {{"linear", 0, -1},       {"mlp:256", 256, -1},           {"mlp:16,0", 16, 0},
                {"replace-last", 0, -1}, {"replace-last:8,0.4", 8, 0.4}, {"mlp:8,0.125", 8, 0.125}};
    static const char *const bad[] = {"",          "mlp",           "mlp:",     "mlp:0",    "mlp:8,",
                                      "mlp:8,1",   "mlp:8,1.5",     "mlp:8,05", "mlp:8,-0", "mlp:8,0,4",
                                      "mlp:8,nan", "replace-last:", "keep:8",   "mlp:8 "};
    gf_head_spec spec;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        double dropout = -1;
        OK(gf_head_parse(good[i].text, &spec, &dropout, &error));
        assert_int_equal(spec.n_items ? spec.item[0].units : 0, good[i].hidden);
        assert_true(dropout == good[i].dropout);
        assert_int_equal(spec.replace_last, good[i].text[0] == 'r');
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        double dropout;
        if (gf_head_parse(bad[i], &spec, &dropout, &error) == GRAFT_OK) fail_msg("%s is taken", bad[i]);
        assert_int_equal(error.number, GF_E_OPTION_VALUE);
    }
}

/* Files have its first dense kernel's rows in the map's order by channels; only that one's. */
static void vgg16_knows_its_map(void **state)
{
    (void)state;
    gf_model m = with_top("vgg16_torch", 224, 10);
    gf_shape flat = gf_model_flat_before(&m, &m.layer[gf_model_find(&m, "classifier.0")]);
    assert_true(gf_shape_equal(&flat, &GF_SHAPE(7, 7, 512)));
    flat = gf_model_flat_before(&m, &m.layer[gf_model_find(&m, "classifier.3")]);
    assert_int_equal(flat.rank, 0);
    gf_model_free(&m);
}

/* Its classifier reads a 7x7 map; a new head behind the pooled features takes what comes. */
static void vgg16_needs_its_map(void **state)
{
    (void)state;
    static const int wrong[] = {32, 223, 256};
    gf_model m;
    for (int i = 0; i < 3; i++) {
        gf_zoo_options o = {.width = 224, .height = wrong[i], .top = 10};
        error = (graft_error){0};
        assert_int_equal(gf_zoo_build(&m, "vgg16_torch", &o, &error), GRAFT_USAGE);
        assert_int_equal(error.number, GF_E_OPTION_VALUE);
        assert_non_null(strstr(error.message, "7x7"));
        assert_null(m.layer);
        o.top = 0;
        o.classes = 10;
        OK(gf_zoo_build(&m, "vgg16_torch", &o, &error));
        gf_model_free(&m);
    }
    OK(gf_zoo_build(&m, "vgg16_torch", &(gf_zoo_options){.width = 255, .height = 230, .top = 10}, &error));
    gf_model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(densenet_has_the_names_of_its_published_file),
        cmocka_unit_test(timm_names_are_timms),
        cmocka_unit_test(other_names_come_to_an_end),
        cmocka_unit_test(resnets_have_other_names),
        cmocka_unit_test(vgg16_keeps_its_classifier),
        cmocka_unit_test(heads_are_read_as_meant),
        cmocka_unit_test(vgg16_knows_its_map),
        cmocka_unit_test(vgg16_needs_its_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
