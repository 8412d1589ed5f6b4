/* Convolutions in bytes against their formula, in double: a u8 result to the last bit but for ties, another to f32's
 * rounding; against the convolution in real numbers within what rounding kernel and values may do; quantized values
 * against the nearest byte. They want instructions for bytes: a machine without runs the rest and says so. */
#include "support/needs.h"
#include "with_ops.h"

typedef struct shape {
    const char *name;
    int h, w, c, k, stride, groups, filters, pt, pb, pl, pr;
    bool src_bytes, dst_bytes, residual;
    gf_act act;
    bool below; /* values below 0 too: a zero that is not byte 0, of src and dst */
    bool bf16;  /* a real dst */
} shape;

static const shape shapes[] = {
    {"expand", 5, 7, 24, 1, 1, 1, 96, 0, 0, 0, 0, false, true, false, GF_ACT_RELU6},
    {"expand, relu", 4, 4, 16, 1, 1, 1, 32, 0, 0, 0, 0, false, true, false, GF_ACT_RELU},
    {"project", 5, 7, 96, 1, 1, 1, 24, 0, 0, 0, 0, true, false, false, GF_ACT_LINEAR},
    {"project and add", 6, 6, 144, 1, 1, 1, 24, 0, 0, 0, 0, true, false, true, GF_ACT_LINEAR},
    {"narrow to narrow", 3, 3, 40, 1, 1, 1, 40, 0, 0, 0, 0, false, false, false, GF_ACT_RELU6},
    {"full 3x3", 6, 5, 16, 3, 1, 1, 32, 1, 1, 1, 1, true, true, false, GF_ACT_RELU6},
    {"depthwise 16", 5, 5, 16, 3, 1, 16, 16, 1, 1, 1, 1, true, true, false, GF_ACT_RELU6},
    {"depthwise 32", 8, 9, 32, 3, 1, 32, 32, 1, 1, 1, 1, true, true, false, GF_ACT_RELU6},
    {"depthwise 96, from reals", 7, 8, 96, 3, 1, 96, 96, 1, 1, 1, 1, false, true, false, GF_ACT_RELU6},
    {"depthwise 144, one row", 1, 6, 144, 3, 1, 144, 144, 1, 1, 1, 1, true, true, false, GF_ACT_RELU6},
    {"depthwise 192, one pixel", 1, 1, 192, 3, 1, 192, 192, 1, 1, 1, 1, true, true, false, GF_ACT_RELU},
    {"depthwise, no padding", 6, 7, 48, 3, 1, 48, 48, 0, 0, 0, 0, true, true, false, GF_ACT_RELU6},
    {"depthwise strided, even", 8, 6, 96, 3, 2, 96, 96, 0, 1, 0, 1, true, true, false, GF_ACT_RELU6},
    {"depthwise strided, odd", 7, 9, 64, 3, 2, 64, 64, 1, 1, 1, 1, true, true, false, GF_ACT_RELU6},
    {"depthwise of 24", 6, 6, 24, 3, 1, 24, 24, 1, 1, 1, 1, true, true, false, GF_ACT_RELU6},
    {"expand, silu", 5, 7, 24, 1, 1, 1, 96, 0, 0, 0, 0, false, false, false, GF_ACT_SILU},
    {"expand, hard silu", 5, 7, 24, 1, 1, 1, 96, 0, 0, 0, 0, false, false, false, GF_ACT_HARD_SILU},
    {"full 3x3, hard silu", 6, 5, 16, 3, 1, 1, 32, 1, 1, 1, 1, true, false, false, GF_ACT_HARD_SILU},
    {"to a sigmoid, added", 3, 3, 40, 1, 1, 1, 40, 0, 0, 0, 0, true, false, true, GF_ACT_SIGMOID},
    {"depthwise, silu", 5, 5, 32, 3, 1, 32, 32, 1, 1, 1, 1, true, false, false, GF_ACT_SILU},
    {"softsign: not oneDNN's", 5, 5, 16, 1, 1, 1, 32, 0, 0, 0, 0, true, false, false, GF_ACT_SOFTSIGN},
    {"expand, silu to bytes", 5, 7, 24, 1, 1, 1, 96, 0, 0, 0, 0, false, true, false, GF_ACT_SILU, true},
    {"expand, hard silu to bytes", 4, 7, 16, 1, 1, 1, 72, 0, 0, 0, 0, true, true, false, GF_ACT_HARD_SILU, true},
    {"one vector of outputs", 5, 5, 12, 1, 1, 1, 9, 0, 0, 0, 0, true, true, false, GF_ACT_SILU, true},
    {"two vectors, to bytes below 0", 5, 5, 40, 1, 1, 1, 24, 0, 0, 0, 0, true, true, false, GF_ACT_LINEAR, true},
    {"many vectors", 3, 5, 8, 1, 1, 1, 150, 0, 0, 0, 0, true, true, false, GF_ACT_RELU, true},
    {"project to bf16 and add", 6, 6, 72, 1, 1, 1, 20, 0, 0, 0, 0, true, false, true, GF_ACT_LINEAR, true, true},
    {"ic of 6: oneDNN's", 5, 5, 6, 1, 1, 1, 16, 0, 0, 0, 0, true, true, false, GF_ACT_RELU6},
    {"depthwise 5x5, silu", 9, 8, 40, 5, 1, 40, 40, 2, 2, 2, 2, true, true, false, GF_ACT_SILU, true},
    {"depthwise 5x5 strided", 9, 8, 72, 5, 2, 72, 72, 1, 2, 1, 2, true, true, false, GF_ACT_HARD_SILU, true},
    {"depthwise 7x7", 9, 7, 20, 7, 1, 20, 20, 3, 3, 3, 3, true, true, false, GF_ACT_RELU, true},
    {"depthwise 7x7 strided, from reals", 11, 9, 33, 7, 2, 33, 33, 3, 3, 3, 3, false, true, false, GF_ACT_SILU, true},
    {"depthwise 3x3 of 7, below 0", 5, 6, 7, 3, 1, 7, 7, 1, 1, 1, 1, true, true, false, GF_ACT_LINEAR, true},
    {"depthwise to bf16", 6, 6, 24, 3, 1, 24, 24, 1, 1, 1, 1, true, false, false, GF_ACT_SILU, true, true},
    {"an image", 9, 12, 3, 3, 2, 1, 16, 0, 1, 0, 1, true, true, false, GF_ACT_HARD_SILU, true},
    {"an image, to reals", 8, 7, 3, 3, 1, 1, 24, 1, 1, 1, 1, false, false, false, GF_ACT_LINEAR, true},
    {"an image, 7x7", 13, 12, 3, 7, 2, 1, 40, 3, 3, 3, 3, true, true, false, GF_ACT_RELU, true},
    {"two pixels", 1, 1, 16, 1, 1, 1, 40, 0, 0, 0, 0, true, true, false, GF_ACT_HARD_SILU, true},
    {"four bytes deep", 3, 3, 4, 1, 1, 1, 48, 0, 0, 0, 0, true, true, false, GF_ACT_RELU6},
    {"depthwise, two sevens wide", 5, 14, 20, 5, 1, 20, 20, 2, 2, 2, 2, true, true, false, GF_ACT_HARD_SILU, true},
    {"depthwise, two fives wide", 4, 10, 16, 3, 1, 16, 16, 1, 1, 1, 1, true, true, false, GF_ACT_RELU6},
    {"depthwise strided to fives", 9, 29, 18, 5, 2, 18, 18, 2, 2, 2, 2, true, true, false, GF_ACT_HARD_SILU, true},
    {"a gray image, 5x5", 9, 9, 1, 5, 1, 1, 8, 2, 2, 2, 2, true, true, false, GF_ACT_SILU, true},
};
enum { SHAPES = sizeof shapes / sizeof *shapes, BATCH = 2, MOST = 256 };

