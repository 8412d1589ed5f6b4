#include "zoo/zoo.h"

#include <stdio.h>
#include <string.h>

static graft_status check(const gf_architecture *a, const gf_zoo_options *o, graft_error *err)
{
    enum { LARGEST = 4096, MOST_CLASSES = 100000 };
    if (o->width < a->least_size || o->height < a->least_size || o->width > LARGEST || o->height > LARGEST) {
        return gf_fail(err, GF_E_OPTION_VALUE, NULL, "size %dx%d: %s takes images of %d to %d a side", o->width,
                       o->height, a->name, a->least_size, LARGEST);
    }
    if (o->classes < 0 || (o->classes == 1 && !o->head.add) || o->classes > MOST_CLASSES || o->top < 0 ||
        o->top > MOST_CLASSES) {
        return gf_fail(err, GF_E_OPTION_VALUE, NULL, "%d classes: at least 2 and at most %d are wanted", o->classes,
                       MOST_CLASSES);
    }
    if (!a->has_alpha && o->alpha != 0 && o->alpha != 1) {
        return gf_fail(err, GF_E_OPTION_VALUE, "leave alpha out", "alpha %g: %s has one width", o->alpha, a->name);
    }
    gf_preprocess p;
    return o->preprocess ? gf_preprocess_parse(&p, o->preprocess, err) : GRAFT_OK;
}

static graft_status add_input(gf_model *m, const gf_architecture *a, const gf_zoo_options *o, int *at, graft_error *err)
{
    gf_preprocess p;
    GF_TRY(gf_preprocess_parse(&p, o->preprocess ? o->preprocess : a->preprocess, err));
    gf_layer input = {
        .cls = &gf_layer_input, .name = "input_layer", .shape = GF_SHAPE(o->height, o->width, 3), .backbone = true};
    memcpy(input.at.scale, p.scale, sizeof p.scale);
    memcpy(input.at.offset, p.offset, sizeof p.offset);
    input.at.bgr = p.bgr;
    return gf_model_add(m, &input, at, err);
}

/* Input and backbone, and its own classifier of `top` outputs (0: none). */
static graft_status add_network(gf_builder *b, const gf_architecture *a, const gf_zoo_options *o, int top)
{
    gf_zoo_options options = *o;
    if (options.alpha == 0) options.alpha = 1;
    b->alpha = options.alpha;
    b->status = add_input(b->m, a, &options, &b->at, b->err);
    if (b->status == GRAFT_OK) a->build(b, &options);
    if (!strcmp(a->source, "keras")) gf_order_as_keras(b);
    if (top && b->status == GRAFT_OK) a->top(b, top);
    return b->status;
}

/* Backbone, its own classifier where one is asked for, head. */
static graft_status add_layers(gf_model *m, const gf_architecture *a, const gf_zoo_options *o, graft_error *err)
{
    gf_builder b = {.m = m, .err = err};
    int outputs = o->head.outputs ? o->head.outputs : o->classes, top = o->head.keep_last ? outputs : o->top;
    GF_TRY(add_network(&b, a, o, top));
    return o->head.keep_last ? gf_head_keep(m, b.at, err) : gf_head_add(m, b.at, &o->head, o->classes, o->dropout, err);
}

/* Its own classifier up to what its last layer reads: the head stands there. */
static graft_status replace_last(gf_model *m, const gf_architecture *a, const gf_zoo_options *o, graft_error *err)
{
    gf_model whole = {0};
    graft_status status = GRAFT_OK;
    gf_builder b = {.m = &whole, .err = err};
    int at;
    GF_GOTO(add_network(&b, a, o, o->top ? o->top : GF_IMAGENET_CLASSES));
    GF_GOTO(gf_model_copy_layers(m, &whole, whole.layer[gf_head_last(&whole, b.at)].src[0], NULL, &at, err));
    GF_GOTO(gf_head_add(m, at, &o->head, o->classes, o->dropout, err));
out:
    gf_model_free(&whole);
    return status;
}

graft_status gf_zoo_layers(gf_model *m, const char *name, const gf_zoo_options *o, graft_error *err)
{
    *m = (gf_model){0};
    const gf_architecture *a = gf_zoo_find(name);
    if (!a) {
        return gf_fail(err, GF_E_MODEL_UNKNOWN, "graft models lists them", "no architecture is called %s",
                       GF_ESC(name));
    }
    GF_TRY(check(a, o, err));
    snprintf(m->name, sizeof m->name, "%s", name);
    m->buffers = !strcmp(a->source, "torch");
    graft_status status = o->head.replace_last ? replace_last(m, a, o, err) : add_layers(m, a, o, err);
    if (status != GRAFT_OK) gf_model_free(m);
    return status;
}

graft_status gf_zoo_build(gf_model *m, const char *name, const gf_zoo_options *o, graft_error *err)
{
    GF_TRY(gf_zoo_layers(m, name, o, err));
    graft_status status = gf_model_finish(m, err);
    if (status != GRAFT_OK) gf_model_free(m);
    return status;
}
