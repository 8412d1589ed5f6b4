/* Gradients through whole small graphs - folded and affine batch normalisation, residuals, padding, values with several
 * readers, dropout - against central finite differences of sum(diff * out), at every boundary, fused, one by one and in
 * reference implementations. Activations are tanh, so that there is no kink. */
#include "whole.h"

static gf_ops *ops;
enum { SEED = 11, BATCH = 2, SIDE = 6 };

/* ---- models */

static int add(gf_model *m, gf_layer l, const char *name, int src)
{
    int at = -1;
    snprintf(l.name, sizeof l.name, "%s", name);
    if (src >= 0 && !l.n_src) {
        l.n_src = 1;
        l.src[0] = src;
    }
    OK(gf_model_add(m, &l, &at, &error));
    return at;
}

static int input(gf_model *m)
{
    gf_layer l = {.cls = &gf_layer_input, .shape = GF_SHAPE(SIDE, SIDE, 3), .backbone = true};
    for (int c = 0; c < 4; c++) l.at.scale[c] = 1 / 127.5f, l.at.offset[c] = -1;
    return add(m, l, "input", -1);
}

static int conv(gf_model *m, const char *name, int src, int kernel, int filters, bool bias)
{
    gf_layer l = {.cls = &gf_layer_conv2d, .backbone = true};
    l.at.kh = l.at.kw = kernel, l.at.sh = l.at.sw = 1;
    l.at.filters = filters;
    l.at.padding = GF_PAD_SAME;
    l.at.use_bias = bias;
    return add(m, l, name, src);
}

static int depthwise(gf_model *m, const char *name, int src, int stride)
{
    gf_layer l = {.cls = &gf_layer_depthwise, .backbone = true};
    l.at.kh = l.at.kw = 3, l.at.sh = l.at.sw = stride;
    return add(m, l, name, src);
}

static int norm(gf_model *m, const char *name, int src)
{
    gf_layer l = {.cls = &gf_layer_batch_norm, .backbone = true};
    l.at.epsilon = 1e-3f;
    return add(m, l, name, src);
}

static int smooth(gf_model *m, const char *name, int src)
{
    gf_layer l = {.cls = &gf_layer_relu, .backbone = true};
    l.at.act = GF_ACT_TANH;
    return add(m, l, name, src);
}

static int sum(gf_model *m, const char *name, int a, int b)
{
    return add(m, (gf_layer){.cls = &gf_layer_add, .backbone = true, .n_src = 2, .src = {a, b}}, name, -1);
}

static int pad(gf_model *m, const char *name, int src)
{
    gf_layer l = {.cls = &gf_layer_zero_padding, .backbone = true};
    l.at.pt = l.at.pl = 1, l.at.pb = l.at.pr = 1;
    return add(m, l, name, src);
}

static void head(gf_model *m, int src, float rate)
{
    m->features = add(m, (gf_layer){.cls = &gf_layer_global_pool}, "pool", src);
    gf_layer dropout = {.cls = &gf_layer_dropout};
    dropout.at.rate = rate;
    gf_layer dense = {.cls = &gf_layer_dense};
    dense.at.units = 3;
    m->output = add(m, dense, "head", add(m, dropout, "dropout", m->features));
    m->classes = 3;
    OK(gf_model_finish(m, &error));
    seed_model(m, SEED);
}

static void inverted_residual(gf_model *m)
{
    int x = smooth(m, "act1", norm(m, "norm1", conv(m, "conv1", input(m), 3, 6, true)));
    int y = smooth(m, "act2", norm(m, "norm2", conv(m, "expand", x, 1, 12, false)));
    y = smooth(m, "act3", norm(m, "norm3", depthwise(m, "depthwise", pad(m, "pad", y), 1)));
    y = norm(m, "norm4", conv(m, "project", y, 1, 6, false));
    head(m, sum(m, "sum", x, y), 0.5f);
}

/* A normalisation that cannot fold, an activation behind a sum, a value with three readers, strided depthwise. */
static void what_does_not_fuse(gf_model *m)
{
    int x = conv(m, "conv1", input(m), 3, 5, true);
    int y = smooth(m, "act4", norm(m, "alone", smooth(m, "act1", x)));
    int z = smooth(m, "act2", sum(m, "sum1", x, y));
    z = sum(m, "sum2", z, conv(m, "conv2", x, 1, 5, true));
    z = norm(m, "behind a sum", z);
    head(m, smooth(m, "act3", depthwise(m, "depthwise", pad(m, "pad", z), 2)), 0);
}

