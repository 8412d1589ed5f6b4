/* ONNX files: what is written is read back; files of PyTorch's exporters are read; every kind of bad file is refused by
 * name; files beside the model only by plain names. */
#include "base/alloc.h"
#include "base/io.h"
#include "formats/onnx.h"
#include "unit/formats/onnx_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Parses in this process and frees bytes; 0 or the error's number. */
static int parse(gf_text *bytes, gf_onnx *o, graft_error *err)
{
    assert_false(bytes->failed);
    uint8_t *exact = malloc(bytes->n ? bytes->n : 1);
    if (bytes->n) memcpy(exact, bytes->s, bytes->n);
    graft_status status = gf_onnx_parse(o, exact, bytes->n, "m.onnx", NULL, err);
    free(exact);
    gf_text_free(bytes);
    if (status != GRAFT_OK) assert_null(o->node);
    return status == GRAFT_OK ? 0 : err->number;
}

/* ---- tensors */

static gf_text one_float(void)
{
    gf_text more = {0};
    pb_bytes(&more, 9, "\0\0\200?", 4);
    return pb_tensor("w", GF_ONNX_FLOAT, (int64_t[]){1}, 1, &more);
}

/* A tensor of two elements in each way that the schema has for its type. */
static void every_way_of_storing_numbers(void **state)
{
    (void)state;
    const float f[2] = {1.5f, -2};
    const double d[2] = {1.5, -2};
    const uint16_t half[2] = {0x3e00, 0xc000}, brain[2] = {0x3fc0, 0xc000};
    gf_text list[7] = {0};
    const int type[7] = {GF_ONNX_FLOAT,   GF_ONNX_FLOAT,    GF_ONNX_FLOAT,  GF_ONNX_DOUBLE,
                         GF_ONNX_FLOAT16, GF_ONNX_BFLOAT16, GF_ONNX_FLOAT16};
    pb_bytes(&list[0], 9, f, sizeof f);
    pb_bytes(&list[1], 4, f, sizeof f); /* packed */
    for (int i = 0; i < 2; i++) {       /* and one by one */
        pb_varint(&list[2], 4 << 3 | 5);
        gf_text_add_n(&list[2], &f[i], 4);
    }
    pb_bytes(&list[3], 10, d, sizeof d);
    pb_bytes(&list[4], 9, half, sizeof half);
    pb_bytes(&list[5], 9, brain, sizeof brain);
    for (int i = 0; i < 2; i++) pb_int(&list[6], 5, half[i]); /* bits in int32_data */
    for (int i = 0; i < 7; i++) {
        gf_onnx o;
        graft_error err;
        float out[2] = {0};
        gf_text t = pb_tensor("w", type[i], (int64_t[]){2, 1}, 2, &list[i]), m = pb_model(&t);
        assert_int_equal(parse(&m, &o, &err), 0);
        const gf_onnx_tensor *w = gf_onnx_find(&o, "w");
        assert_non_null(w);
        assert_true(gf_shape_equal(&w->shape, &GF_SHAPE(2, 1)));
        assert_true(gf_onnx_floats(w, out));
        assert_memory_equal(out, f, sizeof f);
        gf_onnx_free(&o);
    }
}

static void integers_are_read(void **state)
{
    (void)state;
    const int type[4] = {GF_ONNX_INT64, GF_ONNX_INT64, GF_ONNX_INT32, GF_ONNX_BOOL};
    const int64_t v[2] = {-1, 1};
    gf_text list[4] = {0};
    pb_bytes(&list[0], 9, v, sizeof v);
    for (int i = 0; i < 2; i++) pb_int(&list[1], 7, (uint64_t)v[i]);
    for (int i = 0; i < 2; i++) pb_int(&list[2], 5, (uint64_t)v[i]);
    pb_bytes(&list[3], 9, "\0\1", 2);
    for (int i = 0; i < 4; i++) {
        gf_onnx o;
        graft_error err;
        int64_t out[2] = {7, 7};
        gf_text t = pb_tensor("w", type[i], (int64_t[]){2}, 1, &list[i]), m = pb_model(&t);
        assert_int_equal(parse(&m, &o, &err), 0);
        assert_true(gf_onnx_ints(&o.tensor[0], out));
        assert_int_equal(out[0], i == 3 ? 0 : -1);
        assert_int_equal(out[1], 1);
        gf_onnx_free(&o);
    }
}

