/* The bits of 0.1: tensors and histories of 24 small runs, held to what commit 3a2f211 made of them. Four networks,
 * f32, bf16 and int8, both phases, as the images are and changed at random. Bits belong to a processor, its
 * instruction set and oneDNN's version (gf_ops_machine), so each such machine has a record of its own in
 * tests/fixtures/digests/0.1, with the choices that were timed while it was made: these are kept here, too. Without a
 * record nothing is run, and the tests are skipped by name; tools/record_golden.sh makes one, by building that commit
 * with this file in it. */
#include "support/golden_data.h"
#include "support/needs.h"
#include "support/run_digest.h"
#include "support/tiny_data.h"

#include "api/internal.h"

#include <graft/graft.h>
#if __has_include(<graft/settings.h>) /* 0.1 had none */
#include <graft/settings.h>
#define HAS_SETTINGS 1
#endif
#include <stdlib.h>
#include <unistd.h>

#define RECORDS GRAFT_FIXTURES "/digests/0.1"
#define OWN_NETWORK GRAFT_FIXTURES "/digests/own.json"

typedef struct network {
    const char *name, *model;
    int size; /* 0: the file's own */
    double alpha;
    const char *fine_tune_at, *optimizer, *fine_tune_optimizer;
    int epochs; /* of each phase */
} network;

static const network networks[] = {
    {"own", "own.json", 0, 1, "wide", "adam", "sgd:momentum=0.9", 2},
    {"mobilenet_v2", "mobilenet_v2", 48, 0.35, "block_11_expand", "adam", "rmsprop", 2},
    {"resnet18", "resnet18", 48, 1, "layer3.1.conv1", "sgd", "adamw", 1},
    {"efficientnet_b0", "efficientnet_b0", 48, 1, "block6a_expand_conv", "rmsprop", "adam", 1},
};
static const char *const precisions[] = {"f32", "bf16", "int8"};
static const char *const changes[] = {"plain", "changed"};
enum { NETWORKS = sizeof networks / sizeof *networks, PRECISIONS = 3, CHANGES = 2 };
enum { RUNS = NETWORKS * PRECISIONS * CHANGES, NAME = 64 };

typedef struct test_case {
    const network *net;
    const char *precision, *change;
    char name[NAME];
} test_case;

static char root[64], machine[160], record_path[512];
static bool recording;
static char *record, *pinned; /* the record's text; its choices, a line each */
static FILE *out;             /* the new record */

/* ---- a record */

/* What stands behind `word ` at the beginning of one of the record's lines. */
static const char *find_line(const char *word)
{
    size_t n = strlen(word);
    for (const char *line = record; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (!strncmp(line, word, n) && line[n] == ' ') return line + n + 1;
    }
    return NULL;
}

static char *choices_of(const char *text)
{
    static const char word[] = "choice ";
    gf_text t = {0};
    gf_text_add(&t, "");
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        size_t n = strcspn(line, "\n");
        if (!strncmp(line, word, strlen(word))) {
            gf_text_printf(&t, "%.*s\n", (int)(n - strlen(word)), line + strlen(word));
        }
    }
    assert_false(t.failed);
    return t.s;
}

static void record_name(char path[512], const char *dir)
{
    int n = snprintf(path, 512, "%s/%s.txt", dir, machine);
    assert_true(n < 512);
    for (char *c = path + strlen(dir) + 1; *c; c++) *c = *c == ' ' ? '_' : *c;
}

/* ---- a run */

static void keep_int8(graft_model *m, graft_context *c)
{
    char key[GF_CHOICE_KEY], line[GF_CHOICE_KEY + 8];
    gf_api_choice_key(m, "frozen", key);
    snprintf(line, sizeof line, "%s=int8\n", key);
    gf_ops_add_choices(c->ops, line);
}

static void set_options(const test_case *t, const char *precision, graft_model_options *model, graft_data_options *data,
                        graft_train_options *train)
{
    bool changed = !strcmp(t->change, "changed");
    graft_model_defaults(model);
    model->model = t->net->model;
    model->width = model->height = t->net->size;
    model->alpha = t->net->alpha;
    model->precision = precision;
    model->fine_tune_at_name = t->net->fine_tune_at;
    model->seed = 11;
    graft_data_defaults(data);
    graft_train_defaults(train);
    train->out = t->name;
    train->batch = 8;
    train->epochs = train->fine_tune_epochs = t->net->epochs;
    train->lr = 1e-2;
    train->fine_tune_lr = 1e-3;
    train->optimizer = t->net->optimizer;
    train->fine_tune_optimizer = t->net->fine_tune_optimizer;
    train->augment = changed ? "flip,rotate=0.2" : "none";
    train->batch_norm = changed ? "batch" : "fixed";
    train->seed = 12;
    train->report = 0;
}

