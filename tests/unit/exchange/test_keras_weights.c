/* Weights of layers that are made of layers (MultiHeadAttention), and of sequences: from files that Keras wrote, and
 * from graft's own. */
#include "base/threads.h"
#include "exchange/export.h"
#include "exchange/load_weights.h"
#include "unit/exchange/keras_models.h"

#include <unistd.h>

/* The formula's values rounded as the files' are: floor(16 x + 0.5) / 16. */
static void seed_on_a_grid(gf_model *m)
{
    seed_values(m);
    for (size_t i = 0; i < m->n_values; i++) m->value[i] = (float)(floor((double)m->value[i] * 16 + 0.5) / 16);
}

static void same_values(const gf_model *got, const gf_model *want, const char *from)
{
    assert_int_equal(got->n_values, want->n_values);
    for (size_t i = 0; i < want->n_params; i++) {
        const gf_param *p = &want->param[i];
        size_t off = 0;
        for (size_t k = 0; k < p->count; k++) off += got->value[p->offset + k] != want->value[p->offset + k];
        if (off && !p->idle) fail_msg("%s: %zu values of %s/%s differ", from, off, want->layer[p->layer].name, p->var);
    }
}

static void keras_files_are_read(void **state)
{
    (void)state;
    static const char *const endings[] = {".weights.h5", ".h5"};
    for (int i = 0; i < 2; i++) {
        char dir[] = "/tmp/graft-test-XXXXXX", path[64], command[512];
        assert_non_null(mkdtemp(dir));
        snprintf(path, sizeof path, "%s/vit%s", dir, endings[i]);
        snprintf(command, sizeof command, "gunzip -c '%s/exchange/vit%s.gz' > %s", GRAFT_FIXTURES, endings[i], path);
        assert_int_equal(system(command), 0);
        gf_model got = fixture_model("vit"), want = fixture_model("vit");
        seed_on_a_grid(&want);
        OK(gf_model_load_weights(&got, path, true, false, NULL, &error));
        same_values(&got, &want, endings[i]);
        unlink(path);
        rmdir(dir);
        gf_model_free(&got);
        gf_model_free(&want);
    }
}

/* Written as Keras keeps them, and read again. */
static void own_files_come_back(void **state)
{
    (void)state;
    static const char *const models[] = {"dilated", "steps", "vit"}, *const formats[] = {"keras", "npz", "safetensors"};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        for (size_t k = 0; k < sizeof formats / sizeof *formats; k++) {
            char dir[] = "/tmp/graft-test-XXXXXX", path[64], what[64];
            gf_names classes = {0};
            const gf_export_format *format = gf_export_find(formats[k]);
            assert_non_null(mkdtemp(dir));
            snprintf(path, sizeof path, "%s/model%s", dir, format->ending);
            snprintf(what, sizeof what, "%s as %s", models[i], formats[k]);
            gf_model m = fixture_model(models[i]), back = fixture_model(models[i]);
            seed_values(&m);
            OK(format->write(path, &m, &(gf_export_what){.classes = &classes}, &error));
            OK(gf_model_load_weights(&back, path, true, false, NULL, &error));
            same_values(&back, &m, what);
            unlink(path);
            rmdir(dir);
            gf_model_free(&m);
            gf_model_free(&back);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keras_files_are_read), cmocka_unit_test(own_files_come_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
