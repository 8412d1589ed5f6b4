/* gf_weights_read over safetensors, over files that are none of weights, and the reply of a caged reader. */
#include "base/alloc.h"
#include "base/io.h"
#include "formats/cage_reply.h"
#include "formats/keras_config_file.h"
#include "formats/onnx.h"
#include "formats/safetensors.h"
#include "formats/stranger.h"
#include "formats/weights.h"
#include "formats/zip_write.h"
#include "support/calls.h"
#include "support/needs.h"
#include "support/one_file.h"
#include "unit/formats/tiny_want.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- safetensors with names LAYER/VAR ---- */

typedef struct stored {
    gf_tensor tensor[TINY_TENSORS + 1];
    float data[TINY_TENSORS][TINY_FLOATS];
    char name[TINY_TENSORS][40];
    size_t n;
} stored;

static void store_init(stored *s)
{
    tiny_want t;
    tiny_want_init(&t);
    s->n = TINY_TENSORS;
    for (int i = 0; i < TINY_TENSORS; i++) {
        snprintf(s->name[i], sizeof s->name[i], "%s/%s", t.want[i].layer, t.want[i].var);
        for (int j = 0; j < TINY_FLOATS; j++) s->data[i][j] = (float)i + (float)j / 64;
        s->tensor[i] = (gf_tensor){s->name[i], GF_F32, t.want[i].shape, s->data[i]};
    }
}

static graft_status read_stored(const stored *s, tiny_want *t, gf_weights_notes *notes, graft_error *err)
{
    tiny_want_init(t);
    *err = (graft_error){0};
    assert_int_equal(gf_safetensors_write(path, s->tensor, s->n, NULL, 0, NULL), GRAFT_OK);
    return gf_weights_read(path, t->want, TINY_TENSORS, NULL, notes, err);
}

static void expect(const stored *s, int number, const char *says)
{
    tiny_want t;
    graft_error err;
    assert_int_equal(read_stored(s, &t, NULL, &err), GRAFT_WEIGHTS);
    if (err.number != number || !strstr(err.message, says)) fail_msg("E%d: %s", err.number, err.message);
    assert_true(tiny_want_untouched(&t));
}

static void safetensors_are_read(void **state)
{
    (void)state;
    stored s;
    tiny_want t;
    graft_error err;
    gf_weights_notes notes = {0};
    store_init(&s);
    s.tensor[s.n++] = (gf_tensor){"head/kernel", GF_F32, GF_SHAPE(4, 2), s.data[0]};
    assert_int_equal(read_stored(&s, &t, &notes, &err), GRAFT_OK);
    assert_true(tiny_want_right(&t));
    assert_string_equal(notes.format, "safetensors");
    assert_int_equal(notes.left_out.n, 1);
    assert_string_equal(notes.left_out.item[0], "head/kernel (4, 2)");
    gf_weights_notes_free(&notes);
}

static void safetensors_that_do_not_fit_are_refused_in_full(void **state)
{
    (void)state;
    stored s;
    store_init(&s);
    s.n = 4;
    expect(&s, GF_E_WEIGHTS_MISSING, "of 6 tensors of the model 2 missing: no bn_Conv1/moving_variance (4,); no dw/");
    store_init(&s);
    s.tensor[5].shape = GF_SHAPE(4, 3, 3, 1);
    expect(&s, GF_E_WEIGHTS_SHAPE, "1 of another shape: dw/kernel is (4, 3, 3, 1), wanted (3, 3, 4, 1)");
    store_init(&s);
    s.tensor[1].dtype = GF_S32;
    expect(&s, GF_E_WEIGHTS_DTYPE, "bn_Conv1/gamma is not of floats");
    store_init(&s);
    s.tensor[s.n++] = (gf_tensor){"Conv1/bias", GF_F32, GF_SHAPE(4), s.data[0]};
    expect(&s, GF_E_WEIGHTS_UNEXPECTED, "Conv1/bias is not in the model");
    store_init(&s);
    s.n = 2;
    s.tensor[1].shape = GF_SHAPE(5);
    expect(&s, GF_E_WEIGHTS_MISSING, "4 missing, 1 of another shape");
    store_init(&s);
    s.data[1][2] = NAN;
    s.data[4][0] = -INFINITY;
    s.data[4][3] = INFINITY;
    expect(&s, GF_E_WEIGHTS_NONFINITE,
           "3 values in 2 tensors are NaN or infinite: bn_Conv1/gamma (1 of 4), bn_Conv1/m");
}

