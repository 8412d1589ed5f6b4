/* Texts through the public calls: a head on a frozen encoder is trained on a table of texts, a stop at any step and
 * another number of threads change no bit, its run predicts, evaluates and gives features, and what does not belong
 * together is refused. */
#include "support/ok.h"
#include "support/own_dir.h"
#include "support/run_bytes.h"

#include <graft/graft.h>
#include <stdbool.h>

static const char encoder[] = GRAFT_FIXTURES "/text/bert";
static char table[128], vectors[128];

typedef struct stop {
    int left;
    bool begun;
} stop;

static graft_status stop_then(void *user)
{
    stop *s = user;
    return !s->begun || s->left-- > 0 ? GRAFT_OK : GRAFT_TERMINATED;
}

static void see(void *user, const graft_progress *p)
{
    if (p->stage == GRAFT_STAGE_TRAIN || p->stage == GRAFT_STAGE_EVALUATE) ((stop *)user)->begun = true;
}

/* Of words of those reviews, four numbers each. */
static int make_vectors(void)
{
    static const char *const words[] = {"a",
                                        "good",
                                        "bad",
                                        "great",
                                        "dull",
                                        "film",
                                        "fun",
                                        "cast",
                                        "\xe5\xa5\xbd\xe7\x9c\x8b",
                                        "\xe4\xb8\x8d",
                                        "\xe5\xa5\xbd"};
    enum { WORDS = sizeof words / sizeof *words };
    snprintf(vectors, sizeof vectors, "%s/words.vec", dir);
    FILE *f = fopen(vectors, "w");
    if (!f) return 1;
    fprintf(f, "%d 4\n", WORDS);
    for (int i = 0; i < WORDS; i++) fprintf(f, "%s %d %d %g %d\n", words[i], i, -i, 0.5 * i, 1);
    return fclose(f);
}

/* Reviews of a few words, whose first adjective is their label. */
static int make_table(void **state)
{
    static const char *const good[] = {"good", "great", "fun", "lively", "warm"};
    static const char *const bad[] = {"bad", "dull", "poor", "boring", "cold"};
    static const char *const end[] = {"film", "movie, and very long!", "story. i saw it", "cast",
                                      "plot but it is so short"};
    if (make_dir(state)) return 1;
    snprintf(table, sizeof table, "%s/reviews.tsv", dir);
    FILE *f = fopen(table, "w");
    if (!f) return 1;
    fputs("text\tlabel\n", f);
    for (int i = 0; i < 60; i++) {
        bool is_good = i % 2;
        fprintf(f, "a %s %s%.*s\t%s\n", (is_good ? good : bad)[i / 2 % 5], end[i / 10 % 5], i % 4 * 4,
                " !!!!!!!!!!!!!!!", is_good ? "yes" : "no");
    }
    return fclose(f) || make_vectors();
}

typedef struct texts_run {
    const char *weights, *out, *data;
    int threads, epochs, tuned;
    stop *stop;
    bool resume;
} texts_run;

static graft_status train_in(const texts_run *t, graft_context *c, graft_result **result)
{
    graft_model *model = NULL;
    graft_data *data = NULL;
    graft_model_options m;
    graft_data_options d;
    graft_train_options o;
    graft_model_defaults(&m);
    m.weights = t->weights ? t->weights : encoder;
    m.precision = "f32";
    if (t->tuned) m.fine_tune_at = 0;
    graft_data_defaults(&d);
    graft_train_defaults(&o);
    o.out = t->out;
    o.force = 1;
    o.batch = 8;
    o.lr = 0.05;
    o.epochs = t->epochs;
    o.fine_tune_epochs = t->tuned;
    o.fine_tune_lr = 3e-3;
    o.checkpoint_seconds = 0;
    o.report = 0;
    graft_status status = graft_model_open(c, &m, &model, &error);
    if (!status) graft_model_size(model, &d.width, &d.height);
    if (!status) status = graft_data_open(c, t->data ? t->data : table, &d, &data, &error);
    if (!status) status = graft_train(model, data, &o, result, &error);
    graft_data_free(data);
    graft_model_free(model);
    return status;
}

