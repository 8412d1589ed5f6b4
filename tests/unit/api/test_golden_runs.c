/* Runs of 0.1 (commit 3a2f211), kept whole in tests/fixtures/runs/0.1: finished ones, and ones that were stopped in the
 * middle of an epoch of either phase. Today's library goes on with these to the bits of the finished ones, and reads,
 * evaluates, predicts with, exports and summarises what 0.1 finished, with the numbers that 0.1 gave. one_state is
 * such a run of commit 15aa084, whose checkpoints still held one section for the state of all parts. Bits are a
 * processor's: on others results must be near, and the tests of bits are skipped by name. tools/record_golden.sh made
 * the runs, with this file in that commit. */
#include "support/golden_data.h"
#include "support/needs.h"
#include "support/run_digest.h"
#include "support/run_near.h"
#include "support/tiny_data.h"

#include "api/internal.h"
#include "formats/npy.h"

#include <graft/graft.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#define RUNS GRAFT_FIXTURES "/runs/0.1"
#define OWN_NETWORK GRAFT_FIXTURES "/digests/own.json"
enum { PATH = 256, IMAGES = 3, SIZE = 32 };

typedef struct golden {
    const char *name;     /* its folder */
    const char *finished; /* the run that it is a part of; NULL: it is finished itself */
    const char *precision;
    int stop;         /* at the n-th question that is asked once training has begun; -1: not */
    int epoch, phase; /* the first that ends when it is gone on with */
} golden;

static const golden runs[] = {
    {"finished", NULL, "f32", -1, 0, 0},
    {"stopped_1", "finished", "f32", 5, 2, 1},
    {"stopped_2", "finished", "f32", 13, 4, 2},
    {"int8_finished", NULL, "int8", -1, 0, 0},
    {"int8_stopped_1", "int8_finished", "int8", 5, 2, 1},
    {"int8_stopped_2", "int8_finished", "int8", 13, 4, 2},
    {"../one_state/stopped_2", "finished", "f32", 13, 3, 2},
};
enum { N_RUNS = sizeof runs / sizeof *runs, N_OF_0_1 = N_RUNS - 1 };

typedef struct row {
    const char *test;
    void (*run)(const struct row *);
    const golden *golden; /* or `model`: a run or a file of the fixtures */
    const char *model;
    bool bits; /* to the bit, which only the processor can that made the runs; else near */
} row;

static char root[64], machine[160];
static const char *record_to; /* NULL: nothing is recorded */
static bool same_machine;     /* as that of the runs */
static char *pinned;          /* choices, while recording */

/* ---- a context, and what it was told */

typedef struct watch {
    graft_context *context;
    bool begun;
    int left, epoch, phase, other_machine; /* epoch, phase: the first that ended */
} watch;

static graft_status should_stop(void *user)
{
    watch *w = user;
    return !w->begun || w->left < 0 || w->left-- > 0 ? GRAFT_OK : GRAFT_TERMINATED;
}

static void see(void *user, const graft_progress *p)
{
    watch *w = user;
    if (p->stage == GRAFT_STAGE_TRAIN || p->stage == GRAFT_STAGE_EVALUATE) w->begun = true;
    if (p->stage != GRAFT_STAGE_EPOCH || w->epoch) return;
    w->epoch = p->epoch;
    w->phase = p->phase;
}

static void hear(void *user, graft_level level, const char *text)
{
    watch *w = user;
    w->other_machine += level == GRAFT_WARNING && strstr(text, "another machine");
}

static void open_context(watch *w, int threads, int stop)
{
    graft_context_options o;
    graft_error err = {0};
    *w = (watch){.left = stop};
    graft_context_defaults(&o);
    o.threads = threads;
    o.should_stop = should_stop;
    o.progress = see;
    o.say = hear;
    o.user = w;
    if (graft_context_open(&o, &w->context, &err)) fail_msg("%s", err.message);
}

#define TRY(call) \
    if (call) fail_msg("E%d %s", err.number, err.message)

/* ---- recording */

