/* A program of a user of graft 0.1: every call of that version, and what each gave. Written against 0.1's header, and
 * compiled with that one and with today's; run with the library of that time and with today's. What it prints must be
 * the same each time. Structs are filled between guards: a library that thinks they are larger writes over these.
 * client FOLDER: a data set "data" and own.json are in it, and nothing else. */
#include <graft/graft.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failures;
static graft_context *context;

static void check(int ok, const char *what)
{
    if (ok) return;
    failures++;
    printf("FAILED %s\n", what);
}

static void must(graft_status status, const graft_error *err, const char *what)
{
    printf("%s: status %d\n", what, (int)status);
    if (status == GRAFT_OK) return;
    printf("E%d %s (%s)\n", err->number, err->message, err->hint);
    exit(1);
}

static void number(const graft_result *r, const char *path)
{
    printf("  %s %.6g\n", path, graft_result_number(r, path));
}

/* ---- structs between guards */

enum { GUARD = 512, MARK = 0xA5 };

static void untouched(const unsigned char *guard, const char *what)
{
    for (int i = 0; i < GUARD; i++) check(guard[i] == MARK, what);
}

#define GUARDED(type, name)          \
    struct {                         \
        unsigned char before[GUARD]; \
        type value;                  \
        unsigned char after[GUARD];  \
    } name;                          \
    memset(&name, MARK, sizeof(name))
#define STILL_GUARDED(name, what)       \
    do {                                \
        untouched((name).before, what); \
        untouched((name).after, what);  \
    } while (0)

static graft_context_options context_defaults(void)
{
    GUARDED(graft_context_options, o);
    graft_context_defaults(&o.value);
    STILL_GUARDED(o, "graft_context_defaults");
    check(o.value.threads == 0 && !o.value.say && !o.value.progress && !o.value.should_stop, "context defaults");
    return o.value;
}

static graft_model_options model_defaults(void)
{
    GUARDED(graft_model_options, o);
    graft_model_defaults(&o.value);
    STILL_GUARDED(o, "graft_model_defaults");
    check(!strcmp(o.value.model, "mobilenet_v2") && o.value.alpha == 1 && o.value.dropout == 0.2, "model defaults");
    check(!strcmp(o.value.precision, "auto") && o.value.fine_tune_at == -1 && o.value.fine_tune_last == -1 &&
              !o.value.allow_nonfinite,
          "model defaults");
    return o.value;
}

static graft_data_options data_defaults(void)
{
    GUARDED(graft_data_options, o);
    graft_data_defaults(&o.value);
    STILL_GUARDED(o, "graft_data_defaults");
    check(o.value.width == 160 && o.value.split[0] == 0.8 && o.value.batch == 32 && o.value.max_bad == 0.01 &&
              o.value.cache == GRAFT_CACHE_AUTO && !o.value.allow_empty_class,
          "data defaults");
    return o.value;
}

static graft_train_options train_defaults(void)
{
    GUARDED(graft_train_options, o);
    graft_train_defaults(&o.value);
    STILL_GUARDED(o, "graft_train_defaults");
    check(o.value.batch == 32 && o.value.epochs == 10 && o.value.lr == 1e-4 && !strcmp(o.value.optimizer, "adam") &&
              !strcmp(o.value.augment, "flip,rotate=0.2") && o.value.checkpoint_seconds == 60 && o.value.report == 1 &&
              !o.value.batch_norm,
          "train defaults");
    return o.value;
}

static graft_bench_options bench_defaults(void)
{
    GUARDED(graft_bench_options, o);
    graft_bench_defaults(&o.value);
    STILL_GUARDED(o, "graft_bench_defaults");
    check(o.value.batch == 32 && o.value.steps == 30, "bench defaults");
    return o.value;
}

/* ---- what a context's functions see */

typedef struct seen {
    int notes, epochs, asked;
    double loss;
} seen;

static void say(void *user, graft_level level, const char *text)
{
    seen *s = user;
    s->notes += (level == GRAFT_NOTE || level == GRAFT_WARNING) && text[0];
}