/* ---- names behind other names ---- */

static void any_beginning_of_names_is_taken_off(void **state)
{
    (void)state;
    static const char *const before[] = {"base/", "model.", "a/b.c/", "ema_model/"};
    stored s;
    tiny_want t;
    graft_error err;
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        char name[TINY_TENSORS][60];
        store_init(&s);
        for (size_t k = 0; k < TINY_TENSORS; k++) {
            snprintf(name[k], sizeof name[k], "%s%s%s", before[i], s.name[k], i % 2 ? ":0" : "");
            s.tensor[k].name = name[k];
        }
        if (read_stored(&s, &t, NULL, &err) != GRAFT_OK) fail_msg("%s: %s", before[i], err.message);
        assert_true(tiny_want_right(&t));
    }
}

/* Two sets that fit: the one that is no average; what was taken is told. */
static void of_several_sets_one_is_taken_and_told(void **state)
{
    (void)state;
    static const char *const beside[] = {"ema/", "teacher/", "module/encoder_k/", "swa_model/", "optimizer/exp_avg/"};
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        char name[2 * TINY_TENSORS][60];
        gf_tensor tensor[2 * TINY_TENSORS];
        static const float zero[TINY_FLOATS];
        stored s;
        tiny_want t;
        graft_error err = {0};
        gf_weights_notes notes = {0};
        store_init(&s);
        for (size_t k = 0; k < TINY_TENSORS; k++) {
            snprintf(name[k], sizeof name[k], "%s%s", beside[i], s.name[k]);
            snprintf(name[TINY_TENSORS + k], sizeof name[k], "student/net/%s", s.name[k]);
            tensor[k] = (gf_tensor){name[k], GF_F32, s.tensor[k].shape, (void *)(uintptr_t)zero};
            tensor[TINY_TENSORS + k] = s.tensor[k];
            tensor[TINY_TENSORS + k].name = name[TINY_TENSORS + k];
        }
        tiny_want_init(&t);
        assert_int_equal(gf_safetensors_write(path, tensor, 2 * TINY_TENSORS, NULL, 0, NULL), GRAFT_OK);
        if (gf_weights_read(path, t.want, TINY_TENSORS, NULL, &notes, &err) != GRAFT_OK) fail_msg("%s", err.message);
        if (!tiny_want_right(&t)) fail_msg("%s was taken", beside[i]);
        assert_string_equal(notes.taken, "`student/net`");
        assert_non_null(strstr(notes.why, " has all tensors of the model, too"));
        gf_weights_notes_free(&notes);
    }
}

/* The head beside the base, under a name of its own; and a tensor too many there. */
static void what_is_missing_comes_from_one_other_place(void **state)
{
    (void)state;
    stored s;
    tiny_want t;
    graft_error err;
    gf_weights_notes notes = {0};
    char name[TINY_TENSORS][60];
    store_init(&s);
    for (size_t k = 0; k < TINY_TENSORS; k++) {
        snprintf(name[k], sizeof name[k], "%s%s", k < 5 ? "backbone/" : "head/", s.name[k]);
        s.tensor[k].name = name[k];
    }
    if (read_stored(&s, &t, &notes, &err) != GRAFT_OK) fail_msg("%s", err.message);
    assert_true(tiny_want_right(&t));
    assert_string_equal(notes.taken, "`backbone`");
    assert_string_equal(notes.why, "1 tensors that are not there come from `head`");
    gf_weights_notes_free(&notes);
    s.tensor[s.n++] = (gf_tensor){"head/dw/bias", GF_F32, GF_SHAPE(4), s.data[0]};
    expect(&s, GF_E_WEIGHTS_UNEXPECTED, "head/dw/bias is not in the model");
}

/* ---- what is no weight file ---- */

