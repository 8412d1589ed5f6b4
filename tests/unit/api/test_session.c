/* A session: an image has the logits that prediction and evaluation give it, bit for bit, whichever way it comes, from
 * any number of threads at once; what a caller may get wrong is told. Run under ThreadSanitizer, too (label tsan). */
#include "sessions.h"
#include "support/needs.h"
#include "tasks/task.h"
#include "tensor/feed.h"

#include <math.h>
#include <pthread.h>

/* ---- one image, one answer */

/* What an evaluation of a set of this image alone says, which is its loss. */
static double evaluated(graft_model *m, const char *path, const char *label)
{
    char csv[160], text[512];
    graft_result *r;
    snprintf(csv, sizeof csv, "%s/one.csv", root);
    int n = snprintf(text, sizeof text, "path,label\n%s,%s\n", path, label);
    OK(gf_file_write(csv, &(gf_bytes){text, (size_t)n}, 1, why));
    OK(graft_evaluate(m, csv, NULL, &r, why));
    double loss = graft_result_number(r, "loss");
    graft_result_free(r);
    return loss;
}

/* All images, by a prediction of all at once, by sessions one by one and in batches, and as many by evaluations. */
static void one_answer(graft_model *m, const char *const *paths, size_t n_paths, size_t evaluations)
{
    graft_session *s = open_session(m, NULL, NULL);
    graft_result *r;
    OK(graft_predict(m, paths, n_paths, 2, &r, why));
    size_t n = graft_result_predictions(r), outputs = graft_session_values(s, "logits");
    assert_true(n >= 8);
    assert_int_equal(outputs, 1);
    gf_task task;
    OK(gf_task_open(&task, &(gf_task_options){.classes = 2}, why));
    photo *photos = calloc(n, sizeof *photos);
    graft_image *images[2] = {calloc(n, sizeof(graft_image)), calloc(n, sizeof(graft_image))};
    float *logits[3], *p[3];
    for (int k = 0; k < 3; k++) logits[k] = calloc(n, sizeof(float)), p[k] = calloc(2 * n, sizeof(float));
    for (size_t i = 0; i < n; i++) {
        snprintf(photos[i].path, sizeof photos[i].path, "%s", graft_result_prediction(r, i).path);
        read_photo(&photos[i]);
        images[0][i] = encoded(&photos[i]);
        images[1][i] = pixels(&photos[i]);
        const graft_output alone[] = {output("logits", logits[2] + i, 1), output("probabilities", p[2] + 2 * i, 2)};
        OK(graft_session_run(s, &images[i % 2][i], 1, alone, 2, NULL, why));
    }
    for (int k = 0; k < 2; k++) {
        const graft_output all[] = {output("probabilities", p[k], 2), output("logits", logits[k], 1)};
        OK(graft_session_run(s, images[k], n, all, 2, NULL, why));
    }
    for (int k = 1; k < 3; k++) {
        assert_memory_equal(logits[k], logits[0], n * sizeof(float));
        assert_memory_equal(p[k], p[0], 2 * n * sizeof(float));
    }
    for (size_t i = 0; i < n; i++) {
        const graft_prediction told = graft_result_prediction(r, i);
        int top = !strcmp(told.label, graft_session_class_name(s, 1));
        assert_string_equal(told.label, graft_session_class_name(s, top));
        assert_true(told.probability == (double)p[0][2 * i + (size_t)top]); /* a float in a double: the same bits */
        if (i >= evaluations) continue;
        float loss;
        int32_t predicted;
        const gf_class_target label = gf_target_of((uint32_t)top);
        task.cls->step(
            &task,
            &(gf_task_batch){
                .n = 1, .width = 1, .out = &logits[0][i], .target = &label, .loss = &loss, .predicted = &predicted});
        assert_true(evaluated(m, told.path, told.label) == (double)loss);
    }
    for (size_t i = 0; i < n; i++) free_photo(&photos[i]);
    for (int k = 0; k < 3; k++) free(logits[k]), free(p[k]);
    for (int k = 0; k < 2; k++) free(images[k]);
    free(photos);
    gf_task_close(&task);
    graft_result_free(r);
    graft_session_free(s);
}