static void progress(void *user, const graft_progress *p)
{
    seen *s = user;
    if (p->stage != GRAFT_STAGE_EPOCH) return;
    s->epochs++;
    s->loss = p->val_loss;
    check(p->epoch == s->epochs && p->epochs == 2 && p->phase == s->epochs && p->done == p->total, "progress counts");
    check(p->loss > 0 && p->accuracy >= 0 && p->accuracy <= 1 && p->val_loss > 0 && p->val_accuracy >= 0 &&
              p->val_accuracy <= 1 && p->images_per_second > 0 && p->seconds > 0,
          "progress values");
}

static graft_status should_stop(void *user)
{
    ((seen *)user)->asked++;
    return GRAFT_OK;
}

/* ---- calls */

static graft_model *open_model(void)
{
    graft_error err = {0};
    graft_model *m;
    graft_model_options o = model_defaults();
    o.model = "own.json";
    o.precision = "f32";
    o.fine_tune_at_name = "wide";
    o.seed = 5;
    o.dropout = 0; /* with a frozen backbone 0.1 did none */
    must(graft_model_open(context, &o, &m, &err), &err, "graft_model_open");
    int width, height;
    graft_model_size(m, &width, &height);
    printf("  %d x %d\n", width, height);
    return m;
}

static graft_data *open_data(void)
{
    graft_error err = {0};
    graft_data *d;
    graft_data_options o = data_defaults();
    o.width = o.height = 32;
    o.batch = 8;
    must(graft_data_open(context, "data", &o, &d, &err), &err, "graft_data_open");
    printf("  %d classes: %s, %s\n", graft_data_classes(d), graft_data_class_name(d, 0), graft_data_class_name(d, 1));
    check(!graft_data_class_name(d, 2), "graft_data_class_name of no class");
    int64_t bad = -1;
    graft_result *r;
    must(graft_inspect(context, "data", &o, &r, &bad, &err), &err, "graft_inspect");
    printf("  %d bad\n", (int)bad);
    graft_result_free(r);
    return d;
}

static void train(graft_model *m, graft_data *d)
{
    GUARDED(graft_error, err);
    graft_result *r;
    graft_train_options o = train_defaults();
    o.epochs = o.fine_tune_epochs = 1;
    o.batch = 8;
    o.lr = 0.01;
    o.augment = "bend";
    o.out = "run";
    check(graft_train_check(&o, &err.value) == GRAFT_USAGE, "graft_train_check");
    STILL_GUARDED(err, "graft_error");
    printf("refused: E%d\n", err.value.number);
    check(err.value.status == GRAFT_USAGE && strstr(err.value.message, "bend"), "an error");
    o.augment = "flip";
    must(graft_train_check(&o, &err.value), &err.value, "graft_train_check");
    must(graft_train(m, d, &o, &r, &err.value), &err.value, "graft_train");
    STILL_GUARDED(err, "graft_error");
    number(r, "before.loss");
    number(r, "validation.loss");
    number(r, "epochs");
    check(isnan(graft_result_number(r, "nothing.here")), "a number that is not there");
    check(strstr(graft_result_json(r), "\"run\"") && graft_result_text(r)[0], "a result's texts");
    graft_result_free(r);
    must(graft_resume(context, "run", NULL, &r, &err.value), &err.value, "graft_resume");
    number(r, "validation.loss");
    graft_result_free(r);
    must(graft_summary(m, &r, &err.value), &err.value, "graft_summary");
    number(r, "total_params");
    number(r, "trainable_params");
    graft_result_free(r);
}

