/* op.h - what an operation is.
 *
 * One op is one file with one `const gf_op_class`. Its life: `infer` gives the shape of dst; `create` plans it for
 * fixed shapes and types (primitives chosen, memory needs known); `prepare` packs weights; `bind` ties it to one lane's
 * memory; `forward` and `backward` then run without allocating anything. An op is shared by all lanes and, but for
 * `prepare`, never written after `create`; a gf_exec belongs to one lane.
 *
 * Every op has a reference implementation: a class of the same interface in plain C (op_reference.c files), the oracle
 * of the tests and the fallback where oneDNN has nothing.
 *
 * Tensors carry oneDNN's names. Activations are NHWC, n being the micro-batch; they are f32 or bf16, a tensor at a
 * time; where nothing trains some are u8. Kernels are HWIO, depthwise (h, w, channel, multiplier), f32. A sum over many
 * values has a fixed order. */
#ifndef GF_OPS_OP_H
#define GF_OPS_OP_H

#include "tensor/tensor.h"

enum { GF_OP_MAX_SRC = 8 };

/* Activations, by Keras's definitions. Any can be fused behind an op that runs forward only. Where gradients are wanted
 * only those before GF_ACT_NEEDS_SRC can: their derivative follows from dst alone. The others are then an op of their
 * own (gf_op_act), which keeps its src. */
typedef enum gf_act {
    GF_ACT_LINEAR,
    GF_ACT_RELU,
    GF_ACT_RELU6,
    GF_ACT_SIGMOID,
    GF_ACT_TANH,
    GF_ACT_LEAKY_RELU,   /* x < 0 ? alpha x : x, alpha > 0 */
    GF_ACT_ELU,          /* x < 0 ? alpha (e^x - 1) : x, alpha > 0 */
    GF_ACT_SELU,         /* 1.0507... (x < 0 ? 1.6732... (e^x - 1) : x) */
    GF_ACT_HARD_SIGMOID, /* relu6(x + 3) / 6 */
    GF_ACT_HARD_TANH,    /* cut off to -1..1 */
    GF_ACT_EXPONENTIAL,
    GF_ACT_NEEDS_SRC,
    GF_ACT_SILU = GF_ACT_NEEDS_SRC, /* x sigmoid(x) */
    GF_ACT_HARD_SILU,               /* x hard_sigmoid(x), "hard_swish" */
    GF_ACT_GELU,                    /* x Phi(x), by erf */
    GF_ACT_GELU_TANH,               /* its approximation by tanh */
    GF_ACT_SOFTPLUS,
    GF_ACT_SOFTSIGN,
    GF_ACT_MISH,
    GF_ACT_LOG_SIGMOID,
    GF_ACT_TANH_SHRINK,
    GF_ACT_SOFT_SHRINK, /* threshold alpha */
    GF_ACT_HARD_SHRINK, /* threshold alpha */
    GF_ACT_THRESHOLD,   /* x > alpha ? x : 0 */
    GF_ACT_SQUAREPLUS,  /* (x + sqrt(x x + alpha)) / 2 */
    GF_ACT_SPARSE_PLUS,
    GF_ACT_SPARSE_SIGMOID,
    GF_ACT_CELU, /* alpha */
    GF_ACTS
} gf_act;

/* How a u8 tensor stands for real numbers: value = scale[c] * (u8 - zero[c]), c its channel. */
typedef struct gf_quant {
    const float *scale; /* of each channel; NULL: not quantized */
    const float *zero;  /* NULL: 0 */
    const float *mean;  /* what the values are on average; NULL: not known */
} gf_quant;

/* What tells the row of a table that is looked up. */
typedef enum gf_lookup { GF_LOOKUP_PIECE, GF_LOOKUP_PLACE, GF_LOOKUP_SEGMENT, GF_LOOKUPS } gf_lookup;

typedef struct gf_op_class gf_op_class;
typedef struct gf_op gf_op;
typedef struct gf_exec gf_exec;
typedef struct gf_ops gf_ops; /* engine, machine facts, precision choices: engine.h */

/* What dropout drops by one draw: Keras's noise_shape of None, of channels (SpatialDropout), of 1 (drop-connect). */
typedef enum gf_dropped { GF_DROP_VALUES, GF_DROP_CHANNELS, GF_DROP_SAMPLES } gf_dropped;

