#include "zoo/zoo.h"

#include <stdio.h>
#include <string.h>

static const gf_architecture *const architectures[] = {&gf_mobilenet_v2};

const gf_architecture *gf_zoo_at(size_t i)
{
    return i < sizeof architectures / sizeof *architectures ? architectures[i] : NULL;
}

const gf_architecture *gf_zoo_find(const char *name)
{
    for (size_t i = 0; gf_zoo_at(i); i++) {
        if (!strcmp(gf_zoo_at(i)->name, name)) return gf_zoo_at(i);
    }
    return NULL;
}

static graft_status add_head(gf_model *m, const gf_zoo_options *o, int last, graft_error *err)
{
    gf_layer pool = {.cls = &gf_layer_global_pool, .name = "global_average_pooling2d", .n_src = 1, .src = {last}};
    GF_TRY(gf_model_add(m, &pool, &m->features, err));
    m->output = m->features;
    m->classes = o->classes;
    if (!o->classes) return GRAFT_OK;
    gf_layer dropout = {.cls = &gf_layer_dropout, .name = "dropout", .n_src = 1, .src = {m->features}};
    dropout.at.rate = o->dropout;
    int at;
    GF_TRY(gf_model_add(m, &dropout, &at, err));
    gf_layer dense = {.cls = &gf_layer_dense, .name = "head", .n_src = 1, .src = {at}};
    dense.at.units = o->classes == 2 ? 1 : o->classes;
    return gf_model_add(m, &dense, &m->output, err);
}

graft_status gf_zoo_build(gf_model *m, const char *name, const gf_zoo_options *o, graft_error *err)
{
    *m = (gf_model){0};
    const gf_architecture *a = gf_zoo_find(name);
    if (!a)
        return gf_fail(err, GF_E_MODEL_UNKNOWN, "graft models lists them", "no architecture is called %s",
                       GF_ESC(name));
    enum { LARGEST = 4096 };
    if (o->width < a->least_size || o->height < a->least_size || o->width > LARGEST || o->height > LARGEST) {
        return gf_fail(err, GF_E_OPTION_VALUE, NULL, "size %dx%d: %s takes pictures of %d to %d a side", o->width,
                       o->height, name, a->least_size, LARGEST);
    }
    if (o->classes < 0 || o->classes == 1 || o->classes > 100000) {
        return gf_fail(err, GF_E_OPTION_VALUE, NULL, "%d classes: at least 2 and at most 100000 are wanted",
                       o->classes);
    }
    graft_status status = GRAFT_OK;
    snprintf(m->name, sizeof m->name, "%s", name);
    gf_layer input = {
        .cls = &gf_layer_input, .name = "input_layer", .shape = GF_SHAPE(o->height, o->width, 3), .backbone = true};
    for (int c = 0; c < 4; c++) {
        input.at.scale[c] = a->scale;
        input.at.offset[c] = a->offset;
    }
    int at, last;
    GF_GOTO(gf_model_add(m, &input, &at, err));
    GF_GOTO(a->build(m, o, at, &last, err));
    GF_GOTO(add_head(m, o, last, err));
    GF_GOTO(gf_model_finish(m, err));
out:
    if (status != GRAFT_OK) gf_model_free(m);
    return status;
}