static void one_answer_of(const char *precision)
{
    graft_context *c = open_context();
    graft_model *m = open_run(c, precision);
    const char *folder = data;
    one_answer(m, &folder, 1, IMAGES);
    graft_model_free(m);
    graft_context_free(c);
}

static void one_answer_in_f32(void **state)
{
    (void)state;
    one_answer_of("f32");
}

static void one_answer_in_bf16(void **state)
{
    (void)state;
    NEEDS("bf16");
    one_answer_of("bf16");
}

static void one_answer_in_int8(void **state)
{
    (void)state;
    NEEDS("int8");
    one_answer_of("int8");
}

static void one_answer_for_photos(void **state)
{
    (void)state;
    NEEDS("data:cats_dogs");
    char from[512], to[96];
    const char *folder = to;
    gf_names files;
    needs_data("cats_dogs/train/cats", from, sizeof from);
    snprintf(to, sizeof to, "%s/photos", root);
    OK(gf_make_dirs(to, why));
    OK(gf_dir_list(from, &files, why));
    assert_true(files.n >= IMAGES);
    for (size_t i = 0; i < IMAGES; i++) {
        uint8_t *bytes;
        size_t n;
        char *source = gf_path_join(from, files.item[i]), *copy = gf_path_join(to, files.item[i]);
        OK(gf_file_read(source, 1 << 24, &bytes, &n, why));
        OK(gf_file_write(copy, &(gf_bytes){bytes, n}, 1, why));
        gf_free(bytes);
        gf_free(source);
        gf_free(copy);
    }
    gf_names_free(&files);
    graft_context *c = open_context();
    graft_model *m = open_run(c, "f32");
    one_answer(m, &folder, 1, 10);
    graft_model_free(m);
    graft_context_free(c);
}

/* ---- threads */

enum { THREADS = 4, ROUNDS = 6, MOST = 9 };

typedef struct user {
    graft_session *s;
    const photo *photos;
    const float *want; /* of each photo */
    unsigned number, wrong;
} user;

/* Calls of 1 to MOST images, in an order of its own. */
static void *use(void *ctx)
{
    user *u = ctx;
    for (unsigned round = 0; round < ROUNDS * MOST; round++) {
        graft_image images[MOST];
        float got[MOST];
        unsigned n = 1 + (round + u->number) % MOST, at = round * (7 + u->number);
        for (unsigned i = 0; i < n; i++) {
            const photo *p = &u->photos[(at + i) % MOST];
            images[i] = (i + round) % 2 ? encoded(p) : pixels(p);
        }
        const graft_output out = output("logits", got, 1);
        u->wrong += graft_session_run(u->s, images, n, &out, 1, NULL, NULL) != GRAFT_OK;
        for (unsigned i = 0; i < n; i++) u->wrong += memcmp(&got[i], &u->want[(at + i) % MOST], sizeof *got) != 0;
    }
    return NULL;
}

static void threads_share_a_session(void **state)
{
    (void)state;
    graft_context *c = open_context();
    graft_model *m = open_run(c, "f32");
    graft_session *s = open_session(m, "session.threads", "3");
    photo photos[MOST];
    float want[MOST];
    read_photos(photos, MOST);
    for (int i = 0; i < MOST; i++) {
        const graft_image image = encoded(&photos[i]);
        const graft_output out = output("logits", &want[i], 1);
        OK(graft_session_run(s, &image, 1, &out, 1, NULL, why));
    }
    graft_model_free(m); /* neither is needed any more */
    graft_context_free(c);
    user users[THREADS];
    pthread_t thread[THREADS];
    for (unsigned k = 0; k < THREADS; k++) {
        users[k] = (user){s, photos, want, k, 0};
        assert_int_equal(pthread_create(&thread[k], NULL, use, &users[k]), 0);
    }
    for (int k = 0; k < THREADS; k++) {
        pthread_join(thread[k], NULL);
        assert_int_equal(users[k].wrong, 0);
    }
    for (int i = 0; i < MOST; i++) free_photo(&photos[i]);
    graft_session_free(s);
}

