/* ONNX models as graft's own: the numbers of ONNX Runtime, layers that train, and a name for everything that is not
 * read. */
#include "exchange/onnx.h"
#include "ops/engine.h"
#include "support/fixture.h"
#include "unit/exchange/onnx_run.h"

static gf_ops *ops;

/* ---- the numbers of ONNX Runtime */

typedef struct exported {
    const char *name;
    size_t layers_at_most;
    int classes;
    const char *holds[4]; /* classes of layers that must be there */
} exported;

static const exported files[] = {
    {"mobile_old", 22, 5, {"DepthwiseConv2D", "Multiply", "Add", "Dense"}},
    {"mobile_new", 22, 5, {"DepthwiseConv2D", "Multiply", "Add", "Dense"}},
    {"dense_old", 15, 3, {"MaxPooling2D", "Concatenate", "AveragePooling2D", "Softmax"}},
    {"dense_new", 15, 3, {"MaxPooling2D", "Concatenate", "AveragePooling2D", "Softmax"}},
    {"silu_old", 9, 4, {"Conv2D", "Activation", "GlobalAveragePooling2D", "Softmax"}},
    {"silu_new", 9, 4, {"Conv2D", "Activation", "GlobalAveragePooling2D", "Softmax"}},
    {"curves_old", 15, 2, {"ELU", "LeakyReLU", "GlobalMaxPooling2D", "Activation"}},
    {"curves_new", 15, 2, {"ELU", "LeakyReLU", "GlobalMaxPooling2D", "Activation"}},
    {"nhwc", 9, 3, {"DepthwiseConv2D", "AveragePooling2D", "Flatten", "Softmax"}},
};
enum { FILES = sizeof files / sizeof *files, BATCH = 2 };

static gf_model import_fixture(const char *name)
{
    char path[256];
    gf_model m;
    snprintf(path, sizeof path, GRAFT_FIXTURES "/exchange/%s.onnx", name);
    const char *preprocess =
        !strncmp(name, "mobile", 6) || !strncmp(name, "dense", 5) ? "torch" : NULL; /* not in the file */
    OK(gf_onnx_import(&m, path, &(gf_import_options){.preprocess = preprocess}, &error));
    return m;
}

static void exporters_models_give_their_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < FILES; i++) {
        char path[256];
        gf_model m = import_fixture(files[i].name);
        snprintf(path, sizeof path, GRAFT_FIXTURES "/exchange/%s.safetensors", files[i].name);
        fixture *f = fixture_open(path);
        assert_non_null(f);
        size_t n, pixels;
        const float *want = fixture_f32(f, "output", &n), *x = fixture_f32(f, "pixels", &pixels);
        float got[BATCH * 8];
        assert_int_equal(n, BATCH * (size_t)files[i].classes);
        onnx_run(&m, ops, x, got, BATCH, n);
        ASSERT_CLOSE(files[i].name, distance(got, want, n), 2e-5);
        fixture_close(f);
        gf_model_free(&m);
    }
}

static void layers_are_kerass(void **state)
{
    (void)state;
    for (size_t i = 0; i < FILES; i++) {
        gf_model m = import_fixture(files[i].name);
        if (m.n_layers > files[i].layers_at_most) fail_msg("%s: %zu layers", files[i].name, m.n_layers);
        for (size_t k = 0; k < 4; k++) {
            bool there = false;
            for (size_t l = 0; l < m.n_layers; l++) there |= !strcmp(m.layer[l].cls->name, files[i].holds[k]);
            if (!there) fail_msg("%s: no %s", files[i].name, files[i].holds[k]);
        }
        for (size_t l = 0; l < m.n_layers; l++) assert_true(m.layer[l].backbone);
        gf_model_free(&m);
    }
}

/* Whole from any boundary: finite gradients for every parameter, and not only zeros. */
static void what_is_read_trains(void **state)
{
    (void)state;
    static const char *const names[] = {"silu_new", "dense_old", "nhwc"};
    for (size_t i = 0; i < 3; i++) {
        gf_model m = import_fixture(names[i]);
        m.boundary = 0;
        onnx_trains(&m, ops, names[i]);
        gf_model_free(&m);
    }
}