/* ---- bad files */

typedef struct bad {
    const char *name;
    void (*more)(gf_text *t); /* the tensor's other fields; the whole file where whole is set */
    int type;
    int64_t dims[8];
    int rank;
    bool whole;
    const char *says;
} bad;

static void eight_raw(gf_text *t) { pb_bytes(t, 9, "12345678", 8); }
static void nothing(gf_text *t) { (void)t; }
static void twice(gf_text *t)
{
    eight_raw(t);
    pb_bytes(t, 4, "12345678", 8);
}
static void of_doubles(gf_text *t) { pb_bytes(t, 10, "12345678", 8); }
static void mixed_list(gf_text *t)
{
    pb_bytes(t, 4, "1234", 4);
    pb_varint(t, 4 << 3 | 5);
    gf_text_add_n(t, "12345678", 8); /* the second number's last half is read as a field */
}
static void html(gf_text *t) { gf_text_add(t, "<!DOCTYPE html><html><body>404</body></html>"); }
static void length_past_end(gf_text *t)
{
    pb_int(t, 1, 8);
    pb_varint(t, 7 << 3 | 2);
    pb_varint(t, 1000);
    gf_text_add(t, "abc");
}
static void length_of_2_to_63(gf_text *t)
{
    pb_varint(t, 7 << 3 | 2);
    pb_varint(t, (uint64_t)1 << 63);
}
static void endless_varint(gf_text *t) { gf_text_add_n(t, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13); }
static void no_graph(gf_text *t) { pb_int(t, 1, 8); }
static void group(gf_text *t) { pb_varint(t, 7 << 3 | 3); }
static void field_zero(gf_text *t) { pb_varint(t, 0 << 3 | 2), pb_varint(t, 0); }
static void external_and_raw(gf_text *t)
{
    eight_raw(t);
    pb_int(t, 14, 1);
}
static void external_nowhere(gf_text *t) { pb_int(t, 14, 1); }
static void external_offset(gf_text *t)
{
    gf_text e = {0};
    pb_text(&e, 1, "offset");
    pb_text(&e, 2, "-1");
    pb_message(t, 13, &e);
    pb_int(t, 14, 1);
}
static void external_length(gf_text *t)
{
    const char *pair[2][2] = {{"location", "w.bin"}, {"length", "9"}};
    for (int i = 0; i < 2; i++) {
        gf_text e = {0};
        pb_text(&e, 1, pair[i][0]);
        pb_text(&e, 2, pair[i][1]);
        pb_message(t, 13, &e);
    }
    pb_int(t, 14, 1);
}