static graft_status train(const texts_run *t)
{
    graft_context_options options;
    graft_context *c;
    graft_result *result = NULL;
    graft_context_defaults(&options);
    options.threads = t->threads;
    if (t->stop) options.should_stop = stop_then, options.progress = see, options.user = t->stop;
    OK(graft_context_open(&options, &c, &error));
    graft_status status = t->resume ? graft_resume(c, t->out, NULL, &result, &error) : train_in(t, c, &result);
    graft_result_free(result);
    graft_context_free(c);
    return status;
}

static const char *in_dir(const char *name)
{
    static char path[4][160];
    static int at;
    at = (at + 1) % 4;
    snprintf(path[at], sizeof path[at], "%s/%s", dir, name);
    return path[at];
}

static void stops_and_threads_change_no_bit(const char *weights, int epochs, int tuned)
{
    char whole[160], other[160];
    snprintf(whole, sizeof whole, "%s", in_dir("whole"));
    snprintf(other, sizeof other, "%s", in_dir("other"));
    OK(train(&(texts_run){.weights = weights, .out = whole, .threads = 2, .epochs = epochs, .tuned = tuned}));
    OK(train(&(texts_run){.weights = weights, .out = other, .threads = 1, .epochs = epochs, .tuned = tuned}));
    run_bytes_equal(whole, other, "another number of threads");
    for (int left = 3; left < 60; left += 14) {
        stop s = {.left = left};
        texts_run t = {.weights = weights, .out = other, .threads = 2, .epochs = epochs, .tuned = tuned, .stop = &s};
        graft_status status = train(&t);
        if (status == GRAFT_OK) continue;
        assert_int_equal(status, GRAFT_TERMINATED);
        t.stop = NULL;
        t.resume = true;
        OK(train(&t));
        run_bytes_equal(whole, other, "a stop");
    }
}

static void a_head_on_a_frozen_encoder(void **state)
{
    (void)state;
    stops_and_threads_change_no_bit(encoder, 6, 0);
}

/* All of the network, which learns the words. */
static void fine_tuning(void **state)
{
    (void)state;
    stops_and_threads_change_no_bit(encoder, 1, 8);
}

static void a_run_labels_texts(void **state)
{
    (void)state;
    graft_context_options options;
    graft_context *c;
    graft_model *run;
    graft_result *result;
    graft_session *session;
    graft_context_defaults(&options);
    OK(graft_context_open(&options, &c, &error));
    OK(graft_run_open(c, in_dir("whole"), &run, &error));
    const char *const texts[] = {"a good film !!!", "a bad film"};
    OK(graft_predict(run, texts, 2, 2, &result, &error));
    assert_int_equal(graft_result_predictions(result), 2);
    assert_string_equal(graft_result_prediction(result, 0).label, "yes");
    assert_string_equal(graft_result_prediction(result, 1).label, "no");
    assert_string_equal(graft_result_prediction(result, 0).path, "a good film !!!");
    graft_result_free(result);
    const char *files[] = {table};
    OK(graft_predict(run, files, 1, 1, &result, &error));
    assert_int_equal(graft_result_predictions(result), 60);
    graft_result_free(result);
    OK(graft_evaluate(run, table, NULL, &result, &error));
    assert_true(graft_result_number(result, "images") == 60);
    assert_true(graft_result_number(result, "accuracy") > 0.9);
    graft_result_free(result);
    const char *npy = in_dir("f.npy");
    OK(graft_features(run, texts, 2, NULL, npy, &result, &error));
    graft_result_free(result);
    assert_int_equal(graft_session_open(run, NULL, &session, &error), GRAFT_USAGE);
    assert_non_null(strstr(error.message, "a session: it takes images, the model is of texts"));
    graft_model_free(run);
    graft_context_free(c);
}