static void *run_until_closed(void *ctx)
{
    user *u = ctx;
    float got;
    graft_error err = {0};
    const graft_image image = encoded(u->photos);
    const graft_output out = output("logits", &got, 1);
    while (graft_session_run(u->s, &image, 1, &out, 1, NULL, &err) == GRAFT_OK) u->number++;
    u->wrong = err.number != 3402 || memcmp(&got, u->want, sizeof got) != 0;
    return NULL;
}

/* Runs under way end as ever; later ones are refused. */
static void closing_waits(void **state)
{
    (void)state;
    graft_context *c = open_context();
    graft_model *m = open_run(c, "f32");
    graft_session *s = open_session(m, NULL, NULL);
    photo one;
    float want;
    read_photos(&one, 1);
    const graft_image image = encoded(&one);
    const graft_output out = output("logits", &want, 1);
    OK(graft_session_run(s, &image, 1, &out, 1, NULL, why));
    user users[THREADS];
    pthread_t thread[THREADS];
    for (unsigned k = 0; k < THREADS; k++) {
        users[k] = (user){s, &one, &want, 0, 0};
        assert_int_equal(pthread_create(&thread[k], NULL, run_until_closed, &users[k]), 0);
    }
    for (int i = 0; i < 20; i++) OK(graft_session_run(s, &image, 1, &out, 1, NULL, why));
    graft_session_close(s);
    graft_session_close(s);
    for (int k = 0; k < THREADS; k++) {
        pthread_join(thread[k], NULL);
        assert_int_equal(users[k].wrong, 0);
    }
    free_photo(&one);
    graft_session_free(s);
    graft_model_free(m);
    graft_context_free(c);
}

/* ---- outputs */

static void outputs_are_told_and_given(void **state)
{
    (void)state;
    graft_context *c = open_context();
    graft_model *m = open_run(c, "f32");
    graft_session *s = open_session(m, "session.layer", "block_3_expand_relu");
    int w, h;
    graft_session_size(s, &w, &h);
    assert_int_equal(w, 32);
    assert_int_equal(h, 32);
    assert_int_equal(graft_session_classes(s), 2);
    assert_int_equal(graft_model_classes(m), 2);
    assert_string_equal(graft_session_class_name(s, 0), "blue");
    assert_string_equal(graft_model_class_name(m, 1), "red");
    assert_null(graft_session_class_name(s, 2));
    assert_null(graft_session_class_name(s, -1));
    assert_null(graft_model_class_name(m, 2));
    size_t features = graft_session_values(s, "features"), map = graft_session_values(s, "block_3_expand_relu");
    assert_int_equal(features, 1280);
    assert_true(map > 0 && map % 64 == 0); /* 8 x 8 positions */
    assert_int_equal(graft_session_values(s, "nothing"), 0);
    photo one;
    read_photos(&one, 1);
    const graft_image images[] = {encoded(&one), pixels(&one), encoded(&one)};
    float *f = calloc(3 * features, sizeof *f), *l = calloc(3 * map, sizeof *l), p[6];
    const graft_output out[] = {output("features", f, features), output("block_3_expand_relu", l, map),
                                output("probabilities", p, 2)};
    OK(graft_session_run(s, images, 3, out, 3, NULL, why));
    double sum = 0;
    for (size_t i = 0; i < map; i++) sum += (double)l[i];
    assert_true(sum > 0);
    for (int k = 1; k < 3; k++) {
        assert_memory_equal(f, f + k * features, features * sizeof *f);
        assert_memory_equal(l, l + k * map, map * sizeof *l);
        assert_memory_equal(p, p + 2 * k, 2 * sizeof *p);
    }
    assert_true(fabs((double)p[0] + (double)p[1] - 1) <= 1e-6);
    /* the head is what stands on the features: the logit that they give is the session's */
    float logit;
    const graft_output last = output("logits", &logit, 1);
    OK(graft_session_run(s, images, 1, &last, 1, NULL, why));
    assert_true(fabs((double)p[1] - 1 / (1 + exp(-(double)logit))) <= 1e-6);
    free(f);
    free(l);
    free_photo(&one);
    graft_session_free(s);
    graft_model_free(m);
    graft_context_free(c);
}

