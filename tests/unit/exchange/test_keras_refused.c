/* What no configuration of Keras may do: name code, leave its folder, be more than it says, have no end. Every refusal
 * names the layer or the class. Nothing here reads a file: the parser has bytes alone. */
#include "formats/cage_reply.h"
#include "formats/keras_zip.h"
#include "formats/zip_write.h"
#include "support/calls.h"
#include "unit/exchange/keras_models.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct refusal {
    const char *text; /* a configuration, or a layer's behind an input of (8, 8, 3) */
    int number;
    const char *says;
} refusal;

static void is_refused(const char *text, int number, const char *says)
{
    gf_model m;
    error = (graft_error){0};
    graft_status status = gf_keras_config_parse(&m, text, strlen(text), "f.json", NULL, &error);
    if (status == GRAFT_OK) fail_msg("taken: %.300s", text);
    if (error.number != number) fail_msg("E%d %s, wanted E%d: %.300s", error.number, error.message, number, text);
    if (!strstr(error.message, says)) fail_msg("%s: wanted \"%s\"", error.message, says);
    assert_non_null(strstr(error.message, "f.json"));
    assert_int_equal(m.n_layers, 0);
    assert_null(m.value);
}

/* A sequential model of an input and these layers. */
static char *sequential(const char *layers)
{
    char *text =
        gf_sprintf("{\"class_name\": \"Sequential\", \"config\": {\"name\": \"s\", \"layers\": [{\"class_name\": "
                   "\"InputLayer\", \"config\": {\"batch_shape\": [null, 8, 8, 3], \"name\": \"i\"}}, %s]}}",
                   layers);
    assert_non_null(text);
    return text;
}

static void layers_are_refused(const refusal *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *text = sequential(list[i].text);
        is_refused(text, list[i].number, list[i].says);
        gf_free(text);
    }
}

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define LAYER(class, config) "{\"class_name\": \"" class "\", \"config\": {\"name\": \"x\"" config "}}"

/* ---- code, and what is not known */

static void what_could_be_code_is_refused_by_name(void **state)
{
    (void)state;
    static const refusal list[] = {
        {LAYER("Lambda", ", \"function\": [\"4wEAAA\", null, null]"), GF_E_KERAS_CLASS, "know: Lambda"},
        {LAYER("StringLookup", ", \"vocabulary\": \"/etc/passwd\""), GF_E_KERAS_CLASS, "StringLookup"},
        {LAYER("TFSMLayer", ", \"filepath\": \"http://127.0.0.1/x\""), GF_E_KERAS_CLASS, "TFSMLayer"},
        {LAYER("Dense", ", \"units\": 2, \"activation\": {\"class_name\": \"__lambda__\", \"config\": {}}"),
         GF_E_KERAS_CLASS, "__lambda__"},
        {LAYER("Dense", ", \"units\": 2, \"kernel_initializer\": [{\"class_name\": \"__lambda__\"}]"), GF_E_KERAS_CLASS,
         "__lambda__"},
        {"{\"module\": \"os\", \"class_name\": \"Dense\", \"config\": {\"name\": \"x\", \"units\": 2}}",
         GF_E_KERAS_CLASS, "Dense os"},
        {"{\"module\": \"kerasx.layers\", \"class_name\": \"Dense\", \"config\": {\"name\": \"x\"}}", GF_E_KERAS_CLASS,
         "Dense kerasx.layers"},
        {"{\"module\": \"keras.layers\", \"class_name\": \"Dense\", \"registered_name\": \"mine>Dense\", \"config\": "
         "{\"name\": \"x\"}}",
         GF_E_KERAS_CLASS, "mine>Dense"},
        {LAYER("TFOpLambda", ", \"function\": \"io.read_file\""), GF_E_KERAS_CLASS, "TFOpLambda io.read_file"},
        {LAYER("A", "") "," LAYER("Dense", ", \"units\": 2") "," LAYER("B", "") "," LAYER("A", "") "," LAYER("\\u001bC",
                                                                                                             ""),
         GF_E_KERAS_CLASS, "know: A, B, \\x1bC"},
        {"{\"config\": {\"name\": \"x\"}}", GF_E_KERAS_CLASS, "(no class)"},
        {LAYER("Dense", ", \"units\": 2, \"activation\": \"my_act\""), GF_E_KERAS_ARGUMENT, "layer x (Dense)"},
    };
    layers_are_refused(list, COUNT(list));
    is_refused("{\"class_name\": \"MyModel\", \"config\": {\"layers\": []}}", GF_E_KERAS_CLASS, "MyModel");
    is_refused("{\"module\": \"subprocess\", \"class_name\": \"Functional\", \"config\": {\"layers\": []}}",
               GF_E_KERAS_CLASS, "Functional");
}