/* ---- one convolution and all that it reads */

typedef struct benchmark {
    const shape *shape;
    gf_op op;
    gf_exec exec;
    guarded src, dst, residual, scratch;
    float *kernel, *bias;
    float src_scale[MOST], src_zero[MOST], src_mean[MOST], dst_scale[MOST], dst_zero[MOST];
    int8_t *bytes; /* the kernel as the formula rounds it */
    double k[MOST], shift[MOST];
} benchmark;

static double real(const char *name, const char *what, size_t i)
{
    char key[160];
    snprintf(key, sizeof key, "%s/%s", name, what);
    return (double)(seeded_word(key, SEED, i) >> 11) * 0x1p-53;
}

static void fill_quants(benchmark *t)
{
    const shape *s = t->shape;
    for (size_t c = 0; c < MOST; c++) {
        t->src_scale[c] = (float)(0.004 + 0.02 * real(s->name, "scale", c));
        t->src_zero[c] = (float)(90 + 60 * real(s->name, "zero", c));
        t->src_mean[c] = (float)(40 * real(s->name, "mean", c)) * t->src_scale[c];
        t->dst_scale[c] = (float)(0.01 + 0.02 * real(s->name, "dst", c));
        t->dst_zero[c] = (float)rint(90 * real(s->name, "dst zero", c));
        if (s->below && s->k > 1) t->src_zero[c] = rintf(t->src_zero[c]);
    }
}