static void keep(graft_context *c, graft_model *m, const char *what, const char *choice)
{
    char key[GF_CHOICE_KEY], line[GF_CHOICE_KEY + 16];
    gf_api_choice_key(m, what, key);
    snprintf(line, sizeof line, "%s=%s\n", key, choice);
    gf_ops_add_choices(c->ops, line);
}

/* Trains a run of `runs` into `to`, all choices kept from run to run. 0.1 had no int8 by name. */
static graft_status train(const golden *g, const char *model_name, const char *to, graft_error *err)
{
    watch w;
    graft_model_options mo;
    graft_data_options dopt;
    graft_train_options to_train;
    graft_model *model;
    graft_data *data;
    graft_result *result;
    bool int8 = !strcmp(g->precision, "int8");
    open_context(&w, 2, g->stop);
    gf_ops_add_choices(w.context->ops, pinned);
    graft_model_defaults(&mo);
    mo.model = model_name;
    mo.alpha = strstr(model_name, ".json") ? 1 : 0.35;
    mo.width = mo.height = SIZE;
    mo.precision = int8 ? "auto" : g->precision;
    mo.fine_tune_at_name = strstr(model_name, ".json") ? "wide" : "block_14_expand";
    mo.seed = 21;
    if (graft_model_open(w.context, &mo, &model, err)) return err->status;
    if (int8) keep(w.context, model, "frozen", "int8");
    if (int8) keep(w.context, model, "model", "bf16");
    graft_data_defaults(&dopt);
    dopt.width = dopt.height = SIZE;
    if (graft_data_open(w.context, "data", &dopt, &data, err)) return err->status;
    graft_train_defaults(&to_train);
    to_train.out = to;
    to_train.force = 1;
    to_train.batch = 8;
    to_train.epochs = to_train.fine_tune_epochs = 2;
    to_train.lr = 1e-2;
    to_train.fine_tune_lr = 1e-3;
    to_train.seed = 22;
    to_train.report = 0;
    to_train.checkpoint_seconds = 0;
    graft_status status = graft_train(model, data, &to_train, &result, err);
    gf_free(pinned);
    pinned = gf_ops_choices_text(w.context->ops);
    graft_result_free(result);
    graft_data_free(data);
    graft_model_free(model);
    graft_context_free(w.context);
    return status;
}

static void shell(const char *format, const char *a, const char *b)
{
    char command[1024];
    snprintf(command, sizeof command, format, a, b);
    if (system(command)) fail_msg("failed: %s", command);
}

static void record_run(const golden *g)
{
    graft_error err = {0};
    for (int i = 0; i < 2; i++) { /* the second has all choices from the beginning, so in config.json */
        graft_status status = train(g, "own.json", g->name, &err);
        if (status != (g->stop < 0 ? GRAFT_OK : GRAFT_TERMINATED)) fail_msg("%s: %s", g->name, err.message);
    }
    shell("cp -r '%s' '%s'", g->name, record_to);
    shell("cd '%s/%s' && rm -f .lock && if [ -e model.safetensors ]; then rm checkpoint/ckpt-*; fi", record_to,
          g->name);
}

/* ---- what 0.1 made of some images: predictions (expected.txt) and logits (.npy) */

static const char *const models[] = {"finished", "int8_finished", "mobilenet_v2.safetensors"};
enum { N_MODELS = sizeof models / sizeof *models };

static const char *image_name(int i, char path[PATH])
{
    snprintf(path, PATH, "picture%d.bmp", i);
    return path;
}

