/* Every architecture against its source on the same weights and pixels (fixtures of tools/backbones.py): logits at two
 * image sizes, its own classifier, losses and gradients of whole-network training steps. And what holds for all:
 * layers and counts as published, training from any layer, sizes, bf16. Runs with oneDNN's best instructions and (a
 * second ctest entry) with ONEDNN_MAX_CPU_ISA=AVX2. */
#include "backbone_bench.h"
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
        rows++;
        if (is_left_out(name)) continue;
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
        rows++;
        if (is_left_out(name)) continue;
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
        if (is_left_out(a->name)) continue;
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
        if (is_left_out(a->name)) continue;
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
    const struct CMUnitTest plain[] = {
        cmocka_unit_test(layers_are_kerass),          cmocka_unit_test(counts_are_pytorchs),
        cmocka_unit_test(counts_are_published),       cmocka_unit_test(sizes_are_kept_to),
        cmocka_unit_test(weights_are_the_generators),
    };
    const struct CMUnitTest computed[] = {
        cmocka_unit_test(logits_are_the_sources), cmocka_unit_test(own_classifiers_are_the_sources),
        cmocka_unit_test(bf16_is_near),           cmocka_unit_test(training_is_the_sources),
        cmocka_unit_test(trains_from_any_layer),  cmocka_unit_test(trains_from_random_weights),
    };
    /* with lesser instructions (the second ctest entry) what nothing is computed for would be the same once more */
    int failed = getenv("ONEDNN_MAX_CPU_ISA") ? 0 : cmocka_run_group_tests(plain, NULL, NULL);
    return failed + cmocka_run_group_tests(computed, set_up, tear_down);
}