/* Written as other tools have it, and opened like a run. */
static void a_run_goes_to_hugging_face_and_back(void **state)
{
    (void)state;
    graft_context_options options;
    graft_context *c;
    graft_model *run, *back;
    graft_result *result;
    graft_export_options o;
    const char *folder = in_dir("hf");
    graft_context_defaults(&options);
    graft_export_defaults(&o);
    o.to = "hf";
    OK(graft_context_open(&options, &c, &error));
    OK(graft_run_open(c, in_dir("whole"), &run, &error));
    OK(graft_export(run, folder, &o, &result, &error));
    assert_true(graft_result_number(result, "difference") <= 1e-5);
    assert_true(graft_result_number(result, "pictures") == 8);
    graft_result_free(result);
    assert_int_equal(graft_export(run, folder, &o, &result, &error), GRAFT_USAGE);
    OK(graft_run_open(c, folder, &back, &error));
    const char *const texts[] = {"a good film !!!", "a bad film"};
    OK(graft_predict(back, texts, 2, 2, &result, &error));
    assert_string_equal(graft_result_prediction(result, 0).label, "yes");
    assert_string_equal(graft_result_prediction(result, 1).label, "no");
    graft_result_free(result);
    OK(graft_evaluate(back, table, NULL, &result, &error));
    assert_true(graft_result_number(result, "accuracy") > 0.9);
    graft_result_free(result);
    graft_model_free(back);
    graft_model_free(run);
    graft_context_free(c);
}

static void count_lengths(void *user, graft_level level, const char *text)
{
    (void)level;
    *(int *)user += strstr(text, "texts of up to 24 pieces") != NULL;
}

/* It has no classifier to keep: its features are there, and what was decided is said once. */
static void an_encoder_alone_is_opened(void **state)
{
    (void)state;
    int said = 0;
    graft_context_options options;
    graft_context *c;
    graft_model *m;
    graft_result *result = NULL;
    const char *const text = "a good film";
    graft_context_defaults(&options);
    options.say = count_lengths;
    options.user = &said;
    OK(graft_context_open(&options, &c, &error));
    OK(graft_run_open(c, encoder, &m, &error));
    assert_int_equal(said, 1);
    assert_int_not_equal(graft_predict(m, &text, 1, 2, &result, &error), GRAFT_OK);
    assert_non_null(strstr(error.message, "it has no classes"));
    graft_model_free(m);
    graft_context_free(c);
}

static void what_does_not_belong_together_is_refused(void **state)
{
    (void)state;
    texts_run t = {.out = in_dir("refused"), .data = GRAFT_FIXTURES "/image", .threads = 1, .epochs = 1};
    assert_int_not_equal(train(&t), GRAFT_OK);
    char other[160];
    snprintf(other, sizeof other, "%s", in_dir("other.tsv"));
    FILE *f = fopen(other, "w");
    fputs("text\tlabel\ngood\tyes\nbad\tperhaps\n", f);
    fclose(f);
    graft_context_options options;
    graft_context *c;
    graft_model *run;
    graft_result *result;
    graft_context_defaults(&options);
    OK(graft_context_open(&options, &c, &error));
    OK(graft_run_open(c, in_dir("whole"), &run, &error));
    assert_int_equal(graft_evaluate(run, other, NULL, &result, &error), GRAFT_DATA);
    assert_non_null(strstr(error.message, "other.tsv:3: label perhaps is none of the model's classes"));
    graft_model_free(run);
    graft_context_free(c);
}

/* ---- word vectors */