static bool only_cuts(gf_act act) { return act == GF_ACT_RELU || act == GF_ACT_RELU6; }
static const float *dst_zero(const benchmark *t)
{
    return t->shape->below && !only_cuts(t->shape->act) ? t->dst_zero : NULL;
}

static gf_op_spec spec_of(benchmark *t)
{
    const shape *s = t->shape;
    gf_op_spec spec = {.cls = &gf_op_conv_int8,
                       .name = s->name,
                       .n_src = s->residual ? 2 : 1,
                       .act = s->act,
                       .has_bias = true,
                       .conv = {s->k, s->k, s->stride, s->stride, s->pt, s->pb, s->pl, s->pr, s->groups, s->filters}};
    spec.src[0] = GF_SHAPE(BATCH, s->h, s->w, s->c);
    spec.src_dtype[0] = s->src_bytes ? GF_U8 : GF_F32;
    bool zero = s->k == 1 || s->below;
    spec.dst_dtype = s->dst_bytes ? GF_U8 : s->bf16 ? GF_BF16 : GF_F32;
    spec.src_dtype[1] = s->bf16 ? GF_BF16 : GF_F32;
    spec.src_quant = (gf_quant){t->src_scale, zero ? t->src_zero : NULL, s->k == 1 ? t->src_mean : NULL};
    if (s->dst_bytes) spec.dst_quant = (gf_quant){t->dst_scale, dst_zero(t), NULL};
    assert_int_equal(gf_op_conv_int8.infer(&spec, &spec.dst, &error), GRAFT_OK);
    spec.src[1] = spec.dst;
    return spec;
}

static void benchmark_open(benchmark *t, const shape *s, const gf_op_class *cls)
{
    *t = (benchmark){.shape = s};
    fill_quants(t);
    gf_op_spec spec = spec_of(t);
    spec.cls = cls;
    OK(gf_op_create(&t->op, &spec, ops, &error));
    size_t src = gf_count(&spec.src[0]), dst = gf_count(&spec.dst), kernel = gf_op_kernel_count(&t->op.spec);
    t->src = guarded_new(src * gf_dtype_size(spec.src_dtype[0]));
    t->dst = guarded_new(dst * gf_dtype_size(spec.dst_dtype));
    t->residual = guarded_new(dst * sizeof(float));
    t->scratch = guarded_new(t->op.scratchpad_bytes);
    t->kernel = calloc(kernel, sizeof *t->kernel);
    t->bytes = calloc(kernel, 1);
    t->bias = calloc((size_t)s->filters, sizeof *t->bias);
    for (size_t i = 0; i < kernel; i++) t->kernel[i] = (float)(real(s->name, "kernel", i) - 0.5);
    for (size_t i = 0; i < (size_t)s->filters; i++) t->bias[i] = (float)(2 * real(s->name, "bias", i) - 0.5);
    for (size_t i = 0; i < dst; i++) {
        gf_store(data_of(&t->residual), spec.src_dtype[1], i, (float)(real(s->name, "add", i) - 0.5));
    }
    for (size_t i = 0; i < src; i++) {
        double x = real(s->name, "src", i);
        if (s->src_bytes) ((uint8_t *)data_of(&t->src))[i] = (uint8_t)(256 * x);
        if (!s->src_bytes) ((float *)data_of(&t->src))[i] = (float)(3 * x - (s->k == 1 ? 1.2 : 0));
    }
    OK(gf_op_prepare(&t->op, t->kernel, t->bias, &error));
    gf_op_args a = {
        .src = {data_of(&t->src), data_of(&t->residual)}, .dst = data_of(&t->dst), .scratchpad = data_of(&t->scratch)};
    OK(gf_op_bind(&t->op, &a, &t->exec, &error));
    OK(cls->forward(&t->exec, NULL, &error));
    check_guards(&t->src, s->name, "src");
    check_guards(&t->dst, s->name, "dst");
    check_guards(&t->scratch, s->name, "the scratchpad");
}