static void names_come_from_the_files_modules(void **state)
{
    (void)state;
    gf_model m = import_fixture("mobile_new");
    assert_true(gf_model_find(&m, "stem.0") >= 0);
    assert_true(gf_model_find(&m, "se.down") >= 0);
    assert_true(gf_model_find(&m, "head.1") >= 0);
    assert_string_equal(m.layer[0].name, "image");
    gf_model_free(&m);
}

static void preprocessing_is_told_from_what_the_file_does(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        float scale, offset;
    } rows[] = {
        {"silu_new", 1 / (255 * 0.229f), -0.485f / 0.229f},
        {"curves_new", 4 / 255.0f, -2}, /* inside, for 0..1 */
        {"nhwc", 1 / 127.5f, -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        gf_model m = import_fixture(rows[i].name);
        assert_float_equal(m.layer[0].at.scale[0], rows[i].scale, 1e-7);
        assert_float_equal(m.layer[0].at.offset[0], rows[i].offset, 1e-5);
        gf_model_free(&m);
    }
}

/* What the caller says comes before the file's own arithmetic. */
static void preprocessing_of_the_callers_comes_first(void **state)
{
    (void)state;
    gf_model m;
    OK(gf_onnx_import(&m, GRAFT_FIXTURES "/exchange/curves_new.onnx", &(gf_import_options){.preprocess = "caffe"},
                      &error));
    assert_true(m.layer[0].at.bgr);
    assert_float_equal(m.layer[0].at.scale[2], 4, 1e-6);
    assert_float_equal(m.layer[0].at.offset[2], -2 - 4 * 123.68f, 1e-3);
    gf_model_free(&m);
    assert_int_equal(gf_onnx_import(&m, GRAFT_FIXTURES "/exchange/curves_new.onnx",
                                    &(gf_import_options){.preprocess = "other"}, &error),
                     GRAFT_USAGE);
}

/* ---- models made here: one operator a time */

/* A graph (1, 3, 8, 8) -> nodes -> y. */
typedef struct made {
    gf_onnx o;
} made;

static made make_model(const gf_onnx_node *nodes, size_t n, const gf_onnx_tensor *tensors, size_t n_tensors)
{
    static gf_onnx_value in = {
        .name = "x", .type = GF_ONNX_FLOAT, .has_shape = true, .batch = "", .shape = {4, {1, 3, 8, 8}}};
    static gf_onnx_value out = {.name = "y", .type = GF_ONNX_FLOAT, .batch = ""};
    made m = {.o = {.ir_version = 8, .opset = 17, .producer = "", .producer_version = "", .graph = "made"}};
    m.o.node = (gf_onnx_node *)nodes, m.o.n_nodes = n;
    m.o.tensor = (gf_onnx_tensor *)tensors, m.o.n_tensors = n_tensors;
    m.o.input = &in, m.o.n_inputs = 1;
    m.o.output = &out, m.o.n_outputs = 1;
    return m;
}

#define NODE(op_, in_, out_, ...)                                                                  \
    {                                                                                              \
        .name = "n_" out_, .op = op_, .domain = "", .input = (const char *[]){in_}, .n_inputs = 1, \
        .output = (const char *[]){out_}, .n_outputs = 1, __VA_ARGS__                              \
    }
#define NODE2(op_, a_, b_, out_)                                                                      \
    {                                                                                                 \
        .name = "n_" out_, .op = op_, .domain = "", .input = (const char *[]){a_, b_}, .n_inputs = 2, \
        .output = (const char *[]){out_}, .n_outputs = 1                                              \
    }

static const gf_import_options as_it_is = {.preprocess = "none"};

static int import_number(const made *m)
{
    gf_model model;
    memset(&error, 0, sizeof error);
    graft_status status = gf_onnx_to_model(&model, &m->o, "m.onnx", &as_it_is, &error);
    if (status == GRAFT_OK) gf_model_free(&model);
    return status == GRAFT_OK ? 0 : error.number;
}