static void the_mean_is(graft_context *c, const char *text, const float *want)
{
    graft_model_options m;
    graft_model *model;
    graft_result *result;
    const char *npy = in_dir("mean.npy");
    float got[4];
    graft_model_defaults(&m);
    m.model = vectors;
    m.head = "none";
    m.precision = "f32";
    OK(graft_model_open(c, &m, &model, &error));
    OK(graft_features(model, &text, 1, NULL, npy, &result, &error));
    graft_result_free(result);
    graft_model_free(model);
    FILE *f = fopen(npy, "r");
    assert_non_null(f);
    assert_int_equal(fseek(f, -(long)sizeof got, SEEK_END), 0);
    assert_int_equal(fread(got, sizeof *got, 4, f), 4);
    fclose(f);
    for (int i = 0; i < 4; i++) {
        if (got[i] != want[i]) fail_msg("%s: value %d is %g, wanted %g", text, i, (double)got[i], (double)want[i]);
    }
}

/* Unknown words are left out; Chinese is cut into words of the file, unless that is not wanted. */
static void a_text_is_the_mean_of_its_words(void **state)
{
    (void)state;
    static const char chinese[] = "\xe4\xb8\x8d\xe5\xa5\xbd\xe7\x9c\x8b";
    graft_context_options options;
    graft_context *c;
    graft_settings *s;
    graft_context_defaults(&options);
    OK(graft_context_open(&options, &c, &error));
    the_mean_is(c, "bad film whatever", (const float[]){3.5F, -3.5F, 1.75F, 1});
    the_mean_is(c, "whatever", (const float[]){0, 0, 0, 0});
    the_mean_is(c, " ", (const float[]){0, 0, 0, 0});
    the_mean_is(c, chinese, (const float[]){8.5F, -8.5F, 4.25F, 1});
    OK(graft_settings_new(&s, &error));
    OK(graft_settings_set(s, "data.segment", "char", &error));
    OK(graft_context_settings(c, s, &error));
    the_mean_is(c, chinese, (const float[]){9.5F, -9.5F, 4.75F, 1});
    OK(graft_settings_set(s, "data.segment", "none", &error));
    OK(graft_context_settings(c, s, &error));
    the_mean_is(c, chinese, (const float[]){0, 0, 0, 0});
    graft_settings_free(s);
    graft_context_free(c);
}

static void word_vectors_with_a_head(void **state)
{
    (void)state;
    stops_and_threads_change_no_bit(vectors, 6, 0);
}

static void word_vectors_that_train(void **state)
{
    (void)state;
    stops_and_threads_change_no_bit(vectors, 1, 8);
}

/* A run needs no file of vectors, and goes to ONNX. */
static void a_run_of_word_vectors(void **state)
{
    (void)state;
    graft_context_options options;
    graft_context *c;
    graft_model *run;
    graft_result *result;
    graft_export_options o;
    graft_context_defaults(&options);
    graft_export_defaults(&o);
    OK(graft_context_open(&options, &c, &error));
    remove(vectors);
    OK(graft_run_open(c, in_dir("whole"), &run, &error));
    const char *const texts[] = {"a great film", "whatever"};
    OK(graft_predict(run, texts, 2, 2, &result, &error));
    assert_string_equal(graft_result_prediction(result, 0).label, "yes");
    graft_result_free(result);
    OK(graft_export(run, in_dir("vectors.onnx"), &o, &result, &error));
    graft_result_free(result);
    o.to = "hf";
    assert_int_equal(graft_export(run, in_dir("vectors.hf"), &o, &result, &error), GRAFT_WEIGHTS);
    assert_non_null(strstr(error.message, "hf takes encoders of texts"));
    graft_model_free(run);
    graft_context_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_on_a_frozen_encoder),
        cmocka_unit_test(fine_tuning),
        cmocka_unit_test(a_run_labels_texts),
        cmocka_unit_test(a_run_goes_to_hugging_face_and_back),
        cmocka_unit_test(an_encoder_alone_is_opened),
        cmocka_unit_test(what_does_not_belong_together_is_refused),
        cmocka_unit_test(a_text_is_the_mean_of_its_words),
        cmocka_unit_test(word_vectors_with_a_head),
        cmocka_unit_test(word_vectors_that_train),
        cmocka_unit_test(a_run_of_word_vectors),
    };
    return cmocka_run_group_tests(tests, make_table, remove_dir);
}