static void benchmark_close(benchmark *t)
{
    gf_op_unbind(&t->exec);
    gf_op_destroy(&t->op);
    free(t->src.block);
    free(t->dst.block);
    free(t->residual.block);
    free(t->scratch.block);
    free(t->kernel);
    free(t->bytes);
    free(t->bias);
}

/* ---- the formula */

static int channel_of(const shape *s, int c, int o) { return s->groups > 1 ? o : c; }

static void round_kernel(benchmark *t)
{
    const shape *s = t->shape;
    const gf_quant *q = &t->op.spec.src_quant;
    int icg = s->c / s->groups, rows = s->k * s->k * icg;
    for (int o = 0; o < s->filters; o++) {
        double largest = 0;
        for (int r = 0; r < rows; r++) {
            largest = fmax(largest, fabs(t->kernel[r * s->filters + o] * (double)q->scale[channel_of(s, r % icg, o)]));
        }
        t->k[o] = largest / 127;
        t->shift[o] = t->bias[o];
        for (int r = 0; r < rows; r++) {
            int c = channel_of(s, r % icg, o);
            double exact = t->kernel[r * s->filters + o], byte = rint(exact * (double)q->scale[c] / t->k[o]);
            t->bytes[r * s->filters + o] = (int8_t)byte;
            if (q->zero) t->shift[o] -= t->k[o] * byte * (double)q->zero[c];
            if (q->mean) t->shift[o] += (double)q->mean[c] * (exact - t->k[o] * byte / (double)q->scale[c]);
        }
    }
}

static double byte_of_src(const benchmark *t, size_t i)
{
    const gf_quant *q = &t->op.spec.src_quant;
    size_t c = i % (size_t)t->shape->c;
    if (t->shape->src_bytes) return ((uint8_t *)data_of(&t->src))[i];
    float v = ((float *)data_of(&t->src))[i] * (1 / q->scale[c]) + ((q->zero ? q->zero[c] : 0) + 0.5f);
    return floor(fmin(fmax((double)v, 0), 255));
}

typedef struct sums {
    double bytes, exact, bound; /* by the formula; in real numbers; how far apart they may be */
} sums;

static sums sum_at(const benchmark *t, int n, int y, int x, int o)
{
    const shape *s = t->shape;
    const gf_quant *q = &t->op.spec.src_quant;
    int icg = s->c / s->groups;
    sums r = {t->shift[o], t->bias[o], 0};
    for (int i = 0; i < s->k * s->k * icg; i++) {
        int sy = y * s->stride + i / icg / s->k - s->pt, sx = x * s->stride + i / icg % s->k - s->pl;
        int c = channel_of(s, i % icg, o), at = i * s->filters + o;
        double off = q->zero ? q->zero[c] : 0, mean = q->mean ? q->mean[c] : 0, byte = 0;
        bool inside = sy >= 0 && sy < s->h && sx >= 0 && sx < s->w;
        byte = off; /* outside lie zeros */
        if (inside) byte = byte_of_src(t, (size_t)(((n * s->h + sy) * s->w + sx) * s->c + c));
        double value = (double)q->scale[c] * (byte - off);
        r.bytes += t->k[o] * byte * t->bytes[at];
        r.exact += value * (double)t->kernel[at];
        r.bound += 0.5 * t->k[o] * fabs(value - mean) / (double)q->scale[c];
    }
    return r;
}

static double activated(gf_act act, double x) { return (double)gf_act_value(act, 0, (float)x); }
static double cut(double x) { return fmin(fmax(x, 0), 255); }

