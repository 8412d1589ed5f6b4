#include "exchange/keras_rows.h"

#include <limits.h>
#include <math.h>
#include <string.h>

/* ---- activations ---- */

static void read_relu(gf_keras_reader *r)
{
    float slope = gf_keras_float(r, "negative_slope", 0);
    const gf_json *most = gf_keras_arg(r, "max_value");
    if (gf_keras_float(r, "threshold", 0) != 0) gf_keras_refuse(r, "threshold", "0");
    if (most && gf_keras_float(r, "max_value", 0) != 6) gf_keras_refuse(r, "max_value", "null or 6");
    if (slope < 0 || (slope > 0 && most)) gf_keras_refuse(r, "negative_slope", "0, or more without max_value");
    r->l->at.act = most ? GF_ACT_RELU6 : slope > 0 ? GF_ACT_LEAKY_RELU : GF_ACT_RELU;
    r->l->at.alpha = slope;
}

static void write_relu(const gf_layer *l, gf_json *config)
{
    if (l->at.act == GF_ACT_RELU6) gf_json_set(config, "max_value", gf_json_real(6));
    if (l->at.act == GF_ACT_LEAKY_RELU) gf_json_set(config, "negative_slope", gf_keras_real(l->at.alpha));
}

static void read_leaky(gf_keras_reader *r)
{
    const char *key = gf_keras_arg(r, "alpha") ? "alpha" : "negative_slope"; /* Keras 2 said alpha */
    r->l->at.act = GF_ACT_LEAKY_RELU;
    r->l->at.alpha = gf_keras_float(r, key, 0.3);
    if (r->l->at.alpha == 0) r->l->at.act = GF_ACT_RELU;
    if (r->l->at.alpha < 0) gf_keras_refuse(r, key, "0 or more");
}

static void write_leaky(const gf_layer *l, gf_json *config)
{
    gf_json_set(config, "negative_slope", gf_keras_real(l->at.act == GF_ACT_RELU ? 0 : l->at.alpha));
}

static void read_elu(gf_keras_reader *r)
{
    r->l->at.act = GF_ACT_ELU;
    r->l->at.alpha = gf_keras_float(r, "alpha", 1);
    if (!(r->l->at.alpha > 0)) gf_keras_refuse(r, "alpha", "more than 0");
}

static void write_elu(const gf_layer *l, gf_json *config) { gf_json_set(config, "alpha", gf_keras_real(l->at.alpha)); }

static void read_softmax(gf_keras_reader *r)
{
    gf_keras_last_axis(r);
    bool other = r->has_constant && r->constant != -1 && (!r->src || r->constant != r->src->rank); /* tf.nn.softmax's */
    if (other) gf_keras_refuse(r, "axis", "the last one, that of the channels");
}

/* The activation of that name into the layer, or a layer behind it. */
static void set_act(gf_keras_reader *r, const char *key, const char *name)
{
    const gf_keras_act *a = gf_keras_act_find(name);
    const gf_keras_layer_act *layer = gf_keras_layer_act_find(name);
    if (layer) {
        r->after.cls = layer->cls;
        r->after.at.log = layer->log;
    } else if (!a || (r->old && a->act == GF_ACT_HARD_SIGMOID)) { /* Keras 2's was 0.2 x + 0.5 */
        gf_keras_refuse(r, key, "an activation that graft knows");
    } else {
        r->l->at.act = a->act;
        r->l->at.alpha = a->alpha;
    }
}

/* An activation written as an object: a function by name, or a layer. */
static void read_act_object(gf_keras_reader *r, const gf_json *j)
{
    static const struct {
        const char *name;
        void (*read)(gf_keras_reader *r);
    } known[] = {{"ReLU", read_relu}, {"LeakyReLU", read_leaky}, {"ELU", read_elu}};
    const char *cls = gf_json_str(gf_json_get(j, "class_name"), "");
    const gf_json *config = gf_json_get(j, "config");
    if (!strcmp(cls, "function") && gf_json_str(config, NULL)) {
        set_act(r, "activation", gf_json_str(config, ""));
        return;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(cls, known[i].name)) continue;
        const gf_json *own = r->config;
        r->config = config;
        known[i].read(r);
        r->config = own;
        return;
    }
    gf_keras_refuse(r, "activation", "an activation that graft knows");
}

