/* classify.c - each sample is of one of several classes. Two classes share one logit, that of the second class, behind
 * which a sigmoid stands; more have one each, with a softmax. That rule is here alone. */
#include "tasks/task.h"

#include "tensor/feed.h"

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
    const float by = t->beta > 0 ? (float)t->beta : 1; /* by 1 nothing changes, not a bit */
    if (width == 1) {
        p[1] = gf_sigmoid(by * z[0]);
        p[0] = 1 - p[1];
    } else if (t->end == GF_END_SIGMOID) {
        for (int i = 0; i < t->classes; i++) p[i] = gf_sigmoid(by * z[i]);
    } else {
        for (int i = 0; i < t->classes; i++) p[i] = by * z[i];
        gf_softmax(p, t->classes, p);
    }
}

/* Of one class y: its loss, in training times the class's weight and the sample's own. */
static float loss_of(const gf_task *t, const gf_task_batch *b, const float *z, int32_t y, float own, float share,
                     float *diff)
{
    const float of_class = t->class_weight ? t->class_weight[y] : 1, weight = b->training ? of_class * own : 1,
                scale = b->scale * weight * share;
    if (b->width == 1) return weight * t->loss.cls->sigmoid(&t->loss, z[0], y, scale, diff);
    if (t->end == GF_END_SIGMOID) return weight * each_by_itself(t, z, t->classes, y);
    return weight * t->loss.cls->softmax(&t->loss, z, t->classes, y, scale, diff);
}

/* Of two blended samples: losses are linear in the target, so their shares of the loss and of its gradient add up. */
static float blended_loss(const gf_task *t, const gf_task_batch *b, const float *z, const gf_class_target *y,
                          float *diff)
{
    float loss = y->share * loss_of(t, b, z, y->label, y->weight, y->share, diff);
    loss += (1 - y->share) * loss_of(t, b, z, y->other, y->other_weight, 1 - y->share, diff ? b->spare : NULL);
    for (size_t k = 0; diff && k < b->width; k++) diff[k] += b->spare[k];
    return loss;
}

/* One sample; what ranks its classes are the logits, for one logit 0 and that. */
static void one(const gf_task *t, const gf_task_batch *b, size_t i)
{
    const float *z = b->out + i * b->width;
    const gf_class_target *y = (const gf_class_target *)b->target + i;
    float *diff = b->diff ? b->diff + i * b->width : NULL, *score = b->score ? b->score + i * (size_t)t->classes : NULL;
    b->loss[i] = y->share < 1 ? blended_loss(t, b, z, y, diff) : loss_of(t, b, z, y->label, y->weight, 1, diff);
    b->predicted[i] = b->width == 1 ? z[0] > 0 : gf_largest(z, t->classes);
    if (b->truth) b->truth[i] = y->label;
    for (int k = 0; score && k < t->classes; k++) score[k] = b->width > 1 ? z[k] : k ? z[0] : 0;
}

static void step(const gf_task *t, const gf_task_batch *b)
{
    for (size_t i = 0; i < b->n; i++) one(t, b, i);
}

const gf_task_class gf_task_classify = {.name = "classify",
                                        .help = "each image is of one of several classes",
                                        .metrics = "loss,accuracy",
                                        .target_bytes = sizeof(gf_class_target),
                                        .outputs = outputs,
                                        .fits = fits,
                                        .step = step,
                                        .decode = decode};