static void strangers_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        const char *says, *hint;
    } row[] = {
        {"", "empty", ""},
        {"\x80\x02}q", "a Python pickle", "state_dict"},
        {"7z\xbc\xaf\x27\x1c", "a 7-zip archive", "unpack"},
        {"\x1f\x8b\x08", "a gzip file", "gunzip"},
        {"version https://git-lfs.github.com/spec/v1", "Git LFS", "git lfs pull"},
        {"<!DOCTYPE html>", "`<!DOCTYPE html>`: a page of HTML", "download failed"},
        {" \n <HTML>", "`<HTML>`: a page of HTML", "download failed"},
        {"<?xml version=\"1.0\"?><net name=\"x\">", "a network of OpenVINO", "ONNX"},
        {"\x1c\1\1\1TFL3", "a TensorFlow Lite model", "tf2onnx"},
        {"\x0a\x0f\x0a\5input\x12\x0bPlaceholder", "a frozen graph of TensorFlow", "--graphdef"},
        {"\x08\1\x12\x10\x0a\5servenot all", "the graph of a TensorFlow SavedModel", "tf_keras"},
        {"{\"format\": \"layers-model\", \"modelTopology\": {}}", "a model of TensorFlow.js", "tfjs_layers_model"},
        {"{\"modelTopology\": {\"node\": []}}", "a graph model of TensorFlow.js", "--tfjs"},
        {"{\"model_type\": \"resnet\"}", "Hugging Face", "model.safetensors"},
        {"\xff\xd8\xff\xe0", "a JPEG image", "weights"},
        {"hello\x1b[2J", "`hello\\x1b[2J`: of no format", "safetensors"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        tiny_want t;
        graft_error err = {0};
        tiny_want_init(&t);
        assert_int_equal(gf_file_write_text(path, row[i].bytes, NULL), GRAFT_OK);
        assert_int_equal(gf_weights_read(path, t.want, TINY_TENSORS, NULL, NULL, &err), GRAFT_WEIGHTS);
        assert_int_equal(err.number, GF_E_WEIGHTS_UNKNOWN_FORMAT);
        if (!strstr(err.message, row[i].says) || !strstr(err.hint, row[i].hint)) {
            fail_msg("%zu: %s | %s", i, err.message, err.hint);
        }
    }
    tiny_want t;
    graft_error err = {0};
    tiny_want_init(&t);
    const gf_weights_options small = {.max_bytes = 5};
    assert_int_equal(gf_weights_read(path, t.want, TINY_TENSORS, &small, NULL, &err), GRAFT_RESOURCE);
    assert_int_equal(err.number, GF_E_FILE_TOO_LARGE);
    assert_int_equal(gf_weights_read("/nonexistent", t.want, TINY_TENSORS, NULL, NULL, &err), GRAFT_RESOURCE);
    assert_int_equal(err.number, GF_E_IO_READ);
}

/* One empty member of that name, or two. */
static void write_zip(const char *first, const char *second)
{
    const gf_zip_member member[] = {{first, .body = {"x", 1}}, {second, .body = {"y", 1}}};
    assert_int_equal(gf_zip_write(path, member, second ? 2 : 1, NULL), GRAFT_OK);
}

static void strangers_in_archives_and_folders_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second, *weights, *network, *hint;
    } row[] = {
        {"m/data.pkl", "m/constants.pkl", NULL, "a TorchScript program", "torch.jit.load"},
        {"m/data.pkl", "m/version", NULL, "weights or objects of PyTorch, not a network", "--weights FILE"},
        {"m/archive_format", NULL, "a program of torch.export", "a program of torch.export", "torch.onnx.export"},
        {"a/b.npy", NULL, NULL, "arrays of NumPy, not a network", "--weights FILE"},
        {"saved/saved_model.pb", NULL, "a zip archive of a TensorFlow SavedModel", "SavedModel", "tf2onnx"},
        {"labels.txt", "keras_model.h5", "with `keras_model.h5` in it", "with `keras_model.h5` in it", "unpack it"},
        {"labels.txt", NULL, "a zip archive, but not of a kind", "a zip archive, but not of a kind", ".pth"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        uint8_t *bytes;
        size_t n;
        write_zip(row[i].first, row[i].second);
        assert_int_equal(gf_file_read(path, 1 << 20, &bytes, &n, NULL), GRAFT_OK);
        for (int place = GF_STRANGER_WEIGHTS; place <= GF_STRANGER_NETWORK; place++) {
            graft_error err = {0};
            const char *says = place == GF_STRANGER_NETWORK ? row[i].network : row[i].weights;
            if (!says) continue;
            assert_int_equal(gf_stranger_refuse(path, bytes, n, (gf_stranger_place)place, &err), GRAFT_WEIGHTS);
            if (!strstr(err.message, says) || !strstr(err.hint, row[i].hint)) {
                fail_msg("%zu: %s | %s", i, err.message, err.hint);
            }
        }
        gf_free(bytes);
    }
    static const char *const inside[][2] = {{"saved_model.pb", "a SavedModel of TensorFlow"},
                                            {"pytorch_model.bin", "a model of Hugging Face's"},
                                            {"net.keras", "a folder with `net.keras` in it"},
                                            {"notes.txt", NULL}};
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++) {
        char file[128];
        graft_error err = {0};
        unlink(path);
        snprintf(file, sizeof file, "%s/%s", dir, inside[i][0]);
        assert_int_equal(gf_file_write_text(file, "x", NULL), GRAFT_OK);
        graft_status status = gf_stranger_folder(dir, &err);
        unlink(file);
        assert_int_equal(status, inside[i][1] ? GRAFT_WEIGHTS : GRAFT_OK);
        if (inside[i][1] && !strstr(err.message, inside[i][1])) fail_msg("%s", err.message);
    }
}