static void predict(const char *model_path, double p[IMAGES][GOLDEN_CLASSES])
{
    watch w;
    graft_model *m;
    graft_result *r;
    graft_error err = {0};
    char path[IMAGES][PATH];
    const char *paths[IMAGES];
    for (int i = 0; i < IMAGES; i++) paths[i] = image_name(i, path[i]);
    open_context(&w, 1, -1);
    TRY(graft_run_open(w.context, model_path, &m, &err));
    TRY(graft_predict(m, paths, IMAGES, GOLDEN_CLASSES, &r, &err));
    assert_int_equal(graft_result_predictions(r), IMAGES);
    for (int i = 0; i < IMAGES; i++) {
        graft_prediction got = graft_result_prediction(r, (size_t)i);
        assert_string_equal(got.path, paths[i]);
        assert_int_equal(got.n_top, GOLDEN_CLASSES);
        assert_string_equal(got.label, got.top[0].label);
        for (int k = 0; k < GOLDEN_CLASSES; k++) {
            int c = 0;
            while (c < GOLDEN_CLASSES && strcmp(golden_class[c], got.top[k].label)) c++;
            assert_true(c < GOLDEN_CLASSES);
            p[i][c] = got.top[k].probability;
        }
    }
    graft_result_free(r);
    graft_model_free(m);
    graft_context_free(w.context);
}

/* The output of the model's last layer. */
static void write_logits(const char *model_path, const char *npy)
{
    watch w;
    graft_model *m;
    graft_result *r;
    graft_error err = {0};
    char path[IMAGES][PATH];
    const char *paths[IMAGES];
    for (int i = 0; i < IMAGES; i++) paths[i] = image_name(i, path[i]);
    open_context(&w, 1, -1);
    TRY(graft_run_open(w.context, model_path, &m, &err));
    TRY(graft_features(m, paths, IMAGES, "head", npy, &r, &err));
    graft_result_free(r);
    graft_model_free(m);
    graft_context_free(w.context);
}

static void record_expected(void)
{
    char path[PATH], npy[PATH];
    graft_error err = {0};
    if (train(&runs[0], "mobilenet_v2", "mobilenet", &err)) fail_msg("%s", err.message);
    shell("cp mobilenet/model.safetensors '%s/%s'", record_to, models[2]);
    snprintf(path, sizeof path, "%s/expected.txt", record_to);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "# what 0.1 predicts: model, image, probabilities of the classes\nmachine %s\n", machine);
    for (int k = 0; k < N_MODELS; k++) {
        double p[IMAGES][GOLDEN_CLASSES];
        snprintf(path, sizeof path, "%s/%s", record_to, models[k]);
        predict(path, p);
        for (int i = 0; i < IMAGES; i++) {
            fprintf(f, "%s %d", models[k], i);
            for (int c = 0; c < GOLDEN_CLASSES; c++) fprintf(f, " %a", p[i][c]);
            fprintf(f, "\n");
        }
        snprintf(npy, sizeof npy, "%s/%s.logits.npy", record_to, models[k]);
        write_logits(path, npy);
    }
    fclose(f);
}

/* ---- comparing */

static const char *in_runs(const char *name, char path[PATH])
{
    snprintf(path, PATH, "%s/%s", RUNS, name);
    return path;
}

/* ---- tests: going on */

static bool is_f32(const golden *g) { return !strcmp(g->precision, "f32"); }
static double tolerance_of(const golden *g) { return is_f32(g) ? 1e-3 : 0.1; }

/* A copy of the run, "resumed". */
static void copy_run(const golden *g)
{
    char from[PATH];
    shell("rm -rf %s && cp -r '%s' resumed && chmod -R u+w resumed", "resumed", in_runs(g->name, from));
}

static graft_status go_on(const golden *g, const char *data, int threads, watch *w, graft_error *err)
{
    graft_result *r;
    copy_run(g);
    open_context(w, threads, -1);
    graft_status status = graft_resume(w->context, "resumed", data, &r, err);
    if (!status) assert_true(isfinite(graft_result_number(r, "validation.loss")));
    graft_result_free(r);
    graft_context_free(w->context);
    return status;
}