static void predict(graft_model *m)
{
    graft_error err = {0};
    graft_result *r;
    const char *paths[] = {"data/validation/bright/000.png", "data/validation/dark/000.png"};
    must(graft_predict(m, paths, 2, 2, &r, &err), &err, "graft_predict");
    for (size_t i = 0; i < graft_result_predictions(r); i++) {
        graft_prediction p = graft_result_prediction(r, i);
        printf("  %s: %s %.4f, %zu of %s %s%s\n", p.path, p.label, p.probability, p.n_top, p.top[0].label,
               p.top[1].label, p.error ? p.error : "");
        check(p.top[0].probability >= p.top[1].probability && p.top[0].probability == p.probability, "a prediction");
    }
    graft_result_free(r);
    must(graft_features(m, paths, 2, NULL, "features.npy", &r, &err), &err, "graft_features");
    graft_result_free(r);
    must(graft_evaluate(m, "data", "validation", &r, &err), &err, "graft_evaluate");
    number(r, "images");
    number(r, "loss");
    graft_result_free(r);
}

static void export_to(graft_model *m, const char *file, const char *to)
{
    graft_error err = {0};
    graft_result *r;
    const char *picture = "data/validation/dark/000.png";
    graft_export_options o = {.to = to, .pictures = &picture, .n_pictures = 1};
    must(graft_export(m, file, &o, &r, &err), &err, file);
    check(graft_result_number(r, "difference") <= 1e-4, "an export's difference");
    check(access(file, R_OK) == 0, "an export's file");
    graft_result_free(r);
}

static void catalogue(void)
{
    graft_error err = {0};
    graft_result *r;
    const char *names[] = {"mobilenet_v2"};
    must(graft_models(context, names, 1, 0, &r, &err), &err, "graft_models");
    check(strstr(graft_result_json(r), "\"mobilenet_v2\"") != NULL, "graft_models");
    graft_result_free(r);
    must(graft_fetch_list(context, &r, &err), &err, "graft_fetch_list");
    check(strstr(graft_result_json(r), "resnet50") != NULL, "graft_fetch_list");
    graft_result_free(r);
    graft_status status = graft_fetch(context, "no such weights", NULL, &r, &err);
    printf("graft_fetch: status %d E%d\n", (int)status, err.number);
    check(status != GRAFT_OK && !r, "graft_fetch");
}

static void bench(void)
{
    graft_error err = {0};
    graft_result *r;
    graft_model *m = open_model();
    graft_bench_options o = bench_defaults();
    o.batch = 2;
    o.steps = 1;
    must(graft_bench(m, &o, &r, &err), &err, "graft_bench");
    check(graft_result_number(r, "frozen_step_ms") > 0 && graft_result_number(r, "peak_gflops") > 0, "graft_bench");
    graft_result_free(r);
    graft_model_free(m);
}

int main(int argc, char **argv)
{
    seen s = {0};
    graft_error err = {0};
    graft_context_options o = context_defaults();
    if (argc != 2 || chdir(argv[1])) return 2;
    o.threads = 2;
    o.say = say;
    o.progress = progress;
    o.should_stop = should_stop;
    o.user = &s;
    must(graft_context_open(&o, &context, &err), &err, "graft_context_open");
    graft_model *m = open_model(), *again;
    graft_data *d = open_data();
    train(m, d);
    printf("%d epochs, loss %.6g\n", s.epochs, s.loss);
    check(s.asked > 2 && s.epochs == 2, "the context's functions");
    must(graft_run_open(context, "run", &again, &err), &err, "graft_run_open");
    predict(again);
    export_to(again, "run.keras", NULL);
    export_to(again, "run.onnx", "onnx");
    export_to(again, "run.safetensors", "safetensors");
    check(graft_run_open(context, "none", &again, &err) == GRAFT_USAGE && !again, "a run that is none");
    check(!strcmp(graft_status_text(GRAFT_OK), "done") && graft_status_text(GRAFT_TERMINATED)[0], "graft_status_text");
    catalogue();
    bench();
    graft_data_free(d);
    graft_model_free(m);
    graft_context_free(context);
    graft_model_free(NULL);
    graft_data_free(NULL);
    graft_result_free(NULL);
    graft_context_free(NULL);
    printf("%d failures\n", failures);
    return failures ? 1 : 0;
}