static void forty_unknown_classes_are_listed_and_no_more(void **state)
{
    (void)state;
    gf_text t = {0};
    for (int i = 0; i < 1000; i++)
        gf_text_printf(&t, "%s{\"class_name\": \"C%03d\", \"config\": {\"name\": \"n%d\"}}", i ? "," : "", i, i);
    char *text = sequential(t.s);
    is_refused(text, GF_E_KERAS_CLASS, "C000, C001");
    gf_free(text);
    gf_text_free(&t);
}

static void names_that_lead_elsewhere_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"..", ".", "a/../b", "/etc/x", "", "a//b", "a/", "a\\\\b", "a\\u0007"};
    for (size_t i = 0; i < COUNT(names); i++) {
        char *layer = gf_sprintf("{\"class_name\": \"Flatten\", \"config\": {\"name\": \"%s\"}}", names[i]);
        char *text = sequential(layer);
        is_refused(text, GF_E_KERAS_GRAPH, "a layer cannot have this name");
        gf_free(layer);
        gf_free(text);
    }
}

/* ---- no file, no network: any system call but for memory kills the child that reads */

typedef struct archive {
    uint8_t *bytes;
    size_t n;
} archive;

/* A whole .keras of this configuration, with the weights of a good one. */
static archive archive_of(const char *config)
{
    char name[] = "/tmp/graft-test-XXXXXX";
    uint8_t *weights;
    size_t n;
    archive a;
    close(mkstemp(name));
    OK(gf_file_read(GRAFT_FIXTURES "/formats/good_keras3.h5", 1 << 20, &weights, &n, &error));
    const gf_zip_member member[] = {{"metadata.json", .body = {"{}", 2}},
                                    {"config.json", .body = {config, strlen(config)}},
                                    {"model.weights.h5", .body = {weights, n}}};
    OK(gf_zip_write(name, member, 3, &error));
    OK(gf_file_read(name, 1 << 20, &a.bytes, &a.n, &error));
    unlink(name);
    gf_free(weights);
    return a;
}

/* 0: its configuration is read, 1: it is refused. */
static int read_archive(const archive *a)
{
    gf_sink sink = {.fd = -1};
    graft_error err;
    const char *text;
    size_t n;
    gf_model m;
    gf_keras_zip_config_reply(a->bytes, a->n, "f.keras", &sink);
    if (gf_reply_parse_text((const uint8_t *)sink.bytes.s, sink.bytes.n, "f.keras", &text, &n, &err) != GRAFT_OK) {
        return 2;
    }
    char *own = gf_strndup(text, n);
    return gf_keras_config_parse(&m, own, n, "f.keras", NULL, &err) != GRAFT_OK;
}

static int open_file(const archive *a)
{
    (void)a;
    return open("/etc/passwd", O_RDONLY) < 0;
}

static int open_socket(const archive *a)
{
    (void)a;
    return socket(AF_INET, SOCK_STREAM, 0) < 0;
}

/* How a child ends that may only use memory: its exit code, or the negative of a signal's number. */
static int alone(int (*fn)(const archive *a), const archive *a)
{
    int how;
    fflush(NULL);
    pid_t pid = fork();
    if (!pid) _exit(calls_only_memory() ? fn(a) : 99);
    assert_int_equal(waitpid(pid, &how, 0), pid);
    return WIFSIGNALED(how) ? -WTERMSIG(how) : WEXITSTATUS(how);
}

static void no_file_and_no_network_is_touched(void **state)
{
    (void)state;
    static const char *const layers[] = {
        "{\"class_name\": \"Flatten\", \"config\": {\"name\": \"x\"}}", /* is read */
        LAYER("Lambda", ", \"function\": [\"4wEAAA\", null, null]"),
        LAYER("Dense", ", \"units\": 2, \"activation\": {\"class_name\": \"__lambda__\", \"config\": {}}"),
        LAYER("StringLookup", ", \"vocabulary\": \"/etc/passwd\""),
        LAYER("TFSMLayer", ", \"filepath\": \"http://127.0.0.1/x\""),
        "{\"module\": \"os\", \"class_name\": \"system\", \"config\": {\"name\": \"x\"}}",
        LAYER("Mine", ""),
        "{\"class_name\": \"Flatten\", \"config\": {\"name\": \"..\"}}",
    };
    assert_int_equal(alone(open_file, NULL), -SIGSYS);
    assert_int_equal(alone(open_socket, NULL), -SIGSYS);
    for (size_t i = 0; i < COUNT(layers); i++) {
        char *config = sequential(layers[i]);
        archive a = archive_of(config);
        int how = alone(read_archive, &a);
        if (how != (i > 0)) fail_msg("%s: %d", layers[i], how);
        gf_free(a.bytes);
        gf_free(config);
    }
}

