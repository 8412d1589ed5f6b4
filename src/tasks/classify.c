/* classify.c - each sample is of one of several classes. Two classes share one logit, that of the second class, behind
 * which a sigmoid stands; more have one each, with a softmax. That rule is here alone. */
#include "tasks/task.h"

static size_t outputs(int classes) { return classes == 2 ? 1 : (size_t)classes; }

static bool fits(const gf_task *t, const gf_model *m)
{
    const gf_shape *s = &m->layer[m->output].shape;
    return t->classes >= 2 && m->classes == t->classes && s->rank == 1 && (size_t)s->dim[0] == outputs(t->classes);
}

/* Of a classifier with a sigmoid on each of several classes: the mean of their binary losses. */
static float each_by_itself(const gf_task *t, const float *z, int n, int32_t y)
{
    float sum = 0;
    for (int i = 0; i < n; i++) sum += t->loss.cls->sigmoid(&t->loss, z[i], i == y, 1, NULL);
    return sum / (float)n;
}

static void decode(const gf_task *t, const float *z, size_t width, float *p)
{
    if (width == 1) {
        p[1] = gf_sigmoid(z[0]);
        p[0] = 1 - p[1];
    } else if (t->end == GF_END_SIGMOID) {
        for (int i = 0; i < t->classes; i++) p[i] = gf_sigmoid(z[i]);
    } else {
        gf_softmax(z, t->classes, p);
    }
}

/* One sample; what ranks its classes are the logits, for one logit 0 and that. */
static void one(const gf_task *t, const gf_task_batch *b, size_t i)
{
    const float *z = b->out + i * b->width;
    const int32_t y = ((const int32_t *)b->target)[i];
    const float weight = b->training && t->class_weight ? t->class_weight[y] : 1, scale = b->scale * weight;
    float *diff = b->diff ? b->diff + i * b->width : NULL, *score = b->score ? b->score + i * (size_t)t->classes : NULL;
    if (b->width == 1) {
        b->loss[i] = t->loss.cls->sigmoid(&t->loss, z[0], y, scale, diff);
        b->predicted[i] = z[0] > 0;
    } else {
        b->predicted[i] = gf_largest(z, t->classes);
        b->loss[i] = t->end == GF_END_SIGMOID ? each_by_itself(t, z, t->classes, y)
                                              : t->loss.cls->softmax(&t->loss, z, t->classes, y, scale, diff);
    }
    b->loss[i] *= weight;
    if (b->truth) b->truth[i] = y;
    for (int k = 0; score && k < t->classes; k++) score[k] = b->width > 1 ? z[k] : k ? z[0] : 0;
}

static void step(const gf_task *t, const gf_task_batch *b)
{
    for (size_t i = 0; i < b->n; i++) one(t, b, i);
}

const gf_task_class gf_task_classify = {.name = "classify",
                                        .help = "each image is of one of several classes",
                                        .metrics = "loss,accuracy",
                                        .target_bytes = sizeof(int32_t),
                                        .outputs = outputs,
                                        .fits = fits,
                                        .step = step,
                                        .decode = decode};