void gf_keras_read_act(gf_keras_reader *r)
{
    const gf_json *j = gf_keras_arg(r, "activation");
    if (gf_json_is_object(j)) {
        read_act_object(r, j);
    } else {
        set_act(r, "activation", gf_keras_word(r, "activation", "linear"));
    }
}

/* Layer Activation: what would be a layer behind it is then the layer itself. */
static void read_activation(gf_keras_reader *r)
{
    gf_keras_read_act(r);
    if (!r->after.cls) return;
    r->l->cls = r->after.cls;
    r->l->at.log = r->after.at.log;
    r->after.cls = NULL;
}

static void write_activation(const gf_layer *l, gf_json *config)
{
    const gf_keras_layer_act *layer = gf_keras_layer_act_of(l);
    if (layer) {
        gf_json_set(config, "activation", gf_json_string(layer->name));
    } else {
        gf_json_set(config, "activation", gf_json_string(gf_keras_act_of(l->at.act)->name));
    }
}

/* ---- dense layers and normalisation ---- */

static const gf_keras_field dense[] = {{"units", GF_KERAS_COUNT, GF_KERAS_AT(units)},
                                       {"use_bias", GF_KERAS_UNLESS, GF_KERAS_AT(no_bias), .usual = 1},
                                       {"lora_rank", GF_KERAS_NULL},
                                       {"activation", GF_KERAS_ACT},
                                       {0}};

#define NORM                                                                                      \
    {"axis", GF_KERAS_CHANNELS}, {"epsilon", GF_KERAS_REAL, GF_KERAS_AT(epsilon), .usual = 1e-3}, \
        {"center", GF_KERAS_UNLESS, GF_KERAS_AT(no_center), .usual = 1},                          \
    {                                                                                             \
        "scale", GF_KERAS_UNLESS, GF_KERAS_AT(no_scale), .usual = 1                               \
    }

static const gf_keras_field batch_norm[] = {
    NORM, {"momentum", GF_KERAS_FLOAT, GF_KERAS_AT(momentum), .usual = 0.99}, {"renorm", GF_KERAS_FALSE}, {0}};
static const gf_keras_field layer_norm[] = {NORM, {"rms_scaling", GF_KERAS_FALSE}, {0}};
static const gf_keras_field group_norm[] = {NORM, {0}};

static void read_group_norm(gf_keras_reader *r)
{
    r->l->at.norm_groups = gf_keras_int(r, "groups", -1, GF_KERAS_LARGEST, 32);
    bool each = r->l->at.norm_groups == -1 && r->src && r->src->rank; /* a group a channel */
    if (each) r->l->at.norm_groups = (int)r->src->dim[r->src->rank - 1];
}

static void write_group_norm(const gf_layer *l, gf_json *config)
{
    gf_json_set(config, "groups", gf_json_int(l->at.norm_groups));
}

/* ---- values of the image ---- */

enum { CHANNELS = 4 }; /* that Rescaling keeps apart; more are all scaled by the first */

static int64_t channels_of(const gf_shape *s) { return s && s->rank ? s->dim[s->rank - 1] : 0; }

/* A number for all channels, or one a channel. */
static void channel_values(gf_keras_reader *r, const char *key, double fallback, float out[CHANNELS])
{
    const gf_json *j = gf_keras_arg(r, key), *list = gf_keras_list(j);
    while (gf_json_size(list) == 1 && gf_keras_list(gf_json_at(list, 0))) list = gf_keras_list(gf_json_at(list, 0));
    size_t n = gf_json_size(list);
    bool good = !list || n == 1 || (int64_t)n == channels_of(r->src);
    for (size_t i = 0; i < n && good; i++) {
        double x = gf_json_f64(gf_json_at(list, i), NAN);
        good = gf_keras_is_float(x) && (i < CHANNELS || (float)x == out[0]);
        if (i < CHANNELS) out[i] = (float)x;
    }
    for (size_t i = 1; i < n && n > CHANNELS && good && i < CHANNELS; i++) good = out[i] == out[0];
    if (list && !n) good = false;
    if (!good) gf_keras_refuse(r, key, "a number, or one for each of at most 4 channels");
    if (!list) out[0] = gf_keras_float(r, key, fallback);
    for (size_t i = list ? n : 1; i < CHANNELS; i++) out[i] = n > 1 ? 0 : out[0];
}