/* ---- arguments */

static void arguments_that_are_not_known_are_refused(void **state)
{
    (void)state;
    static const refusal list[] = {
        {LAYER("Conv2D", ", \"filters\": 4, \"kernel_size\": [3, 3], \"dilation_rate\": [2, 0]"), GF_E_KERAS_ARGUMENT,
         "layer x (Conv2D): dilation_rate is [2, 0]"},
        {LAYER("Conv2D", ", \"filters\": 4, \"kernel_size\": [3, 3], \"dilation_rate\": [4, 1]"), GF_E_MODEL_SHAPE,
         "layer x: a 9x3 window does not fit into (8, 8, 3)"},
        {LAYER("Conv1D", ", \"filters\": 4, \"kernel_size\": [3]"), GF_E_MODEL_SHAPE,
         "layer x (Conv1D): its input is (8, 8, 3), wanted are 2 dimensions"},
        {LAYER("Conv1D", ", \"filters\": 4, \"kernel_size\": [3, 3]"), GF_E_KERAS_ARGUMENT, "kernel_size is [3, 3]"},
        {LAYER("Conv1D", ", \"filters\": 4, \"kernel_size\": 3, \"padding\": \"full\""), GF_E_KERAS_ARGUMENT,
         "padding is \"full\", wanted is valid, same or causal"},
        {LAYER("Conv2D", ", \"filters\": 4, \"kernel_size\": [3, 3], \"data_format\": \"channels_first\""),
         GF_E_KERAS_ARGUMENT, "data_format is \"channels_first\", wanted is channels_last"},
        {LAYER("Conv2D", ", \"filters\": 4, \"kernel_size\": [3, 3], \"padding\": \"causal\""), GF_E_KERAS_ARGUMENT,
         "padding is \"causal\""},
        {LAYER("Conv2D", ", \"kernel_size\": [3, 3]"), GF_E_KERAS_ARGUMENT, "filters is missing"},
        {LAYER("Conv2D", ", \"filters\": 4"), GF_E_KERAS_ARGUMENT, "kernel_size is missing"},
        {LAYER("Conv2D", ", \"filters\": 4.5, \"kernel_size\": 3"), GF_E_KERAS_ARGUMENT, "filters is 4.5"},
        {LAYER("Conv2D", ", \"filters\": 4, \"kernel_size\": [3, 3, 3]"), GF_E_KERAS_ARGUMENT, "kernel_size is"},
        {LAYER("Conv2D", ", \"filters\": 4, \"kernel_size\": 3, \"strides\": 0"), GF_E_KERAS_ARGUMENT, "strides is 0"},
        {LAYER("BatchNormalization", ", \"axis\": 1"), GF_E_KERAS_ARGUMENT, "axis is 1"},
        {LAYER("BatchNormalization", ", \"axis\": [1, 2]"), GF_E_KERAS_ARGUMENT, "axis is [1, 2]"},
        {LAYER("BatchNormalization", ", \"epsilon\": \"x\""), GF_E_KERAS_ARGUMENT, "epsilon is \"x\""},
        {LAYER("LayerNormalization", ", \"rms_scaling\": true"), GF_E_KERAS_ARGUMENT, "rms_scaling"},
        {LAYER("ReLU", ", \"max_value\": 1.0"), GF_E_KERAS_ARGUMENT, "max_value is 1.0"},
        {LAYER("ReLU", ", \"threshold\": 0.5"), GF_E_KERAS_ARGUMENT, "threshold is 0.5"},
        {LAYER("ReLU", ", \"max_value\": 6, \"negative_slope\": 0.1"), GF_E_KERAS_ARGUMENT, "negative_slope"},
        {LAYER("Softmax", ", \"axis\": 1"), GF_E_KERAS_ARGUMENT, "axis is 1"},
        {LAYER("UpSampling2D", ", \"interpolation\": \"lanczos3\""), GF_E_KERAS_ARGUMENT, "lanczos3"},
        {LAYER("Reshape", ", \"target_shape\": [1, 1, 1, 1, 1, 192]"), GF_E_KERAS_ARGUMENT, "target_shape"},
        {LAYER("Permute", ", \"dims\": [2, 1]"), GF_E_KERAS_ARGUMENT, "dims is [2, 1]"},
        {LAYER("Permute", ", \"dims\": [1, 1, 2]"), GF_E_MODEL_SHAPE, "layer x"},
        {LAYER("Concatenate", ", \"axis\": 0"), GF_E_KERAS_ARGUMENT, "axis is 0"},
        {LAYER("Dropout", ", \"rate\": 1"), GF_E_KERAS_ARGUMENT, "rate is 1"},
        {LAYER("Rescaling", ", \"scale\": [1, 2]"), GF_E_KERAS_ARGUMENT, "scale is [1, 2]"},
        {LAYER("Rescaling", ", \"scale\": 1e300"), GF_E_KERAS_ARGUMENT, "scale is"},
        {LAYER("Normalization", ", \"axis\": null"), GF_E_KERAS_ARGUMENT, "axis is null"},
        {LAYER("Normalization", ", \"mean\": [1, 2, 3]"), GF_E_KERAS_ARGUMENT, "variance is missing"},
        {LAYER("Normalization", ", \"invert\": true"), GF_E_KERAS_ARGUMENT, "invert is true"},
        {LAYER("Resizing", ", \"height\": 9, \"width\": 8"), GF_E_KERAS_ARGUMENT, "height is 9"},
        {LAYER("ZeroPadding2D", ", \"padding\": [[1, 1], [1, -1]]"), GF_E_KERAS_ARGUMENT, "padding is"},
        {LAYER("Cropping2D", ", \"cropping\": [[4, 4], [0, 0]]"), GF_E_MODEL_SHAPE, "layer x"},
        {LAYER("Conv2D", ", \"filters\": 4, \"kernel_size\": 9"), GF_E_MODEL_SHAPE, "layer x"},
        {LAYER("LeakyReLU", ", \"alpha\": -1"), GF_E_KERAS_ARGUMENT, "alpha is -1"},
        {LAYER("Subtract", ""), GF_E_KERAS_ARGUMENT, "layer x (Subtract)"},
        {LAYER("Dense", ", \"units\": 2, \"config\": null}}, {\"class_name\": \"Dense\", \"config\": {\"name\": \"x\", "
                        "\"units\": 3"),
         GF_E_KERAS_GRAPH, "two layers have this name"},
    };
    layers_are_refused(list, COUNT(list));
}