static void expect_frozen_in_int8(const char *run)
{
    char path[NAME + 16];
    uint8_t *text;
    size_t n;
    snprintf(path, sizeof path, "%s/config.json", run);
    assert_int_equal(gf_file_read(path, 1 << 20, &text, &n, NULL), GRAFT_OK);
    if (!strstr((char *)text, "\"frozen\": \"int8\"")) fail_msg("%s: the frozen part is not in int8", run);
    gf_free(text);
}

#define TRY(call) \
    if (call) fail_msg("%s: E%d %s", t->name, err.number, err.message)

/* The choices that are made must be those on record: others were timed, and another time may be another choice. */
static void expect_pinned(const test_case *t, const char *made)
{
    gf_text others = {0};
    for (const char *line = made; *line; line += line[0] == '\n') {
        size_t n = strcspn(line, "\n");
        const char *at = pinned;
        while (at && strncmp(at, line, n + 1)) at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL;
        if (!at) gf_text_printf(&others, "choice %.*s\n", (int)n, line);
        line += n;
    }
    if (others.s) fail_msg("%s: timed, not on record (add 0.1's way to %s):\n%s", t->name, record_path, others.s);
}

/* What 0.1 did where later versions do something else unless they are told. */
static void set_what_0_1_did(graft_context *c)
{
#ifdef HAS_SETTINGS
    graft_settings *s;
    assert_int_equal(graft_settings_new(&s, NULL), GRAFT_OK);
    for (size_t i = 0; graft_option_at(i); i++) {
        const graft_option *o = graft_option_at(i);
        if (o->before) assert_int_equal(graft_settings_set(s, o->name, o->before, NULL), GRAFT_OK);
    }
    assert_int_equal(graft_context_settings(c, s, NULL), GRAFT_OK);
    graft_settings_free(s);
#else
    (void)c;
#endif
}

/* Trains with the pinned choices; what was chosen beside them fails the test, or is pinned from now on. */
static void train(const test_case *t, const char *precision)
{
    graft_context_options options;
    graft_model_options model_options;
    graft_data_options data_options;
    graft_train_options train_options;
    graft_context *context;
    graft_model *model;
    graft_data *data;
    graft_result *result;
    graft_error err = {0};
    set_options(t, precision, &model_options, &data_options, &train_options);
    graft_context_defaults(&options);
    TRY(graft_context_open(&options, &context, &err));
    set_what_0_1_did(context);
    gf_ops_add_choices(context->ops, pinned);
    TRY(graft_model_open(context, &model_options, &model, &err));
    if (recording && !strcmp(t->precision, "int8")) keep_int8(model, context);
    graft_model_size(model, &data_options.width, &data_options.height);
    TRY(graft_data_open(context, "data", &data_options, &data, &err));
    TRY(graft_train(model, data, &train_options, &result, &err));
    if (!strcmp(t->precision, "int8")) expect_frozen_in_int8(t->name);
    char *made = gf_ops_choices_text(context->ops);
    assert_non_null(made);
    if (recording) {
        gf_free(pinned);
        pinned = made;
    } else {
        expect_pinned(t, made);
        gf_free(made);
    }
    graft_result_free(result);
    graft_data_free(data);
    graft_model_free(model);
    graft_context_free(context);
}

/* ---- tests */

static void remove_run(const char *run)
{
    char path[sizeof root + NAME + 1];
    snprintf(path, sizeof path, "%s/%s", root, run);
    tiny_data_remove(path);
}

static void compare(const test_case *t, const char *precision)
{
    char got[2 * 65 + 1];
    const char *want = find_line(t->name);
    if (!want) fail_msg("%s: the record has no such run", t->name);
    train(t, precision);
    run_digest d = run_digest_of(t->name);
    remove_run(t->name);
    snprintf(got, sizeof got, "%s %s", d.tensors, d.history);
    if (strncmp(want, got, strlen(got))) {
        fail_msg("%s (precision %s): tensors and history are\n%s, 0.1's were\n%.*s", t->name, precision, got,
                 (int)strcspn(want, "\n"), want);
    }
}

/* Why there is nothing to compare with; NULL: there is. */
static const char *no_record(void)
{
    static char why[sizeof machine + 64];
    snprintf(why, sizeof why, "none of %s; tools/record_golden.sh makes one", machine);
    return record || recording ? NULL : why;
}