static void expect_going_on(const row *r, int threads)
{
    const golden *g = r->golden;
    watch w;
    char want[PATH], model[PATH + 32];
    graft_error err = {0};
    TRY(go_on(g, "data", threads, &w, &err));
    assert_int_equal(w.epoch, g->epoch); /* it did stop where it says */
    assert_int_equal(w.phase, g->phase);
    assert_int_equal(w.other_machine, !same_machine);
    snprintf(model, sizeof model, "%s/model.safetensors", in_runs(g->finished, want));
    run_near_tensors("resumed/model.safetensors", model, tolerance_of(g));
    run_near_history("resumed", want, tolerance_of(g));
    if (!r->bits) return;
    run_digest got = run_digest_of("resumed"), whole = run_digest_of(want);
    assert_string_equal(got.tensors, whole.tensors);
    assert_string_equal(got.history, whole.history);
}

static void it_goes_on(const row *r)
{
    expect_going_on(r, 1);
    if (r->bits) expect_going_on(r, 3);
}

/* The images are those it began with, or it does not go on. */
static void other_images_are_refused(const row *t)
{
    watch w;
    graft_error err = {0};
    shell("rm -rf %s && cp -r data %s", "other", "other");
    golden_image("other/train/red/3.bmp", 44, 40, 2, 777);
    assert_int_equal(go_on(t->golden, "other", 2, &w, &err), GRAFT_DATA);
    assert_non_null(strstr(err.message, "3.bmp"));
}

/* ---- tests: what has ended */

static double number_in(const char *file, const char *section, const char *name)
{
    uint8_t *bytes;
    size_t n;
    gf_json *j;
    assert_int_equal(gf_file_read(file, 1 << 24, &bytes, &n, NULL), GRAFT_OK);
    assert_int_equal(gf_json_parse(&j, (char *)bytes, n, file, NULL), GRAFT_OK);
    double x = gf_json_f64(gf_json_get(gf_json_get(j, section), name), NAN);
    gf_json_free(j);
    gf_free(bytes);
    return x;
}

static void it_gives_its_result_again(const row *t)
{
    watch w;
    graft_result *r;
    graft_error err = {0};
    copy_run(t->golden);
    open_context(&w, 2, -1);
    TRY(graft_resume(w.context, "resumed", "data", &r, &err));
    assert_int_equal(w.epoch, 0); /* nothing was trained */
    static const char *const sets[] = {"before", "validation"};
    for (int i = 0; i < 2; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s.loss", sets[i]);
        double want = number_in("resumed/metrics.json", sets[i], "loss");
        assert_true(isfinite(want) && graft_result_number(r, path) == want);
    }
    assert_int_equal(graft_result_number(r, "epochs"), 4);
    graft_result_free(r);
    graft_context_free(w.context);
}

static void it_evaluates_as_it_did(const row *t)
{
    const golden *g = t->golden;
    watch w;
    graft_model *m;
    graft_result *r;
    graft_error err = {0};
    char run[PATH], metrics[PATH + 16];
    in_runs(g->name, run);
    snprintf(metrics, sizeof metrics, "%s/metrics.json", run);
    open_context(&w, 2, -1);
    TRY(graft_run_open(w.context, run, &m, &err));
    TRY(graft_evaluate(m, "data", "validation", &r, &err));
    near(graft_result_number(r, "loss"), number_in(metrics, "validation", "loss"), t->bits ? 1e-6 : tolerance_of(g),
         "loss");
    near(graft_result_number(r, "accuracy"), number_in(metrics, "validation", "accuracy"), t->bits ? 0 : 0.1,
         "accuracy");
    assert_int_equal(graft_result_number(r, "images"), GOLDEN_CLASSES * GOLDEN_VALIDATION);
    graft_result_free(r);
    TRY(graft_summary(m, &r, &err));
    assert_int_equal(graft_result_number(r, "total_params"), 17171);
    assert_non_null(strstr(graft_result_text(r), "\n wide_swish (Activation)"));
    graft_result_free(r);
    graft_model_free(m);
    graft_context_free(w.context);
}