/* Keras 2's hard_sigmoid is another function. */
static void words_that_changed_their_meaning_are_refused(void **state)
{
    (void)state;
    static const char text[] =
        "{\"class_name\": \"Sequential\", \"keras_version\": \"%s\", \"config\": [{\"class_name\": \"Dense\", "
        "\"config\": "
        "{\"name\": \"d\", \"units\": 2, \"batch_input_shape\": [null, 4, 4, 3], \"activation\": \"hard_sigmoid\"}}]}";
    char old[sizeof text + 8], new[sizeof text + 8];
    snprintf(old, sizeof old, text, "2.9.0");
    snprintf(new, sizeof new, text, "3.0.0");
    is_refused(old, GF_E_KERAS_ARGUMENT, "activation is \"hard_sigmoid\"");
    gf_model m;
    OK(gf_keras_config_parse(&m, new, strlen(new), "f", NULL, &error));
    assert_int_equal(m.layer[1].at.act, GF_ACT_HARD_SIGMOID);
    gf_model_free(&m);
}

/* ---- sizes */

static void sizes_are_bounded_before_memory_is_taken(void **state)
{
    (void)state;
    static const refusal list[] = {
        {LAYER("Dense", ", \"units\": 1099511627776"), GF_E_KERAS_ARGUMENT, "units is 1099511627776"},
        {LAYER("Conv2D", ", \"filters\": 16777216, \"kernel_size\": 8"), GF_E_KERAS_LIMIT, "layer x: with it"},
        {LAYER("UpSampling2D", ", \"size\": 64") ","
                                                 "{\"class_name\": \"UpSampling2D\", \"config\": {\"name\": \"y\", "
                                                 "\"size\": 64}}",
         GF_E_KERAS_LIMIT, "layer y: with it"},
        {"{\"class_name\": \"Flatten\", \"config\": {\"name\": \"f\"}}, " LAYER("Dense", ", \"units\": 16777216"),
         GF_E_KERAS_LIMIT, "layer x: with it the model has 3238002688 parameters"},
        {LAYER("DepthwiseConv2D", ", \"kernel_size\": 3, \"depth_multiplier\": 16777216"), GF_E_MODEL_SHAPE, "layer x"},
    };
    layers_are_refused(list, COUNT(list));
    static const char *const shapes[] = {"[null, 1099511627776, 8, 3]",
                                         "[null, null, 8]",
                                         "[null, 8, 8, 5]",
                                         "[null, 0, 8, 3]",
                                         "[]",
                                         "[null, 8, -1, 3]"};
    for (size_t i = 0; i < COUNT(shapes); i++) {
        char *text =
            gf_sprintf("{\"class_name\": \"Sequential\", \"config\": {\"layers\": [{\"class_name\": \"InputLayer\", "
                       "\"config\": {\"name\": \"i\", \"batch_shape\": %s}}]}}",
                       shapes[i]);
        is_refused(text, GF_E_KERAS_GRAPH, "layer i: its shape is [");
        gf_free(text);
    }
}