static void read_rescaling(gf_keras_reader *r)
{
    channel_values(r, "scale", 1, r->l->at.scale);
    channel_values(r, "offset", 0, r->l->at.offset);
}

static gf_json *channel_list(const gf_layer *l, const float x[CHANNELS])
{
    int64_t n = channels_of(&l->shape);
    bool same = true;
    for (int64_t i = 1; i < n && n <= CHANNELS; i++) same &= x[i] == x[0];
    if (same) return gf_keras_real(x[0]);
    gf_json *j = gf_json_array();
    for (int64_t i = 0; i < n; i++) gf_json_add(j, gf_keras_real(x[i]));
    return j;
}

static void write_rescaling(const gf_layer *l, gf_json *config)
{
    gf_json_set(config, "scale", channel_list(l, l->at.scale));
    gf_json_set(config, "offset", channel_list(l, l->at.offset));
}

/* With its statistics as arguments it has no parameters: (x - mean) / max(sqrt(variance), 1e-7). */
static void read_normalization(gf_keras_reader *r)
{
    if (gf_keras_flag(r, "invert", false)) gf_keras_refuse(r, "invert", "false");
    if (!gf_keras_arg(r, "mean") && !gf_keras_arg(r, "variance")) {
        if (gf_json_get(r->config, "axis") && !gf_keras_arg(r, "axis"))
            gf_keras_refuse(r, "axis", "that of the channels");
        gf_keras_last_axis(r);
        return;
    }
    float mean[CHANNELS], variance[CHANNELS];
    channel_values(r, "mean", NAN, mean);
    channel_values(r, "variance", NAN, variance);
    r->l->cls = &gf_layer_rescaling;
    for (int i = 0; i < CHANNELS && r->status == GRAFT_OK; i++) {
        r->l->at.scale[i] = 1 / fmaxf(sqrtf(variance[i]), 1e-7f);
        r->l->at.offset[i] = -mean[i] * r->l->at.scale[i];
        if (variance[i] < 0) gf_keras_refuse(r, "variance", "0 or more");
    }
}

static void write_normalization(const gf_layer *l, gf_json *config)
{
    (void)l;
    gf_json_set(config, "axis", gf_json_int(-1));
}

/* Layers that cut or resize: they may only hand on what is right already. */
static void read_same_size(gf_keras_reader *r)
{
    int h = gf_keras_int(r, "height", 1, INT_MAX, 0), w = gf_keras_int(r, "width", 1, INT_MAX, 0);
    bool same = r->src && r->src->rank == 3 && r->src->dim[0] == h && r->src->dim[1] == w;
    if (!same) gf_keras_refuse(r, "height", "the input's own (graft resizes images before the model: use --size)");
}

/* ConvNeXt's */
static void read_layer_scale(gf_keras_reader *r)
{
    int64_t n = gf_keras_int(r, "projection_dim", 1, GF_KERAS_LARGEST, 0);
    if (n != channels_of(r->src)) gf_keras_refuse(r, "projection_dim", "as many as the input has channels");
}

static void write_layer_scale(const gf_layer *l, gf_json *config)
{
    gf_json_set(config, "init_values", gf_json_real(1));
    gf_json_set(config, "projection_dim", gf_json_int(channels_of(&l->shape)));
}

/* ---- shapes and merging ---- */

static void read_concatenate(gf_keras_reader *r)
{
    int axis = gf_keras_int(r, "axis", -GF_MAX_RANK, GF_MAX_RANK, -1), rank = r->src ? r->src->rank : 0;
    r->l->at.axis = axis < 0 ? axis + rank : axis - 1; /* Keras counts the batch */
    if (r->l->at.axis < 0 || r->l->at.axis >= rank) gf_keras_refuse(r, "axis", "one of the image's");
}

static void write_concatenate(const gf_layer *l, gf_json *config)
{
    gf_json_set(config, "axis", gf_json_int(l->at.axis + 1));
}

static void read_reshape(gf_keras_reader *r)
{
    const gf_json *list = gf_keras_list(gf_keras_arg(r, "target_shape"));
    size_t n = gf_json_size(list);
    gf_shape *s = &r->l->at.target;
    bool good = n > 0 && n < GF_MAX_RANK;
    s->rank = good ? (int)n : 0;
    for (size_t i = 0; i < n && good; i++) {
        int d;
        good = gf_keras_in_range(gf_json_at(list, i), -1, INT_MAX, &d);
        if (good) s->dim[i] = d;
    }
    if (!good) gf_keras_refuse(r, "target_shape", "a list of at most 5 sizes");
}

