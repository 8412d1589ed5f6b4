/* model.h - what is computed: layers by name in topological order, and their parameters.
 *
 * Layers carry Keras's class names and order, so that "layer 100" means what it means there. A shape here is one
 * image's: (h, w, c), (steps, c) or (features). Parameters of all layers lie in one block: first all that can train,
 * in layer order, then all moving statistics; so what trains from a layer on is one contiguous range.
 *
 * An entry of the list is one call. A layer that is called again (Keras: the same layer object; ONNX: nodes that read
 * the same tensors) has an entry for each call, with sources, shape and name of its own; the first one owns the
 * parameters, the others say whose they use (`again`). So whatever walks the graph sees one kind of entry, and what
 * counts layers or parameters counts each once: gf_model_counts, `number`. */
#ifndef GF_GRAPH_MODEL_H
#define GF_GRAPH_MODEL_H

#include "base/alloc.h"
#include "ops/op.h"

enum { GF_MAX_VARS = 8, GF_NAME_MAX = 96, GF_KEY_MAX = 128 };
enum { GF_MAX_ENDS = GF_OP_MAX_SRC }; /* inputs or outputs of a model, at most */

typedef struct gf_layer_class gf_layer_class;

typedef struct gf_param {
    int layer;       /* that owns it: its first call */
    const char *var; /* "kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", ... as Keras calls them */
    gf_shape shape;
    bool statistic;       /* moves with the data, never with a gradient */
    bool idle;            /* no operation reads it (Normalization's count): it is counted, but files may lack it */
    bool given;           /* its values came with the graph: files need not have it, no start replaces them */
    size_t offset, count; /* floats in the block */
    bool frozen;          /* stays as it is, wherever the boundary is (gf_model_freeze) */
    size_t skipped; /* floats that do not train between the first that trains and this one: its gradient lies that much
                       earlier than its values */
} gf_param;

/* What calibration saw of a channel of a layer's output. */
typedef struct gf_range {
    float low, high, mean;
} gf_range;

/* "same": as Keras does; causal: all of it before */
typedef enum gf_padding { GF_PAD_VALID, GF_PAD_SAME, GF_PAD_EXPLICIT, GF_PAD_CAUSAL } gf_padding;

typedef struct gf_layer {
    const gf_layer_class *cls;
    char name[GF_NAME_MAX];
    char key[GF_KEY_MAX]; /* of a layer that came in a Keras configuration: where in a `.weights.h5` its values stand,
                             "functional/conv2d_1" (keras_names.h); empty: not known */
    int again;  /* a further call: 1 + the number in the list of the layer's first call; 0: this is the first */
    int number; /* of the layer as Keras counts: a further call has that of the first; set by gf_model_add */
    int n_src, src[GF_OP_MAX_SRC]; /* layers */
    gf_shape shape;                /* of its output */
    int n_params, param[GF_MAX_VARS];
    bool backbone; /* counted by --fine-tune-at; the head is not */
    struct {
        bool sequence; /* over (steps, c), a map of one row: what Keras calls Conv1D, MaxPooling1D, ... */
        int filters, kh, kw, sh, sw, groups; /* a window: of convolutions and pooling; strides 0 mean 1 */
        int dh, dw;                          /* dilation; 0 means 1 */
        int multiplier;                      /* of depthwise and separable convolutions; 0 means 1 */
        gf_padding padding;
        int pt, pb, pl, pr; /* what padding comes to; given where it is GF_PAD_EXPLICIT, and of padding layers */
        bool count_padding; /* averages divide by the whole window at the borders too */
        bool use_bias;      /* of convolutions */
        bool no_bias, no_scale, no_center; /* Dense without bias; normalisations without gamma, without beta */
        gf_act act;
        float alpha; /* of the activation, where it has one */
        float epsilon, momentum;
        int units;                     /* Dense, Embedding; MultiHeadAttention, where 0 means the query's channels */
        bool fixed;                    /* Embedding: a constant, which does not train */
        int heads, key_dim, value_dim; /* MultiHeadAttention, of each head; value_dim 0 means key_dim */
        bool causal;                   /* MultiHeadAttention: a place sees itself and those before it */
        int rows;                      /* PieceLookup: of its table; units has its channels */
        gf_lookup by;                  /* PieceLookup: what tells the row */
        int skip, separator;           /* PieceLookup: gf_op_spec.gather; separator -1: none */
        bool first_place;              /* PiecePooling: else the mean of all */
        float rate;
        gf_dropped dropped;        /* Dropout */
        bool keepdims;             /* global pooling gives (1, 1, c) */
        int norm_groups;           /* GroupNormalization */
        int factor_h, factor_w;    /* UpSampling2D */
        bool bilinear;             /* UpSampling2D: else the nearest */
        bool log;                  /* Softmax: its logarithm */
        int axis;                  /* Concatenate: of one image's shape, 0 .. rank - 1 */
        gf_shape target;           /* Reshape */
        int permute[GF_MAX_RANK];  /* Permute: dimension i of the output is permute[i] of the input, from 0 */
        float scale[4], offset[4]; /* InputLayer: image values 0..255 -> scale x + offset, channel by channel;
                                      Rescaling the same; with more than 4 channels all by [0] */
        bool bgr;                  /* InputLayer: the network wants blue first; images are RGB */
        const gf_op_class *op;     /* Operation: the one, by its name in ops.def; it is `plain` */
        int position;              /* InputLayer: which of the model's inputs, from 0 */
        gf_dtype dtype;            /* InputLayer: of what comes in: GF_F32, GF_U8 or GF_S32 */
    } at;
} gf_layer;