/* What Keras noted of shapes it had built is not believed: shapes follow from the layers. */
static void build_shapes_have_no_say(void **state)
{
    (void)state;
    char *text = sequential("{\"class_name\": \"Dense\", \"build_config\": {\"input_shape\": [null, 1099511627776]}, "
                            "\"config\": {\"name\": \"d\", \"units\": 2}}");
    gf_model m;
    OK(gf_keras_config_parse(&m, text, strlen(text), "f", NULL, &error));
    assert_int_equal(m.n_values, 3 * 2 + 2);
    gf_model_free(&m);
    gf_free(text);
}

static void a_million_layers_are_refused(void **state)
{
    (void)state;
    static const struct {
        int layers, number;
    } size[] = {{10001, GF_E_KERAS_LIMIT}, {1000000, GF_E_KERAS_LIMIT}};
    for (size_t i = 0; i < COUNT(size); i++) {
        gf_text t = {0};
        for (int k = 0; k < size[i].layers; k++) {
            gf_text_printf(&t, "%s{\"class_name\": \"ReLU\", \"config\": {\"name\": \"a%d\"}}", k ? "," : "", k);
        }
        assert_false(t.failed);
        char *text = sequential(t.s);
        is_refused(text, size[i].number, "f.json");
        gf_free(text);
        gf_text_free(&t);
    }
}

/* ---- graphs */

#define TENSOR(name, call, output) \
    "{\"class_name\": \"__keras_tensor__\", \"config\": {\"keras_history\": [\"" name "\", " call ", " output "]}}"
#define NODE(args) "[{\"args\": [" args "], \"kwargs\": {}}]"
#define AT(class, name, nodes)                                                               \
    "{\"class_name\": \"" class "\", \"name\": \"" name "\", \"config\": {\"name\": \"" name \
                                "\"}, \"inbound_nodes\": " nodes "}"
#define INPUT(name)                                                                           \
    "{\"class_name\": \"InputLayer\", \"name\": \"" name "\", \"config\": {\"name\": \"" name \
    "\", \"batch_shape\": [null, 8, 8, 3]}, \"inbound_nodes\": []}"
#define GRAPH(layers, inputs, outputs)                                                    \
    "{\"class_name\": \"Functional\", \"config\": {\"name\": \"g\", \"layers\": [" layers \
    "], \"input_layers\": " inputs ", \"output_layers\": " outputs "}}"
#define I "[\"i\", 0, 0]"