static void a_sum_of_several_is_an_add(void **state)
{
    (void)state;
    gf_onnx_node nodes[] = {NODE("Relu", "x", "a"),
                            NODE("Tanh", "a", "b"),
                            {.name = "n_y",
                             .op = "Sum",
                             .domain = "",
                             .input = (const char *[]){"a", "b", "x"},
                             .n_inputs = 3,
                             .output = (const char *[]){"y"},
                             .n_outputs = 1}};
    made m = make_model(nodes, 3, NULL, 0);
    gf_model model;
    OK(gf_onnx_to_model(&model, &m.o, "m.onnx", &as_it_is, &error));
    const gf_layer *l = &model.layer[model.output];
    assert_string_equal(l->cls->name, "Add");
    assert_int_equal(l->n_src, 3);
    assert_true(gf_shape_equal(&l->shape, &GF_SHAPE(8, 8, 3)));
    gf_model_free(&model);
}

static void all_unknown_operators_are_listed_at_once(void **state)
{
    (void)state;
    gf_onnx_node nodes[] = {NODE("Loop", "x", "a"), NODE("Relu", "a", "b"), NODE("GridSample", "b", "c"),
                            NODE("FusedConv", "c", "y")};
    nodes[3].domain = "com.microsoft";
    made m = make_model(nodes, 4, NULL, 0);
    assert_int_equal(import_number(&m), GF_E_ONNX_UNSUPPORTED);
    assert_non_null(strstr(error.message, "op `Loop` (node n_a)"));
    assert_non_null(strstr(error.message, "op `GridSample` (node n_c)"));
    assert_non_null(strstr(error.message, "op `com.microsoft::FusedConv` (node n_y)"));
    assert_null(strstr(error.message, "Relu"));
}

static void opsets_before_7_are_refused(void **state)
{
    (void)state;
    static const int64_t bad[] = {0, 6, -1};
    gf_onnx_node node = NODE("Relu", "x", "y");
    made m = make_model(&node, 1, NULL, 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        m.o.opset = bad[i];
        assert_int_equal(import_number(&m), GF_E_ONNX_UNSUPPORTED);
        assert_non_null(strstr(error.message, "7 and later"));
    }
    static const int64_t good[] = {7, 10, 11, 22, 23, 99};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        m.o.opset = good[i];
        assert_int_equal(import_number(&m), 0);
    }
}

static void graphs_that_are_none_are_refused(void **state)
{
    (void)state;
    gf_onnx_node cycle[] = {NODE2("Add", "x", "b", "a"), NODE("Relu", "a", "b"), NODE("Relu", "b", "y")};
    made m = make_model(cycle, 3, NULL, 0);
    assert_int_equal(import_number(&m), GF_E_ONNX_GRAPH);
    assert_non_null(strstr(error.message, "node n_a reads b"));
    gf_onnx_node twice[] = {NODE("Relu", "x", "y"), NODE("Tanh", "x", "y")};
    m = make_model(twice, 2, NULL, 0);
    assert_int_equal(import_number(&m), GF_E_ONNX_GRAPH);
    assert_non_null(strstr(error.message, "called y"));
    gf_onnx_node lost = NODE("Relu", "nowhere", "y");
    m = make_model(&lost, 1, NULL, 0);
    assert_int_equal(import_number(&m), GF_E_ONNX_GRAPH);
    gf_onnx_node other = NODE("Relu", "x", "z");
    m = make_model(&other, 1, NULL, 0);
    assert_int_equal(import_number(&m), GF_E_ONNX_GRAPH);
    assert_non_null(strstr(error.message, "no output"));
    gf_onnx_value vector = {.name = "x", .type = GF_ONNX_FLOAT, .has_shape = true, .batch = "", .shape = {2, {1, 3}}};
    gf_onnx_node node = NODE("Relu", "x", "y");
    m = make_model(&node, 1, NULL, 0);
    m.o.input = &vector;
    assert_int_equal(import_number(&m), GF_E_MODEL_SHAPE); /* there is no image to prepare */
    vector.shape.dim[1] = -1;                              /* of how many numbers? */
    assert_int_equal(import_number(&m), GF_E_ONNX_GRAPH);
    m.o.n_inputs = 0;
    assert_int_equal(import_number(&m), GF_E_ONNX_GRAPH);
}