static void write_reshape(const gf_layer *l, gf_json *config)
{
    gf_json *j = gf_json_array();
    for (int i = 0; i < l->at.target.rank; i++) gf_json_add(j, gf_json_int(l->at.target.dim[i]));
    gf_json_set(config, "target_shape", j);
}

static void read_permute(gf_keras_reader *r)
{
    const gf_json *list = gf_keras_list(gf_keras_arg(r, "dims"));
    size_t n = gf_json_size(list);
    bool good = r->src && n == (size_t)r->src->rank;
    for (size_t i = 0; i < n && good; i++) {
        good = gf_keras_in_range(gf_json_at(list, i), 1, GF_MAX_RANK, &r->l->at.permute[i]);
        r->l->at.permute[i]--; /* Keras counts from 1 */
    }
    if (!good) gf_keras_refuse(r, "dims", "an order of all dimensions");
}

static void write_permute(const gf_layer *l, gf_json *config)
{
    gf_json *j = gf_json_array();
    for (int i = 0; i < l->shape.rank; i++) gf_json_add(j, gf_json_int(l->at.permute[i] + 1));
    gf_json_set(config, "dims", j);
}

static const gf_keras_field flatten[] = {{"data_format", GF_KERAS_LAST}, {0}};
static const gf_keras_field dropout[] = {{"rate", GF_KERAS_SHARE, GF_KERAS_AT(rate)}, {0}};

/* noise_shape: null, or what is dropped by one draw: all of a sample ([null, 1, 1, 1]) or a channel ([null, 1, 1,
 * null]; SpatialDropout's). */
static void read_dropout(gf_keras_reader *r)
{
    const gf_json *list = gf_keras_list(gf_keras_arg(r, "noise_shape"));
    size_t n = gf_json_size(list);
    r->l->at.dropped = n ? GF_DROP_SAMPLES : GF_DROP_VALUES;
    for (size_t i = 1; i < n; i++) {
        bool one = gf_json_i64(gf_json_at(list, i), 0) == 1;
        if (i + 1 == n && n > 2 && !one) r->l->at.dropped = GF_DROP_CHANNELS;
        if (i + 1 < n && !one) gf_keras_refuse(r, "noise_shape", "null, or 1 for all but the first and the last");
    }
}

static void read_spatial_dropout(gf_keras_reader *r) { r->l->at.dropped = GF_DROP_CHANNELS; }

static void write_dropout(const gf_layer *l, gf_json *config)
{
    if (l->at.dropped == GF_DROP_VALUES) return;
    gf_json *list = gf_json_array();
    for (int i = 0; i <= l->shape.rank; i++) {
        bool one = i && (i < l->shape.rank || l->at.dropped == GF_DROP_SAMPLES);
        gf_json_add(list, one ? gf_json_int(1) : gf_json_null());
    }
    gf_json_set(config, "noise_shape", list);
}

/* InceptionResNetV2's: x + scale y */
static void read_custom_scale(gf_keras_reader *r)
{
    float scale = gf_keras_float(r, "scale", NAN);
    if (r->l->n_src != 2) gf_keras_refuse(r, "scale", "of two sources");
    r->before.cls = &gf_layer_rescaling;
    for (int i = 0; i < CHANNELS; i++) r->before.at.scale[i] = scale;
}

/* ---- operations on tensors: x + 3 is a rescaling, x + y is a layer ---- */

static void rescale_by(gf_keras_reader *r, double scale, double offset)
{
    if (!gf_keras_is_float(scale) || !gf_keras_is_float(offset))
        gf_keras_refuse(r, "name", "an operation with a finite number");
    r->l->cls = &gf_layer_rescaling;
    for (int i = 0; i < CHANNELS; i++) {
        r->l->at.scale[i] = (float)scale;
        r->l->at.offset[i] = (float)offset;
    }
}

static void read_add(gf_keras_reader *r)
{
    if (r->has_constant && r->l->n_src == 1) rescale_by(r, 1, r->constant);
}

