/* Numbers as text, history.csv, the TensorBoard file, metrics.json: each read back by other means than it was written.
 */
#include "base/alloc.h"
#include "base/io.h"
#include "report/card.h"
#include "report/events.h"
#include "report/number.h"
#include "report/record.h"
#include "tasks/history.h"
#include "json/json.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/graft-test-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* A file of the folder as text; the caller frees. */
static char *text_of(const char *name, size_t *n)
{
    uint8_t *data;
    size_t size;
    assert_int_equal(gf_file_read(in_folder(name), 1 << 20, &data, &size, NULL), GRAFT_OK);
    if (n) *n = size;
    return (char *)data;
}

static const gf_history_row rows[] = {
    {1, 0, 1e-4, 12.25, 163.2653f, {{(float)1 / 3, 0.5f}, {0.1f, 0.75f}}},
    {2, 0, 1e-4, 11, 181.8f, {{INFINITY, 0.5f}, {NAN, NAN}}},
    {3, 1, 1e-5, 30, 66, {{1.17549435e-38f, 1}, {3.40282347e38f, -0.0}}},
};
static gf_metric_list metrics; /* loss, accuracy */
static const char *const phases[] = {"feature_extraction", "fine_tuning"};
static const gf_history history = {&metrics, (gf_history_row *)rows, 3, 3, phases, 2};

static void numbers_as_people_read_them(void **state)
{
    (void)state;
    assert_string_equal(GF_GENERAL(0.1f, 9), "0.100000001");
    assert_string_equal(GF_GENERAL(-NAN, 9), "nan");
    assert_string_equal(GF_FIXED(2.0 / 3, 3), "0.667");
    assert_string_equal(GF_FIXED(-0.0001, 2), "0.00");
    assert_string_equal(GF_FIXED(NAN, 2), "-");
    assert_string_equal(GF_PERCENT(0.9812, 1), "98.1 %");
    assert_string_equal(GF_PERCENT(NAN, 1), "-");
    assert_string_equal(GF_PROBABILITY(0.9812), "98.1 %");
    assert_string_equal(GF_PROBABILITY(0.99949), "99.9 %");
    assert_string_equal(GF_PROBABILITY(0.9995), "> 99.9 %");
    assert_string_equal(GF_PROBABILITY(1), "100.0 %");
    assert_string_equal(GF_PROBABILITY(NAN), "-");
    assert_string_equal(GF_COUNT(0), "0");
    assert_string_equal(GF_COUNT(999), "999");
    assert_string_equal(GF_COUNT(2257984), "2,257,984");
    assert_string_equal(GF_COUNT(18446744073709551615ull), "18,446,744,073,709,551,615");
    assert_string_equal(GF_DURATION(5.55), "5.5 s");
    assert_string_equal(GF_DURATION(341.2), "5 min 41 s");
    assert_string_equal(GF_DURATION(7260), "2 h 1 min");
    assert_string_equal(GF_DURATION(NAN), "-");
    double x;
    assert_true(gf_number_parse("1e-4,", 4, &x) && x == 1e-4);
    assert_true(gf_number_parse("nan", 3, &x) && isnan(x));
    assert_false(gf_number_parse("0,5", 3, &x));
    assert_false(gf_number_parse(" 1", 2, &x));
    assert_false(gf_number_parse("1 ", 2, &x));
    assert_false(gf_number_parse("", 0, &x));
}

static void check_ticks(double low, double high, double first, double last, double step, int decimals)
{
    gf_ticks t = gf_ticks_cover(low, high, 6);
    assert_true(fabs(t.first - first) < 1e-9 && fabs(gf_tick_last(&t) - last) < 1e-9 && fabs(t.step - step) < 1e-9);
    assert_int_equal(t.decimals, decimals);
}