static void a_value_and_its_convolution(gf_model *m)
{
    int x = smooth(m, "act1", conv(m, "conv1", input(m), 1, 4, true));
    int y = sum(m, "sum", x, conv(m, "conv2", x, 1, 4, false));
    y = sum(m, "sum2", norm(m, "norm", conv(m, "conv3", y, 3, 4, false)), y);
    head(m, smooth(m, "act2", y), 0);
}

static void a_value_twice(gf_model *m)
{
    int x = smooth(m, "act1", conv(m, "conv1", input(m), 1, 4, true));
    int y = smooth(m, "act2", sum(m, "twice", x, x));
    head(m, sum(m, "twice more", y, y), 0);
}

/* Normalisations with one of their two parameters, with none, and a factor per channel. */
static void half_a_normalisation(gf_model *m)
{
    static const struct {
        const gf_layer_class *cls;
        const char *name;
        bool no_scale, no_center;
    } row[] = {{&gf_layer_layer_scale, "scale", false, false},
               {&gf_layer_group_norm, "group, gamma alone", false, true},
               {&gf_layer_layer_norm, "layer, beta alone", true, false},
               {&gf_layer_batch_norm, "batch, beta alone", true, false},
               {&gf_layer_layer_norm, "layer, neither", true, true}};
    int x = smooth(m, "act1", conv(m, "conv1", input(m), 1, 4, true));
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        gf_layer l = {.cls = row[i].cls, .backbone = true};
        l.at.no_scale = row[i].no_scale;
        l.at.no_center = row[i].no_center;
        l.at.norm_groups = 2;
        l.at.epsilon = 1e-2f;
        x = add(m, l, row[i].name, x);
    }
    head(m, smooth(m, "act2", conv(m, "conv2", x, 1, 4, false)), 0);
}

/* The image's rows as a sequence: windows over it, places that are learnt, attention to itself and to fewer places.
 */
static void a_sequence(gf_model *m)
{
    gf_layer rows = {.cls = &gf_layer_reshape, .backbone = true, .at.target = GF_SHAPE(9, 12)};
    gf_layer conv1 = {.cls = &gf_layer_conv2d, .backbone = true}, deep = {.cls = &gf_layer_depthwise, .backbone = true};
    conv1.at.sequence = deep.at.sequence = true;
    conv1.at.kh = deep.at.kh = 1, conv1.at.kw = 3, conv1.at.dw = 2, conv1.at.filters = 6;
    conv1.at.padding = GF_PAD_CAUSAL;
    deep.at.kw = 3;
    gf_layer positions = {.cls = &gf_layer_embedding, .backbone = true, .at.units = 6};
    gf_layer self = {.cls = &gf_layer_attention, .backbone = true, .n_src = 2};
    self.at.heads = 2, self.at.key_dim = 3, self.at.value_dim = 4;
    gf_layer cross = self;
    int x = add(m, conv1, "conv1", add(m, rows, "rows", input(m)));
    x = smooth(m, "act1", norm(m, "norm1", x));
    x = sum(m, "placed", x, add(m, positions, "places", x));
    self.src[0] = self.src[1] = x;
    self.at.causal = true;
    x = sum(m, "sum1", x, add(m, self, "self", -1));
    int fewer = smooth(m, "act2", add(m, deep, "deep", x));
    cross.n_src = 3;
    cross.src[0] = x, cross.src[1] = fewer, cross.src[2] = add(m, deep, "keys", x);
    cross.at.no_bias = true;
    x = smooth(m, "act3", sum(m, "sum2", x, add(m, cross, "cross", -1)));
    m->features = add(m, (gf_layer){.cls = &gf_layer_global_pool, .at.sequence = true}, "pool", x);
    gf_layer dense = {.cls = &gf_layer_dense, .at.units = 3};
    m->output = add(m, dense, "head", m->features);
    m->classes = 3;
    OK(gf_model_finish(m, &error));
    seed_model(m, SEED);
}

static int again(gf_model *m, int first, const char *name, int src)
{
    gf_layer l = m->layer[first];
    l.again = first + 1;
    l.n_params = 0;
    l.src[0] = src;
    return add(m, l, name, src);
}

/* A convolution behind which one normalization folds twice and others once, a normalization that cannot fold, a
 * depthwise convolution on maps of two sizes, a dense layer: each called again. */
