#include "exchange/keras_config.h"

#include "exchange/keras_layers.h"

#include <stdio.h>
#include <string.h>

typedef struct writing {
    const gf_model *m;
    bool own; /* graft's own text: a layer for each call */
} writing;

/* [layer, call, 0] */
static gf_json *history_of(const writing *w, const gf_layer *l)
{
    const gf_layer *first = l->again && !w->own ? &w->m->layer[l->again - 1] : l;
    int call = first != l;
    for (const gf_layer *k = first + 1; first != l && k < l; k++) call += k->again == l->again;
    gf_json *history = gf_json_array();
    gf_json_add(history, gf_json_string(first->name));
    gf_json_add(history, gf_json_int(call));
    gf_json_add(history, gf_json_int(0));
    return history;
}

static const char *dtype_of(const gf_layer *l)
{
    return l->at.dtype == GF_S32 ? "int32" : l->at.dtype == GF_U8 ? "uint8" : "float32";
}

/* [layer, call, 0], or a list of such where there are several. */
static gf_json *ends_of(const writing *w, const int *layer, int n)
{
    gf_json *list = gf_json_array();
    if (n == 1) {
        gf_json_free(list);
        return history_of(w, &w->m->layer[layer[0]]);
    }
    for (int i = 0; i < n; i++) gf_json_add(list, history_of(w, &w->m->layer[layer[i]]));
    return list;
}

/* {"class_name": "__keras_tensor__", ...}: the output of a layer */
static gf_json *tensor_of(const writing *w, const gf_layer *l)
{
    gf_json *shape = gf_json_array(), *history = history_of(w, l);
    gf_json_add(shape, gf_json_null()); /* the batch */
    for (int i = 0; i < l->shape.rank; i++) gf_json_add(shape, gf_json_int(l->shape.dim[i]));
    gf_json *config = gf_json_object(), *j = gf_json_object();
    gf_json_set(config, "shape", shape);
    gf_json_set(config, "dtype", gf_json_string(dtype_of(l)));
    gf_json_set(config, "keras_history", history);
    gf_json_set(j, "class_name", gf_json_string("__keras_tensor__"));
    gf_json_set(j, "config", config);
    return j;
}

static bool merges(const gf_layer *l)
{
    return l->cls == &gf_layer_add || l->cls == &gf_layer_multiply || l->cls == &gf_layer_concatenate;
}

/* A merging layer's sources are a list. `source`: where its one source is no layer of the model. */
static gf_json *call_json(const writing *w, const gf_layer *l, const gf_layer *source)
{
    gf_json *call = gf_json_object(), *args = gf_json_array(), *list = gf_json_array();
    for (int k = 0; k < l->n_src; k++) gf_json_add(list, tensor_of(w, source ? source : &w->m->layer[l->src[k]]));
    if (merges(l)) {
        gf_json_add(args, list);
    } else {
        gf_json_free(args);
        args = list;
    }
    gf_json *named = gf_json_object();
    if (l->at.causal) gf_json_set(named, "use_causal_mask", gf_json_bool(true));
    gf_json_set(call, "args", args);
    gf_json_set(call, "kwargs", named);
    return call;
}

static gf_json *floats(const float *x, size_t n)
{
    gf_json *j = gf_json_array();
    for (size_t i = 0; i < n; i++) gf_json_add(j, gf_keras_real(x[i]));
    return j;
}

/* ---- what Keras has no word for ---- */

static bool said_by_class(const gf_layer *l)
{
    return l->cls == &gf_layer_leaky_relu || l->cls == &gf_layer_elu ||
           (l->cls == &gf_layer_relu &&
            (l->at.act == GF_ACT_RELU || l->at.act == GF_ACT_RELU6 || l->at.act == GF_ACT_LEAKY_RELU));
}

static bool has_act(const gf_layer *l)
{
    return l->cls == &gf_layer_conv2d || l->cls == &gf_layer_depthwise || l->cls == &gf_layer_separable ||
           l->cls == &gf_layer_dense || l->cls == &gf_layer_relu || l->cls == &gf_layer_activation ||
           l->cls == &gf_layer_leaky_relu || l->cls == &gf_layer_elu;
}