static void ticks_stand_at_round_numbers(void **state)
{
    (void)state;
    check_ticks(0, 1, 0, 1, 0.2, 1);
    check_ticks(0.961, 0.998, 0.96, 1, 0.01, 2);
    check_ticks(0, 8.3, 0, 10, 2, 0);
    check_ticks(1, 20, 0, 20, 5, 0);
    check_ticks(0.5, 0.5, 0.2, 0.8, 0.1, 1);
    for (double high = 1e-30; high < 1e30; high *= 7.3) {
        gf_ticks t = gf_ticks_cover(0, high, 6);
        assert_true(t.n >= 2 && t.n <= 7 && gf_tick_last(&t) >= high * (1 - 1e-9));
    }
    gf_ticks t = gf_ticks_cover(NAN, INFINITY, 6);
    assert_true(t.first == 0 && t.n == 6);
}

static void history_is_written_to_the_last_digit(void **state)
{
    (void)state;
    assert_int_equal(gf_history_write(in_folder("h.csv"), &history, NULL), GRAFT_OK);
    char *text = text_of("h.csv", NULL);
    assert_string_equal(text, "epoch,phase,lr,loss,accuracy,val_loss,val_accuracy,seconds,images_per_second\n"
                              "1,feature_extraction,0.0001,0.333333343,0.5,0.100000001,0.75,12.25,163.265305\n"
                              "2,feature_extraction,0.0001,inf,0.5,nan,nan,11,181.800003\n"
                              "3,fine_tuning,1e-05,1.17549435e-38,1,3.40282347e+38,-0,30,66\n");
    gf_free(text);
}

/* Row by row while a run goes on: the bytes of the whole written at once. */
static void what_is_added_row_by_row_is_the_whole(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        graft_status (*write)(const char *path, const gf_history *h, graft_error *err);
        graft_status (*add)(const char *path, const gf_history *h, graft_error *err);
    } files[] = {{"grown.csv", gf_history_write, gf_history_append}, {"grown", gf_events_write, gf_events_append}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        gf_history part = history;
        size_t n, m;
        part.n = 0;
        assert_int_equal(files[i].write(in_folder(files[i].name), &part, NULL), GRAFT_OK);
        for (part.n = 1; part.n <= history.n; part.n++) {
            assert_int_equal(files[i].add(in_folder(files[i].name), &part, NULL), GRAFT_OK);
        }
        char *grown = text_of(files[i].name, &n);
        assert_int_equal(files[i].write(in_folder("whole"), &history, NULL), GRAFT_OK);
        char *whole = text_of("whole", &m);
        assert_int_equal(n, m);
        assert_memory_equal(grown, whole, n);
        gf_free(grown);
        gf_free(whole);
    }
}