/* What a classifier makes of its logits. A single logit has two classes; its softmax is a sigmoid. */
typedef enum gf_end {
    GF_END_SOFTMAX,
    GF_END_LINEAR,  /* nothing: they are its output */
    GF_END_SIGMOID, /* of each by itself: multi-label */
    GF_END_LOG_SOFTMAX
} gf_end;

typedef struct gf_model {
    char name[GF_NAME_MAX];
    gf_layer *layer;
    size_t n_layers, layers_cap; /* calls */
    int n_numbers;               /* layers, each once */
    gf_param *param;
    size_t n_params, params_cap;
    gf_range *range;                     /* of each channel of each layer; NULL: no calibration was done */
    float *value;                        /* the block; NULL until gf_model_finish */
    size_t n_values, n_trainable_values; /* all; those before the statistics */
    int features;                        /* the layer whose output are the pooled features */
    int output;                          /* the logits: its first output */
    int n_more, more[GF_MAX_ENDS];       /* further outputs, in the order of the file */
    int classes;                         /* 2 classes share one logit, unless they are as a file has them */
    gf_end end;                          /* what other tools' files do behind the logits, and predictions are */
    bool buffers;                        /* counted as PyTorch does: moving statistics are buffers, no parameters */
    int boundary; /* layers of the backbone below this `number` are frozen; gf_model_backbone_layers: all are */
} gf_model;

/* What a layer class knows: its shape and parameters, and how it becomes operations. A class is a file, or stands in
 * one with others of its kind (layer_*.c), and a line in layer_classes.def. */
typedef struct gf_lowering gf_lowering; /* lower.h */
struct gf_layer_class {
    const char *name;                                                  /* Keras's: "Conv2D" */
    graft_status (*infer)(gf_model *m, gf_layer *l, graft_error *err); /* sets l->shape, adds parameters */
    const char *of_sequence;                                           /* its name there; NULL: the same */
    graft_status (*lower)(gf_lowering *st, int layer, graft_error *err);
};

#define GF_LAYER_CLASS(x) extern const gf_layer_class gf_layer_##x;
#include "graph/layer_classes.def"
#undef GF_LAYER_CLASS

/* Adds a layer made from `proto` (class, name, sources, attributes, and whose further call it is); *index (may be NULL)
 * gets its place in the list. A further call adds no parameters: what its input asks for must be what the layer has. */
