#include "zoo/builder.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* "SeparableConv2D" -> "separable_conv2d", "ReLU" -> "re_lu", as Keras does: a line before a capital that begins a
 * word, and between a small letter or digit and a capital. */
static void snake(char out[GF_NAME_MAX], const char *cls)
{
    size_t n = 0;
    for (size_t i = 0; cls[i] && n + 2 < GF_NAME_MAX; i++) {
        bool capital = isupper((unsigned char)cls[i]);
        bool word = i && capital && islower((unsigned char)cls[i + 1]);
        bool follows = i && capital && islower((unsigned char)cls[i - 1]);
        if (word || follows) out[n++] = '_';
        out[n++] = (char)tolower((unsigned char)cls[i]);
    }
    out[n] = 0;
}

static void name_as_keras(gf_builder *b, gf_layer *l)
{
    size_t i = 0, room = sizeof b->unnamed / sizeof *b->unnamed;
    while (i < b->n_unnamed && b->unnamed[i].cls != l->cls) i++;
    if (i == room) i--; /* more classes than any network has */
    if (i == b->n_unnamed) b->unnamed[b->n_unnamed++].cls = l->cls;
    snake(l->name, l->cls->name);
    size_t at = strlen(l->name);
    if (b->unnamed[i].n) snprintf(l->name + at, sizeof l->name - at, "_%d", b->unnamed[i].n);
    b->unnamed[i].n++;
}

void gf_add(gf_builder *b, gf_layer l, const char *fmt, ...)
{
    if (b->status != GRAFT_OK) return;
    if (fmt) {
        va_list args;
        va_start(args, fmt);
        vsnprintf(l.name, sizeof l.name, fmt, args);
        va_end(args);
    } else {
        name_as_keras(b, &l);
    }
    l.backbone = true;
    if (!l.n_src) {
        l.n_src = 1;
        l.src[0] = b->at;
    }
    b->status = gf_model_add(b->m, &l, &b->at, b->err);
}

#define NAMED(name) (name) ? "%s" : NULL, (name)

static gf_layer windowed(const gf_layer_class *cls, int filters, gf_window w)
{
    static const gf_padding padding[] = {GF_PAD_SAME, GF_PAD_VALID, GF_PAD_EXPLICIT};
    gf_layer l = {.cls = cls};
    l.at.filters = filters;
    l.at.kh = w.kernel;
    l.at.kw = w.kernel_w ? w.kernel_w : w.kernel;
    l.at.sh = l.at.sw = w.stride;
    l.at.padding = padding[w.pads];
    if (w.pads == GF_PADDED) {
        l.at.pt = l.at.pb = w.pad;
        l.at.pl = l.at.pr = w.pad_w;
    }
    l.at.use_bias = w.bias;
    return l;
}

void gf_conv(gf_builder *b, int filters, gf_window w, const char *name)
{
    gf_add(b, windowed(&gf_layer_conv2d, filters, w), NAMED(name));
}

void gf_depthwise(gf_builder *b, gf_window w, const char *name)
{
    gf_add(b, windowed(&gf_layer_depthwise, 0, w), NAMED(name));
}

void gf_separable(gf_builder *b, int filters, gf_window w, const char *name)
{
    gf_add(b, windowed(&gf_layer_separable, filters, w), NAMED(name));
}

void gf_max_pool(gf_builder *b, gf_window w, const char *name)
{
    gf_add(b, windowed(&gf_layer_max_pool, 0, w), NAMED(name));
}

void gf_avg_pool(gf_builder *b, gf_window w, bool count_padding, const char *name)
{
    gf_layer l = windowed(&gf_layer_avg_pool, 0, w);
    l.at.count_padding = count_padding;
    gf_add(b, l, NAMED(name));
}

void gf_batch_norm(gf_builder *b, float epsilon, float momentum, const char *name)
{
    gf_layer l = {.cls = &gf_layer_batch_norm};
    l.at.epsilon = epsilon;
    l.at.momentum = momentum;
    gf_add(b, l, NAMED(name));
}

void gf_relu(gf_builder *b, gf_act act, const char *name)
{
    gf_layer l = {.cls = &gf_layer_relu};
    l.at.act = act;
    gf_add(b, l, NAMED(name));
}