static bool has_window(const gf_layer *l)
{
    return l->cls == &gf_layer_conv2d || l->cls == &gf_layer_depthwise || l->cls == &gf_layer_separable ||
           l->cls == &gf_layer_max_pool || l->cls == &gf_layer_avg_pool;
}

/* The row's word for the activation is Keras's, and means the same. */
static bool act_is_plain(const gf_layer *l)
{
    const gf_keras_act *a = gf_keras_act_of(l->at.act);
    return !has_act(l) || said_by_class(l) ||
           (l->cls != &gf_layer_relu && !a->ours && (a->alpha == l->at.alpha || a->alpha == 0));
}

static bool input_is_plain(const gf_layer *l)
{
    bool plain = !l->at.bgr;
    for (int64_t c = 0; l->shape.rank == 3 && c < l->shape.dim[2]; c++)
        plain &= l->at.scale[c] == 1 && l->at.offset[c] == 0;
    return plain;
}

/* Why Keras has no word for this layer; NULL: it has. */
static const char *not_plain(const gf_layer *l)
{
    const gf_layer_class *const ours[] = {&gf_layer_operation, &gf_layer_piece_lookup, &gf_layer_piece_attention,
                                          &gf_layer_piece_pooling};
    bool has = gf_keras_class_for(l) != NULL;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) has = has && l->cls != ours[i];
    if (!has) return "Keras has no such layer";
    if (l->cls == &gf_layer_input) return input_is_plain(l) ? NULL : "an input that preprocesses";
    if (has_window(l) && l->at.padding == GF_PAD_EXPLICIT) return "padding that is neither same nor valid";
    if (l->cls == &gf_layer_avg_pool && l->at.count_padding) return "an average that counts its padding";
    if (strchr(l->name, '/')) return "a name with a slash";
    return act_is_plain(l) ? NULL : "an activation that Keras has no name for";
}

/* The key "graft" of a layer's arguments, where there is something to say. */
static void set_own_words(gf_json *config, const gf_model *m, const gf_layer *l)
{
    gf_json *j = gf_json_object();
    if (l->cls == &gf_layer_input && l->shape.rank == 3) {
        size_t channels = (size_t)l->shape.dim[2];
        gf_json_set(j, "scale", floats(l->at.scale, channels));
        gf_json_set(j, "offset", floats(l->at.offset, channels));
        gf_json_set(j, "bgr", gf_json_bool(l->at.bgr));
    }
    if (!l->backbone) gf_json_set(j, "head", gf_json_bool(true));
    if (l->again) gf_json_set(j, "again", gf_json_string(m->layer[l->again - 1].name));
    if (has_window(l) && l->at.padding == GF_PAD_EXPLICIT) {
        const int sides[] = {l->at.pt, l->at.pb, l->at.pl, l->at.pr};
        gf_json *padding = gf_json_array();
        for (int i = 0; i < 4; i++) gf_json_add(padding, gf_json_int(sides[i]));
        gf_json_set(j, "padding", padding);
    }
    if (l->at.count_padding) gf_json_set(j, "count_padding", gf_json_bool(true));
    if (l->at.fixed) gf_json_set(j, "fixed", gf_json_bool(true));
    if (!act_is_plain(l)) {
        gf_json_set(j, "activation", gf_json_string(gf_keras_act_of(l->at.act)->name));
        gf_json_set(j, "alpha", gf_keras_real(l->at.alpha));
    }
    if (j && !gf_json_size(j)) {
        gf_json_free(j);
    } else {
        gf_json_set(config, "graft", j);
    }
}

/* ---- layers and model ---- */

static gf_json *input_shape(const gf_layer *l)
{
    gf_json *j = gf_json_array();
    gf_json_add(j, gf_json_null());
    for (int i = 0; i < l->shape.rank; i++) gf_json_add(j, gf_json_int(l->shape.dim[i]));
    return j;
}