/* Files of the kernel's say that they have a page and have less, as does one that is cut short while it is read. */
static void a_file_that_shrinks_while_it_is_read_is_an_error(void **state)
{
    (void)state;
    tiny_want t;
    graft_error err = {0};
    tiny_want_init(&t);
    NEEDS("sys");
    assert_int_equal(gf_weights_read("/sys/devices/system/cpu/online", t.want, TINY_TENSORS, NULL, NULL, &err),
                     GRAFT_RESOURCE);
    assert_int_equal(err.number, GF_E_IO_READ);
    assert_non_null(strstr(err.message, "shrank from"));
    assert_true(tiny_want_untouched(&t));
}

/* ---- the cage ---- */

/* A letter for each file that is read, or fails otherwise, where no process can be made: then it was no caged reader.
 */
static void without_processes(char *told)
{
    static const char *const foreign[] = {"good_legacy.h5", "good_torch_zip.pth", "good_torch_legacy.pth",
                                          "keras_plain.keras", "numpy_plain.npz"};
    char file[256], *json;
    tiny_want t;
    graft_error err;
    gf_onnx o;
    if (!calls_no_fork()) *told++ = '!';
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        tiny_want_init(&t);
        snprintf(file, sizeof file, GRAFT_FIXTURES "/formats/%s", foreign[i]);
        graft_status status = gf_weights_read(file, t.want, TINY_TENSORS, NULL, NULL, &err);
        if (status != GRAFT_RESOURCE || !strstr(err.message, "no process for its reader")) *told++ = (char)('a' + i);
    }
    snprintf(file, sizeof file, GRAFT_FIXTURES "/formats/keras_plain.keras");
    if (gf_keras_config_read(file, &json, &err) != GRAFT_RESOURCE) *told++ = 'k';
    snprintf(file, sizeof file, GRAFT_FIXTURES "/exchange/nhwc.onnx");
    if (gf_onnx_open(&o, file, NULL, NULL, &err) != GRAFT_RESOURCE) *told++ = 'o';
    tiny_want_init(&t);
    if (gf_weights_read(path, t.want, TINY_TENSORS, NULL, NULL, &err) != GRAFT_OK) *told++ = 's'; /* graft's own */
    *told = 0;
}

static void foreign_files_are_read_in_the_cage_alone(void **state)
{
    (void)state;
    stored s;
    int ends[2], how;
    char told[32] = {0};
    store_init(&s);
    assert_int_equal(gf_safetensors_write(path, s.tensor, s.n, NULL, 0, NULL), GRAFT_OK);
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (!pid) {
        without_processes(told);
        _exit(write(ends[1], told, sizeof told) != sizeof told);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], told, sizeof told), sizeof told);
    close(ends[0]);
    assert_int_equal(waitpid(pid, &how, 0), pid);
    assert_true(WIFEXITED(how) && !WEXITSTATUS(how));
    assert_string_equal(told, "");
}

/* ---- the reply of a caged reader ---- */

static graft_status parse(const uint8_t *bytes, size_t n, gf_found *found, const uint8_t **values, graft_error *err)
{
    tiny_want t;
    tiny_want_init(&t);
    *found = (gf_found){0};
    *err = (graft_error){0};
    uint8_t *exact = malloc(n ? n : 1); /* so that a read past the end shows */
    assert_non_null(exact);
    memcpy(exact, bytes, n);
    graft_status status = gf_reply_parse(exact, n, "f.h5", t.want, TINY_TENSORS, found, values, err);
    free(exact);
    return status;
}