static void read_multiply(gf_keras_reader *r)
{
    if (r->has_constant && r->l->n_src == 1) rescale_by(r, r->constant, 0);
}

static void read_subtract(gf_keras_reader *r)
{
    if (!r->has_constant || r->l->n_src != 1) gf_keras_refuse(r, "name", "the difference of a tensor and a number");
    rescale_by(r, r->constant_first ? -1 : 1, r->constant_first ? r->constant : -r->constant);
}

static void read_divide(gf_keras_reader *r)
{
    if (!r->has_constant || r->constant_first || r->l->n_src != 1) {
        gf_keras_refuse(r, "name", "a tensor divided by a number");
    }
    rescale_by(r, 1 / r->constant, 0);
}

/* Between kinds of floats. */
static void read_cast(gf_keras_reader *r)
{
    const char *to = gf_keras_word(r, "dtype", "");
    if (strncmp(to, "float", 5) && strcmp(to, "bfloat16")) gf_keras_refuse(r, "dtype", "a kind of floats");
    if (r->integers) rescale_by(r, 1, 0);
}

static void read_op_relu(gf_keras_reader *r) { r->l->at.act = GF_ACT_RELU; }
static void read_op_relu6(gf_keras_reader *r) { r->l->at.act = GF_ACT_RELU6; }
static void read_op_sigmoid(gf_keras_reader *r) { r->l->at.act = GF_ACT_SIGMOID; }
static void read_op_tanh(gf_keras_reader *r) { r->l->at.act = GF_ACT_TANH; }
static void read_op_silu(gf_keras_reader *r) { r->l->at.act = GF_ACT_SILU; }
static void read_op_hard_sigmoid(gf_keras_reader *r) { r->l->at.act = GF_ACT_HARD_SIGMOID; }
static void read_op_hard_silu(gf_keras_reader *r) { r->l->at.act = GF_ACT_HARD_SILU; }
static void read_op_gelu(gf_keras_reader *r)
{
    r->l->at.act = gf_keras_flag(r, "approximate", true) ? GF_ACT_GELU_TANH : GF_ACT_GELU;
}

/* ---- the list ---- */

#define LAYER(name, class, fields, read, write)                             \
    {                                                                       \
        name, &gf_layer_##class, fields, read, write, GF_KERAS_LAYER, false \
    }
#define SEQUENCE(name, class, fields, read, write)                         \
    {                                                                      \
        name, &gf_layer_##class, fields, read, write, GF_KERAS_LAYER, true \
    }
#define OPERATION(name, class, read)                                         \
    {                                                                        \
        name, &gf_layer_##class, NULL, read, NULL, GF_KERAS_OPERATION, false \
    }
#define POSITIONS(name)                                         \
    {                                                           \
        name, NULL, NULL, NULL, NULL, GF_KERAS_POSITIONS, false \
    }
#define IDENTITY(name) LAYER(name, identity, NULL, NULL, NULL)

/* Where two rows have one class of graft's, the first is written. */
/* Keras has no such layer: for graft's own files. */
static void read_operation(gf_keras_reader *r)
{
    const gf_op_class *op = gf_op_find(gf_keras_word(r, "operation", ""));
    if (!op || !op->plain) gf_keras_refuse(r, "operation", "the name of an operation without arguments");
    r->l->at.op = op;
}

static void write_operation(const gf_layer *l, gf_json *config)
{
    gf_json_set(config, "operation", gf_json_string(l->at.op->name));
}

