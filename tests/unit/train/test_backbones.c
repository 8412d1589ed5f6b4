/* Every architecture against its source on the same weights and pixels (fixtures of tools/backbones.py): logits at two
 * image sizes, its own classifier, losses and gradients of whole-network training steps. And what holds for all:
 * layers and counts as published, training from any layer, sizes, bf16. Runs with oneDNN's best instructions and (a
 * second ctest entry) with ONEDNN_MAX_CPU_ISA=AVX2. */
#include "base/alloc.h"
#include "base/hash.h"
#include "graph/graph.h"
#include "image/input.h"
#include "support/fixture.h"
#include "support/needs.h"
#include "support/ok.h"
#include "support/seeded.h"
#include "train/engine.h"
#include "zoo/zoo.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What is proven, one after the other: every architecture there is, then other widths of some. */
typedef struct subject {
    size_t next; /* 0: begin */
    const char *fixture, *name;
    double alpha;
} subject;

static bool next_subject(subject *s)
{
    static const subject width[] = {
        {0, "mobilenet_v2_a035", "mobilenet_v2", 0.35},
        {0, "mobilenet_v2_a140", "mobilenet_v2", 1.4},
        {0, "mobilenet_v3_small_a075", "mobilenet_v3_small", 0.75},
        {0, "mobilenet_v3_large_a075", "mobilenet_v3_large", 0.75},
    };
    size_t i = s->next, n = 0;
    while (gf_zoo_at(n)) n++;
    if (i < n) {
        const char *name = gf_zoo_at(i)->name;
        *s = (subject){0, name, name, 1};
    } else if (i - n < sizeof width / sizeof *width) {
        *s = width[i - n];
    } else {
        return false;
    }
    s->next = i + 1;
    return true;
}

#define ASSERT_CLOSE(what, err, tol)                                                                         \
    do {                                                                                                     \
        double close_ = (err);                                                                               \
        if (!(close_ <= (tol))) fail_msg("%s: off by %.3g, allowed is %.3g", (what), close_, (double)(tol)); \
    } while (0)

enum { SEED = 1, CLASSES = 5, BATCH = 2, STEPS = 5 };

/* ---- a bench: a model with seeded weights, and its fixture ---------------------------------------------------- */

typedef struct bench {
    const char *name;
    fixture *f;
    gf_model model;
    int width, height;
    uint8_t *pixels; /* of samples 0.. */
    int32_t label[BATCH * STEPS];
} bench;

static gf_ops *ops;
static gf_pool *pool;

static int set_up(void **state)
{
    (void)state;
    return gf_ops_create(&ops, NULL, &error) || gf_pool_create(&pool, 1, gf_ops_start_worker, &error);
}

static int tear_down(void **state)
{
    (void)state;
    gf_pool_destroy(pool);
    gf_ops_destroy(ops);
    return 0;
}

static const float *values(const bench *b, const char *name, size_t want_n)
{
    size_t n = 0;
    const float *x = fixture_f32(b->f, name, &n);
    if (!x || (want_n && n != want_n)) fail_msg("%s: %zu of %s in the fixture, wanted %zu", b->name, n, name, want_n);
    return x;
}