static const bad bads[] = {
    {"raw_data longer than dims", eight_raw, GF_ONNX_FLOAT, {1}, 1, false, "wants 4 bytes, there are 8"},
    {"raw_data shorter than dims", eight_raw, GF_ONNX_FLOAT, {3}, 1, false, "wants 12 bytes, there are 8"},
    {"no numbers at all", nothing, GF_ONNX_FLOAT, {2}, 1, false, "wants 8 bytes, there are 0"},
    {"numbers twice", twice, GF_ONNX_FLOAT, {2}, 1, false, "twice"},
    {"numbers of another type", of_doubles, GF_ONNX_FLOAT, {2}, 1, false, "of another type"},
    {"packed and not, ending wrong", mixed_list, GF_ONNX_FLOAT, {2}, 1, false, ""},
    {"negative dimension", eight_raw, GF_ONNX_FLOAT, {-2}, 1, false, "impossible shape"},
    {"product overflows", eight_raw, GF_ONNX_FLOAT, {4194305, 4194305, 211106198978564}, 3, false, "impossible shape"},
    {"seven dimensions", eight_raw, GF_ONNX_FLOAT, {1, 1, 1, 1, 1, 1, 2}, 7, false, "more than 6"},
    {"text as elements", eight_raw, 8, {2}, 1, false, "element type 8"},
    {"no such type", eight_raw, 999, {2}, 1, false, "element type 999"},
    {"a negative type", eight_raw, -1, {2}, 1, false, "element type -1"},
    {"in another file and here", external_and_raw, GF_ONNX_FLOAT, {2}, 1, false, "too"},
    {"in another file without name", external_nowhere, GF_ONNX_FLOAT, {2}, 1, false, "not named"},
    {"a negative offset", external_offset, GF_ONNX_FLOAT, {2}, 1, false, "no number"},
    {"another length than the shape's", external_length, GF_ONNX_FLOAT, {2}, 1, false, "wants 8 bytes, there are 9"},
    {"an empty file", nothing, 0, {0}, 0, true, "no graph"},
    {"a web page", html, 0, {0}, 0, true, "not an ONNX file"},
    {"a length past the end", length_past_end, 0, {0}, 0, true, "not an ONNX file"},
    {"a length of 2^63", length_of_2_to_63, 0, {0}, 0, true, "not an ONNX file"},
    {"a varint of 12 bytes", endless_varint, 0, {0}, 0, true, "not an ONNX file"},
    {"no graph", no_graph, 0, {0}, 0, true, "no graph"},
    {"a group that never ends", group, 0, {0}, 0, true, "not an ONNX file"},
    {"field 0", field_zero, 0, {0}, 0, true, ""},
};

static void bad_files_are_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
        const bad *b = &bads[i];
        gf_text more = {0}, m = {0};
        gf_onnx o;
        graft_error err = {0};
        b->more(&more);
        if (b->whole) {
            m = more;
        } else {
            gf_text t = pb_tensor("w", b->type, b->dims, b->rank, &more);
            m = pb_model(&t);
        }
        int number = parse(&m, &o, &err);
        if (number != GF_E_ONNX_DAMAGED || !strstr(err.message, b->says) || !strstr(err.message, "m.onnx")) {
            fail_msg("%s: E%d %s", b->name, number, err.message);
        }
    }
}

/* Subgraphs are not part of what is read, so that nesting costs nothing and reaches nowhere. */
static void deep_nesting_is_passed_over(void **state)
{
    (void)state;
    gf_text graph = {0};
    for (int i = 0; i < 5000; i++) {
        gf_text attribute = {0}, node = {0}, outer = {0};
        pb_message(&attribute, 6, &graph);
        pb_message(&node, 5, &attribute);
        pb_message(&outer, 1, &node);
        graph = outer;
    }
    gf_text m = {0};
    gf_onnx o;
    graft_error err;
    pb_message(&m, 7, &graph);
    assert_int_equal(parse(&m, &o, &err), 0);
    assert_int_equal(o.n_nodes, 1);
    assert_int_equal(o.node[0].n_attrs, 1);
    gf_onnx_free(&o);
}

static void many_small_messages_take_bounded_memory(void **state)
{
    (void)state;
    gf_text graph = {0}, m = {0};
    for (int i = 0; i < 1000000; i++) gf_text_add_n(&graph, "\x0a\x00", 2); /* nodes without a field */
    gf_onnx o;
    graft_error err;
    pb_message(&m, 7, &graph);
    int number = parse(&m, &o, &err);
    assert_true(number == GF_E_NO_MEMORY || number == GF_E_ONNX_LIMIT);
    for (int i = 0; i < 100001; i++) gf_text_add_n(&graph, "\x0a\x00", 2);
    pb_message(&m, 7, &graph);
    assert_int_equal(parse(&m, &o, &err), GF_E_ONNX_LIMIT);
    assert_non_null(strstr(err.message, "100001 nodes, at most 100000"));
}