static void graphs_that_are_none_are_refused(void **state)
{
    (void)state;
    static const refusal list[] = {
        {GRAPH(INPUT("i") "," AT("Add", "a", NODE(TENSOR("i", "0", "0") "," TENSOR("b", "0", "0"))) "," AT(
                   "ReLU", "b", NODE(TENSOR("a", "0", "0"))),
               I, "[\"b\", 0, 0]"),
         GF_E_KERAS_GRAPH, "the graph has a cycle"},
        {GRAPH(INPUT("i") "," AT("ReLU", "a", NODE(TENSOR("a", "0", "0"))), I, "[\"a\", 0, 0]"), GF_E_KERAS_GRAPH,
         "layer a: it waits for itself"},
        {GRAPH(INPUT("i") "," AT("ReLU", "a",
                                 "[{\"args\": [" TENSOR("a", "1", "0") "]}, {\"args\": [" TENSOR("i", "0", "0") "]}]"),
               I, "[\"a\", 1, 0]"), /* a call that stands before what it gets */
         GF_E_KERAS_GRAPH, "the graph has a cycle"},
        {GRAPH(INPUT("i") "," AT("ReLU", "a",
                                 "[{\"args\": [" TENSOR("i", "0", "0") "]}, {\"args\": [" TENSOR("a", "0", "0") "]}]"),
               I, "[\"a\", 2, 0]"),
         GF_E_KERAS_GRAPH, "layer a: a call of it is asked for that is not there"},
        {GRAPH(INPUT("i") "," AT("Conv2D", "a",
                                 "[{\"args\": [" TENSOR("i", "0", "0") "]}, {\"args\": [" TENSOR("a", "0", "0") "]}]"),
               I, "[\"a\", 1, 0]"),
         GF_E_KERAS_ARGUMENT, "layer a"},
        {GRAPH(INPUT("i") "," AT("ReLU", "a", NODE(TENSOR("i", "1", "0"))), I, "[\"a\", 0, 0]"), GF_E_KERAS_GRAPH,
         "layer i: a call of it is asked for that is not there"},
        {GRAPH(INPUT("i") "," AT("ReLU", "a", NODE(TENSOR("i", "0", "1"))), I, "[\"a\", 0, 0]"), GF_E_KERAS_GRAPH,
         "an output of it is asked for that is not there"},
        {GRAPH(INPUT("i") "," AT("ReLU", "a", NODE(TENSOR("z", "0", "0"))), I, "[\"a\", 0, 0]"), GF_E_KERAS_GRAPH,
         "layer a: its source z is not there"},
        {GRAPH(INPUT("i") "," AT("ReLU", "a", "[]"), I, "[\"a\", 0, 0]"), GF_E_KERAS_GRAPH,
         "layer a: it has no source"},
        {GRAPH(INPUT("i") "," INPUT("j") "," AT("Add", "a", NODE(TENSOR("i", "0", "0") "," TENSOR("j", "0", "0"))), I,
               "[\"a\", 0, 0]"),
         GF_E_KERAS_GRAPH, "it has 2 inputs and lists 1 of them"},
        {GRAPH(INPUT("i"), I, "[]"), GF_E_KERAS_GRAPH, "output_layers are not a list of 1 to 8 tensors"},
        {GRAPH(INPUT("i") "," INPUT("i"), I, I), GF_E_KERAS_GRAPH, "layer i: two layers have this name"},
        {GRAPH(INPUT("i") "," AT("ReLU", "a", NODE(TENSOR("i", "0", "0") "," TENSOR("i", "0", "0"))), I,
               "[\"a\", 0, 0]"),
         GF_E_KERAS_GRAPH, "layer a: it has more sources"},
        {GRAPH(INPUT("i") "," AT("InputLayer", "a", NODE(TENSOR("i", "0", "0"))), I, "[\"a\", 0, 0]"), GF_E_KERAS_GRAPH,
         "layer a: an input with a source"},
        {GRAPH("7", I, I), GF_E_KERAS_GRAPH, "it is no object"},
        {"{\"class_name\": \"Functional\", \"config\": {}}", GF_E_KERAS_GRAPH, "no list of layers"},
        {"{\"class_name\": \"Sequential\", \"config\": []}", GF_E_KERAS_GRAPH, "it has no layers"},
        {"{\"class_name\": \"Functional\", \"config\": {\"layers\": []}}", GF_E_KERAS_GRAPH, "input_layers"},
        {"[]", GF_E_KERAS_CLASS, "(no class)"},
        {"{}", GF_E_KERAS_CLASS, "(no class)"},
    };
    for (size_t i = 0; i < COUNT(list); i++) is_refused(list[i].text, list[i].number, list[i].says);
}

#define ROWS                                                                                                     \
    INPUT("i")                                                                                                   \
    ",{\"class_name\": \"Reshape\", \"name\": \"r\", \"config\": {\"name\": \"r\", \"target_shape\": [8, 24]}, " \
    "\"inbound_nodes\": " NODE(TENSOR("i", "0", "0")) "}"
#define CALLED(class, config, call)                                                        \
    "{\"class_name\": \"" class "\", \"name\": \"x\", \"config\": {\"name\": \"x\"" config \
                                "}, \"inbound_nodes\": [" call "]}"
#define TO_ITSELF(kwargs) "{\"args\": [" TENSOR("r", "0", "0") "," TENSOR("r", "0", "0") "], \"kwargs\": {" kwargs "}}"
#define ATTENTION(config, kwargs)                                                                                   \
    GRAPH(ROWS "," CALLED("MultiHeadAttention", ", \"num_heads\": 2, \"key_dim\": 3" config, TO_ITSELF(kwargs)), I, \
          "[\"x\", 0, 0]")