void gf_activation(gf_builder *b, gf_act act, const char *name)
{
    gf_layer l = {.cls = &gf_layer_activation};
    l.at.act = act;
    gf_add(b, l, NAMED(name));
}

void gf_rescaling(gf_builder *b, float scale, float offset, const char *name)
{
    gf_layer l = {.cls = &gf_layer_rescaling};
    for (int c = 0; c < 4; c++) l.at.scale[c] = scale, l.at.offset[c] = offset;
    gf_add(b, l, NAMED(name));
}

void gf_zero_padding(gf_builder *b, int top, int bottom, int left, int right, const char *name)
{
    gf_layer l = {.cls = &gf_layer_zero_padding};
    l.at.pt = top, l.at.pb = bottom, l.at.pl = left, l.at.pr = right;
    gf_add(b, l, NAMED(name));
}

void gf_add_layers(gf_builder *b, int first, int second, const char *name)
{
    gf_add(b, (gf_layer){.cls = &gf_layer_add, .n_src = 2, .src = {first, second}}, NAMED(name));
}

void gf_multiply_layers(gf_builder *b, int first, int second, const char *name)
{
    gf_add(b, (gf_layer){.cls = &gf_layer_multiply, .n_src = 2, .src = {first, second}}, NAMED(name));
}

void gf_concatenate(gf_builder *b, const int *src, int n, const char *name)
{
    gf_layer l = {.cls = &gf_layer_concatenate, .n_src = n};
    for (int i = 0; i < n && i < GF_OP_MAX_SRC; i++) l.src[i] = src[i];
    l.at.axis = -1;
    gf_add(b, l, NAMED(name));
}

void gf_global_pool(gf_builder *b, bool keepdims, const char *name)
{
    gf_layer l = {.cls = &gf_layer_global_pool};
    l.at.keepdims = keepdims;
    gf_add(b, l, NAMED(name));
}

void gf_dense(gf_builder *b, int units, gf_act act, const char *name)
{
    gf_layer l = {.cls = &gf_layer_dense};
    l.at.units = units;
    l.at.act = act;
    gf_add(b, l, NAMED(name));
}

void gf_dropout(gf_builder *b, float rate, const char *name)
{
    gf_layer l = {.cls = &gf_layer_dropout};
    l.at.rate = rate;
    gf_add(b, l, NAMED(name));
}

void gf_drop_connect(gf_builder *b, float rate, const char *name)
{
    gf_layer l = {.cls = &gf_layer_dropout};
    l.at.rate = rate;
    l.at.dropped = GF_DROP_SAMPLES;
    gf_add(b, l, NAMED(name));
}

void gf_flatten(gf_builder *b, const char *name) { gf_add(b, (gf_layer){.cls = &gf_layer_flatten}, NAMED(name)); }

void gf_pooled_top(gf_builder *b, int classes)
{
    gf_global_pool(b, false, "avg_pool");
    gf_dense(b, classes, GF_ACT_LINEAR, "predictions");
}

const gf_shape *gf_built(const gf_builder *b) { return &b->m->layer[b->at].shape; }

void gf_correct_pad(gf_builder *b, int kernel, const char *name)
{
    if (b->status != GRAFT_OK) return;
    const gf_shape *s = gf_built(b);
    int half = kernel / 2, even_h = s->dim[0] % 2 == 0, even_w = s->dim[1] % 2 == 0;
    gf_zero_padding(b, half - even_h, half, half - even_w, half, name);
}

gf_window gf_centred(int kernel, int stride)
{
    return (gf_window){kernel, .stride = stride, .pads = GF_PADDED, .pad = kernel / 2, .pad_w = kernel / 2};
}

void gf_batch_norm_torch(gf_builder *b, const char *name)
{
    gf_batch_norm(b, 1e-5f, 0.9f, name); /* momentum: PyTorch's 0.1 is the share of the new */
}

gf_joined gf_join(const char *prefix, const char *what)
{
    gf_joined j;
    snprintf(j.text, sizeof j.text, "%s%s", prefix, what);
    return j;
}

int gf_divisible(double v, int divisor)
{
    int rounded = (int)(v + divisor / 2.0) / divisor * divisor;
    if (rounded < divisor) rounded = divisor;
    return rounded < 0.9 * v ? rounded + divisor : rounded;
}