graft_status gf_model_add(gf_model *m, const gf_layer *proto, int *index, graft_error *err);
/* Adds a parameter to a layer; for infer functions. */
graft_status gf_model_add_param(gf_model *m, gf_layer *l, const char *var, const gf_shape *shape, bool statistic,
                                graft_error *err);
/* After the last layer: lays out and allocates the parameter block. */
graft_status gf_model_finish(gf_model *m, graft_error *err);
void gf_model_free(gf_model *m);

/* Ranges of all layers, zeroed (calibration fills them); and where a layer's begin, one per channel. */
graft_status gf_model_add_ranges(gf_model *m, graft_error *err);
void gf_model_drop_ranges(gf_model *m);
gf_range *gf_model_range(const gf_model *m, int layer); /* NULL: none */
/* How many: of each channel of its output, then of what is between a separable convolution's two. */
size_t gf_model_range_count(const gf_model *m, int layer);
size_t gf_layer_channels(const gf_layer *l);

/* The layers of class InputLayer, by their position; and the outputs, the first one first. They return how many. */
int gf_model_inputs(const gf_model *m, int input[GF_MAX_ENDS]);
int gf_model_outputs(const gf_model *m, int output[GF_MAX_ENDS]);

/* Copies layer `last` of `from` and all that it is computed from, in their order, into `to` (an empty model); *out gets
 * its place there. Where a layer's first call is not among them the next one owns the parameters, under its name.
 * `input` (may be NULL) replaces the input's shape and preprocessing: every shape is inferred anew. For cutting models
 * apart: add other layers, finish, copy the values. */
graft_status gf_model_copy_layers(gf_model *to, const gf_model *from, int last, const gf_layer *input, int *out,
                                  graft_error *err);
/* A copy of what features and outputs are computed from, with these. Without values. */
graft_status gf_model_copy_needed(gf_model *to, const gf_model *from, graft_error *err);
/* Leaves the first output, and what it and the features are computed from. */
graft_status gf_model_take_output(gf_model *m, graft_error *err);
/* Values of parameters that both have: by layer name, variable and shape. */
void gf_model_copy_values(gf_model *to, const gf_model *from);

/* Whether they have the same class and attributes: but for their input, calls of one layer. */
bool gf_layer_same(const gf_layer *a, const gf_layer *b);
const char *gf_layer_class_name(const gf_layer *l);                  /* Keras's, "Conv1D" too */
int gf_model_find(const gf_model *m, const char *layer);             /* -1: none */
int gf_model_at(const gf_model *m, int number);                      /* the first call of that layer; -1: none */
gf_shape gf_model_flat_before(const gf_model *m, const gf_layer *l); /* the map (h, w, c) that a Flatten before this
                                                                        layer lays out; rank 0: there is none */
const gf_param *gf_model_param(const gf_model *m, int layer, const char *var); /* NULL: none */
size_t gf_model_backbone_layers(const gf_model *m);                            /* each once */
bool gf_model_frozen(const gf_model *m, int layer);                            /* of the backbone, below the boundary */
bool gf_model_param_trains(const gf_model *m, const gf_param *p);
/* Sets what stays as it is though it lies above the present boundary: frozen[n_params]; NULL: nothing. A frozen
 * statistic does not move. */
void gf_model_freeze(gf_model *m, const bool *frozen);
/* The first value that trains; where nothing above the boundary is frozen [first, n_trainable_values) do. */
size_t gf_model_first_trainable(const gf_model *m);

/* Seeded initial values: Glorot uniform kernels (Glorot and Bengio, 2010; Keras's default), zero biases, gamma 1
 * and beta 0; batch normalisation's statistics are what is to be expected behind those kernels (init.c), and 0 and 1
 * elsewhere. Layers whose number is `first` or more. */
void gf_model_init(gf_model *m, uint64_t seed, int first);

typedef struct gf_counts {
    size_t layers; /* of the backbone */
    size_t total, trainable, non_trainable, trainable_variables;
} gf_counts;
gf_counts gf_model_counts(const gf_model *m);

/* The table that Keras's summary prints, with a column for what trains. */
graft_status gf_model_summary(const gf_model *m, gf_text *text, graft_error *err);

#endif