static void layers_called_again(gf_model *m)
{
    int x = smooth(m, "act1", conv(m, "conv1", input(m), 3, 5, true));
    int tower = conv(m, "tower", x, 3, 5, true), both = norm(m, "both", tower);
    int y = smooth(m, "act2", both);
    int z = smooth(m, "act3", again(m, both, "both#2", again(m, tower, "tower#2", y)));
    int own = smooth(m, "act4", norm(m, "own", again(m, tower, "tower#3", sum(m, "sum1", x, z))));
    int alone = norm(m, "alone", smooth(m, "act5", own)); /* behind no convolution */
    int deep = depthwise(m, "deep", pad(m, "pad", alone), 2), less = again(m, deep, "deep#2", deep);
    int wide = smooth(m, "act6", again(m, alone, "alone#2", deep)), pooled[2];
    pooled[0] = add(m, (gf_layer){.cls = &gf_layer_global_pool, .backbone = true}, "pool1", wide);
    pooled[1] = add(m, (gf_layer){.cls = &gf_layer_global_pool, .backbone = true}, "pool2", less);
    gf_layer dense = {.cls = &gf_layer_dense, .backbone = true, .at = {.units = 4}};
    int first = add(m, dense, "dense", pooled[0]), second = again(m, first, "dense#2", pooled[1]);
    m->features = sum(m, "sum2", first, second);
    m->output = add(m, (gf_layer){.cls = &gf_layer_dense, .at = {.units = 3}}, "head", m->features);
    m->classes = 3;
    OK(gf_model_finish(m, &error));
    seed_model(m, SEED);
}

/* ---- differences */

typedef struct bench {
    gf_model m;
    whole w;
    float *images, *out, *diff;
} bench;

static double objective(bench *b)
{
    double total = 0;
    whole_prepare(&b->w);
    whole_forward(&b->w, b->images, b->out);
    for (size_t i = 0; i < BATCH * b->w.outputs; i++) total += (double)b->diff[i] * (double)b->out[i];
    return total;
}

static void check_param(bench *b, const gf_param *p)
{
    enum { MOST = 6 };
    static const float step = 0x1p-7f;
    const float *grad = b->w.grad + (p->offset - b->w.trainable_offset);
    const char *layer = b->m.layer[p->layer].name;
    double largest = 0;
    for (size_t i = 0; i < p->count; i++) {
        if (!isfinite(grad[i])) fail_msg("%s/%s[%zu]: the gradient was not set", layer, p->var, i);
        if (fabs((double)grad[i]) > largest) largest = fabs((double)grad[i]);
    }
    bool nothing = !strcmp(p->var, "key/bias"); /* adds the same to all that a softmax compares */
    assert_true(nothing ? largest < 1e-5 : largest > 1e-3);
    for (size_t k = 0; k < MOST && k < p->count; k++) {
        size_t i = p->count <= MOST ? k : (size_t)(seeded_word(layer, SEED, k) % p->count);
        float *x = &b->m.value[p->offset + i], here = *x;
        *x = here + step;
        double above = objective(b);
        *x = here - step;
        double wanted = (above - objective(b)) / (2 * (double)step), err = fabs(wanted - (double)grad[i]);
        *x = here;
        if (!(err <= 2e-3 * largest + 1e-4)) {
            fail_msg("boundary %d: %s/%s[%zu]: the gradient is %.7g, by differences %.7g (step %g, seed %d)",
                     b->m.boundary, layer, p->var, i, (double)grad[i], wanted, (double)step, SEED);
        }
    }
}

static void check_boundary(bench *b, whole_spec spec, size_t *checked)
{
    whole_new(&b->w, &b->m, ops, spec);
    size_t outputs = BATCH * b->w.outputs;
    b->out = calloc(outputs, sizeof *b->out);
    b->diff = calloc(outputs, sizeof *b->diff);
    b->images = seeded_images(BATCH * b->w.image);
    for (size_t i = 0; i < outputs; i++) b->diff[i] = (float)((int)(seeded_word("diff", SEED, i) >> 60) - 7) / 4;
    whole_forward(&b->w, b->images, b->out);
    whole_backward(&b->w, b->diff);
    for (size_t i = 0; i < b->m.n_params; i++) {
        const gf_param *p = &b->m.param[i];
        if (!gf_model_param_trains(&b->m, p)) continue;
        check_param(b, p);
        ++*checked;
    }
    free(b->images);
    free(b->out);
    free(b->diff);
    whole_free(&b->w);
}