/* Whether there is something to do: skips where there is not. */
static bool is_possible(const test_case *t, const char *name)
{
    const char *need[] = {t->precision, "record"};
    const char *why[] = {strcmp(t->precision, "f32") ? needs_lacking(t->precision) : NULL, no_record()};
    if (!recording) needs_each_or_skip(need, why, 2, name);
    return !why[0];
}

static void record_run(const test_case *t)
{
    train(t, strcmp(t->precision, "int8") ? t->precision : "auto"); /* 0.1 had no int8 by name */
    run_digest d = run_digest_of(t->name);
    remove_run(t->name);
    fprintf(out, "%s %s %s\n", t->name, d.tensors, d.history);
}

static void the_bits_are_those_of_0_1(void **state)
{
    const test_case *t = *state;
    bool possible = is_possible(t, t->name);
    if (possible && recording) record_run(t);
    if (possible && !recording) compare(t, t->precision);
}

#define AUTO "own-auto-plain"

/* auto, where what is on record says that int8 won, is what it was, too. */
static void so_are_those_of_auto(void **state)
{
    if (is_possible(*state, AUTO) && !recording) compare(*state, "auto");
}

/* ---- setting up */

static void copy_file(const char *from, const char *to)
{
    uint8_t *bytes;
    size_t n;
    if (gf_file_read(from, 1 << 20, &bytes, &n, NULL)) fail_msg("cannot read %s", from);
    assert_int_equal(gf_file_write(to, &(gf_bytes){bytes, n}, 1, NULL), GRAFT_OK);
    gf_free(bytes);
}

static void open_record(void)
{
    const char *dir = getenv("GRAFT_RECORD_DIGESTS");
    size_t n;
    recording = dir && *dir;
    record_name(record_path, recording ? dir : RECORDS);
    if (recording) {
        out = fopen(record_path, "w");
        if (!out) fail_msg("cannot write %s", record_path);
        fprintf(out, "# tensors and history of each run, by 3a2f211; tools/record_golden.sh\nmachine %s\n", machine);
        pinned = gf_strdup("");
    } else if (gf_is_file(record_path)) {
        assert_int_equal(gf_file_read(record_path, 1 << 20, (uint8_t **)&record, &n, NULL), GRAFT_OK);
        const char *line = find_line("machine");
        if (!line || strncmp(line, machine, strlen(machine))) fail_msg("%s is of another machine", record_path);
        pinned = choices_of(record);
    }
}

static int find_machine(void)
{
    gf_ops *ops;
    if (gf_ops_create(&ops, NULL, NULL)) return -1;
    snprintf(machine, sizeof machine, "%s", gf_ops_machine(ops));
    gf_ops_destroy(ops);
    open_record();
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    bool in_memory = !access("/dev/shm", W_OK); /* checkpoints wait for the disk, and there are many of them */
    snprintf(root, sizeof root, "%s/graft-test-XXXXXX", in_memory ? "/dev/shm" : "/tmp");
    setenv("XDG_CACHE_HOME", "/dev/null", 1);     /* nothing is kept from run to run */
    if (!mkdtemp(root) || chdir(root)) return -1; /* an own network's choices go by its path */
    golden_data("data", 44, 40);
    copy_file(OWN_NETWORK, "own.json");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (recording) {
        for (char *line = pinned; *line;) {
            size_t n = strcspn(line, "\n");
            fprintf(out, "choice %.*s\n", (int)n, line);
            line += n + (line[n] == '\n');
        }
        fclose(out);
    }
    gf_free(record);
    gf_free(pinned);
    tiny_data_remove(root);
    return 0;
}

static void make_case(test_case *t, int i)
{
    t->net = &networks[i / (PRECISIONS * CHANGES)];
    t->precision = precisions[i / CHANGES % PRECISIONS];
    t->change = changes[i % CHANGES];
    snprintf(t->name, sizeof t->name, "%s-%s-%s", t->net->name, t->precision, t->change);
}

int main(int argc, char **argv)
{
    static test_case cases[RUNS];
    struct CMUnitTest tests[RUNS + 1];
    for (int i = 0; i < RUNS; i++) {
        make_case(&cases[i], i);
        tests[i] = (struct CMUnitTest){cases[i].name, the_bits_are_those_of_0_1, NULL, NULL, &cases[i]};
    }
    tests[RUNS] = (struct CMUnitTest){AUTO, so_are_those_of_auto, NULL, NULL, &cases[(PRECISIONS - 1) * CHANGES]};
    if (argc == 2 && !strcmp(argv[1], "--tests")) {
        for (int i = 0; i <= RUNS; i++) puts(tests[i].name);
        return 0;
    }
    if (find_machine()) return 1;
    if (argc == 3 && !strcmp(argv[1], "--lacking")) {
        if (no_record()) puts(no_record());
        return 0;
    }
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
