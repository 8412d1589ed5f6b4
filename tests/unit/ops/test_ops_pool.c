/* Pooling over windows against its reference implementation, on small integers (exact, and full of equal maxima) and on
 * reals; what the reference implementation itself must give; NaN; and what is refused. */
#include "with_ops.h"

typedef struct pool_shape {
    const char *what;
    int n, h, w, c;
    int kh, kw, sh, sw, pt, pb, pl, pr;
    bool count_padding, accumulate;
} pool_shape;

static const pool_shape shapes[] = {
    {"2x2, stride 2", 2, 8, 8, 16, 2, 2, 2, 2, 0, 0, 0, 0},
    {"2x2, stride 2, odd, added", 2, 7, 9, 13, 2, 2, 2, 2, 0, 0, 0, 0, .accumulate = true},
    {"3x3, stride 2, Keras's padding", 2, 8, 8, 32, 3, 3, 2, 2, 0, 1, 0, 1},
    {"3x3, stride 2, PyTorch's padding", 1, 9, 7, 64, 3, 3, 2, 2, 1, 1, 1, 1, .count_padding = true},
    {"3x3, stride 1", 2, 6, 5, 24, 3, 3, 1, 1, 1, 1, 1, 1, .accumulate = true},
    {"3x3, stride 1, padding counts", 2, 6, 5, 8, 3, 3, 1, 1, 1, 1, 1, 1, .count_padding = true},
    {"5x5, padding larger than the image", 1, 2, 3, 7, 5, 5, 1, 1, 2, 2, 2, 2},
    {"1x1, stride 2", 1, 5, 5, 9, 1, 1, 2, 2, 0, 0, 0, 0},
    {"1x1, stride 3, added", 1, 7, 8, 9, 1, 1, 3, 3, 0, 0, 0, 0, .accumulate = true},
    {"2x3, strides 3 and 1", 2, 8, 5, 11, 2, 3, 3, 1, 1, 0, 2, 1},
    {"3x1, strides 1 and 2", 1, 5, 9, 3, 3, 1, 1, 2, 0, 2, 0, 0},
    {"as large as its source", 2, 4, 4, 33, 4, 4, 4, 4, 0, 0, 0, 0},
    {"rows longer than a block", 1, 4, 20, 40, 3, 3, 2, 2, 1, 1, 1, 1},
    {"one channel", 2, 6, 7, 1, 3, 3, 2, 2, 1, 1, 1, 1},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static op_case pool_case(const pool_shape *p, const gf_op_class *cls)
{
    op_case c = {.spec = {.cls = cls, .n_src = 1, .backward = true, .diff_src = {true}}};
    snprintf(c.name, sizeof c.name, "%s %s", cls->name, p->what);
    c.spec.src[0] = GF_SHAPE(p->n, p->h, p->w, p->c);
    c.spec.accumulate[0] = p->accumulate;
    c.spec.pool.kh = p->kh, c.spec.pool.kw = p->kw, c.spec.pool.sh = p->sh, c.spec.pool.sw = p->sw;
    c.spec.pool.pt = p->pt, c.spec.pool.pb = p->pb, c.spec.pool.pl = p->pl, c.spec.pool.pr = p->pr;
    c.spec.pool.count_padding = p->count_padding;
    return c;
}

static const struct {
    const gf_op_class *cls, *reference;
} references[] = {{&gf_op_max_pool, &gf_op_max_pool_reference}, {&gf_op_avg_pool, &gf_op_avg_pool_reference}};

static void check_references(const op_case *c, const gf_op_class *reference, gf_dtype dtype, fill_kind kind,
                             double allowed)
{
    run fast, slow;
    run_new(&fast, c, c->spec.cls, dtype, kind, ops);
    run_new(&slow, c, reference, dtype, kind, ops);
    run_forward(&fast);
    run_forward(&slow);
    compare_dst(&fast, &slow, (tolerance){allowed, kind == INTEGERS});
    run_backward(&fast);
    run_backward(&slow);
    compare_gradients(&fast, &slow, (tolerance){allowed, false});
    run_check_guards(&fast);
    run_check_guards(&slow);
    run_free(&fast);
    run_free(&slow);
}

/* Of integers, maxima are exact and so are their gradients, with all the ties; means have a divisor that is not a power
 * of two. */
static void pools_are_their_references(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < SHAPES; i++) {
            op_case c = pool_case(&shapes[i], references[k].cls);
            check_references(&c, references[k].reference, GF_F32, INTEGERS, k ? 1e-6 : 0);
            check_references(&c, references[k].reference, GF_F32, REALS, 1e-6);
            check_references(&c, references[k].reference, GF_BF16, INTEGERS, k ? 0x1p-8 : 0);
            check_references(&c, references[k].reference, GF_BF16, REALS, 0x1p-8);
        }
    }
}

