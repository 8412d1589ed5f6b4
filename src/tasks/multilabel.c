/* multilabel.c - each sample is of any number of classes: a logit for each, behind which a sigmoid stands. The loss is
 * the mean of the classes' binary losses, as Keras's BinaryCrossentropy and PyTorch's BCEWithLogitsLoss have it; a
 * class's weight counts where it is there (pos_weight). Targets are numbers of sets (data/label_sets.h). */
#include "tasks/task.h"

#include "tensor/feed.h"

static size_t outputs(int classes) { return (size_t)classes; }

static bool fits(const gf_task *t, const gf_model *m)
{
    const gf_shape *s = &m->layer[m->output].shape;
    return t->classes >= 2 && m->classes == t->classes && s->rank == 1 && s->dim[0] == t->classes;
}

static void begin_head(gf_model *m) { m->end = GF_END_SIGMOID; }

static void decode(const gf_task *t, const float *z, size_t width, float *p)
{
    const float by = t->beta > 0 ? (float)t->beta : 1;
    for (size_t c = 0; c < width; c++) p[c] = gf_sigmoid(by * z[c]);
}

/* Of one set of classes: its loss, in training times the sample's own weight. */
static float loss_of(const gf_task *t, const gf_task_batch *b, const float *z, uint32_t set, float own, float share,
                     float *diff)
{
    const uint32_t *label;
    size_t left = gf_label_sets_of(t->labels.sets, set, &label), classes = (size_t)t->classes;
    const float weight = b->training ? own : 1, scale = b->scale * weight * share / (float)classes;
    double sum = 0;
    for (size_t c = 0; c < classes; c++) {
        bool is = left && *label == c;
        const float positive = is && b->training && t->class_weight ? t->class_weight[c] : 1;
        label += is;
        left -= is;
        sum += (double)(positive * t->loss.cls->sigmoid(&t->loss, z[c], is, positive * scale, diff ? diff + c : NULL));
    }
    return weight * (float)(sum / (double)classes);
}

/* Of two blended samples: losses are linear in the target, so their shares of the loss and of its gradient add up. */
static float blended_loss(const gf_task *t, const gf_task_batch *b, const float *z, const gf_class_target *y,
                          float *diff)
{
    float loss = y->share * loss_of(t, b, z, (uint32_t)y->label, y->weight, y->share, diff);
    loss +=
        (1 - y->share) * loss_of(t, b, z, (uint32_t)y->other, y->other_weight, 1 - y->share, diff ? b->spare : NULL);
    for (size_t k = 0; diff && k < b->width; k++) diff[k] += b->spare[k];
    return loss;
}

/* Whether the labels that are told are those of the set. */
static bool is_exact(const gf_task *t, const float *z, uint32_t set)
{
    const uint32_t *label;
    size_t left = gf_label_sets_of(t->labels.sets, set, &label);
    bool same = true;
    for (size_t c = 0; c < (size_t)t->classes && same; c++) {
        bool is = left && *label == c;
        label += is;
        left -= is;
        same = is == gf_label_holds(&t->labels, c, z[c]);
    }
    return same;
}

static void one(const gf_task *t, const gf_task_batch *b, size_t i)
{
    const float *z = b->out + i * b->width;
    const gf_class_target *y = (const gf_class_target *)b->target + i;
    float *diff = b->diff ? b->diff + i * b->width : NULL, *score = b->score ? b->score + i * b->width : NULL;
    b->loss[i] =
        y->share < 1 ? blended_loss(t, b, z, y, diff) : loss_of(t, b, z, (uint32_t)y->label, y->weight, 1, diff);
    b->predicted[i] = is_exact(t, z, (uint32_t)y->label) ? y->label : -1;
    if (b->truth) b->truth[i] = y->label;
    for (size_t c = 0; score && c < b->width; c++) score[c] = z[c];
}

static void step(const gf_task *t, const gf_task_batch *b)
{
    for (size_t i = 0; i < b->n; i++) one(t, b, i);
}

const gf_task_class gf_task_multilabel = {.name = "multilabel",
                                          .help = "each image or text is of any number of classes",
                                          .metrics = "loss,map,micro_f1,macro_f1",
                                          .labels = true,
                                          .target_bytes = sizeof(gf_class_target),
                                          .outputs = outputs,
                                          .fits = fits,
                                          .begin_head = begin_head,
                                          .step = step,
                                          .decode = decode};