/* ---- whole files */

static const char *const fixtures[] = {"mobile_old", "mobile_new", "dense_old", "dense_new", "silu_new", "nhwc"};

static void fixture_path(char path[256], const char *name)
{
    snprintf(path, 256, GRAFT_FIXTURES "/exchange/%s.onnx", name);
}

static bool same_nodes(const gf_onnx *a, const gf_onnx *b)
{
    for (size_t i = 0; i < a->n_nodes; i++) {
        const gf_onnx_node *x = &a->node[i], *y = &b->node[i];
        if (strcmp(x->op, y->op) || strcmp(x->name, y->name) || x->n_inputs != y->n_inputs) return false;
        for (size_t k = 0; k < x->n_inputs; k++) {
            if (strcmp(x->input[k], y->input[k])) return false;
        }
        if (x->n_attrs != y->n_attrs) return false;
        for (size_t k = 0; k < x->n_attrs; k++) {
            if (strcmp(x->attr[k].name, y->attr[k].name) || x->attr[k].n_ints != y->attr[k].n_ints) return false;
            if (x->attr[k].n_ints && memcmp(x->attr[k].ints, y->attr[k].ints, 8 * x->attr[k].n_ints)) return false;
        }
    }
    return true;
}

static void same_models(const gf_onnx *a, const gf_onnx *b)
{
    assert_int_equal(a->n_nodes, b->n_nodes);
    assert_int_equal(a->n_tensors, b->n_tensors);
    assert_int_equal(a->n_inputs, b->n_inputs);
    assert_int_equal(a->opset, b->opset);
    assert_true(same_nodes(a, b));
    for (size_t i = 0; i < a->n_tensors; i++) {
        assert_string_equal(a->tensor[i].name, b->tensor[i].name);
        assert_true(gf_shape_equal(&a->tensor[i].shape, &b->tensor[i].shape));
        assert_memory_equal(a->tensor[i].data, b->tensor[i].data, a->tensor[i].bytes);
    }
    for (size_t i = 0; i < a->n_inputs; i++) {
        assert_true(gf_shape_equal(&a->input[i].shape, &b->input[i].shape));
        assert_string_equal(a->input[i].batch, b->input[i].batch);
    }
}

static void files_of_exporters_are_read_and_written_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fixtures / sizeof *fixtures; i++) {
        char path[256], copy[] = "/tmp/graft-test-XXXXXX";
        gf_onnx o, again;
        graft_error err;
        bool uncaged;
        fixture_path(path, fixtures[i]);
        if (gf_onnx_open(&o, path, NULL, &uncaged, &err) != GRAFT_OK) fail_msg("%s: %s", path, err.message);
        assert_true(o.n_nodes > 8 && o.opset >= 12 && o.opset <= 18 && o.n_inputs == 1);
        assert_int_equal(o.input[0].shape.rank, 4);
        close(mkstemp(copy));
        assert_int_equal(gf_onnx_write(&o, copy, &err), GRAFT_OK);
        assert_int_equal(gf_onnx_open(&again, copy, NULL, NULL, &err), GRAFT_OK);
        same_models(&o, &again);
        gf_onnx_free(&o);
        gf_onnx_free(&again);
        unlink(copy);
    }
}

