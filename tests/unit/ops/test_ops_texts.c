/* Operations on texts that stand behind one another (gf_packing): values against plain loops, gradients against finite
 * differences, spare rows, and refusals. */
#include "with_ops.h"

#include <math.h>

enum { ROWS = 19, CHANNELS = 12, HEADS = 3, TABLE = 6, COUNT = 3, LONGEST = 8 };
static const int32_t first[COUNT + 1] = {0, 8, 9, 14}; /* five rows are spare */
static const gf_packing packing = {COUNT, first};
static const int32_t piece[ROWS] = {1, 5, 0, 5, 5, 2, 4, 3, 5, 0, 1, 2, 3, 4, -1, -1, -1, -1, -1};

typedef struct bench {
    gf_op op;
    gf_exec exec;
    float src[3][ROWS * CHANNELS], dst[ROWS * CHANNELS], diff_dst[ROWS * CHANNELS], diff_src[3][ROWS * CHANNELS],
        grad[TABLE * CHANNELS], kernel[TABLE * CHANNELS];
    void *scratchpad;
} bench;

static void fill(const char *name, float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) x[i] = uniform("texts", name, i);
}

/* `stale`: what stands in tensors that the operation is to overwrite. */
static bench *open_bench(gf_op_spec s, bool integers)
{
    bench *b = calloc(1, sizeof *b);
    static const char *const names[] = {"a", "b", "c"};
    s.name = "layer";
    s.backward = true;
    s.most_texts = COUNT + 1;
    s.longest = LONGEST;
    s.dst_dtype = GF_F32;
    for (int k = 0; k < s.n_src; k++) {
        s.src_dtype[k] = integers ? GF_S32 : GF_F32;
        s.diff_src[k] = !integers;
        fill(names[k], b->src[k], ROWS * CHANNELS);
    }
    s.diff_weights = integers;
    OK(gf_op_create(&b->op, &s, ops, &error));
    fill("kernel", b->kernel, TABLE * CHANNELS);
    fill("diff", b->diff_dst, ROWS * CHANNELS);
    memset(b->dst, 0xff, sizeof b->dst);
    memset(b->diff_src, 0xff, sizeof b->diff_src);
    b->scratchpad = calloc(1, b->op.scratchpad_bytes + 64);
    OK(gf_op_prepare(&b->op, b->kernel, NULL, &error));
    gf_op_args a = {.dst = b->dst, .diff_dst = b->diff_dst, .grad = b->grad, .scratchpad = b->scratchpad};
    for (int k = 0; k < s.n_src; k++) {
        a.src[k] = integers ? (const void *)piece : b->src[k];
        a.diff_src[k] = b->diff_src[k];
    }
    OK(gf_op_bind(&b->op, &a, &b->exec, &error));
    return b;
}

static void close_bench(bench *b)
{
    gf_op_unbind(&b->exec);
    gf_op_destroy(&b->op);
    free(b->scratchpad);
    free(b);
}

static void forward(bench *b)
{
    OK(b->op.spec.cls->forward(&b->exec, &(gf_exec_context){.packing = &packing}, &error));
}

static void backward(bench *b)
{
    OK(b->op.spec.cls->backward(&b->exec, &(gf_exec_context){.packing = &packing}, &error));
}

static double loss(bench *b)
{
    double sum = 0;
    forward(b);
    for (size_t i = 0; i < gf_count(&b->op.spec.dst); i++) sum += (double)b->dst[i] * (double)b->diff_dst[i];
    return sum;
}

static void check_slopes(bench *b, float *x, const float *slope, size_t n, const char *what)
{
    const float h = 1.0f / 128;
    for (size_t i = 0; i < n; i++) {
        float was = x[i];
        x[i] = was + h;
        double up = loss(b);
        x[i] = was - h;
        double down = loss(b), want = (up - down) / (2 * (double)h);
        x[i] = was;
        if (!(fabs(want - (double)slope[i]) <= 2e-3))
            fail_msg("%s[%zu]: %g, wanted %g", what, i, (double)slope[i], want);
    }
}

static void all_slopes(bench *b)
{
    forward(b);
    backward(b);
    for (int k = 0; k < b->op.spec.n_src; k++) {
        float slope[ROWS * CHANNELS];
        memcpy(slope, b->diff_src[k], sizeof slope);
        check_slopes(b, b->src[k], slope, ROWS * CHANNELS, "diff_src"); /* 0 in spare rows */
    }
}

static void rows_are_looked_up(void **state)
{
    (void)state;
    static const int32_t place[14] = {1, 2, 3, 4, 5, 6, 7, 8, 1, 1, 2, 3, 4, 5};
    static const int32_t segment[14] = {0, 0, 1, 1, 2, 2, 2, 2, 0, 0, 0, 0, 0, 0};
    static const int32_t *const want[] = {piece, place, segment};
    static const int rows[] = {TABLE, 9, 3};
    for (int by = 0; by < GF_LOOKUPS; by++) {
        gf_op_spec s = {.cls = &gf_op_gather, .n_src = 1, .src = {GF_SHAPE(1, ROWS)}};
        s.gather.by = (gf_lookup)by;
        s.gather.rows = by == GF_LOOKUP_PLACE ? TABLE - 1 : rows[by];
        s.gather.units = CHANNELS;
        s.gather.skip = 1;
        s.gather.separator = 5;
        if (by == GF_LOOKUP_PLACE) { /* the longest text has more places than the table */
            bench *b = open_bench(s, true);
            graft_status status = b->op.spec.cls->forward(&b->exec, &(gf_exec_context){.packing = &packing}, &error);
            assert_int_not_equal(status, GRAFT_OK);
            assert_non_null(strstr(error.message, "row 5 is asked for, the table has 5"));
            close_bench(b);
            continue;
        }
        bench *b = open_bench(s, true);
        float sum[TABLE * CHANNELS] = {0};
        forward(b);
        for (size_t p = 0; p < ROWS; p++) {
            for (size_t c = 0; c < CHANNELS; c++) {
                float x = b->dst[p * CHANNELS + c];
                if (p >= 14) {
                    assert_true(x == 0);
                } else {
                    size_t at = (size_t)want[by][p] * CHANNELS + c;
                    assert_true(x == b->kernel[at]);
                    sum[at] += b->diff_dst[p * CHANNELS + c];
                }
            }
        }
        backward(b);
        assert_memory_equal(sum, b->grad, (size_t)s.gather.rows * CHANNELS * sizeof(float));
        close_bench(b);
    }
}