static const gf_keras_class classes[] = {
    LAYER("InputLayer", input, NULL, NULL, NULL), /* keras_config_in.c reads it */
    LAYER("Conv2D", conv2d, gf_keras_conv, NULL, NULL),
    LAYER("DepthwiseConv2D", depthwise, gf_keras_depthwise, NULL, NULL),
    LAYER("SeparableConv2D", separable, gf_keras_separable, NULL, NULL),
    SEQUENCE("Conv1D", conv2d, gf_keras_conv, NULL, NULL),
    SEQUENCE("DepthwiseConv1D", depthwise, gf_keras_depthwise, NULL, NULL),
    SEQUENCE("SeparableConv1D", separable, gf_keras_separable, NULL, NULL),
    LAYER("Dense", dense, dense, NULL, NULL),
    LAYER("BatchNormalization", batch_norm, batch_norm, NULL, NULL),
    LAYER("SyncBatchNormalization", batch_norm, batch_norm, NULL, NULL),
    LAYER("BatchNormalizationV1", batch_norm, batch_norm, NULL, NULL),
    LAYER("LayerNormalization", layer_norm, layer_norm, NULL, NULL),
    LAYER("GroupNormalization", group_norm, group_norm, read_group_norm, write_group_norm),
    LAYER("Normalization", normalization, NULL, read_normalization, write_normalization),
    LAYER("Rescaling", rescaling, NULL, read_rescaling, write_rescaling),
    LAYER("ReLU", relu, NULL, read_relu, write_relu),
    LAYER("Activation", activation, NULL, read_activation, write_activation),
    LAYER("LeakyReLU", leaky_relu, NULL, read_leaky, write_leaky),
    LAYER("ELU", elu, NULL, read_elu, write_elu),
    LAYER("Softmax", softmax, NULL, read_softmax, NULL),
    LAYER("Add", add, NULL, read_add, NULL),
    LAYER("Multiply", multiply, NULL, read_multiply, NULL),
    LAYER("Concatenate", concatenate, NULL, read_concatenate, write_concatenate),
    LAYER("ZeroPadding2D", zero_padding, NULL, gf_keras_read_zero_padding, gf_keras_write_zero_padding),
    LAYER("Cropping2D", cropping, NULL, gf_keras_read_cropping, gf_keras_write_cropping),
    LAYER("UpSampling2D", upsampling, NULL, gf_keras_read_upsampling, gf_keras_write_upsampling),
    LAYER("MaxPooling2D", max_pool, gf_keras_pool, NULL, NULL),
    LAYER("AveragePooling2D", avg_pool, gf_keras_pool, NULL, NULL),
    LAYER("GlobalAveragePooling2D", global_pool, gf_keras_global_pool, NULL, NULL),
    LAYER("GlobalMaxPooling2D", global_max_pool, gf_keras_global_pool, NULL, NULL),
    SEQUENCE("ZeroPadding1D", zero_padding, NULL, gf_keras_read_zero_padding, gf_keras_write_zero_padding),
    SEQUENCE("Cropping1D", cropping, NULL, gf_keras_read_cropping, gf_keras_write_cropping),
    SEQUENCE("UpSampling1D", upsampling, NULL, gf_keras_read_upsampling, gf_keras_write_upsampling),
    SEQUENCE("MaxPooling1D", max_pool, gf_keras_pool, NULL, NULL),
    SEQUENCE("AveragePooling1D", avg_pool, gf_keras_pool, NULL, NULL),
    SEQUENCE("GlobalAveragePooling1D", global_pool, gf_keras_global_pool, NULL, NULL),
    SEQUENCE("GlobalMaxPooling1D", global_max_pool, gf_keras_global_pool, NULL, NULL),
    LAYER("Flatten", flatten, flatten, NULL, NULL),
    LAYER("Reshape", reshape, NULL, read_reshape, write_reshape),
    LAYER("Permute", permute, NULL, read_permute, write_permute),
    LAYER("Dropout", dropout, dropout, read_dropout, write_dropout),
    LAYER("SpatialDropout1D", dropout, dropout, read_spatial_dropout, NULL),
    LAYER("SpatialDropout2D", dropout, dropout, read_spatial_dropout, NULL),
    LAYER("MultiHeadAttention", attention, gf_keras_attention, gf_keras_read_attention, gf_keras_write_attention),
    LAYER("Embedding", embedding, gf_keras_embedding, gf_keras_read_embedding, gf_keras_write_embedding),
    LAYER("LayerScale", layer_scale, NULL, read_layer_scale, write_layer_scale),
    LAYER("PieceLookup", piece_lookup, gf_keras_piece_lookup, gf_keras_read_piece_lookup, gf_keras_write_piece_lookup),
    LAYER("PieceAttention", piece_attention, gf_keras_piece_attention, NULL, NULL),
    LAYER("PiecePooling", piece_pooling, gf_keras_piece_pooling, NULL, NULL),
    LAYER("Operation", operation, NULL, read_operation, write_operation),
    LAYER("CustomScaleLayer", add, NULL, read_custom_scale, NULL),
    /* what acts only while the whole of a model trains */
    IDENTITY("Identity"),
    IDENTITY("GaussianDropout"),
    IDENTITY("GaussianNoise"),
    IDENTITY("AlphaDropout"),
    IDENTITY("ActivityRegularization"),
    IDENTITY("RandomFlip"),
    IDENTITY("RandomRotation"),
    IDENTITY("RandomZoom"),
    IDENTITY("RandomTranslation"),
    IDENTITY("RandomShear"),
    IDENTITY("RandomPerspective"),
    IDENTITY("RandomElasticTransform"),
    IDENTITY("RandomContrast"),
    IDENTITY("RandomBrightness"),
    IDENTITY("RandomHue"),
    IDENTITY("RandomSaturation"),
    IDENTITY("RandomSharpness"),
    IDENTITY("RandomPosterization"),
    IDENTITY("RandomGrayscale"),
    IDENTITY("RandomInvert"),
    IDENTITY("RandomErasing"),
    IDENTITY("RandomGaussianBlur"),
    IDENTITY("RandomColorJitter"),
    IDENTITY("RandomColorDegeneration"),
    IDENTITY("RandomHeight"),
    IDENTITY("RandomWidth"),
    IDENTITY("RandAugment"),
    IDENTITY("AugMix"),
    IDENTITY("CutMix"),
    IDENTITY("MixUp"),
    LAYER("RandomCrop", identity, NULL, read_same_size, NULL),
    LAYER("Resizing", identity, NULL, read_same_size, NULL),
    LAYER("CenterCrop", identity, NULL, read_same_size, NULL),
    POSITIONS("GetItem"),
    POSITIONS("OnesLike"),
    POSITIONS("ZerosLike"),
    POSITIONS("Cumsum"),
    OPERATION("Cast", identity, read_cast),
    OPERATION("Subtract", rescaling, read_subtract),
    OPERATION("TrueDivide", rescaling, read_divide),
    OPERATION("Divide", rescaling, read_divide),
    OPERATION("Relu", activation, read_op_relu),
    OPERATION("Relu6", activation, read_op_relu6),
    OPERATION("Sigmoid", activation, read_op_sigmoid),
    OPERATION("Tanh", activation, read_op_tanh),
    OPERATION("Silu", activation, read_op_silu),
    OPERATION("HardSigmoid", activation, read_op_hard_sigmoid),
    OPERATION("HardSilu", activation, read_op_hard_silu),
    OPERATION("Gelu", activation, read_op_gelu),
};

