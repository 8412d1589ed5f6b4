/* Files of weights as Keras and PyTorch write them for their own architectures, tensor i full of the number i: every
 * value gets where they would put it, also where the file's session had numbered its layers on ("conv2d_94"), or where
 * the file has timm's names. */
#include "base/io.h"
#include "exchange/load_weights.h"
#include "formats/weights.h"
#include "support/ok.h"
#include "train/model_file.h"
#include "zoo/zoo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void unpack(const char *name, const char *path)
{
    char command[1200];
    snprintf(command, sizeof command, "gunzip -c '%s/zoo/%s.gz' > '%s'", GRAFT_FIXTURES, name, path);
    assert_int_equal(system(command), 0);
}

static gf_model built(const char *name, gf_zoo_options o)
{
    gf_model m;
    OK(gf_zoo_build(&m, name, &o, &error));
    return m;
}

static void check(const char *architecture, gf_zoo_options options, const char *file)
{
    char path[64] = "/tmp/graft_weights_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    unpack(file, path);
    gf_model m = built(architecture, options);
    gf_weights_notes notes = {0};
    graft_status status = gf_model_load_weights(&m, path, false, false, &notes, &error);
    unlink(path);
    if (status != GRAFT_OK) fail_msg("%s: E%d %s", file, error.number, error.message);
    size_t checked = 0;
    for (size_t i = 0; i < m.n_params; i++) {
        const gf_param *p = &m.param[i];
        if (!m.layer[p->layer].backbone || p->idle) continue;
        for (size_t k = 0; k < p->count; k++) {
            float x = m.value[p->offset + k];
            if (x != (float)i) fail_msg("%s: %s/%s is %g, not %zu", file, m.layer[p->layer].name, p->var, x, i);
        }
        checked++;
    }
    assert_true(checked > 50);
    gf_weights_notes_free(&notes);
    gf_model_free(&m);
}

static void every_layout(void **state)
{
    (void)state;
    static const char *const file[] = {"mobilenet_v3_small.legacy.h5", "mobilenet_v3_small.weights.h5",
                                       "mobilenet_v3_small.whole.h5", "mobilenet_v3_small.keras"};
    gf_zoo_options o = {.width = 32, .height = 32, .alpha = 0.25, .classes = 3};
    for (int i = 0; i < 4; i++) check("mobilenet_v3_small", o, file[i]);
}

static void normalization_with_its_count(void **state)
{
    (void)state;
    gf_zoo_options o = {.width = 32, .height = 32};
    check("efficientnet_b0", o, "efficientnet_b0.legacy.h5");
    check("efficientnet_b0", o, "efficientnet_b0.weights.h5");
}

static void layers_numbered_on(void **state)
{
    (void)state;
    gf_zoo_options o = {.width = 75, .height = 75};
    check("inception_v3", o, "inception_v3.legacy.h5");
    check("inception_v3", o, "inception_v3.weights.h5");
}

static void torch_by_either_name(void **state)
{
    (void)state;
    gf_zoo_options o = {.width = 32, .height = 32};
    check("efficientnet_lite0", o, "efficientnet_lite0.pth");
    check("efficientnet_lite0", o, "efficientnet_lite0.timm.pth");
    check("efficientnet_lite0_timm", o, "efficientnet_lite0.timm.pth");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layout),
        cmocka_unit_test(normalization_with_its_count),
        cmocka_unit_test(layers_numbered_on),
        cmocka_unit_test(torch_by_either_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
