/* A toy of a task: two classes or more, one logit each but one of two classes; a head of its own, of two dense layers;
 * what training makes smaller is twice the loss. */
#include "tasks/task.h"

#include "graph/head.h"
#include "tensor/feed.h"

static size_t outputs(int classes) { return classes == 2 ? 1 : (size_t)classes; }

static graft_status add_head(gf_model *m, int last, int classes, float dropout, graft_error *err)
{
    int at = last;
    gf_layer few = {.cls = &gf_layer_dense, .at.units = 4, .at.act = GF_ACT_RELU};
    gf_layer logits = {.cls = &gf_layer_dense, .at.units = (int)outputs(classes)};
    (void)dropout;
    GF_TRY(gf_head_put(m, (gf_layer){.cls = &gf_layer_global_pool}, "toy_pool", &at, err));
    GF_TRY(gf_head_put(m, few, "toy_few", &at, err));
    GF_TRY(gf_head_put(m, logits, "toy_logits", &at, err));
    m->output = at;
    return GRAFT_OK;
}

static bool fits(const gf_task *t, const gf_model *m)
{
    const gf_shape *s = &m->layer[m->output].shape;
    return m->classes == t->classes && s->rank == 1 && (size_t)s->dim[0] == outputs(t->classes);
}

static void decode(const gf_task *t, const float *out, size_t width, float *p)
{
    if (width > 1) gf_softmax(out, t->classes, p);
    if (width > 1) return;
    p[1] = gf_sigmoid(out[0]);
    p[0] = 1 - p[1];
}

static void one(const gf_task *t, const gf_task_batch *b, size_t i)
{
    const float *z = b->out + i * b->width;
    const int32_t y = ((const gf_class_target *)b->target)[i].label;
    float *diff = b->diff ? b->diff + i * b->width : NULL, scale = 2 * b->scale;
    b->loss[i] = 2 * (b->width == 1 ? t->loss.cls->sigmoid(&t->loss, z[0], y, scale, diff)
                                    : t->loss.cls->softmax(&t->loss, z, t->classes, y, scale, diff));
    b->predicted[i] = b->width == 1 ? z[0] > 0 : gf_largest(z, t->classes);
    if (b->truth) b->truth[i] = y;
    for (int k = 0; b->score && k < t->classes; k++) {
        b->score[i * (size_t)t->classes + (size_t)k] = b->width > 1 ? z[k] : k ? z[0] : 0;
    }
}

static void step(const gf_task *t, const gf_task_batch *b)
{
    for (size_t i = 0; i < b->n; i++) one(t, b, i);
}

const gf_task_class gf_task_toy_task = {.name = "toy-task",
                                        .help = "a test's",
                                        .metrics = "loss,accuracy",
                                        .target_bytes = sizeof(gf_class_target),
                                        .outputs = outputs,
                                        .add_head = add_head,
                                        .fits = fits,
                                        .step = step,
                                        .decode = decode};