const gf_keras_class *gf_keras_class_find(const char *name)
{
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (!strcmp(classes[i].name, name)) return &classes[i];
    }
    return NULL;
}

const gf_keras_class *gf_keras_class_of_function(const char *function)
{
    static const char *const names[][2] = {
        {"__operators__.add", "Add"},
        {"math.add", "Add"},
        {"__operators__.mul", "Multiply"},
        {"math.multiply", "Multiply"},
        {"__operators__.sub", "Subtract"},
        {"math.subtract", "Subtract"},
        {"__operators__.truediv", "TrueDivide"},
        {"math.truediv", "TrueDivide"},
        {"math.divide", "TrueDivide"},
        {"nn.relu", "Relu"},
        {"nn.relu6", "Relu6"},
        {"nn.silu", "Silu"},
        {"nn.swish", "Silu"},
        {"nn.sigmoid", "Sigmoid"},
        {"math.sigmoid", "Sigmoid"},
        {"nn.tanh", "Tanh"},
        {"math.tanh", "Tanh"},
        {"nn.softmax", "Softmax"},
        {"cast", "Identity"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!strcmp(names[i][0], function)) return gf_keras_class_find(names[i][1]);
    }
    return NULL;
}

const gf_keras_class *gf_keras_class_for(const gf_layer *l)
{
    bool named = l->cls != &gf_layer_softmax || l->at.log; /* softmax has a class of Keras's own */
    if (named && gf_keras_layer_act_of(l)) return gf_keras_class_find("Activation");
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (classes[i].cls == l->cls && classes[i].sequence == l->at.sequence) return &classes[i];
    }
    return NULL;
}

graft_status gf_keras_layer_read(gf_keras_reader *r, const gf_keras_class *row)
{
    r->l->cls = row->cls;
    r->l->at.sequence = row->sequence;
    gf_keras_read_fields(r, row->fields);
    if (row->read) row->read(r);
    return r->status;
}