/* What is said of a layer, whoever calls it. */
static gf_json *config_of(const writing *w, const gf_layer *l)
{
    gf_json *config = gf_json_object();
    const gf_keras_class *row = gf_keras_class_for(l);
    gf_json_set(config, "name", gf_json_string(l->again && !w->own ? w->m->layer[l->again - 1].name : l->name));
    gf_json_set(config, "dtype", gf_json_string(dtype_of(l)));
    if (l->cls == &gf_layer_input) {
        gf_json_set(config, "batch_shape", input_shape(l));
    } else {
        gf_json_set(config, "trainable", gf_json_bool(!l->at.fixed));
    }
    gf_keras_write_fields(l, row->fields, config);
    if (row->write) row->write(l, config);
    if (w->own) set_own_words(config, w->m, l);
    return config;
}

static gf_json *layer_json(const writing *w, const gf_layer *l, gf_json *calls)
{
    const gf_keras_class *row = gf_keras_class_for(l);
    gf_json *j = gf_json_object();
    gf_json_set(j, "module", gf_json_string("keras.layers"));
    gf_json_set(j, "class_name", gf_json_string(row->name));
    gf_json_set(j, "config", config_of(w, l));
    gf_json_set(j, "registered_name", gf_json_null());
    gf_json_set(j, "name", gf_json_string(l->name));
    gf_json_set(j, "inbound_nodes", calls);
    return j;
}

/* An operation on one tensor of `shape`, and that tensor's maker. */
static gf_json *operation(const char *cls, const char *name, gf_json *config, gf_json *args)
{
    gf_json *j = gf_json_object(), *calls = gf_json_array(), *call = gf_json_object();
    gf_json_set(config, "name", gf_json_string(name));
    gf_json_set(call, "args", args);
    gf_json_set(call, "kwargs", gf_json_object());
    gf_json_add(calls, call);
    gf_json_set(j, "module", gf_json_string("keras.src.ops.numpy"));
    gf_json_set(j, "class_name", gf_json_string(cls));
    gf_json_set(j, "config", config);
    gf_json_set(j, "registered_name", gf_json_string(cls));
    gf_json_set(j, "name", gf_json_string(name));
    gf_json_set(j, "inbound_nodes", calls);
    return j;
}

/* [:, :, 0] */
static gf_json *first_channel(void)
{
    gf_json *index = gf_json_array();
    for (int i = 0; i < 2; i++) {
        gf_json *slice = gf_json_object(), *ends = gf_json_object();
        static const char *const keys[] = {"start", "stop", "step"};
        for (int k = 0; k < 3; k++) gf_json_set(ends, keys[k], gf_json_null());
        gf_json_set(slice, "class_name", gf_json_string("__slice__"));
        gf_json_set(slice, "config", ends);
        gf_json_add(index, slice);
    }
    gf_json_add(index, gf_json_int(0));
    return index;
}

/* A name that no layer has, from that of layer `number`. */
static void new_name(const gf_model *m, int number, const char *what, char name[GF_NAME_MAX])
{
    enum { ROOM = 24 };
    const char *of = m->layer[number].name;
    if (strlen(of) + ROOM < GF_NAME_MAX) {
        snprintf(name, GF_NAME_MAX, "%s_%s", of, what);
    } else {
        snprintf(name, GF_NAME_MAX, "layer_%d_%s", number, what);
    }
    size_t n = strlen(name);
    for (int i = 1; gf_model_find(m, name) >= 0; i++) snprintf(name + n, GF_NAME_MAX - n, "_%d", i);
}

/* The numbers that an Embedding looks up: cumsum(ones_like(x[:, :, 0]), axis=1) - 1, as keras_positions.h reads it.
 * *last becomes what gives them. */
