/* onnx_ends.c - inputs and outputs of an ONNX graph. */
#include "exchange/onnx_in.h"

#include <stdio.h>
#include <string.h>

enum { DEFAULT_SIZE = 224 };

/* ---- inputs */

static int64_t side(int64_t in_file, int asked) { return in_file > 0 ? in_file : asked > 0 ? asked : DEFAULT_SIZE; }

static graft_status refuse_input(const gf_oi *s, const gf_onnx_value *in)
{
    return gf_fail(s->err, GF_E_ONNX_GRAPH, "an image classifier has one input, (n, 3, h, w)",
                   "%s: input %s of shape %s: wanted is an image, (n, 1 or 3, h, w) or (n, h, w, 1 or 3), (n, steps, "
                   "channels) or (n, numbers)",
                   GF_ESC(s->path), GF_ESC(in->name), in->has_shape ? GF_SHAPE_TEXT(&in->shape) : "?");
}

/* (n, c, h, w) or (n, h, w, c) of 1 or 3 channels. */
static bool image_input(const gf_oi *s, const gf_onnx_value *in, gf_layer *l, gf_shape *file, gf_oi_layout *layout)
{
    const int width = s->options->width, height = s->options->height;
    const int64_t *d = in->shape.dim;
    bool first = d[1] == 3 || d[1] == 1, last = !first && (d[3] == 3 || d[3] == 1);
    int64_t h = first ? side(d[2], height) : side(d[1], height), w = first ? side(d[3], width) : side(d[2], width);
    enum { LARGEST = 1 << 14 };
    if ((!first && !last) || h > LARGEST || w > LARGEST) return false;
    int64_t c = first ? d[1] : d[3];
    l->shape = GF_SHAPE(h, w, c);
    *file = first ? GF_SHAPE(1, c, h, w) : GF_SHAPE(1, h, w, c);
    *layout = first ? GF_OI_NCHW : GF_OI_NHWC;
    return true;
}

/* (n, steps, channels) or (n, numbers), which may be integers. */
static bool other_input(const gf_onnx_value *in, gf_layer *l, gf_shape *file, gf_oi_layout *layout)
{
    enum { LARGEST = 1 << 24 };
    const bool integers = in->type == GF_ONNX_INT32 || in->type == GF_ONNX_INT64;
    if (in->shape.rank != 2 && in->shape.rank != 3) return false;
    l->shape.rank = in->shape.rank - 1;
    l->at.dtype = integers ? GF_S32 : in->type == GF_ONNX_UINT8 ? GF_U8 : GF_F32;
    *file = in->shape;
    file->dim[0] = 1;
    *layout = in->shape.rank == 2 ? GF_OI_FLAT : GF_OI_NHWC;
    for (int i = 0; i < l->shape.rank; i++) {
        l->shape.dim[i] = in->shape.dim[i + 1];
        if (l->shape.dim[i] < 1 || l->shape.dim[i] > LARGEST) return false;
    }
    return true;
}

static graft_status add_input(gf_oi *s, const gf_onnx_value *in, int position)
{
    gf_layer l = {.cls = &gf_layer_input, .backbone = true, .at = {.position = position}};
    gf_shape file;
    gf_oi_layout layout;
    const bool map = in->has_shape && in->shape.rank == 4;
    if (!in->has_shape || !(map ? image_input(s, in, &l, &file, &layout) : other_input(in, &l, &file, &layout))) {
        return refuse_input(s, in);
    }
    for (int i = 0; i < 4; i++) l.at.scale[i] = 1;
    snprintf(l.name, sizeof l.name, "%s", in->name);
    gf_oi_clean(l.name);
    if (!*l.name) snprintf(l.name, sizeof l.name, "image");
    int layer;
    GF_TRY(gf_model_add(s->m, &l, &layer, s->err));
    gf_oi_value *v = gf_oi_find(s, in->name);
    if (!v) return gf_fail(s->err, GF_E_ONNX_GRAPH, NULL, "%s: its input has no name", GF_ESC(s->path));
    gf_oi_is_layer(s, v, layer, layout, &file);
    if (!position) s->batch = in->shape.dim[0];
    if (!map || s->input_layer >= 0) return GRAFT_OK;
    s->input_layer = layer;
    s->channels_last = layout == GF_OI_NHWC;
    s->bytes = in->type == GF_ONNX_UINT8;
    return GRAFT_OK;
}