static void check_benchmark(benchmark *t)
{
    const double steepest = 1.1; /* silu's derivative, the largest of all */
    const shape *s = t->shape;
    const gf_shape *d = &t->op.spec.dst;
    size_t zeros = 0, full = 0, count = gf_count(d);
    round_kernel(t);
    for (size_t i = 0; i < count; i++) {
        int o = (int)(i % (size_t)s->filters), pixel = (int)(i / (size_t)s->filters);
        int x = pixel % (int)d->dim[2], y = pixel / (int)d->dim[2] % (int)d->dim[1];
        sums want = sum_at(t, pixel / (int)(d->dim[1] * d->dim[2]), y, x, o);
        if (s->dst_bytes) {
            double scale = t->dst_scale[o], zero = dst_zero(t) ? t->dst_zero[o] : 0,
                   got = ((uint8_t *)data_of(&t->dst))[i];
            gf_act act = only_cuts(s->act) ? GF_ACT_LINEAR : s->act; /* 255 stands for the largest value */
            double formula = cut(activated(act, want.bytes) / scale + zero);
            double exact = scale * (cut(activated(act, want.exact) / scale + zero) - zero);
            double curve = s->act == GF_ACT_SILU ? 4e-4 / scale : 0; /* it is drawn in pieces */
            zeros += got == 0;
            full += got == 255;
            if (!(fabs(got - formula) <= 0.5 + 1e-3 + curve))
                fail_msg("%s: %zu: %g, by the formula %g", s->name, i, got, formula);
            if (!(fabs(scale * (got - zero) - exact) <= steepest * want.bound + 0.501 * scale + curve * scale))
                fail_msg("%s: %zu is too far off", s->name, i);
        } else {
            double got = (double)gf_load(data_of(&t->dst), t->op.spec.dst_dtype, i), add = 0;
            if (s->residual) add = (double)gf_load(data_of(&t->residual), t->op.spec.src_dtype[1], i);
            double formula = activated(s->act, want.bytes + add), exact = activated(s->act, want.exact + add);
            double rounding = 1e-4 + (s->bf16 ? fabs(formula) * 0x1p-7 : 0);
            zeros += got == 0;
            if (!(fabs(got - formula) <= rounding))
                fail_msg("%s: %zu: %g, by the formula %g", s->name, i, got, formula);
            if (!(fabs(got - exact) <= steepest * want.bound + rounding))
                fail_msg("%s: %zu is too far off", s->name, i);
        }
    }
    if (zeros + full > count * 3 / 4) fail_msg("%s: mostly clipped: no evidence", s->name);
}

static void check_convolutions(bool to_bf16)
{
    for (int i = 0; i < 2 * SHAPES; i++) {
        const shape *s = &shapes[i / 2];
        bool onednn = i % 2, both = !s->below && (!s->dst_bytes || only_cuts(s->act)); /* its way, too */
        if ((onednn && !both) || s->bf16 != to_bf16) continue;
        benchmark t;
        benchmark_open(&t, s, onednn ? &gf_op_conv_int8_onednn : &gf_op_conv_int8);
        check_benchmark(&t);
        benchmark_close(&t);
    }
}

static void conv_is_its_formula(void **state)
{
    (void)state;
    NEEDS("int8");
    check_convolutions(false);
}

static void conv_to_bf16_is_its_formula(void **state)
{
    (void)state;
    NEEDS("bf16"); /* which has int8 */
    check_convolutions(true);
}

/* ---- what it cannot do is refused */

static const shape *shape_named(const char *name)
{
    for (int i = 0; i < SHAPES; i++) {
        if (!strcmp(shapes[i].name, name)) return &shapes[i];
    }
    fail_msg("no shape %s", name);
    return NULL;
}

static void others_are_refused(void **state)
{
    (void)state;
    benchmark t = {.shape = shape_named("full 3x3")};
    fill_quants(&t);
    gf_op op;
    gf_op_spec padded = spec_of(&t), trains = padded, smooth = padded, blind = padded;
    padded.src_quant.zero = t.src_zero;
    trains.backward = true;
    smooth.act = GF_ACT_TANH;
    blind.src_quant.scale = NULL;
    gf_op_spec both = spec_of(&t); /* ReLU cuts at byte 0, so that must be 0 */
    both.dst_quant.zero = t.dst_zero;
    benchmark u = {.shape = shape_named("depthwise 5x5, silu")};
    fill_quants(&u);
    u.src_zero[3] = 256; /* no byte to pad with */
    gf_op_spec beyond = spec_of(&u);
    const gf_op_spec *bad[] = {&padded, &trains, &smooth, &blind, &both, &beyond};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(gf_op_create(&op, bad[i], ops, &error), GRAFT_INTERNAL);
    }
}