static gf_op_spec attention(bool causal)
{
    gf_op_spec s = {.cls = &gf_op_text_attention, .n_src = 3};
    for (int k = 0; k < 3; k++) s.src[k] = GF_SHAPE(1, 1, ROWS, CHANNELS);
    s.attention.heads = HEADS;
    s.attention.scale = 0.7f;
    s.attention.causal = causal;
    return s;
}

/* Each text by itself is what attention.c's reference computes of it. */
static void texts_attend_to_themselves(void **state)
{
    (void)state;
    for (int causal = 0; causal < 2; causal++) {
        bench *b = open_bench(attention(causal), false);
        forward(b);
        for (int t = 0; t < COUNT; t++) {
            gf_op_spec s = attention(causal);
            s.cls = &gf_op_attention_reference;
            s.name = "reference";
            const size_t at = (size_t)first[t] * CHANNELS;
            float dst[ROWS * CHANNELS], scratch[1024];
            gf_op op;
            gf_exec exec;
            for (int k = 0; k < 3; k++) s.src[k] = GF_SHAPE(1, 1, first[t + 1] - first[t], CHANNELS);
            OK(gf_op_create(&op, &s, ops, &error));
            assert_true(op.scratchpad_bytes <= sizeof scratch);
            gf_op_args a = {.src = {b->src[0] + at, b->src[1] + at, b->src[2] + at}, .dst = dst, .scratchpad = scratch};
            OK(gf_op_bind(&op, &a, &exec, &error));
            OK(op.spec.cls->forward(&exec, &(gf_exec_context){0}, &error));
            for (size_t i = 0; i < gf_count(&op.spec.dst); i++) assert_true(fabsf(dst[i] - b->dst[at + i]) <= 1e-5f);
            gf_op_unbind(&exec);
            gf_op_destroy(&op);
        }
        for (size_t i = 14 * CHANNELS; i < ROWS * CHANNELS; i++) assert_true(b->dst[i] == 0);
        close_bench(b);
    }
}

static void attention_slopes(void **state)
{
    (void)state;
    for (int causal = 0; causal < 2; causal++) {
        bench *b = open_bench(attention(causal), false);
        all_slopes(b);
        close_bench(b);
    }
}

static void pooling_and_its_slopes(void **state)
{
    (void)state;
    for (int mean = 0; mean < 2; mean++) {
        gf_op_spec s = {.cls = &gf_op_pool_pieces, .n_src = 1, .src = {GF_SHAPE(1, 1, ROWS, CHANNELS)}};
        s.pool_pieces.mean = mean;
        bench *b = open_bench(s, false);
        assert_int_equal(b->op.spec.dst.dim[0], COUNT + 1);
        forward(b);
        for (size_t i = 0; i < (COUNT + 1) * CHANNELS; i++) {
            size_t t = i / CHANNELS, c = i % CHANNELS, places = 0;
            double sum = 0;
            for (int32_t p = t < COUNT ? first[t] : 0; t < COUNT && p < first[t + 1] && (mean || !places);
                 p++, places++) {
                sum += (double)b->src[0][(size_t)p * CHANNELS + c];
            }
            double want = places ? sum / (double)places : 0;
            assert_true(fabs((double)b->dst[i] - want) <= 1e-6);
        }
        all_slopes(b);
        close_bench(b);
    }
}

static void rows_of_length_1(void **state)
{
    (void)state;
    bench *b = open_bench((gf_op_spec){.cls = &gf_op_unit_norm, .n_src = 1, .src = {GF_SHAPE(ROWS, CHANNELS)}}, false);
    forward(b);
    for (size_t i = 0; i < ROWS; i++) {
        double squares = 0;
        for (size_t c = 0; c < CHANNELS; c++) squares += pow((double)b->dst[i * CHANNELS + c], 2);
        assert_true(fabs(squares - 1) <= 1e-6);
    }
    all_slopes(b);
    close_bench(b);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    gf_op_spec bad[] = {attention(false),
                        attention(false),
                        {.cls = &gf_op_gather, .n_src = 1, .src = {GF_SHAPE(1, 4)}},
                        {.cls = &gf_op_pool_pieces, .n_src = 1, .src = {GF_SHAPE(1, 4)}}};
    bad[0].src[1] = GF_SHAPE(1, 1, ROWS - 1, CHANNELS);
    bad[1].attention.heads = 5;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gf_op op;
        bad[i].name = "layer";
        assert_int_not_equal(gf_op_create(&op, &bad[i], ops, &error), GRAFT_OK);
        assert_int_equal(error.number, GF_E_MODEL_SHAPE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_looked_up), cmocka_unit_test(texts_attend_to_themselves),
        cmocka_unit_test(attention_slopes),   cmocka_unit_test(pooling_and_its_slopes),
        cmocka_unit_test(rows_of_length_1),   cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return RUN_WITH_OPS(tests);
}