static int by_path(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

/* Parameters by sorted LAYER/VAR: texts[i] is such a path, and behind it the parameter's number. */
typedef struct paths {
    char **text;
    size_t n;
} paths;

static paths sorted_paths(const gf_model *m, bool trained)
{
    paths p = {calloc(m->n_params, sizeof *p.text), 0};
    for (size_t i = 0; i < m->n_params; i++) {
        if (m->param[i].idle || (trained && !gf_model_param_trains(m, &m->param[i]))) continue;
        char *text = calloc(1, 256);
        int length = snprintf(text, 200, "%s/%s", m->layer[m->param[i].layer].name, m->param[i].var);
        memcpy(text + length + 1, &i, sizeof i);
        p.text[p.n++] = text;
    }
    qsort(p.text, p.n, sizeof *p.text, by_path);
    return p;
}

static const gf_param *param_of(const gf_model *m, const paths *p, size_t i)
{
    size_t number;
    memcpy(&number, p->text[i] + strlen(p->text[i]) + 1, sizeof number);
    return &m->param[number];
}

static void free_paths(paths *p)
{
    for (size_t i = 0; i < p->n; i++) free(p->text[i]);
    free(p->text);
}

static void set_weights(bench *b)
{
    float gain = values(b, "gain", 1)[0];
    for (size_t i = 0; i < b->model.n_params; i++) {
        const gf_param *p = &b->model.param[i];
        const gf_layer *l = &b->model.layer[p->layer];
        float *x = b->model.value + p->offset;
        size_t fan = 1;
        for (int d = 0; d < p->shape.rank - 1; d++) fan *= (size_t)p->shape.dim[d];
        bool depthwise = p->shape.rank == 4 && p->shape.dim[3] == 1;
        if (depthwise) fan = (size_t)(p->shape.dim[0] * p->shape.dim[1]);
        seeded_values(l->name, p->var, SEED, fan, x, p->count);
        bool scaled = strstr(p->var, "kernel") && strcmp(l->name, "head");
        for (size_t k = 0; scaled && k < p->count; k++) x[k] *= gain;
    }
}

static fixture *open_fixture(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/zoo/%s.safetensors", GRAFT_FIXTURES, name);
    fixture *f = fixture_open(path);
    if (!f) fail_msg("%s is not there", path);
    return f;
}

/* `options` without sizes, which are the fixture's first or second. */
static void open_bench(bench *b, const subject *s, int size, gf_zoo_options options)
{
    *b = (bench){.name = s->fixture, .f = open_fixture(s->fixture)};
    const float *sizes = values(b, "sizes", 4);
    options.height = b->height = (int)sizes[2 * size];
    options.width = b->width = (int)sizes[2 * size + 1];
    options.alpha = s->alpha;
    OK(gf_zoo_build(&b->model, s->name, &options, &error));
    set_weights(b);
}

static void close_bench(bench *b)
{
    gf_model_free(&b->model);
    fixture_close(b->f);
    free(b->pixels);
}

static size_t image_values(const bench *b) { return (size_t)(b->width * b->height * 3); }

static graft_status image(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[], void *target,
                          graft_error *err)
{
    (void)err;
    float *values = q->scratch;
    const bench *b = ctx;
    size_t n = image_values(b);
    for (size_t i = 0; i < n; i++) values[i] = b->pixels[q->sample * n + i];
    gf_input_put_f32(&in[0], values, dst[0]);
    if (target) *(int32_t *)target = b->label[q->sample];
    return GRAFT_OK;
}

/* |x - want| over |want|, L2. NaN stays NaN. */
static double distance(const float *x, const float *want, size_t n)
{
    double d = 0, w = 0;
    for (size_t i = 0; i < n; i++) {
        d += ((double)x[i] - want[i]) * ((double)x[i] - want[i]);
        w += (double)want[i] * want[i];
    }
    return sqrt(d) / sqrt(w);
}

/* Distance of the logits of the two images `pixels` from the fixture's. */
static double logits_off(bench *b, const char *want, gf_dtype dtype)
{
    size_t count = image_values(b) * BATCH;
    b->pixels = malloc(count);
    seeded_pixels("pixels", SEED, b->pixels, count);
    gf_engine_spec spec;
    gf_engine_defaults(&spec);
    spec.dtype = dtype;
    gf_engine *e;
    OK(gf_engine_create(&e, &b->model, ops, pool, &spec, &error));
    assert_int_equal(gf_engine_outputs(e), CLASSES);
    float got[BATCH * CLASSES];
    uint32_t samples[BATCH] = {0, 1};
    OK(gf_engine_forward(e, &(gf_feed){image, b}, NULL, samples, BATCH, got, NULL, &error));
    gf_engine_destroy(e);
    return distance(got, values(b, want, BATCH * CLASSES), BATCH * CLASSES);
}

/* ---- numbers ---------------------------------------------------------------------------------------------------- */

static void weights_are_the_generators(void **state)
{
    (void)state;
    for (subject s = {0}; next_subject(&s);) {
        bench b;
        open_bench(&b, &s, 0, (gf_zoo_options){.classes = CLASSES});
        paths p = sorted_paths(&b.model, false);
        gf_sha256_state *hash = gf_sha256_begin();
        for (size_t k = 0; k < p.n; k++) {
            const gf_param *q = param_of(&b.model, &p, k);
            gf_sha256_add(hash, b.model.value + q->offset, q->count * sizeof(float));
        }
        gf_sha256 digest = gf_sha256_end(hash);
        size_t n = 0;
        const uint8_t *want = fixture_u8(b.f, "sha256", &n);
        if (n != 32 || memcmp(want, digest.byte, n)) fail_msg("%s: other weights than the fixture's", b.name);
        free_paths(&p);
        close_bench(&b);
    }
}

static void logits_are_the_sources(void **state)
{
    (void)state;
    static const char *const want[] = {"logits0", "logits1"};
    for (subject s = {0}; next_subject(&s);) {
        for (int size = 0; size < 2; size++) {
            bench b;
            open_bench(&b, &s, size, (gf_zoo_options){.classes = CLASSES});
            double off = logits_off(&b, want[size], GF_F32);
            print_message("%s %dx%d: logits off by %.1e\n", b.name, b.width, b.height, off);
            ASSERT_CLOSE(b.name, off, 1e-4);
            close_bench(&b);
        }
    }
}

/* Where it is more than pooling and one dense layer. */
static void own_classifiers_are_the_sources(void **state)
{
    (void)state;
    int seen = 0;
    for (subject s = {0}; next_subject(&s);) {
        bench b;
        fixture *f = open_fixture(s.fixture);
        bool has = fixture_f32(f, "top_logits", NULL);
        fixture_close(f);
        if (!has) continue;
        open_bench(&b, &s, 0, (gf_zoo_options){.classes = CLASSES, .head.keep_last = true});
        ASSERT_CLOSE(b.name, logits_off(&b, "top_logits", GF_F32), 1e-4);
        close_bench(&b);
        seen++;
    }
    assert_true(seen >= 3);
}

static void bf16_is_near(void **state)
{
    (void)state;
    NEEDS("bf16");
    for (subject s = {0}; next_subject(&s);) {
        bench b;
        open_bench(&b, &s, 0, (gf_zoo_options){.classes = CLASSES});
        double off = logits_off(&b, "logits0", GF_BF16);
        print_message("%s bf16: logits off by %.1e\n", b.name, off);
        ASSERT_CLOSE(b.name, off, 0.1);
        assert_true(off > 0);
        close_bench(&b);
    }
}

/* ---- training -----------------------------------------------------------------------------------------------------
 */

typedef struct batches {
    uint32_t sample[BATCH * STEPS];
} batches;

static void make_batches(batches *x, bench *b)
{
    size_t count = image_values(b) * BATCH;
    b->pixels = malloc(count * STEPS);
    for (int s = 0; s < STEPS; s++) {
        char name[32];
        snprintf(name, sizeof name, "pixels%d", s);
        seeded_pixels(name, SEED, b->pixels + (size_t)s * count, count);
        snprintf(name, sizeof name, "labels%d", s);
        seeded_labels(name, SEED, CLASSES, b->label + s * BATCH, BATCH);
    }
    for (uint32_t i = 0; i < BATCH * STEPS; i++) x->sample[i] = i;
}

static gf_engine *training_engine(bench *b)
{
    gf_engine_spec spec;
    gf_engine_defaults(&spec);
    spec.train = true;
    spec.batch = BATCH;
    spec.trainable_micro = 1; /* gradients of two micro-batches come together */
    gf_engine *e;
    OK(gf_engine_create(&e, &b->model, ops, pool, &spec, &error));
    return e;
}

static double norm_of(const gf_engine *e, const gf_model *m, const gf_param *p)
{
    const float *g = gf_engine_grads(e) + (p->offset - gf_model_first_trainable(m));
    double sum = 0;
    for (size_t k = 0; k < p->count; k++) sum += (double)g[k] * g[k];
    return sqrt(sum);
}

static double check_gradients(const bench *b, const gf_engine *e)
{
    paths p = sorted_paths(&b->model, true);
    const float *want = values(b, "grad_norms", p.n);
    double worst = 0;
    for (size_t i = 0; i < p.n; i++) {
        double norm = norm_of(e, &b->model, param_of(&b->model, &p, i)), off = fabs(norm - want[i]) / want[i];
        ASSERT_CLOSE(p.text[i], off, 1e-2);
        if (!(off <= worst)) worst = off;
    }
    free_paths(&p);
    return worst;
}

static void check_training(const subject *which)
{
    bench b;
    batches x;
    open_bench(&b, which, 0, (gf_zoo_options){.classes = CLASSES});
    b.model.boundary = 0;
    make_batches(&x, &b);
    gf_engine *e = training_engine(&b);
    gf_optimizer o;
    OK(gf_optimizer_parse(&o, "sgd", &error));
    assert_int_equal(gf_optimizer_slots(&o), 0);
    const float *want = values(&b, "losses", STEPS), *still = values(&b, "still", STEPS), lr = values(&b, "lr", 1)[0];
    double worst = 0, moved = 0, gradients = 0;
    for (int s = 0; s < STEPS; s++) {
        gf_batch batch = {0, (uint64_t)s, BATCH, x.sample + s * BATCH};
        gf_step_result r;
        OK(gf_engine_gradient(e, &(gf_feed){image, &b}, NULL, &batch, NULL, &r, &error));
        double off = fabs(r.loss - want[s]) / want[s];
        if (!(off <= worst)) worst = off;
        if (fabs(r.loss - still[s]) / still[s] > moved) moved = fabs(r.loss - still[s]) / still[s];
        if (s == 0) gradients = check_gradients(&b, e);
        OK(gf_engine_apply(e, &o, (double)lr, s, NULL, &error));
    }
    print_message("%s: losses off by %.1e, moved by %.0f %%, gradient norms off by %.1e\n", b.name, worst, 100 * moved,
                  gradients);
    ASSERT_CLOSE(b.name, worst, 1e-3);
    assert_true(moved > 0.04); /* or else the losses would say nothing about training */
    gf_engine_destroy(e);
    close_bench(&b);
}

static void training_is_the_sources(void **state)
{
    (void)state;
    for (subject s = {0}; next_subject(&s);) check_training(&s);
}

/* Frozen, and from the layer where fine-tuning begins: the loss is the whole network's, every variable above the
 * boundary has its whole-network gradient. */
static void trains_from_any_layer(void **state)
{
    (void)state;
    for (subject s = {0}; next_subject(&s);) {
        for (int frozen = 0; frozen < 2; frozen++) {
            bench b;
            batches x;
            open_bench(&b, &s, 0, (gf_zoo_options){.classes = CLASSES});
            b.model.boundary = 0;
            paths whole = sorted_paths(&b.model, true);
            const float *norms = values(&b, "grad_norms", whole.n);
            b.model.boundary = frozen ? (int)gf_model_backbone_layers(&b.model) : gf_zoo_find(s.name)->fine_tune_at;
            make_batches(&x, &b);
            gf_engine *e = training_engine(&b);
            gf_batch batch = {0, 0, BATCH, x.sample};
            gf_step_result r;
            OK(gf_engine_gradient(e, &(gf_feed){image, &b}, NULL, &batch, NULL, &r, &error));
            ASSERT_CLOSE(b.name, fabs(r.loss - values(&b, "losses", STEPS)[0]) / r.loss, 1e-3);
            size_t trained = 0;
            for (size_t k = 0; k < whole.n; k++) {
                const gf_param *p = param_of(&b.model, &whole, k);
                if (!gf_model_param_trains(&b.model, p)) continue;
                double norm = norm_of(e, &b.model, p);
                assert_true(norm > 0);
                ASSERT_CLOSE(whole.text[k], fabs(norm - norms[k]) / norms[k], 1e-2);
                trained++;
            }
            assert_int_equal(trained, gf_model_counts(&b.model).trainable_variables);
            assert_true(frozen ? trained == 2 : trained > 2 && trained < whole.n);
            gf_engine_destroy(e);
            free_paths(&whole);
            close_bench(&b);
        }
    }
}

/* From random weights: the first loss is near that of guessing, and every variable has a gradient. */
static void trains_from_random_weights(void **state)
{
    (void)state;
    for (subject s = {0}; next_subject(&s);) {
        bench b;
        batches x;
        open_bench(&b, &s, 0, (gf_zoo_options){.classes = CLASSES});
        gf_model_init(&b.model, 3, 0);
        b.model.boundary = 0;
        make_batches(&x, &b);
        gf_engine *e = training_engine(&b);
        gf_batch batch = {0, 0, BATCH, x.sample};
        gf_step_result r;
        OK(gf_engine_gradient(e, &(gf_feed){image, &b}, NULL, &batch, NULL, &r, &error));
        print_message("%s: loss of random weights %.3f\n", b.name, r.loss);
        assert_true(r.loss > 0.1 && r.loss < 20);
        for (size_t k = 0; k < b.model.n_params; k++) {
            const gf_param *p = &b.model.param[k];
            if (!gf_model_param_trains(&b.model, p)) continue;
            double norm = norm_of(e, &b.model, p);
            if (!(norm > 1e-6 && norm < 1e6))
                fail_msg("%s: %s/%s has a gradient of %g", b.name, b.model.layer[p->layer].name, p->var, norm);
        }
        gf_engine_destroy(e);
        close_bench(&b);
    }
}

/* ---- layers and counts ---------------------------------------------------------------------------------------- */

static void list_layers(const gf_model *m, gf_text *t)
{
    for (size_t i = 0; i < gf_model_backbone_layers(m); i++) {
        const gf_layer *l = &m->layer[i];
        size_t count = 0;
        for (int k = 0; k < l->n_params; k++) count += m->param[l->param[k]].count;
        gf_text_printf(t, "%zu %s %s ", i, l->name, l->cls->name);
        for (int k = 0; k < l->shape.rank; k++) gf_text_printf(t, "%s%d", k ? "x" : "", (int)l->shape.dim[k]);
        gf_text_printf(t, " %zu\n", count);
    }
}

/* A multiply-add is two. */
static double work_of(const gf_model *m)
{
    gf_graph g;
    OK(gf_graph_create(&g, m, &(gf_lower_options){.output_layer = -1}, &error));
    double sum = 0;
    for (size_t i = 0; i < g.n_nodes; i++) sum += g.node[i].flops;
    gf_graph_free(&g);
    return sum;
}

/* Number, name, class, shape and parameters of every layer, by their digest; the work of an image. */
static void layers_are_kerass(void **state)
{
    (void)state;
    FILE *f = fopen(GRAFT_FIXTURES "/zoo/layers.txt", "r");
    assert_non_null(f);
    char name[64], want[65];
    double alpha, work;
    int size, rows = 0;
    size_t layers, params, with_top;
    while (fscanf(f, "%63s %lf %d %zu %zu %zu %lf %64s", name, &alpha, &size, &layers, &params, &with_top, &work,
                  want) == 8) {
        gf_model m;
        gf_zoo_options o = {.width = size, .height = size, .alpha = alpha, .top = 1000};
        OK(gf_zoo_build(&m, name, &o, &error));
        assert_int_equal(m.n_values, with_top);
        gf_model_free(&m);
        o.top = 0;
        OK(gf_zoo_build(&m, name, &o, &error));
        assert_int_equal(gf_model_backbone_layers(&m), layers);
        assert_int_equal(gf_model_counts(&m).total, params);
        if (work_of(&m) != work) fail_msg("%s takes %.0f operations, Keras %.0f", name, work_of(&m), work);
        gf_text t = {0};
        list_layers(&m, &t);
        assert_false(t.failed);
        gf_sha256 digest = gf_sha256_of(t.s, t.n);
        char hex[65];
        gf_sha256_hex(&digest, hex);
        if (strcmp(hex, want)) fail_msg("%s has not Keras's layers but:\n%s", name, t.s);
        gf_text_free(&t);
        gf_model_free(&m);
        rows++;
    }
    fclose(f);
    assert_int_equal(rows, 18 + 8); /* architectures of Keras, other widths */
}

static void counts_are_pytorchs(void **state)
{
    (void)state;
    FILE *f = fopen(GRAFT_FIXTURES "/zoo/torch_counts.txt", "r");
    assert_non_null(f);
    char name[64];
    int size, rows = 0;
    size_t params, with_top;
    double work;
    while (fscanf(f, "%63s %d %zu %zu %lf", name, &size, &params, &with_top, &work) == 5) {
        gf_model m;
        gf_zoo_options o = {.width = size, .height = size, .top = 1000};
        OK(gf_zoo_build(&m, name, &o, &error));
        assert_int_equal(m.n_trainable_values, with_top);
        gf_model_free(&m);
        o.top = 0;
        OK(gf_zoo_build(&m, name, &o, &error));
        assert_int_equal(m.n_trainable_values, params);
        if (work_of(&m) != work) fail_msg("%s takes %.0f operations, PyTorch %.0f", name, work_of(&m), work);
        gf_model_free(&m);
        rows++;
    }
    fclose(f);
    assert_int_equal(rows, 9);
}

/* What every architecture says of itself: counts with and without top, sizes, where fine-tuning begins. */
static void counts_are_published(void **state)
{
    (void)state;
    for (size_t i = 0; gf_zoo_at(i); i++) {
        const gf_architecture *a = gf_zoo_at(i);
        gf_model m;
        gf_zoo_options o = {.width = a->size, .height = a->size};
        for (int top = 0; top < 2; top++) {
            o.top = top ? 1000 : 0;
            OK(gf_zoo_build(&m, a->name, &o, &error));
            size_t keras = m.n_values, torch = m.n_trainable_values, got = strcmp(a->source, "keras") ? torch : keras;
            size_t want = top ? a->params_top : a->params;
            if (got != want) fail_msg("%s, top %d: %zu parameters, published %zu", a->name, top, got, want);
            assert_true(a->fine_tune_at > 0 && a->fine_tune_at < (int)gf_model_backbone_layers(&m));
            gf_model_free(&m);
        }
        assert_non_null(gf_preprocess_find(a->preprocess));
        assert_true(a->title && a->when && a->build && a->top);
        assert_ptr_equal(gf_zoo_find(a->name), a);
    }
}

/* The least size is taken, alone and beside a larger one; less is refused. */
static void sizes_are_kept_to(void **state)
{
    (void)state;
    for (size_t i = 0; gf_zoo_at(i); i++) {
        const gf_architecture *a = gf_zoo_at(i);
        const int least = a->least_size, size[][2] = {{least, least}, {least, 2 * least + 1}, {least + 7, least}};
        for (int k = 0; k < 3; k++) {
            gf_model m;
            OK(gf_zoo_build(&m, a->name, &(gf_zoo_options){size[k][0], size[k][1], .classes = 3}, &error));
            assert_int_equal(m.layer[0].shape.dim[0], size[k][1]);
            assert_int_equal(m.layer[0].shape.dim[1], size[k][0]);
            assert_int_equal(gf_count(&m.layer[m.output].shape), 3);
            gf_model_free(&m);
        }
        for (int k = 0; k < 2; k++) {
            gf_model m;
            gf_zoo_options o = {.width = least - k, .height = least - !k, .classes = 3};
            error = (graft_error){0};
            assert_int_equal(gf_zoo_build(&m, a->name, &o, &error), GRAFT_USAGE);
            assert_int_equal(error.number, GF_E_OPTION_VALUE);
            assert_null(m.layer);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_are_kerass),
        cmocka_unit_test(counts_are_pytorchs),
        cmocka_unit_test(counts_are_published),
        cmocka_unit_test(sizes_are_kept_to),
        cmocka_unit_test(weights_are_the_generators),
        cmocka_unit_test(logits_are_the_sources),
        cmocka_unit_test(own_classifiers_are_the_sources),
        cmocka_unit_test(bf16_is_near),
        cmocka_unit_test(training_is_the_sources),
        cmocka_unit_test(trains_from_any_layer),
        cmocka_unit_test(trains_from_random_weights),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