static void attention_that_is_not_computed_is_refused(void **state)
{
    (void)state;
    static const refusal list[] = {
        {ATTENTION("", "\"attention_mask\": " TENSOR("r", "0", "0")), GF_E_KERAS_ARGUMENT, "attention_mask"},
        {ATTENTION("", "\"return_attention_scores\": true"), GF_E_KERAS_ARGUMENT, "return_attention_scores"},
        {ATTENTION(", \"use_gate\": true", ""), GF_E_KERAS_ARGUMENT, "use_gate is true"},
        {ATTENTION(", \"sliding_window\": 4", ""), GF_E_KERAS_ARGUMENT, "sliding_window is 4"},
        {ATTENTION(", \"attention_axes\": [2]", ""), GF_E_KERAS_ARGUMENT, "attention_axes is [2]"},
        {ATTENTION(", \"output_shape\": [4, 4]", ""), GF_E_KERAS_ARGUMENT, "output_shape is [4, 4]"},
        {ATTENTION(", \"value_dim\": 0", ""), GF_E_KERAS_ARGUMENT, "value_dim is 0"},
        {ATTENTION(", \"dropout\": 1", ""), GF_E_KERAS_ARGUMENT, "dropout is 1"},
        {GRAPH(ROWS "," CALLED("MultiHeadAttention", ", \"num_heads\": 2, \"key_dim\": 3",
                               "{\"args\": [" TENSOR("r", "0", "0") "]}"),
               I, "[\"x\", 0, 0]"),
         GF_E_MODEL_SHAPE, "do not fit its 1 inputs"},
        {GRAPH(ROWS "," CALLED("MultiHeadAttention", ", \"num_heads\": 2, \"key_dim\": 70000", TO_ITSELF("")), I,
               "[\"x\", 0, 0]"),
         GF_E_MODEL_SHAPE, "layer x (MultiHeadAttention)"},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) is_refused(list[i].text, list[i].number, list[i].says);
}

/* What a network gets is an image: an Embedding looks up places and nothing else. */
static void what_is_not_of_images_is_refused(void **state)
{
    (void)state;
    static const char tokens[] =
        "{\"class_name\": \"Sequential\", \"config\": {\"layers\": [{\"class_name\": \"InputLayer\", \"config\": "
        "{\"name\": \"i\", \"batch_shape\": [null, 16]}}, {\"class_name\": \"Embedding\", \"config\": {\"name\": "
        "\"e\", \"input_dim\": 100, \"output_dim\": 8}}]}}";
    static const char of_values[] = LAYER("Embedding", ", \"input_dim\": 8, \"output_dim\": 4");
    is_refused(tokens, GF_E_KERAS_GRAPH, "layer e: an Embedding is read only where it looks up the places");
    char *text = sequential(of_values);
    is_refused(text, GF_E_KERAS_GRAPH, "layer x: an Embedding is read only where it looks up the places");
    gf_free(text);
    static const refusal list[] = {
        {GRAPH(ROWS "," AT("OnesLike", "x", NODE(TENSOR("r", "0", "0"))), I, "[\"x\", 0, 0]"), GF_E_KERAS_GRAPH,
         "layer x: it is read only where it counts the places"},
        {GRAPH(ROWS "," AT("GetItem", "x", NODE(TENSOR("r", "0", "0") ", [0, 1]")), I, "[\"x\", 0, 0]"),
         GF_E_KERAS_GRAPH, "layer x: it is read only where it counts the places"},
        {GRAPH(ROWS "," AT("GetItem", "x", NODE(TENSOR("r", "0", "0") ", [{\"class_name\": \"__ellipsis__\"}, 0]")), I,
               "[\"x\", 0, 0]"),
         GF_E_KERAS_GRAPH, "the output does not depend on the image"},
        {GRAPH(ROWS
               "," AT("GetItem", "y", NODE(TENSOR("r", "0", "0") ", [{\"class_name\": \"__ellipsis__\"}, 0]")) "," AT(
                   "Dense", "x", NODE(TENSOR("y", "0", "0"))),
               I, "[\"x\", 0, 0]"),
         GF_E_KERAS_GRAPH, "layer x: it is read only where it counts the places"},
        {GRAPH(ROWS "," AT(
                   "Add", "x",
                   NODE(TENSOR("r", "0", "0") ", {\"class_name\": \"__tensor__\", \"config\": {\"value\": [[1, 2]]}}")),
               I, "[\"x\", 0, 0]"),
         GF_E_KERAS_GRAPH, "layer x: it computes with a constant of many numbers"},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) is_refused(list[i].text, list[i].number, list[i].says);
}

