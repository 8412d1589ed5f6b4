/* keras_input.c - the input of a network in Keras's configuration: its size, and what resizes images. */
#include "exchange/keras_nodes.h"

#include <stdio.h>
#include <string.h>

enum { DEFAULT_SIDE = 224, LARGEST_SIDE = 4096 };

/* What tells an image's shape: (batch, height, width, channels). */
static const gf_json *image_shape(const gf_kc *st, const gf_kc_node *n)
{
    static const char *const keys[] = {"batch_shape", "batch_input_shape"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const gf_json *shape = gf_keras_list(gf_json_get(gf_kc_config(n), keys[i]));
        if (shape) return shape;
    }
    return gf_keras_list(gf_json_get(st->scope[n->scope].config, "build_input_shape"));
}

static int side(const gf_json *j, int given, int fallback)
{
    int64_t x = gf_json_is_null(j) ? (given ? given : fallback) : gf_json_i64(j, -1);
    return x > 0 && x <= LARGEST_SIDE ? (int)x : 0;
}

static void read_floats(const gf_json *j, float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) x[i] = (float)gf_json_f64(gf_json_at(j, i), 0);
}

bool gf_kc_resizes(const gf_kc_node *n)
{
    const char *cls = n->row ? n->row->name : "";
    return !strcmp(cls, "Resizing") || !strcmp(cls, "CenterCrop") || !strcmp(cls, "RandomCrop");
}

/* Whether only what hands images on stands before the node. */
static bool reads_image(const gf_kc *st, const gf_kc_node *n)
{
    for (size_t steps = 0; n->n_src == 1 && steps < st->n; steps++) {
        n = &st->node[n->src[0]];
        if (n->row && n->row->cls == &gf_layer_input) return true;
        if ((n->row && n->row->cls != &gf_layer_identity) || gf_kc_resizes(n)) return false;
    }
    return false;
}

/* Where a file leaves the image's size open and then resizes it, that is the size which it takes. */
void gf_kc_find_size(gf_kc *st)
{
    for (size_t i = 0; i < st->n; i++) {
        const gf_kc_node *n = &st->node[i];
        if (!gf_kc_resizes(n) || !reads_image(st, n)) continue;
        const gf_json *config = gf_kc_config(n);
        int64_t h = gf_json_i64(gf_json_get(config, "height"), 0), w = gf_json_i64(gf_json_get(config, "width"), 0);
        bool fits = h > 0 && w > 0 && h <= LARGEST_SIDE && w <= LARGEST_SIDE && !strcmp(n->row->name, "Resizing");
        st->height = fits ? (int)h : 0;
        st->width = fits ? (int)w : 0;
        return;
    }
}

/* The layer is left out, and how it would have done it may be another way. */
void gf_kc_tell_resize(const gf_kc *st, const gf_kc_node *n)
{
    static const char *const ways[] = {"crop_to_aspect_ratio", "pad_to_aspect_ratio", "antialias"};
    const gf_json *config = gf_kc_config(n);
    const char *how = gf_json_str(gf_json_get(config, "interpolation"), "bilinear"), *way = "";
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (gf_json_true(gf_json_get(config, ways[i]), false)) way = ways[i];
    }
    bool same = !strcmp(how, "bilinear") && !*way;
    char what[2 * GF_NAME_MAX];
    snprintf(what, sizeof what, "layer %.90s (%s)", n->name, n->row->name);
    gf_decide(st->options->log, GF_ESC(what), "left out",
              "%s: images are resized before the model, bilinear unless --resize-filter says otherwise%s%.40s%s%s",
              GF_ESC(st->file), same ? "" : "; the layer would by ", same ? "" : GF_ESC(how), *way ? ", " : "", way);
}

/* Of what is no image: steps and channels, or a list of numbers; integers, too. */
static bool make_other_input(const gf_kc_node *n, const gf_json *shape, gf_layer *l)
{
    static const struct {
        const char *name;
        gf_dtype dtype;
    } kinds[] = {{"float32", GF_F32}, {"int32", GF_S32}, {"int64", GF_S32}, {"uint8", GF_U8}};
    const char *type = gf_json_str(gf_json_get(gf_kc_config(n), "dtype"), "float32");
    size_t rank = gf_json_size(shape) - 1;
    bool known = false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].name, type)) continue;
        l->at.dtype = kinds[i].dtype;
        known = true;
    }
    l->shape.rank = (int)rank;
    for (size_t i = 0; i < rank; i++) {
        l->shape.dim[i] = gf_json_i64(gf_json_at(shape, i + 1), 0);
        known = known && l->shape.dim[i] > 0 && l->shape.dim[i] <= GF_KERAS_LARGEST;
    }
    return known;
}

static graft_status refuse_input(const gf_kc *st, const gf_kc_node *n, const gf_json *shape)
{
    char *text = gf_json_text(shape, 0);
    graft_status status =
        gf_fail(st->err, GF_E_KERAS_GRAPH, NULL,
                "%s: layer %s: its shape is %.80s, wanted is an image's: (batch, height, width, 1 to 4 channels), "
                "(batch, steps, channels) or (batch, numbers), of known sizes",
                GF_ESC(st->file), GF_ESC(n->name), text ? text : "?");
    gf_free(text);
    return status;
}

graft_status gf_kc_make_input(const gf_kc *st, const gf_kc_node *n, gf_layer *l)
{
    const gf_json *shape = image_shape(st, n);
    enum { CHANNELS = 3, MOST_CHANNELS = 4 };
    l->cls = &gf_layer_input;
    for (int i = 0; i < MOST_CHANNELS; i++) l->at.scale[i] = 1;
    if (shape && (gf_json_size(shape) == 2 || gf_json_size(shape) == 3)) {
        return make_other_input(n, shape, l) ? GRAFT_OK : refuse_input(st, n, shape);
    }
    int h = side(gf_json_at(shape, 1), st->options->height, st->height ? st->height : DEFAULT_SIDE);
    int w = side(gf_json_at(shape, 2), st->options->width, st->width ? st->width : DEFAULT_SIDE);
    int c = side(gf_json_at(shape, 3), 0, CHANNELS);
    if ((shape && gf_json_size(shape) != 4) || !h || !w || !c || c > MOST_CHANNELS) return refuse_input(st, n, shape);
    l->shape = GF_SHAPE(h, w, c);
    const gf_json *own = st->options->own ? gf_json_get(gf_kc_config(n), "graft") : NULL;
    if (!own) return GRAFT_OK;
    read_floats(gf_json_get(own, "scale"), l->at.scale, (size_t)c);
    read_floats(gf_json_get(own, "offset"), l->at.offset, (size_t)c);
    l->at.bgr = gf_json_true(gf_json_get(own, "bgr"), false);
    return GRAFT_OK;
}
