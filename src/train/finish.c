/* finish.c - the end of a run: best weights (a hook's), final measures, model.safetensors, the report. */
#include "train/run.h"

#include "base/io.h"
#include "report/report.h"
#include "train/checkpoint.h"
#include "train/folder.h"

#include <math.h>
#include <string.h>

/* ---- the end */

static graft_status measure(gf_run *r, graft_error *err)
{
    uint32_t v, t, nv = gf_run_split(r, GF_VALIDATION, &v), nt = gf_run_split(r, GF_TEST, &t);
    GF_TRY(gf_run_evaluate(r, v, nv, &r->validation, r->logits, err));
    return gf_run_evaluate(r, t, nt, &r->test, r->logits + nv * r->outputs, err);
}

static graft_status run_self_test(gf_run *r, gf_engine *e, float *result, graft_error *err)
{
    size_t outputs = gf_engine_outputs(e);
    float *out = gf_new_n(outputs, float);
    if (!out) return gf_fail_memory(err, outputs * sizeof *out, "the self-test");
    gf_feed feed = gf_self_test_feed();
    graft_status status = gf_engine_forward(e, &feed, NULL, &(uint32_t){0}, 1, out, NULL, err);
    r->facts->n_self_test = (int)(outputs < GF_SELF_TEST_MAX ? outputs : GF_SELF_TEST_MAX);
    memcpy(result, out, (size_t)r->facts->n_self_test * sizeof *out);
    gf_free(out);
    return status;
}

/* What the model makes of a fixed image goes into its file: whoever reads it can tell that it is still the same; also
 * a machine that does not compute in bytes. */
static graft_status self_test(gf_run *r, graft_error *err)
{
    r->facts->saved_dtype = r->facts->dtype;
    GF_TRY(run_self_test(r, r->engine, r->facts->self_test, err));
    if (!r->facts->int8_layers) return GRAFT_OK;
    gf_engine *plain = NULL;
    gf_engine_spec spec;
    gf_engine_defaults(&spec);
    spec.dtype = r->facts->dtype;
    GF_TRY(gf_engine_create(&plain, r->model, r->host.ops, r->host.pool, &spec, err));
    graft_status status = run_self_test(r, plain, r->facts->plain_self_test, err);
    gf_engine_destroy(plain);
    return status;
}

static bool same_classes(const gf_names *a, const gf_names *b)
{
    for (size_t i = 0; i < a->n && a->n == b->n; i++) {
        if (strcmp(a->item[i], b->item[i])) return false;
    }
    return a->n == b->n;
}

/* The file has nine digits. */
static bool same_threshold(const gf_threshold *a, const gf_threshold *b)
{
    const double digits = 1e-6;
    return fabs(a->confidence - b->confidence) <= digits && fabs(a->overlap - b->overlap) <= digits;
}

static bool same_label_thresholds(const gf_label_thresholds *a, const gf_label_thresholds *b)
{
    bool same = a->n == b->n;
    for (size_t c = 0; same && c < a->n; c++) same = fabsf(a->value[c] - b->value[c]) <= 1e-6f;
    return same;
}

/* Reads the run's model file as every verb does; *same: it is this very model. */
static graft_status read_back(const gf_run *r, const char *path, bool *same, graft_error *err)
{
    gf_model m;
    gf_model_facts f;
    *same = false;
    GF_TRY(gf_model_file_read(&m, &f, path, err));
    *same = m.n_values == r->model->n_values && !memcmp(m.value, r->model->value, m.n_values * sizeof *m.value) &&
            f.int8_layers == r->facts->int8_layers &&
            fabs(f.fitted.temperature - r->facts->fitted.temperature) <= 1e-6 * f.fitted.temperature &&
            same_threshold(&f.threshold, &r->facts->threshold) && same_label_thresholds(&f.labels, &r->facts->labels) &&
            same_classes(&f.classes, &r->facts->classes);
    gf_model_free(&m);
    gf_model_facts_free(&f);
    return GRAFT_OK;
}

/* The model's file stays where it is this very model; what is written must read back as it. */
static graft_status write_model(gf_run *r, graft_error *err)
{
    bool same = false;
    char *path = gf_path_join(r->dir, GF_FOLDER_MODEL);
    if (!path) return gf_fail_memory(err, strlen(r->dir), "a file name");
    graft_status status = GRAFT_OK;
    if (gf_is_file(path) && read_back(r, path, &same, NULL) == GRAFT_OK && same) goto out;
    GF_GOTO(gf_model_file_write(path, r->model, r->facts, err));
    GF_GOTO(read_back(r, path, &same, err));
    if (!same) {
        status = gf_fail(err, GF_E_NOT_A_MODEL, "is the disk sound? graft resume writes it again",
                         "%s: reads back as another model than was written", GF_ESC(path));
    }
out:
    gf_free(path);
    return status;
}

graft_status gf_run_write_model(gf_run *r, const char *path, graft_error *err)
{
    r->facts->int8_layers = gf_engine_int8_layers(r->engine);
    GF_TRY(self_test(r, err));
    return gf_model_file_write(path, r->model, r->facts, err);
}

graft_status gf_run_finish(gf_run *r, graft_error *err)
{
    const bool writes = gf_run_writes(r);
    if (writes) gf_folder_remove(r->dir, GF_FOLDER_LIST); /* until all is there again */
    GF_TRY(gf_hooks_end(r, err));
    GF_TRY(gf_engine_reload(r->engine, err));
    GF_TRY(measure(r, err));
    GF_TRY(gf_run_part(r, err));
    if (!writes) return GRAFT_OK;
    GF_TRY(gf_run_fit_temperature(r, err));
    GF_TRY(gf_run_choose_threshold(r, err));
    GF_TRY(gf_run_choose_label_thresholds(r, err));
    r->facts->int8_layers = gf_engine_int8_layers(r->engine);
    GF_TRY(self_test(r, err));
    GF_TRY(gf_run_elsewhere(r, err));
    gf_checkpoint_writer_wait(r->writer, NULL); /* before there is a model: whatever comes, no epoch is trained again */
    gf_engine_destroy(r->engine);               /* room for reading the model back */
    r->engine = NULL;
    GF_TRY(write_model(r, err));
    GF_TRY(gf_run_write_classes(r->dir, &r->facts->classes, err));
    GF_TRY(gf_run_write_split(r, err));
    GF_TRY(gf_run_write_decisions(r, err));
    GF_TRY(gf_run_write_report(r, err));
    GF_TRY(gf_folder_write_list(r->dir, err));
    gf_folder_remove_tmp(r->dir);
    return GRAFT_OK;
}
