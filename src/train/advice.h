/* advice.h - what to train of a pretrained network, by how many images there are and how much they are like those that
 * it was trained on: the table of the transfer-learning tutorials; and how alike they are, measured.
 *
 * Batch normalization knows the mean that each of its channels had over the images of pretraining: its beta, where the
 * statistics are fixed. How far the channels' means over other images are from it, in units of gamma, is their
 * distance: 0.14 to 0.16 of photos of pets, flowers and things, 0.35 of solar cells, 0.75 of noise, for MobileNetV2. */
#ifndef GF_TRAIN_ADVICE_H
#define GF_TRAIN_ADVICE_H

#include "graph/model.h"

typedef enum gf_amount { GF_SMALL, GF_MEDIUM, GF_LARGE } gf_amount;                 /* of images */
typedef enum gf_likeness { GF_LIKE_HIGH, GF_LIKE_MEDIUM, GF_LIKE_LOW } gf_likeness; /* to those of pretraining */

const char *gf_amount_name(gf_amount a);     /* "small" */
const char *gf_likeness_name(gf_likeness l); /* "high" */
gf_amount gf_amount_of(uint64_t images);     /* below 1,000; up to 10,000; more */
gf_likeness gf_likeness_of(double distance);
/* False: there is none of that name. */
bool gf_likeness_find(const char *name, gf_likeness *out);

typedef struct gf_advice {
    int last;               /* layers of the backbone that are fine-tuned behind the head; -1: all */
    const char *what, *why; /* for people */
    bool more_changes;      /* more random changes than by default: train.augment medium */
    double lr;              /* of fine-tuning */
} gf_advice;
gf_advice gf_advice_of(gf_amount a, gf_likeness l);

/* The distance over the layers of batch normalization whose outputs calibration saw as they leave them (the model has
 * ranges, calibrate.h); NaN: there are none, *layers is 0. */
double gf_likeness_measure(const gf_model *m, int *layers);

#endif