/* ---- loops over elements, on any machine */

/* A period is one pixel, or as many as fill whole vectors and are followed by some that do not. */
static void quantizing_rounds_and_cuts(void **state)
{
    (void)state;
    enum { CHANNELS = 3, PERIOD = 64 * CHANNELS, N = 2 * PERIOD + 100 };
    const float scale[CHANNELS] = {0.5f, 0.25f, 2}, zero[CHANNELS] = {0, 128, 10};
    float factor[PERIOD], offset[PERIOD], src[N];
    uint16_t narrow[N];
    uint8_t got[N + 1];
    for (int i = 0; i < PERIOD; i++) factor[i] = 1 / scale[i % CHANNELS], offset[i] = zero[i % CHANNELS] + 0.5f;
    for (int i = 0; i < N; i++) src[i] = (float)(i % 100 - 50) * 1.5f;
    src[7] = src[3] = NAN, src[8] = src[14] = INFINITY, src[9] = src[4] = -INFINITY;
    src[N - 1] = NAN, src[N - 2] = INFINITY, src[N - 3] = -INFINITY;
    for (int i = 0; i < N; i++) narrow[i] = gf_f32_to_bf16(src[i]);
    for (int way = 0; way < 4; way++) {
        bool is_narrow = way % 2;
        got[N] = GUARD_BYTE;
        gf_quantize(got, is_narrow ? (void *)narrow : (void *)src, is_narrow ? GF_BF16 : GF_F32, N, factor, offset,
                    way < 2 ? CHANNELS : PERIOD);
        for (int i = 0; i < N; i++) {
            int c = i % CHANNELS;
            double value = (double)src[i] / (double)scale[c] + (double)zero[c] + 0.5;
            double want = isnan(src[i]) ? 0 : floor(fmin(fmax(value, 0), 255));
            if (got[i] != (int)want) fail_msg("way %d, element %d: %d, wanted is %g", way, i, got[i], want);
        }
        assert_int_equal(got[N], GUARD_BYTE);
    }
}

/* The first image is as bright as can be, which sums of 16 bits hold 257 places of. */
static void pooling_takes_int8(void **state)
{
    (void)state;
    enum { SIDE = 23, HW = SIDE * SIDE, C = 64 + 16 + 5 };
    static uint8_t src[2 * HW * C];
    float scale[C], zero[C], dst[2 * C];
    for (int c = 0; c < C; c++) scale[c] = 0.1f + 0.01f * (float)c, zero[c] = (float)c;
    gf_op_spec s = {.cls = &gf_op_global_pool, .name = "pool", .n_src = 1, .src_quant = {scale, zero, NULL}};
    s.src[0] = GF_SHAPE(2, SIDE, SIDE, C);
    s.src_dtype[0] = GF_U8;
    gf_op op;
    gf_exec exec;
    for (int i = 0; i < 2 * HW * C; i++) src[i] = (uint8_t)(i < HW * C ? 255 : i * 37);
    OK(gf_op_create(&op, &s, ops, &error));
    OK(gf_op_bind(&op, &(gf_op_args){.src = {src}, .dst = dst}, &exec, &error));
    OK(s.cls->forward(&exec, NULL, &error));
    for (int n = 0; n < 2; n++) {
        for (int c = 0; c < C; c++) {
            double sum = 0;
            for (int i = 0; i < HW; i++) sum += (double)scale[c] * (src[(n * HW + i) * C + c] - (double)zero[c]);
            if (!(fabs(dst[n * C + c] - sum / HW) <= 2e-4)) fail_msg("%d, %d: %g", n, c, (double)dst[n * C + c]);
        }
    }
    gf_op_unbind(&exec);
    gf_op_destroy(&op);
}