static void rows_of_a_checkpoint(void **state)
{
    (void)state;
    static const char now[] = "epoch,phase,lr,loss,accuracy,val_loss,val_accuracy,seconds,images_per_second";
    gf_history h = {&metrics, NULL, 0, 0};
    graft_error err = {0};
    char *names = gf_history_columns(&metrics);
    size_t bytes;
    double *kept = gf_history_rows(&history, &bytes);
    assert_string_equal(names, now); /* a change of it keeps reading what came before */
    assert_int_equal(bytes, 3 * 8 * sizeof(double));
    for (size_t r = 0; r < 3; r++) { /* epoch and phase, then the columns in their order */
        assert_true(kept[8 * r + 1] == rows[r].lr && !memcmp(kept + 8 * r, rows + r, sizeof(double)));
        assert_memory_equal(kept + 8 * r + 2, rows[r].value[0], 2 * sizeof(double));
        assert_memory_equal(kept + 8 * r + 4, rows[r].value[1], 2 * sizeof(double));
        assert_true(kept[8 * r + 6] == rows[r].seconds && kept[8 * r + 7] == rows[r].images_per_second);
    }
    const char *columns[] = {names, NULL}; /* NULL: as graft 0.1 left them */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(gf_history_take(&h, columns[i], sizeof now - 1, kept, bytes, "c", &err), GRAFT_OK);
        assert_int_equal(h.n, 3);
        size_t again;
        void *same = gf_history_rows(&h, &again);
        assert_int_equal(again, bytes);
        assert_memory_equal(same, kept, bytes);
        gf_free(same);
        gf_history_free(&h);
        assert_ptr_equal(h.metrics, &metrics);
    }
    struct {
        int32_t epoch, phase;
        double seconds, loss;
    } few[] = {{1, 0, 2.5, 0.5}, {2, 1, 3.5, 0.25}};
    static const char two[] = "epoch,phase,seconds,loss"; /* fewer, in another order */
    assert_int_equal(gf_history_take(&h, two, sizeof two - 1, few, sizeof few, "c", &err), GRAFT_OK);
    assert_int_equal(h.n, 2);
    assert_true(h.row[1].epoch == 2 && h.row[1].phase == 1);
    assert_true(h.row[1].seconds == 3.5 && h.row[1].value[GF_ON_TRAINING][0] == 0.25 && isnan(h.row[1].lr));
    assert_true(isnan(h.row[1].value[GF_ON_VALIDATION][0]) && isnan(h.row[1].value[GF_ON_TRAINING][1]));
    gf_history_free(&h);
    static const char *const bad[] = {"epoch,phase,seconds,f1",
                                      "epoch,phase,loss,",
                                      "phase,epoch,seconds,loss",
                                      "",
                                      "epoch,phase,lr,lr,lr,lr,lr,lr,lr,lr",
                                      "epoch,phase,seconds"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        err = (graft_error){0};
        assert_int_equal(gf_history_take(&h, bad[i], strlen(bad[i]), few, sizeof few - (i == 5), "c.graft", &err),
                         GRAFT_WEIGHTS);
        assert_int_equal(err.number, GF_E_CHECKPOINT_SECTION);
        assert_non_null(strstr(err.message, "c.graft"));
        if (!i) assert_non_null(strstr(err.message, "\"f1\""));
        gf_history_free(&h);
    }
    assert_int_equal(gf_history_take(&h, NULL, 0, kept, bytes - 8, "c", &err), GRAFT_WEIGHTS);
    assert_int_equal(gf_history_take(&h, NULL, 0, NULL, 0, "c", &err), GRAFT_OK);
    gf_free(kept);
    gf_free(names);
}

static void a_column_can_be_looked_at(void **state)
{
    (void)state;
    gf_monitor m;
    graft_error err = {0};
    assert_int_equal(gf_monitor_parse(&m, &metrics, "val_accuracy", NULL), GRAFT_OK);
    assert_true(m.on == GF_ON_VALIDATION && m.metric == 1 && m.better == GF_BETTER_MAX);
    assert_true(gf_monitor_value(&m, &rows[0]) == 0.75);
    assert_true(gf_monitor_is_better(&m, 0.8, 0.75, 0.04) && !gf_monitor_is_better(&m, 0.8, 0.75, 0.06));
    assert_true(!gf_monitor_is_better(&m, 0.75, 0.75, 0) && gf_monitor_is_better(&m, 0.1, (double)NAN, 0));
    assert_false(gf_monitor_is_better(&m, (double)NAN, 0.1, 0) || gf_monitor_is_better(&m, (double)INFINITY, 0.1, 0));
    assert_int_equal(gf_monitor_parse(&m, &metrics, "loss", NULL), GRAFT_OK);
    assert_true(m.on == GF_ON_TRAINING && m.metric == 0 && m.better == GF_BETTER_MIN);
    assert_true(gf_monitor_is_better(&m, 0.5, 0.6, 0.05) && !gf_monitor_is_better(&m, 0.6, 0.5, 0));
    static const char *const bad[] = {"", "lr", "seconds", "val_", "val_f1", "Loss", "loss,"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(gf_monitor_parse(&m, &metrics, bad[i], &err), GRAFT_USAGE);
        assert_int_equal(err.number, GF_E_OPTION_VALUE);
        assert_string_equal(err.hint, "loss, accuracy, val_loss, val_accuracy");
    }
}

/* A locale with a decimal comma, made here (no system needs to have one): glibc's LC_NUMERIC file is a magic number,
 * a count, offsets, and the values decimal_point, thousands_sep, grouping, both again as wide characters, codeset. */