static void a_model_without_a_classifier_has_features(void **state)
{
    (void)state;
    graft_context *c = open_context();
    graft_model_options o;
    graft_model *m;
    graft_session *s;
    graft_model_defaults(&o);
    o.alpha = 0.35;
    o.width = o.height = 32;
    o.precision = "f32";
    OK(graft_model_open(c, &o, &m, why));
    OK(graft_session_open(m, NULL, &s, why));
    assert_int_equal(graft_session_values(s, "features"), 1280);
    assert_int_equal(graft_session_values(s, "logits"), 0);
    assert_int_equal(graft_session_values(s, "probabilities"), 0);
    assert_int_equal(graft_session_classes(s), 0);
    assert_int_equal(graft_model_classes(m), 0);
    float *f = calloc(1280, sizeof *f), none;
    photo one;
    graft_error err = {0};
    read_photos(&one, 1);
    const graft_image image = encoded(&one);
    const graft_output out = output("features", f, 1280), logits = output("logits", &none, 1);
    OK(graft_session_run(s, &image, 1, &out, 1, NULL, why));
    double sum = 0;
    for (int i = 0; i < 1280; i++) sum += fabs((double)f[i]);
    assert_true(sum > 0);
    assert_int_equal(graft_session_run(s, &image, 1, &logits, 1, NULL, &err), GRAFT_USAGE);
    assert_int_equal(err.number, 3404);
    free(f);
    free_photo(&one);
    graft_session_free(s);
    graft_model_free(m);
    graft_context_free(c);
}

/* A session stays what it was when the model goes on being trained. */
static void a_session_is_the_model_as_it_was(void **state)
{
    (void)state;
    graft_context *c = open_context();
    graft_model *m = open_run(c, "f32");
    graft_session *s = open_session(m, NULL, NULL);
    photo one;
    float before, after;
    graft_result *r[2];
    graft_data *d;
    graft_data_options options;
    graft_train_options train;
    const char *path = one.path;
    read_photos(&one, 1);
    const graft_image image = encoded(&one);
    const graft_output out[] = {output("logits", &before, 1), output("logits", &after, 1)};
    OK(graft_session_run(s, &image, 1, &out[0], 1, NULL, why));
    OK(graft_predict(m, &path, 1, 1, &r[0], why));
    graft_data_defaults(&options);
    options.width = options.height = 32;
    OK(graft_data_open(c, data, &options, &d, why));
    graft_train_defaults(&train);
    char next[160];
    snprintf(next, sizeof next, "%s/next", root);
    train.out = next;
    train.epochs = 1;
    train.fine_tune_epochs = 0;
    train.lr = 0.5;
    train.report = 0;
    graft_result *trained;
    OK(graft_train(m, d, &train, &trained, why));
    OK(graft_session_run(s, &image, 1, &out[1], 1, NULL, why));
    OK(graft_predict(m, &path, 1, 1, &r[1], why));
    assert_memory_equal(&before, &after, sizeof before);
    assert_true(graft_result_prediction(r[0], 0).probability != graft_result_prediction(r[1], 0).probability);
    for (int k = 0; k < 2; k++) graft_result_free(r[k]);
    graft_result_free(trained);
    graft_data_free(d);
    free_photo(&one);
    graft_session_free(s);
    graft_model_free(m);
    graft_context_free(c);
}

static void the_library_tells_its_version(void **state)
{
    (void)state;
    assert_string_equal(graft_version(), GRAFT_VERSION);
    assert_int_equal(graft_abi(), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_answer_in_f32),
        cmocka_unit_test(one_answer_in_bf16),
        cmocka_unit_test(one_answer_in_int8),
        cmocka_unit_test(one_answer_for_photos),
        cmocka_unit_test(threads_share_a_session),
        cmocka_unit_test(closing_waits),
        cmocka_unit_test(outputs_are_told_and_given),
        cmocka_unit_test(a_model_without_a_classifier_has_features),
        cmocka_unit_test(a_session_is_the_model_as_it_was),
        cmocka_unit_test(the_library_tells_its_version),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