static void check_model(void (*build)(gf_model *m))
{
    bench b = {0};
    build(&b.m);
    int layers = (int)gf_model_backbone_layers(&b.m);
    size_t checked = 0;
    for (b.m.boundary = 0; b.m.boundary <= layers; b.m.boundary++) {
        for (int how = 0; how < 3; how++) {
            check_boundary(&b, (whole_spec){.batch = BATCH, .no_fusion = how == 1, .reference = how == 2}, &checked);
        }
    }
    assert_true(checked >= (size_t)layers * 6); /* the head's two at least, each time */
    gf_model_free(&b.m);
}

static void of_an_inverted_residual(void **state)
{
    (void)state;
    check_model(inverted_residual);
}

static void of_what_does_not_fuse(void **state)
{
    (void)state;
    check_model(what_does_not_fuse);
}

static void of_a_value_and_its_convolution(void **state)
{
    (void)state;
    check_model(a_value_and_its_convolution);
}

static void of_a_value_twice(void **state)
{
    (void)state;
    check_model(a_value_twice);
}

static void of_half_a_normalisation(void **state)
{
    (void)state;
    check_model(half_a_normalisation);
}

static void of_a_sequence(void **state)
{
    (void)state;
    check_model(a_sequence);
}

static void of_layers_called_again(void **state)
{
    (void)state;
    check_model(layers_called_again);
}

/* ---- fused, one by one, naive: the same values */

static void all_ways_give_the_same(void **state)
{
    (void)state;
    static const struct {
        void (*build)(gf_model *m);
        size_t nodes; /* when all is fused that can be */
    } row[] = {{inverted_residual, 8},
               {what_does_not_fuse, 11},
               {a_value_and_its_convolution, 9},
               {a_value_twice, 7},
               {layers_called_again, 17}};
    for (int k = 0; k < 5; k++) {
        gf_model m = {0};
        row[k].build(&m);
        float out[3][BATCH * 3];
        for (int how = 0; how < 3; how++) {
            whole w;
            whole_new(&w, &m, ops, (whole_spec){.batch = BATCH, .no_fusion = how == 1, .reference = how == 2});
            assert_int_equal(w.g.n_nodes, how == 1 ? m.n_layers : row[k].nodes);
            float *images = seeded_images(BATCH * w.image);
            whole_forward(&w, images, out[how]);
            free(images);
            whole_free(&w);
        }
        ASSERT_CLOSE("one by one", distance(out[1], out[0], BATCH * 3), 1e-6);
        ASSERT_CLOSE("naive", distance(out[2], out[0], BATCH * 3), 1e-6);
        gf_model_free(&m);
    }
}

static void models_that_make_no_sense(void **state)
{
    (void)state;
    gf_model m = {0};
    int x = input(&m), small = conv(&m, "conv", x, 1, 4, false), at;
    gf_layer bad[] = {
        {.cls = &gf_layer_relu, .name = "conv", .n_src = 1, .src = {x}},                       /* a name twice */
        {.cls = &gf_layer_add, .name = "sum", .n_src = 2, .src = {x, small}},                  /* other shapes */
        {.cls = &gf_layer_dense, .name = "dense", .n_src = 1, .src = {x}, .at = {.units = 0}}, /* no output */
        {.cls = &gf_layer_depthwise,
         .name = "deep",
         .n_src = 1,
         .src = {x},
         .at = {.kh = 7, .kw = 7, .sh = 1, .sw = 1}},
        {.cls = &gf_layer_relu, .name = "nowhere", .n_src = 1, .src = {77}},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size_t layers = m.n_layers;
        error = (graft_error){0};
        assert_int_not_equal(gf_model_add(&m, &bad[i], &at, &error), GRAFT_OK);
        assert_true(error.message[0] != 0);
        assert_int_equal(m.n_layers, layers);
    }
    gf_model_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_an_inverted_residual),        cmocka_unit_test(of_what_does_not_fuse),
        cmocka_unit_test(of_a_value_and_its_convolution), cmocka_unit_test(of_a_value_twice),
        cmocka_unit_test(of_half_a_normalisation),        cmocka_unit_test(of_a_sequence),
        cmocka_unit_test(of_layers_called_again),         cmocka_unit_test(all_ways_give_the_same),
        cmocka_unit_test(models_that_make_no_sense),
    };
    gf_ops_start_worker();
    if (gf_ops_create(&ops, NULL, &error) != GRAFT_OK) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    gf_ops_destroy(ops);
    return failed;
}