/* Protobuf has no end mark: what remains of a file may parse, but then something that it refers to is gone. */
static void cut_at_every_length_it_never_says_all(void **state)
{
    (void)state;
    char path[256];
    uint8_t *bytes;
    size_t n;
    graft_error err;
    gf_onnx whole, part;
    fixture_path(path, "nhwc");
    assert_int_equal(gf_file_read(path, 1 << 20, &bytes, &n, &err), GRAFT_OK);
    assert_int_equal(gf_onnx_parse(&whole, bytes, n, path, NULL, &err), GRAFT_OK);
    size_t accepted = 0;
    for (size_t cut = 0; cut < n; cut++) {
        if (gf_onnx_parse(&part, bytes, cut, path, NULL, &err) != GRAFT_OK) continue;
        assert_true(part.opset == 0); /* exporters put it last: a model without is refused */
        accepted++;
        gf_onnx_free(&part);
    }
    assert_true(accepted <= 1); /* right behind the graph */
    gf_onnx_free(&whole);
    gf_free(bytes);
}

/* ---- files beside the model */

typedef struct place {
    const char *location;
    uint64_t offset;
    int number; /* 0: it is read */
    const char *says;
} place;

static const place places[] = {
    {"w.bin", 4, 0, ""},
    {"w.bin", 5, GF_E_ONNX_EXTERNAL, "too short"},
    {"w.bin", 999999999999999999, GF_E_ONNX_EXTERNAL, "too short"},
    {"../w.bin", 0, GF_E_ONNX_EXTERNAL, "not a plain name"},
    {"../../etc/passwd", 0, GF_E_ONNX_EXTERNAL, "not a plain name"},
    {"/etc/passwd", 0, GF_E_ONNX_EXTERNAL, "not a plain name"},
    {"sub/w.bin", 0, GF_E_ONNX_EXTERNAL, "not a plain name"},
    {"..", 0, GF_E_ONNX_EXTERNAL, "not a plain name"},
    {".", 0, GF_E_ONNX_EXTERNAL, "not a plain name"},
    {"C:\\w.bin", 0, GF_E_ONNX_EXTERNAL, "not a plain name"},
    {"link", 0, GF_E_ONNX_EXTERNAL, "a link"},
    {"sub", 0, GF_E_ONNX_EXTERNAL, "not a regular file"},
    {"fifo", 0, GF_E_ONNX_EXTERNAL, "not a regular file"},
    {"none", 0, GF_E_ONNX_EXTERNAL, "no such file"},
};

static gf_text external_model(const place *p)
{
    gf_text more = {0}, location = {0}, offset = {0};
    char number[32];
    pb_text(&location, 1, "location");
    pb_text(&location, 2, p->location);
    pb_message(&more, 13, &location);
    snprintf(number, sizeof number, "%llu", (unsigned long long)p->offset);
    pb_text(&offset, 1, "offset");
    pb_text(&offset, 2, number);
    pb_message(&more, 13, &offset);
    pb_int(&more, 14, 1);
    gf_text t = pb_tensor("w", GF_ONNX_FLOAT, (int64_t[]){1}, 1, &more);
    return pb_model(&t);
}

static void write_file(const char *path, const void *data, size_t n)
{
    assert_int_equal(gf_file_write(path, &(gf_bytes){data, n}, 1, NULL), GRAFT_OK);
}

static void files_beside_only_by_plain_names(void **state)
{
    (void)state;
    char dir[] = "/tmp/graft-test-XXXXXX", path[64];
    const float values[2] = {1, 2};
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    write_file("w.bin", values, sizeof values);
    assert_int_equal(mkdir("sub", 0700), 0);
    assert_int_equal(symlink("w.bin", "link"), 0);
    assert_int_equal(mkfifo("fifo", 0600), 0);
    snprintf(path, sizeof path, "%s/m.onnx", dir);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        gf_text m = external_model(&places[i]);
        gf_onnx o;
        graft_error err = {0};
        write_file("m.onnx", m.s, m.n);
        gf_text_free(&m);
        graft_status status = gf_onnx_open(&o, i % 2 ? path : "m.onnx", NULL, NULL, &err);
        float x = 0;
        if (err.number != places[i].number || !strstr(err.message, places[i].says)) {
            fail_msg("%s: E%d %s", places[i].location, err.number, err.message);
        }
        if (status == GRAFT_OK) assert_true(gf_onnx_floats(&o.tensor[0], &x) && x == 2);
        gf_onnx_free(&o);
    }
    const char *const names[] = {"w.bin", "link", "fifo", "m.onnx"};
    for (size_t i = 0; i < 4; i++) unlink(names[i]);
    rmdir("sub");
    assert_int_equal(chdir("/"), 0);
    rmdir(dir);
}