/* 1 2 / 4 4 with zeros round it: the reference implementations by hand. */
static void the_references_by_hand(void **state)
{
    (void)state;
    const pool_shape shape = {"by hand", 1, 2, 2, 1, 2, 2, 1, 1, 1, 0, 1, 0};
    const float src[4] = {1, 2, 4, 4}, largest[4] = {1, 2, 4, 4}, means[4] = {1, 1.5f, 2.5f, 2.75f};
    const float counted[4] = {0.25f, 0.75f, 1.25f, 2.75f}, to_largest[4] = {1, 2, 7, 0}; /* of diff_dst 1 2 3 4 */
    const float to_means[4] = {4.5f, 2, 2.5f, 1};
    for (int k = 0; k < 3; k++) {
        op_case c = pool_case(&shape, k ? &gf_op_avg_pool_reference : &gf_op_max_pool_reference);
        c.spec.pool.count_padding = k == 2;
        run r;
        run_new(&r, &c, c.spec.cls, GF_F32, REALS, ops);
        memcpy(data_of(&r.src[0]), src, sizeof src);
        for (int i = 0; i < 4; i++) ((float *)data_of(&r.diff_dst))[i] = (float)(i + 1);
        run_forward(&r);
        assert_memory_equal(data_of(&r.dst), k == 0 ? largest : k == 1 ? means : counted, sizeof src);
        run_backward(&r);
        if (k < 2) assert_memory_equal(data_of(&r.diff_src[0]), k ? to_means : to_largest, sizeof src);
        run_free(&r);
    }
}

static void nan_is_never_lost(void **state)
{
    (void)state;
    static const gf_op_class *const classes[] = {&gf_op_max_pool,    &gf_op_max_pool_reference,
                                                 &gf_op_avg_pool,    &gf_op_avg_pool_reference,
                                                 &gf_op_global_pool, &gf_op_global_max_pool};
    for (size_t k = 0; k < sizeof classes / sizeof *classes; k++) {
        for (int type = GF_F32; type <= GF_BF16; type++) {
            op_case c = pool_case(&shapes[4], classes[k]);
            run r;
            run_new(&r, &c, classes[k], (gf_dtype)type, REALS, ops);
            size_t at = (size_t)((2 * shapes[4].w + 1) * shapes[4].c + 5); /* all nine windows of row 2, column 1 */
            gf_store(data_of(&r.src[0]), (gf_dtype)type, at, NAN);
            run_forward(&r);
            size_t found = 0;
            for (size_t i = 0; i < r.n_dst; i++) found += isnan(gf_load(data_of(&r.dst), r.op.spec.dst_dtype, i));
            assert_int_equal(found, r.n_dst == (size_t)(shapes[4].n * shapes[4].c) ? 1 : 9);
            run_free(&r);
        }
    }
}

static void windows_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    const gf_op_spec good = pool_case(&shapes[0], &gf_op_max_pool).spec;
    gf_op_spec bad[8] = {good, good, good, good, good, good, good, good};
    bad[0].src[0] = GF_SHAPE(2, 8, 8);
    bad[1].pool.kh = 9;
    bad[2].pool.kw = 0;
    bad[3].pool.sh = 0;
    bad[4].pool.pt = 2; /* a window of padding alone */
    bad[5].pool.pr = 2;
    bad[6].pool.pb = -1;
    bad[7].src[0] = GF_SHAPE(2, 1, 8, 16);
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < 8; i++) {
            gf_op op;
            bad[i].cls = references[k].cls;
            bad[i].name = "a layer";
            error = (graft_error){0};
            assert_int_equal(gf_op_create(&op, &bad[i], ops, &error), GRAFT_USAGE);
            assert_int_equal(error.number, GF_E_MODEL_SHAPE);
            assert_non_null(strstr(error.message, "a layer"));
            gf_op_destroy(&op);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pools_are_their_references),
        cmocka_unit_test(the_references_by_hand),
        cmocka_unit_test(nan_is_never_lost),
        cmocka_unit_test(windows_that_do_not_fit_are_refused),
    };
    return RUN_WITH_OPS(tests);
}