/* Layers may stand in any order; what the output does not need is no part of the model. */
static void graphs_in_any_order_are_read(void **state)
{
    (void)state;
    static const char text[] =
        GRAPH(AT("ReLU", "b", NODE(TENSOR("a", "0", "0"))) "," AT("Flatten", "c", NODE(TENSOR("a", "0", "0"))) "," AT(
                  "GlobalAveragePooling2D", "a", NODE(TENSOR("i", "0", "0"))) "," INPUT("i"),
              I, "[\"b\", 0, 0]");
    gf_model m;
    OK(gf_keras_config_parse(&m, text, strlen(text), "f", NULL, &error));
    assert_int_equal(m.n_layers, 3);
    assert_string_equal(m.layer[0].name, "i");
    assert_string_equal(m.layer[1].name, "a");
    assert_string_equal(m.layer[2].name, "b");
    assert_int_equal(m.output, 2);
    gf_model_free(&m);
}

/* ---- text that is no JSON */

static void bad_json_is_told_by_line_and_column(void **state)
{
    (void)state;
    static const refusal list[] = {
        {"{\n \"a\": 1,\n \"a\": 2}", GF_E_JSON_SYNTAX, "f.json:3:4: "},
        {"{\n // x\n}", GF_E_JSON_SYNTAX, "f.json:2:2: "},
        {"\xef\xbb\xbf{}", GF_E_JSON_SYNTAX, "f.json:1:"},
        {"{\"a\":\n\"\\ud800\"}", GF_E_JSON_SYNTAX, "f.json:2:"},
        {"{\"a\": \"\xff\"}", GF_E_JSON_SYNTAX, "f.json:1:"},
        {"{\"a\": NaN}", GF_E_JSON_SYNTAX, "f.json:1:"},
        {"{\"a\": 1", GF_E_JSON_SYNTAX, "f.json:1:"},
        {"", GF_E_JSON_SYNTAX, "f.json:1:"},
    };
    for (size_t i = 0; i < COUNT(list); i++) {
        is_refused(list[i].text, list[i].number, list[i].says);
        assert_int_equal(error.status, GRAFT_USAGE);
    }
    char deep[10002] = "{\n\"a\": ";
    size_t begin = strlen(deep);
    memset(deep + begin, '[', sizeof deep - 1 - begin);
    is_refused(deep, GF_E_JSON_SYNTAX, "f.json:2:69: nested deeper than 64");
}

/* A real configuration, cut at every length and with every byte changed once: refused or read, never worse. */
static void damage_does_no_harm(void **state)
{
    (void)state;
    size_t n;
    gf_model m;
    char *text = fixture_text("old_nested", &n), *piece = malloc(n + 1);
    assert_non_null(piece);
    for (size_t cut = 0; cut < n; cut++) {
        memcpy(piece, text, cut);
        assert_int_not_equal(gf_keras_config_parse(&m, piece, cut, "f", NULL, &error), GRAFT_OK);
    }
    size_t refused = 0;
    for (size_t at = 0; at < n; at++) {
        memcpy(piece, text, n);
        piece[at] = (char)(piece[at] == '"' ? '9' : piece[at] ^ (1 + at % 7));
        const gf_keras_config_options own = {.own = true, .max_params = 100000};
        refused += gf_keras_config_parse(&m, piece, n, "f", &own, &error) != GRAFT_OK;
        gf_model_free(&m);
    }
    assert_true(refused > n / 4);
    free(piece);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_could_be_code_is_refused_by_name),
        cmocka_unit_test(forty_unknown_classes_are_listed_and_no_more),
        cmocka_unit_test(names_that_lead_elsewhere_are_refused),
        cmocka_unit_test(no_file_and_no_network_is_touched),
        cmocka_unit_test(arguments_that_are_not_known_are_refused),
        cmocka_unit_test(words_that_changed_their_meaning_are_refused),
        cmocka_unit_test(sizes_are_bounded_before_memory_is_taken),
        cmocka_unit_test(build_shapes_have_no_say),
        cmocka_unit_test(a_million_layers_are_refused),
        cmocka_unit_test(graphs_that_are_none_are_refused),
        cmocka_unit_test(attention_that_is_not_computed_is_refused),
        cmocka_unit_test(what_is_not_of_images_is_refused),
        cmocka_unit_test(graphs_in_any_order_are_read),
        cmocka_unit_test(bad_json_is_told_by_line_and_column),
        cmocka_unit_test(damage_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