typedef struct gf_op_spec {
    const gf_op_class *cls;
    const char *name; /* of the layer, for messages; borrowed */
    int n_src;
    gf_shape src[GF_OP_MAX_SRC], dst;
    gf_dtype src_dtype[GF_OP_MAX_SRC], dst_dtype;
    gf_act act;
    float act_alpha; /* slope, scale or threshold of activations that have one */
    bool has_bias;
    gf_quant src_quant, dst_quant; /* of a u8 src[0] and dst, borrowed; conv_int8 quantizes a src[0] of another type */

    bool backward;                  /* gradients will be asked for */
    bool diff_weights;              /* of kernel and bias too */
    bool diff_src[GF_OP_MAX_SRC];   /* of these sources */
    bool accumulate[GF_OP_MAX_SRC]; /* diff_src is added to what stands there */

    union {
        struct {
            int kh, kw, sh, sw, pt, pb, pl, pr; /* kernel, stride, padding top/bottom/left/right */
            int groups;                         /* channels for a depthwise convolution */
            int filters;                        /* oc */
            int dh, dw; /* places left out between those of the kernel: Keras's dilation less 1 */
        } conv;         /* src[1], if there: a residual that is added before the activation */
        struct {
            int units;
        } dense;
        struct {
            float rate;
            uint32_t salt; /* tells two dropout layers of a model apart */
            gf_dropped what;
        } dropout;
        struct {
            float scale[4],
                offset[4]; /* dst[c] = src[c] * scale[c] + offset[c], c < 4 channels; with more all by [0] */
            bool reverse;  /* dst[c] comes from src[channels - 1 - c]: BGR from RGB */
        } rescale;
        struct {
            int pt, pb, pl, pr; /* negative: cropping */
        } pad;
        struct {
            int kh, kw, sh, sw, pt, pb, pl, pr;
            bool count_padding; /* averages divide by kh kw at the borders too (PyTorch's default); else by what is
                                   inside (Keras's) */
        } pool;
        struct {
            int factor_h, factor_w;
            bool bilinear; /* half-pixel centres; else the nearest */
        } upsample;
        struct {
            int axis[GF_MAX_RANK]; /* dst dimension i is src dimension axis[i]; axis[0] = 0 */
        } permute;
        struct {
            gf_shape shape; /* of one image */
        } reshape;          /* values in the order they lie */
        struct {
            int axis; /* of the batched shape, 1 .. rank - 1 */
        } concat;
        struct {
            int axis; /* over which it is normalised: the last */
            bool log;
        } softmax;
        struct {
            int groups; /* group normalisation over (h, w, c / groups); 0: layer normalisation over the last axis */
            float epsilon;
        } norm; /* kernel: gamma [c], bias: beta [c]; batch_norm: no groups, and what its file says */
        struct {
            int heads;
            float scale;
            bool causal; /* place i sees the first i + 1 alone */
        } attention;     /* src: query, key, value */
        struct {
            int units;
        } table; /* kernel: [places of src][units] */
        struct {
            gf_lookup by;
            int rows, units;
            int skip;      /* PLACE: the row of a text's first place */
            int separator; /* SEGMENT: the piece that ends one, so that the next place is of the next */
        } gather;          /* kernel: [rows][units]; src: pieces */
        struct {
            bool mean; /* of a text's places; else the first one's */
        } pool_pieces;
    };
    int most_texts, longest; /* src[0] has texts behind one another in its rows (gf_packing): at most so many, of at
                                most so many places each; 0: it has not */
} gf_op_spec;

struct gf_op {
    gf_op_spec spec;
    size_t scratchpad_bytes; /* needed while forward or backward runs, shared by all ops of a lane */
    size_t workspace_bytes;  /* kept from forward to backward */
    size_t grad_count;       /* floats of this op's gradient block, in the op's own layout */
    void *impl;
};

/* Where a lane's tensors lie. diff_dst may be overwritten by backward. A diff_src may be the same memory as diff_dst
 * where the op hands it on unchanged (a residual) or works in place (gf_op_class). */
typedef struct gf_op_args {
    const void *src[GF_OP_MAX_SRC];
    void *dst;
    void *diff_dst;
    void *diff_src[GF_OP_MAX_SRC];
    float *grad; /* set, not added to */
    void *workspace, *scratchpad;
} gf_op_args;

struct gf_exec {
    const gf_op *op;
    gf_op_args args;
    void *impl;
};

/* Texts of different lengths behind one another in the rows of a value: text i has rows first[i] .. first[i + 1] - 1.
 * Rows from first[n] on are spare: operations that know of texts leave zeros there, so that no sum sees them. */