/* Those that are no initializers. */
graft_status gf_oi_add_inputs(gf_oi *s)
{
    int n = 0;
    for (size_t i = 0; i < s->o->n_inputs; i++) {
        if (gf_onnx_find(s->o, s->o->input[i].name)) continue;
        if (n == GF_MAX_ENDS) break;
        GF_TRY(add_input(s, &s->o->input[i], n++));
    }
    if (n && n < GF_MAX_ENDS) return GRAFT_OK;
    return gf_fail(s->err, GF_E_ONNX_GRAPH, NULL, "%s: it has %s inputs", GF_ESC(s->path), n ? "too many" : "no");
}

/* ---- outputs */

/* Whether layer `last` is that one, or a function of it alone that a classifier may end in: the file then gives logits
 * and, as another output, what becomes of them. */
static bool ends_in(const gf_model *m, int last, int before)
{
    static const gf_layer_class *const ends[] = {&gf_layer_softmax, &gf_layer_activation, &gf_layer_relu,
                                                 &gf_layer_flatten, &gf_layer_reshape,    &gf_layer_identity};
    for (int at = last; at > before; at = m->layer[at].src[0]) {
        bool any = false;
        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) any |= m->layer[at].cls == ends[i];
        if (!any) return false;
        if (m->layer[at].src[0] == before) return true;
    }
    return false;
}

/* The file's first output that depends on an input, or what another output makes of it. */
static graft_status find_output(gf_oi *s, bool labels, int *found)
{
    for (size_t i = 0; i < s->o->n_outputs; i++) {
        gf_oi_value *v = gf_oi_find(s, s->o->output[i].name);
        if (!v || !v->known || v->constant || v->label != labels) continue;
        GF_TRY(gf_oi_materialize(s, v));
        if (v->layout == GF_OI_FLAT_CHW) break;
        if (*found < 0 || ends_in(s->m, v->layer, *found)) *found = v->layer;
    }
    return GRAFT_OK;
}

/* Outputs that say something else than the first one. */
static graft_status find_more(gf_oi *s)
{
    gf_model *m = s->m;
    for (size_t i = 0; i < s->o->n_outputs && m->n_more < GF_MAX_ENDS - 1; i++) {
        gf_oi_value *v = gf_oi_find(s, s->o->output[i].name);
        if (!v || !v->known || v->constant || v->label) continue;
        GF_TRY(gf_oi_materialize(s, v));
        bool same = v->layer == m->output || ends_in(m, m->output, v->layer) || v->layout == GF_OI_FLAT_CHW;
        for (int k = 0; k < m->n_more; k++) same |= m->more[k] == v->layer;
        if (!same) m->more[m->n_more++] = v->layer;
    }
    return GRAFT_OK;
}

graft_status gf_oi_set_outputs(gf_oi *s)
{
    int found = -1;
    GF_TRY(find_output(s, false, &found));
    if (found < 0) {
        GF_TRY(find_output(s, true, &found));
        if (found >= 0) {
            gf_decide(s->options->log, "output", "what the label is chosen by",
                      "%s: gives the label alone; %s is before it", GF_ESC(s->path), GF_ESC(s->m->layer[found].name));
        }
    }
    s->m->output = s->m->features = found;
    if (found >= 0) return find_more(s);
    return gf_fail(s->err, GF_E_ONNX_GRAPH, NULL, "%s: no output is computed from the image", GF_ESC(s->path));
}