static void nan_in_weights_is_refused(void **state)
{
    (void)state;
    float kernel[6] = {1, 2, 3, NAN, 5, INFINITY};
    gf_onnx_tensor w = {.name = "head.weight",
                        .type = GF_ONNX_FLOAT,
                        .dtype = GF_F32,
                        .shape = {4, {2, 3, 1, 1}},
                        .data = kernel,
                        .bytes = sizeof kernel,
                        .location = ""};
    gf_onnx_node conv = NODE2("Conv", "x", "head.weight", "y");
    made m = make_model(&conv, 1, &w, 1);
    assert_int_equal(import_number(&m), GF_E_WEIGHTS_NONFINITE);
    assert_non_null(strstr(error.message, "head/kernel: 2 of 6"));
    kernel[3] = kernel[5] = 0;
    assert_int_equal(import_number(&m), 0);
    w.shape.dim[1] = 2, w.shape.dim[0] = 3; /* 2 channels of 3 */
    assert_int_equal(import_number(&m), GF_E_ONNX_UNSUPPORTED);
    assert_non_null(strstr(error.message, "does not fit its input"));
}

/* What no layer does is refused, each by the node's name; nothing is quietly left out. */
static void what_is_not_read_is_refused_by_node(void **state)
{
    (void)state;
    int64_t two[2] = {2, 2}, one[2] = {1, 1}, perm[4] = {1, 0, 2, 3}, minus[4] = {-1, 0, 0, 0}, four[4] = {0, 0, 0, 0};
    gf_onnx_attr dilated[] = {{.name = "kernel_shape", .s = "", .ints = two, .n_ints = 2},
                              {.name = "dilations", .s = "", .ints = two, .n_ints = 2}};
    gf_onnx_attr negative[] = {{.name = "kernel_shape", .s = "", .ints = two, .n_ints = 2},
                               {.name = "pads", .s = "", .ints = minus, .n_ints = 4}};
    gf_onnx_attr zero[] = {{.name = "kernel_shape", .s = "", .ints = four, .n_ints = 2}};
    gf_onnx_attr turn = {.name = "perm", .s = "", .ints = perm, .n_ints = 4};
    gf_onnx_attr axes = {.name = "axes", .s = "", .ints = one, .n_ints = 1};
    gf_onnx_attr to_ints = {.name = "to", .s = "", .i = GF_ONNX_INT32};
    gf_onnx_attr low = {.name = "min", .s = "", .f = -3};
    const gf_onnx_node rows[] = {
        NODE("MaxPool", "x", "y", .attr = dilated, .n_attrs = 2),
        NODE("MaxPool", "x", "y", .attr = negative, .n_attrs = 2),
        NODE("MaxPool", "x", "y", .attr = zero, .n_attrs = 1),
        NODE("MaxPool", "x", "y"),
        NODE("Transpose", "x", "y", .attr = &turn, .n_attrs = 1),
        NODE("ReduceMean", "x", "y", .attr = &axes, .n_attrs = 1),
        NODE("Softmax", "x", "y"),
        NODE("Clip", "x", "y", .attr = &low, .n_attrs = 1),
        NODE("Cast", "x", "y", .attr = &to_ints, .n_attrs = 1),
        NODE("Erf", "x", "y"),
        NODE("Conv", "x", "y"),
        NODE("Gemm", "x", "y"),
        NODE("Gather", "x", "y"),
        NODE2("MatMul", "x", "x", "y"),
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        made m = make_model(&rows[i], 1, NULL, 0);
        int number = import_number(&m);
        if (number != GF_E_ONNX_UNSUPPORTED || !strstr(error.message, "n_y") || !strstr(error.message, rows[i].op)) {
            fail_msg("%zu %s: E%d %s", i, rows[i].op, number, error.message);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exporters_models_give_their_numbers),
        cmocka_unit_test(layers_are_kerass),
        cmocka_unit_test(what_is_read_trains),
        cmocka_unit_test(names_come_from_the_files_modules),
        cmocka_unit_test(preprocessing_is_told_from_what_the_file_does),
        cmocka_unit_test(preprocessing_of_the_callers_comes_first),
        cmocka_unit_test(a_sum_of_several_is_an_add),
        cmocka_unit_test(all_unknown_operators_are_listed_at_once),
        cmocka_unit_test(opsets_before_7_are_refused),
        cmocka_unit_test(graphs_that_are_none_are_refused),
        cmocka_unit_test(nan_in_weights_is_refused),
        cmocka_unit_test(what_is_not_read_is_refused_by_node),
    };
    gf_ops_start_worker();
    if (gf_ops_create(&ops, NULL, &error) != GRAFT_OK) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gf_ops_destroy(ops);
    return failed;
}
