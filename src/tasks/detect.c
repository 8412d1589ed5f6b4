/* detect.c - each image has any number of objects, each in a box and of a class. The head gives each place of its last
 * map the logits of the classes and four sides (boxes/places.h); which place is to find which object is told by how
 * well it does (boxes/assign.h). */
#include "boxes/detect.h"
#include "boxes/target.h"
#include "tasks/detector.h"
#include "tasks/found.h"
#include "tasks/task.h"

#include <math.h>

static size_t outputs(int classes) { return (size_t)classes + GF_SIDES; }

/* A prior of 0.01 for each class; boxes of five strides about each place; small kernels, so that both hold. */
static void begin_level(gf_model *m, int at)
{
    const double prior = 0.01, strides = 5, deviation = 0.01;
    const gf_param *kernel = gf_model_param(m, at, "kernel"), *bias = gf_model_param(m, at, "bias");
    if (!kernel || !bias) return;
    float *k = m->value + kernel->offset, *b = m->value + bias->offset;
    size_t n = gf_count(&kernel->shape), width = gf_count(&bias->shape);
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)k[i] * (double)k[i];
    float by = sum > 0 ? (float)(deviation / sqrt(sum / (double)n)) : 0;
    for (size_t i = 0; i < n; i++) k[i] *= by;
    for (size_t i = 0; i < width; i++)
        b[i] = i + GF_SIDES < width ? (float)log(prior / (1 - prior)) : (float)log(strides / 2);
}

static void begin_head(gf_model *m)
{
    int level[GF_MAX_LEVELS], n = gf_detector_levels(m, level);
    for (int k = 0; k < n; k++) begin_level(m, level[k]);
}

/* Maps are halved and rounded up: the power of two by which the map covers the input. */
static int stride_of(int64_t map, int64_t input)
{
    int stride = 1;
    while (stride * map < input) stride *= 2;
    return stride;
}

static void bind(gf_task *t, const gf_model *m)
{
    int level[GF_MAX_LEVELS], n = gf_detector_levels(m, level);
    t->places = (gf_grids){0};
    if (!m->n_layers || m->layer[0].shape.rank != 3) return;
    for (int k = 0; k < n; k++) {
        const gf_shape *map = &m->layer[level[k]].shape, *input = &m->layer[0].shape;
        gf_grids_add(&t->places, stride_of(map->dim[1], input->dim[1]), (int)map->dim[1], (int)map->dim[0]);
    }
}

static bool fits(const gf_task *t, const gf_model *m)
{
    const gf_shape *s = &m->layer[m->output].shape;
    int level[GF_MAX_LEVELS];
    return gf_detector_levels(m, level) && m->classes == t->classes && s->rank == 2 &&
           (size_t)s->dim[1] == outputs(t->classes);
}

/* ---- the loss */

typedef struct scratch {
    gf_object object[GF_OBJECTS_MOST];
    gf_aim aim[]; /* of each place */
} scratch;

static size_t scratch_bytes(const gf_task *t) { return sizeof(scratch) + t->places.n * sizeof(gf_aim); }

/* Of sample i: its objects and the aims of all places; returns the sum of their scores. */
static double aim(const gf_task *t, const gf_task_batch *b, size_t i)
{
    scratch *s = b->scratch;
    size_t n = gf_target_objects((const gf_boxes_target *)b->target + i, s->object);
    return gf_assign(&t->places, t->classes, b->out + i * b->width, s->object, n, s->aim);
}

static void one(const gf_task *t, const gf_task_batch *b, size_t i)
{
    const scratch *s = b->scratch;
    const double box_weight = 2, q = aim(t, b, i);
    double by = b->training ? (double)b->scale * (double)b->samples : 1 / fmax(q, 1);
    gf_detection_loss loss = gf_detection_loss_of(&t->places, t->classes, b->out + i * b->width, s->object, s->aim,
                                                  (double)b->scale, b->diff ? b->diff + i * b->width : NULL);
    b->loss[i] = (float)(by * (loss.classes + box_weight * loss.boxes));
    if (b->truth) b->truth[i] = -1;
    b->predicted[i] = -1;
    for (int k = 0; b->score && k < t->classes; k++) b->score[i * (size_t)t->classes + (size_t)k] = 0;
}

static void step(const gf_task *t, const gf_task_batch *b)
{
    for (size_t i = 0; i < b->n; i++) one(t, b, i);
}

/* ---- what is found */

static gf_box within(const gf_extent *e, const gf_extent *image)
{
    double x1 = fmax(e->x1, image->x1), y1 = fmax(e->y1, image->y1);
    double x2 = fmin(e->x2, image->x2), y2 = fmin(e->y2, image->y2);
    return (gf_box){x1, y1, fmax(x2 - x1, 0), fmax(y2 - y1, 0)};
}

static graft_status look(const gf_task *t, gf_found_set *set, const float *out, const gf_found_image *image,
                         const gf_detect_options *o, graft_error *err)
{
    gf_detected found[GF_DETECTED_MOST];
    size_t n;
    GF_TRY(gf_detect(&t->places, t->classes, out, o, found, &n, err));
    for (size_t i = 0; i < n; i++) {
        const gf_detection d = {set->images, found[i].class_id, within(&found[i].box, &image->within),
                                (double)found[i].score};
        GF_TRY(gf_found_set_add(set, &d, err));
    }
    set->classes = t->classes;
    return gf_found_set_image(set, image, err);
}

/* In pixels of the network's input. */
static graft_status keep(const gf_task *t, gf_found_set *set, const float *out, const void *target, graft_error *err)
{
    const gf_detect_options all = {.least = GF_DETECT_ANY,
                                   .every_class = true,
                                   .overlap = GF_DETECT_OVERLAP,
                                   .candidates = GF_DETECT_CANDIDATES,
                                   .most = GF_DETECTED_MOST};
    const gf_boxes_target *of = target;
    for (uint32_t i = 0; i < of->objects; i++) {
        const gf_object *o = &of->object[i];
        gf_truth truth = {
            .image = set->images, .category = o->class_id, .box = within(&o->box, &of->image), .crowd = o->ignored};
        truth.area = truth.box.w * truth.box.h;
        GF_TRY(gf_found_set_truth(set, &truth, err));
    }
    return look(t, set, out, &(gf_found_image){of->sample, of->image}, &all, err);
}

const gf_task_class gf_task_detect = {.name = "detect",
                                      .help = "boxes of objects, each of a class",
                                      .metrics = "loss,AP,AP50",
                                      .target_bytes = sizeof(gf_boxes_target),
                                      .outputs = outputs,
                                      .begin_head = begin_head,
                                      .bind = bind,
                                      .fits = fits,
                                      .scratch = scratch_bytes,
                                      .weigh = aim,
                                      .step = step,
                                      .keep = keep,
                                      .look = look};