static void it_is_exported(const row *t)
{
    static const char *const files[] = {"run.keras", "run.onnx", "run.safetensors", "run.npz", "run.labels.txt"};
    static const char *const to[] = {"keras", "onnx", "safetensors", "npz", "labels"};
    watch w;
    graft_model *m;
    graft_result *r;
    graft_error err = {0};
    char run[PATH];
    open_context(&w, 2, -1);
    TRY(graft_run_open(w.context, in_runs(t->golden->name, run), &m, &err));
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        graft_export_options o = {.to = to[i], .pictures = (const char *[]){"picture0.bmp"}, .n_pictures = 1};
        TRY(graft_export(m, files[i], &o, &r, &err));
        assert_true(gf_is_file(files[i]));
        graft_result_free(r);
    }
    graft_model_free(m);
    graft_context_free(w.context);
}

/* ---- tests: predictions and logits */

static void expected_row(const char *model, int image, double p[GOLDEN_CLASSES])
{
    char line[512], name[128];
    int i;
    FILE *f = fopen(RUNS "/expected.txt", "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        if (sscanf(line, "%127s %d %la %la %la", name, &i, &p[0], &p[1], &p[2]) != 5) continue;
        if (i != image || strcmp(name, model)) continue;
        fclose(f);
        return;
    }
    fail_msg("no row for %s, image %d", model, image);
}

static void compare_logits(const char *got_path, const char *want_path, double tolerance, bool bits)
{
    float value[2][IMAGES * GOLDEN_CLASSES];
    const char *path[] = {got_path, want_path};
    for (int i = 0; i < 2; i++) {
        uint8_t *bytes;
        size_t n;
        gf_npy_array a;
        graft_error err = {0};
        TRY(gf_file_read(path[i], 1 << 20, &bytes, &n, &err));
        TRY(gf_npy_parse(bytes, n, path[i], "", &a, &err));
        assert_int_equal(gf_count(&a.shape), IMAGES * GOLDEN_CLASSES);
        gf_npy_values(bytes, &a, value[i]);
        gf_free(bytes);
    }
    double d = distance(value[0], value[1], IMAGES * GOLDEN_CLASSES);
    if (!(d <= tolerance)) fail_msg("%s: off by %g", want_path, d);
    if (bits) assert_memory_equal(value[0], value[1], sizeof value[0]);
}

static void it_predicts_as_it_did(const row *r)
{
    bool int8 = !strncmp(r->model, "int8", 4);
    double p[IMAGES][GOLDEN_CLASSES], want[GOLDEN_CLASSES];
    char path[PATH], logits[PATH + 16];
    in_runs(r->model, path);
    predict(path, p);
    for (int i = 0; i < IMAGES; i++) {
        expected_row(r->model, i, want);
        for (int c = 0; c < GOLDEN_CLASSES; c++) {
            near(p[i][c], want[c], r->bits ? 0 : int8 ? 0.05 : 1e-4, r->model);
        }
    }
    snprintf(logits, sizeof logits, "%s.logits.npy", path);
    write_logits(path, "logits.npy");
    compare_logits("logits.npy", logits, int8 ? 0.05 : 1e-4, r->bits); /* an int8 run's logits are in bf16 */
}

/* ---- setting up */