typedef struct gf_packing {
    size_t n;
    const int32_t *first; /* n + 1 */
} gf_packing;

/* What changes from step to step. */
typedef struct gf_exec_context {
    bool training;
    uint64_t seed;
    uint32_t epoch;
    const uint32_t *sample;    /* the number of each image of the micro-batch */
    size_t images;             /* in training: how many of them are there, the first ones; 0: all */
    const gf_packing *packing; /* of ops with most_texts */
} gf_exec_context;

/* Which activations an op can end with, by itself. */
typedef enum gf_act_fusion {
    GF_FUSES_CLIPS = 1, /* those that cut off: relu, relu6 */
    GF_FUSES_ANY,
} gf_act_fusion;

struct gf_op_class {
    const char *name;
    bool in_place; /* diff_src[0] may be diff_dst's memory, where their types are the same */
    bool residual; /* adds src[1], where there is one, before the activation; diff_src[1] may be diff_dst's memory */
    bool scales;   /* its kernel's last dimension is dst's channels: a scale per channel can be folded into it */
    bool borrows;  /* prepare is given the model's own values, which stay where they are, instead of a copy */
    bool unpacks;  /* dst has a row for each text, where src[0] has one for each of its places */
    bool plain;    /* no arguments and no kernel: it may stand in a model by its name (gf_layer_operation) */
    int least_src, most_src; /* sources of a plain one; 0: 1 */
    gf_act_fusion fuses;
    const gf_op_class *int8; /* what computes the same on quantized sources; NULL: nothing does */
    size_t (*kernel_count)(const gf_op_spec *spec); /* values; NULL: it has no kernel */
    graft_status (*infer)(const gf_op_spec *spec, gf_shape *dst, graft_error *err);
    graft_status (*create)(gf_op *op, gf_ops *ops, graft_error *err);
    void (*destroy)(gf_op *op);
    /* kernel and bias (NULL: none) in graft's layout, f32 */
    graft_status (*prepare)(gf_op *op, const float *kernel, const float *bias, graft_error *err);
    graft_status (*bind)(const gf_op *op, gf_exec *exec, graft_error *err);
    void (*unbind)(gf_exec *exec);
    graft_status (*forward)(gf_exec *exec, const gf_exec_context *step, graft_error *err);
    graft_status (*backward)(gf_exec *exec, const gf_exec_context *step, graft_error *err);
    /* From the op's gradient block to graft's layout; dbias may be NULL. Left empty where the block is the kernel's
     * gradient in that layout, then the bias's. */
    graft_status (*finish_grad)(const gf_op *op, const float *grad, float *dkernel, float *dbias, graft_error *err);
};

#define GF_OP(x) extern const gf_op_class gf_op_##x;
#include "ops/ops.def"
#undef GF_OP

const gf_op_class *gf_op_find(const char *name); /* NULL: no such */

bool gf_conv_int8_fits(const gf_op_spec *spec); /* gf_op_conv_int8: this convolution, with these types and quants */
bool gf_multiply_int8_fits(const gf_op_spec *spec);

/* Calls with defaults for empty slots. `spec->dst` is set by create from infer. */
graft_status gf_op_create(gf_op *op, const gf_op_spec *spec, gf_ops *ops, graft_error *err);
void gf_op_destroy(gf_op *op);
graft_status gf_op_prepare(gf_op *op, const float *kernel, const float *bias, graft_error *err);
graft_status gf_op_bind(const gf_op *op, const gf_op_args *args, gf_exec *exec, graft_error *err);
void gf_op_unbind(gf_exec *exec);
graft_status gf_op_finish_grad(const gf_op *op, const float *grad, float *dkernel, float *dbias, graft_error *err);

/* Values of kernel and bias. */
size_t gf_op_kernel_count(const gf_op_spec *spec);
size_t gf_op_bias_count(const gf_op_spec *spec);
/* For classes: the kernel of a convolution, and one of a value for each channel of src[0]. */
size_t gf_op_kernel_of_conv(const gf_op_spec *spec);
size_t gf_op_kernel_of_channels(const gf_op_spec *spec);

/* Whether an op of this class can end with `act`: forward and, where gradients are wanted, before GF_ACT_NEEDS_SRC. */
bool gf_op_fuses(const gf_op_class *cls, gf_act act);

/* Of a convolution: whether src is padded, and whether it is a matrix product (pixels, ic) x (ic, oc). */
bool gf_op_pads(const gf_op_spec *spec);
bool gf_op_is_pointwise(const gf_op_spec *spec);

#endif