static void reply_of(gf_sink *sink)
{
    gf_found found = {0};
    gf_found_tensor *item;
    static const float x[TINY_FLOATS];
    *sink = (gf_sink){.fd = -1};
    assert_int_equal(gf_found_add(&found, "a/b", NULL, &item, NULL), GRAFT_OK);
    item->shape = GF_SHAPE(4);
    item->dtype = GF_F32;
    item->want = 1;
    assert_int_equal(gf_found_add(&found, "other", "layer", &item, NULL), GRAFT_OK);
    gf_reply_found(sink, &found);
    gf_reply_values(sink, 1, x, 4);
    gf_reply_end(sink);
    gf_found_free(&found);
}

static void replies_are_not_believed(void **state)
{
    (void)state;
    gf_sink sink;
    gf_found found;
    const uint8_t *values[TINY_TENSORS];
    graft_error err;
    reply_of(&sink);
    uint8_t *bytes = (uint8_t *)sink.bytes.s;
    size_t n = sink.bytes.n;
    assert_int_equal(parse(bytes, n, &found, values, &err), GRAFT_OK);
    assert_int_equal(found.n, 2);
    assert_string_equal(found.item[0].path, "a/b");
    assert_true(found.item[0].want == 1 && found.item[1].want == GF_FOUND_OTHER);
    assert_true(values[1] && !values[0]);
    gf_found_free(&found);
    for (size_t cut = 0; cut < n; cut++) {
        assert_int_equal(parse(bytes, cut, &found, values, &err), GRAFT_WEIGHTS);
        assert_int_equal(err.number, GF_E_CAGE_REPLY);
        gf_found_free(&found);
    }
    for (size_t i = 0; i < n; i++) { /* any byte changed: an error or another reply, never a wild read */
        uint8_t was = bytes[i];
        bytes[i] = 0xff;
        graft_status status = parse(bytes, n, &found, values, &err);
        assert_true(status == GRAFT_OK || err.number == GF_E_CAGE_REPLY);
        gf_found_free(&found);
        bytes[i] = was;
    }
    gf_text_free(&sink.bytes);
}

static void a_readers_error_is_cleaned_and_bounded(void **state)
{
    (void)state;
    static const struct {
        int number;
        bool allowed;
    } row[] = {{GF_E_HDF5_LINK, true}, {GF_E_NO_MEMORY, true}, {GF_E_INTERNAL, false}, {2999, false}, {0, false}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        gf_sink sink = {.fd = -1};
        gf_found found;
        const uint8_t *values[TINY_TENSORS];
        graft_error err, theirs = {.number = row[i].number, .hint = "hint\x1b[2J"};
        memset(theirs.message, '\x1b', sizeof theirs.message - 1);
        gf_reply_error(&sink, &theirs);
        graft_status status = parse((uint8_t *)sink.bytes.s, sink.bytes.n, &found, values, &err);
        assert_int_equal(err.number, row[i].allowed ? row[i].number : GF_E_CAGE_REPLY);
        assert_int_equal(status, err.number / 1000 == 5 ? GRAFT_RESOURCE : GRAFT_WEIGHTS);
        assert_null(strchr(err.message, '\x1b'));
        assert_null(strchr(err.hint, '\x1b'));
        if (row[i].allowed) assert_string_equal(err.hint, "hint\\x1b[2J");
        gf_text_free(&sink.bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(safetensors_are_read),
        cmocka_unit_test(safetensors_that_do_not_fit_are_refused_in_full),
        cmocka_unit_test(any_beginning_of_names_is_taken_off),
        cmocka_unit_test(of_several_sets_one_is_taken_and_told),
        cmocka_unit_test(what_is_missing_comes_from_one_other_place),
        cmocka_unit_test(strangers_are_named),
        cmocka_unit_test(strangers_in_archives_and_folders_are_named),
        cmocka_unit_test(a_file_that_shrinks_while_it_is_read_is_an_error),
        cmocka_unit_test(foreign_files_are_read_in_the_cage_alone),
        cmocka_unit_test(replies_are_not_believed),
        cmocka_unit_test(a_readers_error_is_cleaned_and_bounded),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