static void a_bad_file_is_the_same_error_from_the_cage(void **state)
{
    (void)state;
    char path[] = "/tmp/graft-test-XXXXXX";
    close(mkstemp(path));
    write_file(path, "<html>", 6);
    gf_onnx o;
    graft_error err;
    assert_int_equal(gf_onnx_open(&o, path, NULL, NULL, &err), GRAFT_WEIGHTS);
    assert_int_equal(err.number, GF_E_ONNX_DAMAGED);
    assert_non_null(strstr(err.message, "not an ONNX file"));
    assert_non_null(strstr(err.hint, "download"));
    gf_text t = one_float(), m = pb_model(&t);
    write_file(path, m.s, m.n);
    assert_int_equal(gf_onnx_open(&o, path, &(gf_onnx_limits){.max_file = m.n - 1}, NULL, &err), GRAFT_RESOURCE);
    assert_int_equal(gf_onnx_open(&o, path, &(gf_onnx_limits){.max_file = m.n}, NULL, &err), GRAFT_OK);
    assert_string_equal(o.node[0].op, "Relu");
    gf_onnx_free(&o);
    gf_text_free(&m);
    unlink(path);
}

/* ---- the cage's answer */

static void a_lying_answer_is_refused(void **state)
{
    (void)state;
    gf_text t = one_float(), m = pb_model(&t);
    gf_onnx o, taken;
    graft_error err;
    assert_int_equal(parse(&m, &o, &err), 0);
    gf_sink sink = {.fd = -1};
    gf_onnx_reply(&o, &sink);
    const uint8_t *bytes = (const uint8_t *)sink.bytes.s;
    assert_int_equal(gf_onnx_reply_parse(&taken, bytes, sink.bytes.n, "m", &err), GRAFT_OK);
    assert_string_equal(taken.node[0].input[0], "x");
    gf_onnx_free(&taken);
    for (size_t cut = 0; cut < sink.bytes.n; cut++) {
        assert_int_equal(gf_onnx_reply_parse(&taken, bytes, cut, "m", &err), GRAFT_WEIGHTS);
        assert_int_equal(err.number, GF_E_CAGE_REPLY);
    }
    for (size_t i = 0; i < sink.bytes.n; i++) { /* any byte may lie: no crash, no leak */
        for (int bit = 0; bit < 8; bit++) {
            sink.bytes.s[i] = (char)(sink.bytes.s[i] ^ 1 << bit);
            if (gf_onnx_reply_parse(&taken, bytes, sink.bytes.n, "m", &err) == GRAFT_OK) gf_onnx_free(&taken);
            sink.bytes.s[i] = (char)(sink.bytes.s[i] ^ 1 << bit);
        }
    }
    gf_text_free(&sink.bytes);
    gf_onnx_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_of_storing_numbers),
        cmocka_unit_test(integers_are_read),
        cmocka_unit_test(bad_files_are_refused_by_name),
        cmocka_unit_test(deep_nesting_is_passed_over),
        cmocka_unit_test(many_small_messages_take_bounded_memory),
        cmocka_unit_test(files_of_exporters_are_read_and_written_back),
        cmocka_unit_test(cut_at_every_length_it_never_says_all),
        cmocka_unit_test(files_beside_only_by_plain_names),
        cmocka_unit_test(a_bad_file_is_the_same_error_from_the_cage),
        cmocka_unit_test(a_lying_answer_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
