#include "exchange/prepare.h"

#include <math.h>
#include <string.h>

/* What a file's own arithmetic, scale x + offset, tells about the images it wants. */
typedef enum wants { NOTHING_TOLD, BYTES, UNIT, UNCLEAR } wants;

typedef struct arithmetic {
    double scale[4], offset[4];
    int channels;
    const gf_layer *last; /* that does some; NULL: none */
    bool measured;        /* by the statistics that a layer learnt, not by numbers that somebody wrote */
} arithmetic;

/* ---- the path from the image */

/* The only layer that reads this one; -1: none, or several. */
static int only_reader(const gf_model *m, int layer)
{
    int found = -1;
    for (size_t i = 0; i < m->n_layers; i++) {
        for (int k = 0; k < m->layer[i].n_src; k++) {
            if (m->layer[i].src[k] != layer) continue;
            if (found >= 0) return -1;
            found = (int)i;
        }
    }
    return found;
}

static void then(arithmetic *a, int c, double scale, double offset)
{
    a->scale[c] *= scale;
    a->offset[c] = a->offset[c] * scale + offset;
}

/* (x - mean) / deviation, of a layer's statistics. */
static void add_statistics(arithmetic *a, const gf_model *m, int layer, const char *mean, const char *variance)
{
    const gf_param *p = gf_model_param(m, layer, mean), *q = gf_model_param(m, layer, variance);
    for (int c = 0; c < a->channels && p && q; c++) {
        double deviation = sqrt((double)m->value[q->offset + (size_t)c] + (double)m->layer[layer].at.epsilon);
        then(a, c, 1 / deviation, -(double)m->value[p->offset + (size_t)c] / deviation);
    }
    a->measured = true;
}

/* No value changes: augmentation, of which nothing is left in a trained network, borders, and colours that graft turned
 * round when it wrote the file. */
static bool aliases(const gf_layer *l)
{
    bool turns = l->cls == &gf_layer_conv2d && !strcmp(l->name, "preprocess_bgr");
    return turns || l->cls == &gf_layer_identity || l->cls == &gf_layer_dropout || l->cls == &gf_layer_zero_padding ||
           l->cls == &gf_layer_cropping;
}

/* All arithmetic that every pixel meets before anything else: past whatever hands on what it gets. */
static arithmetic arithmetic_of(const gf_model *m, bool has_values)
{
    const gf_layer *input = &m->layer[0];
    arithmetic a = {.channels = (int)input->shape.dim[2]};
    for (int c = 0; c < a.channels; c++) {
        a.scale[c] = (double)input->at.scale[c];
        a.offset[c] = (double)input->at.offset[c];
        if (a.scale[c] != 1 || a.offset[c] != 0) a.last = input;
    }
    for (int at = only_reader(m, 0); at >= 0; at = only_reader(m, at)) {
        const gf_layer *l = &m->layer[at];
        if (l->n_src != 1) break;
        if (l->cls == &gf_layer_rescaling) {
            for (int c = 0; c < a.channels; c++) then(&a, c, (double)l->at.scale[c], (double)l->at.offset[c]);
        } else if (l->cls == &gf_layer_normalization) {
            if (has_values) add_statistics(&a, m, at, "mean", "variance");
        } else if (l->cls == &gf_layer_batch_norm && !a.last && has_values) {
            add_statistics(&a, m, at, "moving_mean", "moving_variance");
            a.last = l;
            break;
        } else if (aliases(l)) {
            continue;
        } else {
            break;
        }
        a.last = l;
    }
    return a;
}

/* By the size of its numbers: deviations are of 10 to 130 in pixels, of 0.05 to 0.5 in [0, 1]; and what is taken away
 * is a value that images have. */
static wants one_channel(double scale, double offset, bool measured)
{
    const double small = 0.1, largest_of_unit = 2, dark = 0.05, light = 0.95, most_deviation = 0.4, whole = 100;
    if (!(fabs(scale) > 0) || !isfinite(scale) || !isfinite(offset)) return UNCLEAR;
    if (scale == 1 && offset == 0) return NOTHING_TOLD;
    double zero = -offset / scale; /* what becomes 0 */
    if (fabs(scale) <= small || zero > largest_of_unit) return BYTES;
    if (measured && 1 / fabs(scale) > most_deviation) return UNCLEAR; /* may be [-1, 1] */
    bool centred = zero >= dark && zero <= light, widens = offset == 0 && scale >= whole;
    return centred || widens ? UNIT : UNCLEAR;
}