static void gates_take_int8(void **state)
{
    (void)state;
    NEEDS("int8");
    enum { N = 2, HW = 35, C = 24 };
    static uint8_t src[N * HW * C];
    float scale[C], zero[C], to_scale[C], to_zero[C], factor[N * C];
    for (size_t c = 0; c < C; c++) {
        scale[c] = (float)(0.01 + 0.02 * real("gate", "scale", c)), to_scale[c] = scale[c] * 0.7f;
        zero[c] = (float)rint(60 * real("gate", "zero", c)), to_zero[c] = (float)rint(60 * real("gate", "to", c));
    }
    for (size_t i = 0; i < sizeof src; i++) src[i] = (uint8_t)(256 * real("gate", "src", i));
    for (size_t i = 0; i < N * C; i++) factor[i] = (float)real("gate", "factor", i);
    gf_op_spec s = {.cls = &gf_op_multiply_int8, .name = "gate", .n_src = 2};
    s.src[0] = GF_SHAPE(N, 5, 7, C), s.src[1] = GF_SHAPE(N, 1, 1, C);
    s.src_dtype[0] = s.dst_dtype = GF_U8, s.src_dtype[1] = GF_F32;
    s.src_quant = (gf_quant){scale, zero, NULL}, s.dst_quant = (gf_quant){to_scale, to_zero, NULL};
    assert_true(gf_multiply_int8_fits(&s));
    gf_op op;
    gf_exec exec;
    OK(gf_op_create(&op, &s, ops, &error));
    guarded dst = guarded_new(sizeof src), scratch = guarded_new(op.scratchpad_bytes);
    gf_op_args a = {.src = {src, factor}, .dst = data_of(&dst), .scratchpad = data_of(&scratch)};
    OK(gf_op_bind(&op, &a, &exec, &error));
    OK(s.cls->forward(&exec, NULL, &error));
    check_guards(&dst, "gate", "dst");
    check_guards(&scratch, "gate", "the scratchpad");
    for (size_t i = 0; i < sizeof src; i++) {
        size_t c = i % C, n = i / (HW * C);
        double value = (double)factor[n * C + c] * (double)scale[c] * (src[i] - (double)zero[c]);
        double want = cut(value / (double)to_scale[c] + (double)to_zero[c]), got = ((uint8_t *)data_of(&dst))[i];
        if (!(fabs(got - want) <= 0.5 + 1e-3)) fail_msg("element %zu: %g, wanted is %g", i, got, want);
    }
    s.src_dtype[0] = GF_F32;
    assert_false(gf_multiply_int8_fits(&s));
    gf_op_unbind(&exec);
    gf_op_destroy(&op);
    free(dst.block);
    free(scratch.block);
}

static void images_become_int8(void **state)
{
    (void)state;
    enum { PIXELS = 7 * 31, C = 3, N = PIXELS * C };
    const float scale[C] = {2 / 255.0f, 0.01f, 0.02f}, zero[C] = {128, 100, 0};
    float src[N];
    gf_op_spec s = {.cls = &gf_op_rescale, .name = "picture", .n_src = 1, .dst_dtype = GF_U8};
    s.src[0] = GF_SHAPE(1, 7, 31, C);
    s.dst_quant = (gf_quant){scale, zero, NULL};
    for (int c = 0; c < C; c++) s.rescale.scale[c] = 1 / 127.5f, s.rescale.offset[c] = c < 2 ? -1 : 0;
    for (size_t i = 0; i < N; i++) src[i] = (float)(255 * real("picture", "src", i));
    gf_op op;
    gf_exec exec;
    OK(gf_op_create(&op, &s, ops, &error));
    guarded dst = guarded_new(N);
    OK(gf_op_bind(&op, &(gf_op_args){.src = {src}, .dst = data_of(&dst)}, &exec, &error));
    OK(s.cls->forward(&exec, NULL, &error));
    check_guards(&dst, "picture", "dst");
    for (size_t i = 0; i < N; i++) {
        size_t c = i % C;
        double value = (double)src[i] / 127.5 + (double)s.rescale.offset[c];
        double want = cut(value / (double)scale[c] + (double)zero[c]), got = ((uint8_t *)data_of(&dst))[i];
        if (!(fabs(got - want) <= 0.5 + 1e-3)) fail_msg("element %zu: %g, wanted is %g", i, got, want);
    }
    gf_op_unbind(&exec);
    gf_op_destroy(&op);
    free(dst.block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv_is_its_formula), cmocka_unit_test(conv_to_bf16_is_its_formula),
        cmocka_unit_test(others_are_refused),  cmocka_unit_test(quantizing_rounds_and_cuts),
        cmocka_unit_test(pooling_takes_int8),  cmocka_unit_test(gates_take_int8),
        cmocka_unit_test(images_become_int8),
    };
    return RUN_WITH_OPS(tests);
}