static bool use_decimal_comma(void)
{
    static const struct {
        uint32_t magic, n, offset[6];
        char point[4], thousands[4], grouping[4];
        uint32_t wide_point, wide_thousands;
        char codeset[8];
    } numeric = {0x20031115 ^ LC_NUMERIC, 6, {32, 36, 40, 44, 48, 52}, ",", ".", "\3\3", ',', '.', "UTF-8"};
    char dir[128], path[160];
    snprintf(dir, sizeof dir, "%s/de_XX.UTF-8", folder);
    mkdir(dir, 0777);
    snprintf(path, sizeof path, "%s/LC_NUMERIC", dir);
    if (gf_file_write(path, &(gf_bytes){&numeric, sizeof numeric}, 1, NULL) != GRAFT_OK) return false;
    setenv("LOCPATH", folder, 1);
    return setlocale(LC_NUMERIC, "de_XX.UTF-8") != NULL;
}

static void a_decimal_comma_changes_nothing(void **state)
{
    (void)state;
    assert_true(use_decimal_comma());
    char shown[16];
    snprintf(shown, sizeof shown, "%.1f", 1.5);
    assert_string_equal(shown, "1,5"); /* the locale is at work */
    numbers_as_people_read_them(NULL);
    history_is_written_to_the_last_digit(NULL);
    snprintf(shown, sizeof shown, "%.1f", 1.5);
    assert_string_equal(shown, "1,5"); /* and was left as it was */
    setlocale(LC_NUMERIC, "C");
}

/* --- the TensorBoard file, read by a second implementation of its format --- */

static uint64_t little(const uint8_t *p, int n)
{
    uint64_t x = 0;
    for (int i = n; i-- > 0;) x = x << 8 | p[i];
    return x;
}

/* CRC-32C bit by bit, and its mask. */
static uint32_t slow_masked_crc(const uint8_t *p, size_t n)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    crc = ~crc;
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static uint64_t varint(const uint8_t **p)
{
    uint64_t x = 0;
    for (int shift = 0;; shift += 7) {
        uint8_t b = *(*p)++;
        x |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80) return x;
    }
}

/* Appends "tag=value " for a Value message. */
static void read_value(const uint8_t *p, const uint8_t *end, char *out)
{
    assert_int_equal(*p++, 1 << 3 | 2);
    uint64_t n = varint(&p);
    sprintf(out + strlen(out), "%.*s=", (int)n, (const char *)p);
    p += n;
    assert_int_equal(*p++, 2 << 3 | 5);
    uint32_t bits = (uint32_t)little(p, 4);
    float x;
    memcpy(&x, &bits, 4);
    sprintf(out + strlen(out), "%.6g ", x);
    assert_ptr_equal(p + 4, end);
}

/* One Event as "@wall step version tag=value ...". */
static void read_event(const uint8_t *p, const uint8_t *end, char *out)
{
    out[0] = 0;
    while (p < end) {
        uint64_t key = varint(&p);
        if (key == (1 << 3 | 1)) {
            uint64_t bits = little(p, 8);
            double x;
            memcpy(&x, &bits, 8);
            sprintf(out + strlen(out), "@%g ", x);
            p += 8;
        } else if (key == (2 << 3 | 0)) {
            sprintf(out + strlen(out), "step %d ", (int)varint(&p));
        } else if (key == (3 << 3 | 2)) {
            uint64_t n = varint(&p);
            sprintf(out + strlen(out), "%.*s ", (int)n, (const char *)p);
            p += n;
        } else {
            assert_int_equal(key, 5 << 3 | 2);
            uint64_t n = varint(&p);
            for (const uint8_t *stop = p + n; p < stop;) {
                assert_int_equal(*p++, 1 << 3 | 2);
                uint64_t len = varint(&p);
                read_value(p, p + len, out);
                p += len;
            }
        }
    }
    assert_ptr_equal(p, end);
}