static void add_positions(gf_json *layers, const writing *w, int number, gf_layer *last)
{
    const gf_model *m = w->m;
    static const char *const cls[] = {"GetItem", "OnesLike", "Cumsum", "Subtract"};
    static const char *const what[] = {"item", "ones", "sum", "places"};
    const gf_layer *src = &m->layer[m->layer[number].src[0]];
    for (int i = 0; i < 4; i++) {
        gf_json *config = gf_json_object(), *args = gf_json_array();
        gf_json_add(args, tensor_of(w, i ? last : src));
        if (i == 0) gf_json_add(args, first_channel());
        if (i == 1) gf_json_set(config, "dtype", gf_json_string("int32"));
        if (i == 2) gf_json_set(config, "axis", gf_json_int(1));
        if (i == 3) gf_json_add(args, gf_json_int(1));
        *last = (gf_layer){.shape = GF_SHAPE(src->shape.dim[0])};
        new_name(m, number, what[i], last->name);
        gf_json_add(layers, operation(cls[i], last->name, config, args));
    }
}

/* Layer i and, in Keras's text, its further calls. */
static void add_layer(gf_json *layers, const writing *w, int i)
{
    const gf_layer *l = &w->m->layer[i];
    gf_json *calls = gf_json_array();
    if (l->again && !w->own) {
        gf_json_free(calls);
        return;
    }
    for (int k = i; l->n_src && k < (int)w->m->n_layers; k++) {
        gf_layer positions = {0};
        if (k != i && (w->own || w->m->layer[k].again != i + 1)) continue;
        if (l->cls == &gf_layer_embedding) add_positions(layers, w, k, &positions);
        gf_json_add(calls, call_json(w, &w->m->layer[k], positions.name[0] ? &positions : NULL));
    }
    gf_json_add(layers, layer_json(w, l, calls));
}

static gf_json *model_json(const gf_model *m, bool own)
{
    const writing w = {m, own};
    gf_json *config = gf_json_object(), *layers = gf_json_array(), *j = gf_json_object();
    int input[GF_MAX_ENDS], output[GF_MAX_ENDS], inputs = gf_model_inputs(m, input),
                                                 outputs = gf_model_outputs(m, output);
    for (size_t i = 0; i < m->n_layers; i++) add_layer(layers, &w, (int)i);
    gf_json_set(config, "name", gf_json_string(m->name[0] ? m->name : "model"));
    gf_json_set(config, "trainable", gf_json_bool(true));
    gf_json_set(config, "layers", layers);
    if (inputs) gf_json_set(config, "input_layers", ends_of(&w, input, inputs));
    gf_json_set(config, "output_layers", ends_of(&w, output, outputs));
    gf_json_set(j, "module", gf_json_string("keras.src.models.functional"));
    gf_json_set(j, "class_name", gf_json_string("Functional"));
    gf_json_set(j, "config", config);
    gf_json_set(j, "registered_name", gf_json_string("Functional"));
    if (own) {
        gf_json *ends = gf_json_object();
        gf_json_set(ends, "features", gf_json_string(m->layer[m->features].name));
        gf_json_set(ends, "output", gf_json_string(m->layer[m->output].name));
        gf_json_set(ends, "classes", gf_json_int(m->classes));
        if (m->end != GF_END_SOFTMAX) gf_json_set(ends, "end", gf_json_int(m->end));
        gf_json_set(j, "graft", ends);
    }
    return j;
}

graft_status gf_keras_config_text(char **text, const gf_model *m, const gf_keras_config_options *options,
                                  graft_error *err)
{
    bool own = options && options->own;
    *text = NULL;
    for (size_t i = 0; i < m->n_layers; i++) {
        const gf_layer *l = &m->layer[i];
        const char *why = own ? (gf_keras_class_for(l) ? NULL : "Keras has no such layer") : not_plain(l);
        if (!why && l->again && !own && !gf_layer_same(l, &m->layer[l->again - 1]))
            why = "its calls differ in more than their sources";
        if (!why) continue;
        return gf_fail(err, GF_E_MODEL_EXPORT, NULL, "layer %s (%s): %s", GF_ESC(l->name), gf_layer_class_name(l), why);
    }
    gf_json *j = model_json(m, own);
    *text = gf_json_text(j, 0);
    gf_json_free(j);
    return *text ? GRAFT_OK : gf_fail_memory(err, m->n_layers, "a model's configuration");
}
