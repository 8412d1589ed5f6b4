/* task.h - what is learned, as a class: what the head gives, what a sample's target is, the loss, what outputs mean.
 *
 * The engine, evaluations, predictions, the model file and exports ask the task; none of them knows one by name. A new
 * task: src/tasks/NAME.c with one gf_task_class, and its line in tasks.def. docs/design/tasks.md shows the way of a
 * sample's target from its file to the report. */
#ifndef GF_TASKS_TASK_H
#define GF_TASKS_TASK_H

#include "boxes/detect.h"
#include "graph/model.h"
#include "tasks/loss.h"
#include "tasks/metric.h"

struct gf_found_set;
struct gf_found_image;

typedef struct gf_task_class gf_task_class;

typedef struct gf_task {
    const gf_task_class *cls;
    int classes;
    gf_end end; /* what stands behind the outputs of a classifier that was kept as another tool made it */
    gf_loss loss;
    float *class_weight; /* one per class, owned; NULL: all 1 */
    gf_grids places;     /* of a detector */
    gf_labelling labels; /* of samples with any number of them: the data's sets, the model's thresholds; borrowed */
    double beta; /* what outputs are multiplied by before they become probabilities: one over a temperature; 0: as they
                    are */
} gf_task;

/* All but classes may be NULL or 0. Texts and arrays are borrowed for the length of the call. */
typedef struct gf_task_options {
    const char *name; /* of the task; NULL: the first of the list */
    int classes;
    gf_end end;
    const char *loss;              /* gf_loss_parse */
    const char *class_weight;      /* "none", "balanced", "sqrt" or "CLASS=WEIGHT,.." */
    const char *const *class_name; /* for the last of those */
    const uint64_t *images;        /* of the training set, per class: for "balanced" and "sqrt" */
    uint64_t all;                  /* images, where they are of any number of classes */
    const gf_label_sets *sets;     /* those of the data, which stay; NULL: images are of one class each */
} gf_task_options;

/* n samples through the task. */
typedef struct gf_task_batch {
    size_t n, width;    /* samples; outputs of each */
    const float *out;   /* n x width: what the network gave */
    const void *target; /* n x target_bytes */
    bool training;  /* the loss that training makes smaller, with the classes' weights; else that of an evaluation */
    float scale;    /* of diff */
    size_t samples; /* with training: of the step; its loss is the mean of so many */
    void *scratch;  /* of the task's `scratch` bytes; holds nothing */
    float *diff;    /* n x width: d(scale * sum of losses)/d(out); NULL: not wanted */
    float *spare;   /* with diff: width, which holds nothing */
    float *loss;    /* n */
    int32_t *truth; /* n: the class that the target says; NULL: not wanted */
    int32_t *predicted; /* n: the class that the outputs say; of several labels the set, -1 where it is another */
    float *score;       /* n x classes, larger where likelier; NULL: not wanted */
} gf_task_batch;

struct gf_task_class {
    const char *name; /* "classify" */
    const char *help;
    const char *metrics;            /* that are always measured, "loss,accuracy" */
    bool labels;                    /* a sample is of any number of classes: gf_task.labels says which */
    size_t target_bytes;            /* of a sample */
    size_t (*outputs)(int classes); /* numbers per sample that the head gives */
    /* Its head on layer `last` (gf_head_spec.add); NULL: what --head says. */
    graft_status (*add_head)(gf_model *m, int last, int classes, float dropout, graft_error *err);
    bool (*fits)(const gf_task *t, const gf_model *m); /* the model's output is this task's */
    void (*begin_head)(gf_model *m); /* sets a new head's values where it is not to begin as any other; NULL: it is */
    void (*bind)(gf_task *t, const gf_model *m); /* takes what it needs of the model that it is for; NULL: nothing */
    size_t (*scratch)(const gf_task *t);         /* bytes that step and weigh need; NULL: none */
    /* What sample i of a batch weighs in the step: its loss is divided by the sum over the batch, at least 1, instead
     * of by the number of samples. All forwards come before any backward then. NULL: each weighs the same. */
    double (*weigh)(const gf_task *t, const gf_task_batch *b, size_t i);
    /* Losses, gradients, predictions and scores: each sample by itself, in order, with nothing allocated. */
    void (*step)(const gf_task *t, const gf_task_batch *b);
    /* Probabilities of all classes of one sample: p[classes] from out[width]. NULL: a sample is of no one class. */
    void (*decode)(const gf_task *t, const float *out, size_t width, float *p);
    /* Adds what was to be found in a sample, and what was, to a set that is measured as a whole; NULL: there is no such
     * thing. E5001. */
    graft_status (*keep)(const gf_task *t, struct gf_found_set *set, const float *out, const void *target,
                         graft_error *err);
    /* Adds what is found in an image, by those options; NULL likewise. E5001. */
    graft_status (*look)(const gf_task *t, struct gf_found_set *set, const float *out,
                         const struct gf_found_image *image, const gf_detect_options *o, graft_error *err);
};

/* ---- every task (tasks.def) */

#define GF_TASK(x) extern const gf_task_class gf_task_##x;
#include "tasks/tasks.def"
#undef GF_TASK
const gf_task_class *gf_task_class_at(size_t i); /* NULL behind the last */

/* NULL: there is none of that name. `name` NULL or "": the first. */
const gf_task_class *gf_task_find(const char *name);
void gf_task_words(gf_text *text);

/* E3002 for options that are none. On failure there is nothing to close. */
graft_status gf_task_open(gf_task *t, const gf_task_options *o, graft_error *err);
void gf_task_close(gf_task *t); /* takes a zeroed one */
/* What it needs of the model that it is for. */
void gf_task_bind(gf_task *t, const gf_model *m);
size_t gf_task_scratch(const gf_task *t);     /* bytes; at least 1 */
const gf_task_class *gf_task_of_labels(void); /* the one whose samples are of any number of classes */
/* What it measures its samples by; NULL: they are of one class each, or boxes. */
const gf_labelling *gf_task_labelling(const gf_task *t);
unsigned gf_task_measures(const gf_task_class *c); /* GF_OF_.. */
/* The task that a finished model is for, with the default loss; owns nothing. */
gf_task gf_task_of_model(const gf_model *m, const char *name);

/* *weight (gf_free; NULL: all 1): "balanced" is n / (classes n_c), "sqrt" its root, both with mean 1 over the images;
 * of images with any number of classes (n - n_c) / n_c, at most 20, and its root; a class that is not named, or has no
 * images, weighs 1. Without names and images only the text is checked. */
graft_status gf_class_weights(float **weight, const gf_task_options *o, graft_error *err);

#endif