static void tensorboard_reads_the_events(void **state)
{
    (void)state;
    static const char *const wanted[] = {
        "@0 brain.Event:2 ",
        "@12.25 step 1 train/loss=0.333333 train/accuracy=0.5 validation/loss=0.1 validation/accuracy=0.75 "
        "learning_rate=0.0001 images_per_second=163.265 ",
        "@23.25 step 2 train/loss=inf train/accuracy=0.5 learning_rate=0.0001 images_per_second=181.8 ",
        "@53.25 step 3 train/loss=1.17549e-38 train/accuracy=1 validation/loss=3.40282e+38 validation/accuracy=-0 "
        "learning_rate=1e-05 images_per_second=66 ",
    };
    assert_int_equal(gf_events_write(in_folder(GF_EVENTS_NAME), &history, NULL), GRAFT_OK);
    size_t n;
    uint8_t *file = (uint8_t *)text_of(GF_EVENTS_NAME, &n), *p = file;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        assert_true(p + 12 <= file + n);
        uint64_t len = little(p, 8);
        assert_int_equal(little(p + 8, 4), slow_masked_crc(p, 8));
        assert_true(p + 16 + len <= file + n);
        assert_int_equal(little(p + 12 + len, 4), slow_masked_crc(p + 12, len));
        char said[1024];
        read_event(p + 12, p + 12 + len, said);
        assert_string_equal(said, wanted[i]);
        p += 16 + len;
    }
    assert_ptr_equal(p, file + n);
    gf_free(file);
}

static void a_row_of_nans_is_an_event_without_scalars(void **state)
{
    (void)state;
    gf_history_row row = {1, 1, NAN, NAN, NAN, {{NAN, NAN}, {NAN, NAN}}};
    gf_history h = {&metrics, &row, 1, 1, phases, 2};
    assert_int_equal(gf_events_write(in_folder("nan"), &h, NULL), GRAFT_OK);
    size_t n;
    uint8_t *file = (uint8_t *)text_of("nan", &n);
    uint64_t first = 16 + little(file, 8), second = 16 + little(file + first, 8);
    assert_int_equal(first + second, n);
    char said[128];
    read_event(file + first + 12, file + first + second - 4, said);
    assert_string_equal(said, "@0 step 1 ");
    gf_free(file);
}

/* --- metrics --- */

static const uint64_t confusion[9] = {8, 2, 0, 1, 9, 0, 0, 0, 0};

static void scores_of_a_class(void **state)
{
    (void)state;
    gf_class_score s = gf_class_score_of(confusion, 3, 0);
    assert_int_equal(s.images, 10);
    assert_int_equal(s.predicted, 9);
    assert_true(s.precision == 8.0 / 9 && s.recall == 0.8 && s.f1 == 16.0 / 19);
    s = gf_class_score_of(confusion, 3, 2);
    assert_true(s.images == 0 && isnan(s.precision) && isnan(s.recall) && isnan(s.f1));
}

static void metrics_json_reads_back(void **state)
{
    (void)state;
    const char *classes[] = {"cats", "d\"o\xffgs", "none"};
    gf_run_record r = {.model = "mobilenet_v2",
                       .classes = classes,
                       .n_classes = 3,
                       .history = &history,
                       .before = {&metrics, 100, {0.75, 0.5}, NULL},
                       .validation = {&metrics, 20, {NAN, 0.85}, confusion},
                       .best_epoch = 2,
                       .seconds = 12.5,
                       .peak_rss_mb = NAN};
    assert_int_equal(gf_record_write_json(in_folder("metrics.json"), &r, NULL), GRAFT_OK);
    size_t n;
    char *text = text_of("metrics.json", &n);
    gf_json *j;
    assert_int_equal(gf_json_parse(&j, text, n, "metrics.json", NULL), GRAFT_OK);
    assert_string_equal(gf_json_str(gf_json_get(j, "model"), ""), "mobilenet_v2");
    assert_string_equal(gf_json_str(gf_json_at(gf_json_get(j, "classes"), 1), ""), "d\"o\\xffgs");
    const gf_json *v = gf_json_get(j, "validation"), *before = gf_json_get(j, "before");
    assert_int_equal(gf_json_i64(gf_json_get(v, "images"), 0), 20);
    assert_true(gf_json_f64(gf_json_get(v, "accuracy"), 0) == 0.85);
    assert_true(gf_json_f64(gf_json_get(v, "loss"), -1) == -1); /* null */
    const gf_json *row = gf_json_at(gf_json_get(v, "confusion"), 1);
    assert_int_equal(gf_json_i64(gf_json_at(row, 0), -1), 1);
    assert_int_equal(gf_json_i64(gf_json_at(row, 1), -1), 9);
    assert_false(gf_json_is_array(gf_json_get(before, "confusion")));
    assert_false(gf_json_is_object(gf_json_get(j, "test")));
    assert_int_equal(gf_json_i64(gf_json_get(j, "best_epoch"), 0), 2);
    assert_int_equal(gf_json_i64(gf_json_get(j, "epochs"), 0), 3);
    assert_true(gf_json_f64(gf_json_get(j, "seconds"), 0) == 12.5);
    gf_json_free(j);
    gf_free(text);
    const char *name;
    assert_ptr_equal(gf_record_final(&r, &name), &r.validation);
    assert_string_equal(name, "validation");
    assert_string_equal(gf_record_class(&r, 0), "cats");
    assert_string_equal(gf_record_class(&r, 3), "unknown");
    assert_string_equal(gf_record_class(&r, -1), "unknown");
}