static int find_machine(void)
{
    gf_ops *ops;
    char line[256] = "", want[256];
    if (gf_ops_create(&ops, NULL, NULL)) return -1;
    snprintf(machine, sizeof machine, "%s", gf_ops_machine(ops));
    gf_ops_destroy(ops);
    record_to = getenv("GRAFT_RECORD_RUNS");
    if (record_to && !*record_to) record_to = NULL;
    FILE *f = fopen(RUNS "/expected.txt", "r");
    snprintf(want, sizeof want, "machine %s\n", machine);
    while (f && fgets(line, sizeof line, f) && strncmp(line, "machine ", 8)) continue;
    if (f) fclose(f);
    same_machine = !strcmp(line, want);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/graft-test-XXXXXX");
    setenv("XDG_CACHE_HOME", "/dev/null", 1); /* nothing is kept from run to run */
    if (!mkdtemp(root) || chdir(root)) return -1;
    golden_data("data", 44, 40);
    shell("cp '%s' %s", OWN_NETWORK, "own.json");
    for (int i = 0; i < IMAGES; i++) { /* of the networks' size: nothing is resized, and nothing rounded */
        char path[PATH];
        golden_image(image_name(i, path), SIZE, SIZE, i % GOLDEN_CLASSES, 5000 + (uint64_t)i);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tiny_data_remove(root);
    return 0;
}

static void record_all(void **state)
{
    (void)state;
    pinned = gf_strdup("");
    for (int i = 0; i < N_OF_0_1; i++) record_run(&runs[i]);
    record_expected();
    gf_free(pinned);
}

static const row rows[] = {
    {"goes-on-stopped_1", it_goes_on, &runs[1]},
    {"goes-on-stopped_2", it_goes_on, &runs[2]},
    {"goes-on-int8_stopped_1", it_goes_on, &runs[4]},
    {"goes-on-int8_stopped_2", it_goes_on, &runs[5]},
    {"goes-on-one_state", it_goes_on, &runs[6]},
    {"bits-of-stopped_1", it_goes_on, &runs[1], .bits = true},
    {"bits-of-stopped_2", it_goes_on, &runs[2], .bits = true},
    {"bits-of-int8_stopped_1", it_goes_on, &runs[4], .bits = true},
    {"bits-of-int8_stopped_2", it_goes_on, &runs[5], .bits = true},
    {"bits-of-one_state", it_goes_on, &runs[6], .bits = true},
    {"refuses-other-pictures", other_images_are_refused, &runs[1]},
    {"gives-its-result-again", it_gives_its_result_again, &runs[0]},
    {"evaluates-finished", it_evaluates_as_it_did, &runs[0]},
    {"evaluates-int8_finished", it_evaluates_as_it_did, &runs[3]},
    {"bits-evaluated-finished", it_evaluates_as_it_did, &runs[0], .bits = true},
    {"bits-evaluated-int8_finished", it_evaluates_as_it_did, &runs[3], .bits = true},
    {"exports-finished", it_is_exported, &runs[0]},
    {"exports-int8_finished", it_is_exported, &runs[3]},
    {"predicts-finished", it_predicts_as_it_did, .model = "finished"},
    {"predicts-int8_finished", it_predicts_as_it_did, .model = "int8_finished"},
    {"predicts-mobilenet_v2", it_predicts_as_it_did, .model = "mobilenet_v2.safetensors"},
    {"bits-predicted-finished", it_predicts_as_it_did, .model = "finished", .bits = true},
    {"bits-predicted-int8_finished", it_predicts_as_it_did, .model = "int8_finished", .bits = true},
    {"bits-predicted-mobilenet_v2", it_predicts_as_it_did, .model = "mobilenet_v2.safetensors", .bits = true},
};
enum { ROWS = sizeof rows / sizeof *rows };

static const char *other_processor(void)
{
    static char why[sizeof machine + 64];
    snprintf(why, sizeof why, "the runs of 0.1 are of another than %s", machine);
    return same_machine ? NULL : why;
}

static void test(void **state)
{
    const row *r = *state;
    bool int8 = r->run == it_goes_on && !is_f32(r->golden);
    const char *need[] = {"bf16", "int8", "processor"};
    const char *why[] = {int8 ? needs_lacking("bf16") : NULL, int8 ? needs_lacking("int8") : NULL,
                         r->bits ? other_processor() : NULL};
    needs_each_or_skip(need, why, 3, r->test);
    r->run(r);
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[ROWS];
    for (int i = 0; i < ROWS; i++) {
        tests[i] = (struct CMUnitTest){rows[i].test, test, NULL, NULL, (void *)&rows[i]};
        if (argc == 2 && !strcmp(argv[1], "--tests")) puts(rows[i].test);
    }
    if (argc == 2 && !strcmp(argv[1], "--tests")) return 0;
    if (find_machine()) return 1;
    if (argc == 3 && !strcmp(argv[1], "--lacking")) {
        if (other_processor()) puts(other_processor());
        return 0;
    }
    const struct CMUnitTest record[] = {cmocka_unit_test(record_all)};
    if (record_to) return cmocka_run_group_tests(record, set_up, tear_down);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