static wants what_it_wants(const arithmetic *a)
{
    wants first = one_channel(a->scale[0], a->offset[0], a->measured);
    for (int c = 1; c < a->channels; c++) {
        if (one_channel(a->scale[c], a->offset[c], a->measured) != first) return UNCLEAR;
    }
    return first;
}

/* ---- the decision */

static const char what[] = "preprocess", otherwise[] = "--preprocess says otherwise";

static const char *by_arithmetic(const gf_preparing *w, const gf_log *log, const gf_model *m)
{
    arithmetic a = arithmetic_of(m, w->has_values);
    wants it = a.last ? what_it_wants(&a) : NOTHING_TOLD;
    if (a.last && !w->has_values && !a.measured && it == UNCLEAR) it = BYTES; /* it is as the trainer wants it */
    if (it == BYTES) {
        gf_decide(log, what, "none", "%s: takes pixels of 0 to 255, which it scales itself in %s; %s", GF_ESC(w->path),
                  GF_ESC(a.last->name), otherwise);
        return "none";
    }
    if (it != UNIT) return NULL;
    gf_decide(log, what, "unit", "%s: takes 0 to 1, as what it takes away and divides by tells, in %s; %s",
              GF_ESC(w->path), GF_ESC(a.last->name), otherwise);
    return "unit";
}

static const char *by_structure(const gf_preparing *w, const gf_log *log, const gf_model *m)
{
    const gf_architecture *a = gf_resembles(m, &w->like);
    if (!a) return NULL;
    gf_decide(log, what, a->preprocess, "%s: its layers are those of %s, whose published weights want %s; %s",
              GF_ESC(w->path), a->title, gf_preprocess_find(a->preprocess)->what, otherwise);
    return a->preprocess;
}

/* NULL: nothing tells. */
static const char *decide(const gf_preparing *w, const gf_log *log, const gf_model *m)
{
    const char *name = w->asked ? w->asked : w->own ? "none" : NULL;
    if (!name && w->bytes) {
        name = "none";
        gf_decide(log, what, name, "%s: its input is of bytes; %s", GF_ESC(w->path), otherwise);
    }
    if (!name) name = by_arithmetic(w, log, m);
    if (!name && w->has_values) name = by_structure(w, log, m);
    if (!name && !w->has_values) {
        name = "unit";
        gf_decide(log, what, name, "%s: has no weights yet; %s", GF_ESC(w->path), otherwise);
    }
    return name;
}

graft_status gf_prepare(gf_model *m, const gf_preparing *w, const gf_import_options *o, graft_error *err)
{
    gf_preprocess p;
    if (w->asked) GF_TRY(gf_preprocess_parse(&p, w->asked, err));
    int inputs[GF_MAX_ENDS];
    gf_layer *input = m->n_layers ? &m->layer[0] : NULL;
    bool image = gf_model_inputs(m, inputs) == 1 && input->cls == &gf_layer_input && input->shape.rank == 3;
    if (!image && !w->asked) return GRAFT_OK; /* inputs come as the file takes them */
    if (!image) {
        return gf_fail(err, GF_E_MODEL_SHAPE, NULL, "%s: its input is not one image", GF_ESC(w->path));
    }
    const char *name = decide(w, o->log, m);
    if (!name) {
        return gf_fail(err, GF_E_OPTION_VALUE,
                       "say it as its training did: --preprocess unit (x / 255), tf ([-1, 1]), torch (ImageNet's mean "
                       "and deviation), caffe, lite, or none (0 to 255)",
                       "%s: how images were prepared for these weights is not in the file", GF_ESC(w->path));
    }
    GF_TRY(gf_preprocess_parse(&p, name, err));
    for (int c = 0; c < 3; c++) {
        int from = input->at.bgr ? 2 - c : c; /* the file's own turn comes later */
        input->at.offset[c] += p.offset[from] * input->at.scale[c];
        input->at.scale[c] *= p.scale[from];
    }
    input->at.bgr = input->at.bgr != p.bgr;
    if (o->preprocess_taken) *o->preprocess_taken = name;
    return GRAFT_OK;
}