static void a_card_calls_samples_what_they_are(void **state)
{
    (void)state;
    static const struct {
        const char *noun, *makes, *pipeline, *says[4];
    } cases[] = {{"texts",
                  "A text classifier",
                  "text-classification",
                  {"pipeline_tag: text-classification\n", "# A text classifier of 3 classes\n",
                   "| set | texts | measure", "hold for texts like those"}},
                 {"images",
                  "An object detector",
                  "object-detection",
                  {"pipeline_tag: object-detection\n", "# An object detector of 3 classes\n", "| class | images |",
                   "hold for images like those"}},
                 {"colors",
                  "A color classifier",
                  NULL,
                  {"library_name: graft\n---\n", "# A color classifier", "fewer than 30 colors", "of none of these"}}};
    const char *classes[] = {"cats", "dogs", "none"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const gf_run_record r = {.model = "bert",
                                 .noun = cases[i].noun,
                                 .makes = cases[i].makes,
                                 .pipeline = cases[i].pipeline,
                                 .classes = classes,
                                 .n_classes = 3,
                                 .validation = {&metrics, 20, {0.5, 0.85}, confusion}};
        assert_int_equal(gf_card_write(in_folder("card.md"), &r, NULL), GRAFT_OK);
        size_t n;
        char *text = text_of("card.md", &n);
        for (size_t k = 0; k < 4; k++) {
            if (!strstr(text, cases[i].says[k])) fail_msg("no \"%s\" in\n%s", cases[i].says[k], text);
        }
        if (strcmp(cases[i].noun, "images")) assert_null(strstr(text, "image"));
        gf_free(text);
    }
}

static int make_folder(void **state)
{
    (void)state;
    bool ready = gf_metric_list_parse(&metrics, GF_OF_CLASSES, "loss,accuracy", NULL, NULL) == GRAFT_OK;
    return ready && mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static void times_are_read_as_people_write_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double seconds;
    } good[] = {{"10m", 600},   {"1h30m", 5400},     {"90s", 90}, {"90", 90},
                {"2.5h", 9000}, {"1d2h3m4s", 93784}, {"0.5", 0.5}};
    static const char *const bad[] = {"", "m", "10x", "1m2h", "1h30", "-1m", "0", "1m1m", "nan", "1h 30m", "inf"};
    double x;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (!gf_number_seconds(good[i].text, &x) || x != good[i].seconds) fail_msg("%s", good[i].text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (gf_number_seconds(bad[i], &x)) fail_msg("%s: %g", bad[i], x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_as_people_read_them),
        cmocka_unit_test(ticks_stand_at_round_numbers),
        cmocka_unit_test(history_is_written_to_the_last_digit),
        cmocka_unit_test(what_is_added_row_by_row_is_the_whole),
        cmocka_unit_test(rows_of_a_checkpoint),
        cmocka_unit_test(a_column_can_be_looked_at),
        cmocka_unit_test(a_decimal_comma_changes_nothing),
        cmocka_unit_test(tensorboard_reads_the_events),
        cmocka_unit_test(a_row_of_nans_is_an_event_without_scalars),
        cmocka_unit_test(scores_of_a_class),
        cmocka_unit_test(metrics_json_reads_back),
        cmocka_unit_test(a_card_calls_samples_what_they_are),
        cmocka_unit_test(times_are_read_as_people_write_them),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
