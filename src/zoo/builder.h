/* builder.h - how an architecture writes down its layers, one behind the other. After a failure every call does
 * nothing, so that the tables need no checks; the failure is in `status`. */
#ifndef GF_ZOO_BUILDER_H
#define GF_ZOO_BUILDER_H

#include "graph/model.h"

typedef struct gf_builder {
    gf_model *m;
    graft_error *err;
    graft_status status;
    int at;       /* the last layer */
    double alpha; /* the network's width multiplier */
    struct {
        const gf_layer_class *cls;
        int n;
    } unnamed[32]; /* how many layers of a class Keras has named itself */
    size_t n_unnamed;
} gf_builder;

/* Adds a layer behind the last, or behind its own sources where it names some. fmt NULL: the name that Keras gives,
 * "conv2d", "conv2d_1", ... */
__attribute__((format(printf, 3, 4))) void gf_add(gf_builder *b, gf_layer l, const char *fmt, ...);

typedef enum gf_pads { GF_SAME, GF_VALID, GF_PADDED } gf_pads;

/* A window's arguments: Keras's padding="same" unless told; GF_PADDED is PyTorch's padding=(pad, pad_w). */
typedef struct gf_window {
    int kernel, kernel_w; /* kernel_w 0: as kernel */
    int stride;           /* 0: 1, and of pooling the kernel */
    gf_pads pads;
    int pad, pad_w; /* GF_PADDED: above and below, left and right */
    bool bias;
} gf_window;

void gf_conv(gf_builder *b, int filters, gf_window w, const char *name);
void gf_depthwise(gf_builder *b, gf_window w, const char *name);
void gf_separable(gf_builder *b, int filters, gf_window w, const char *name);
void gf_max_pool(gf_builder *b, gf_window w, const char *name);
void gf_avg_pool(gf_builder *b, gf_window w, bool count_padding, const char *name);
void gf_batch_norm(gf_builder *b, float epsilon, float momentum, const char *name);
void gf_relu(gf_builder *b, gf_act act, const char *name);       /* class ReLU */
void gf_activation(gf_builder *b, gf_act act, const char *name); /* class Activation */
void gf_rescaling(gf_builder *b, float scale, float offset, const char *name);
void gf_zero_padding(gf_builder *b, int top, int bottom, int left, int right, const char *name);
void gf_add_layers(gf_builder *b, int first, int second, const char *name); /* Add */
void gf_multiply_layers(gf_builder *b, int first, int second, const char *name);
void gf_concatenate(gf_builder *b, const int *src, int n, const char *name);
void gf_global_pool(gf_builder *b, bool keepdims, const char *name);
void gf_dense(gf_builder *b, int units, gf_act act, const char *name);
void gf_dropout(gf_builder *b, float rate, const char *name);
/* Of whole samples: what is added to them is left out (Huang et al., "Deep networks with stochastic depth", 2016). */
void gf_drop_connect(gf_builder *b, float rate, const char *name);
void gf_flatten(gf_builder *b, const char *name);
/* Keras's include_top=True of most networks: "avg_pool", "predictions". */
void gf_pooled_top(gf_builder *b, int classes);

/* The shape of the last layer's output. */
const gf_shape *gf_built(const gf_builder *b);

/* What Keras's imagenet_utils.correct_pad pads before a strided "valid" window of that kernel: as "same" would for
 * odd sides, and one less before for even ones. */
void gf_correct_pad(gf_builder *b, int kernel, const char *name);

/* PyTorch's habits: a window padded by half its kernel on all sides; batch normalisation with its defaults. */
gf_window gf_centred(int kernel, int stride);
void gf_batch_norm_torch(gf_builder *b, const char *name);

/* Puts the layers into the order of Keras's model.layers; `at` is its output. */
void gf_order_as_keras(gf_builder *b);

/* "prefix" and "what" in one text. */
typedef struct gf_joined {
    char text[GF_NAME_MAX];
} gf_joined;
gf_joined gf_join(const char *prefix, const char *what);

/* Widths are multiples of `divisor`, and never a tenth less than asked for. */
int gf_divisible(double v, int divisor);

#endif
