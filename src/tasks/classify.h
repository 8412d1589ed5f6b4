/* classify.h - image classification: its loss and what its outputs mean. Two classes share one logit (sigmoid, binary
 * cross-entropy); more have one each (softmax, categorical cross-entropy). */
#ifndef GF_TASKS_CLASSIFY_H
#define GF_TASKS_CLASSIFY_H

#include "graph/model.h"

#include <stddef.h>
#include <stdint.h>

/* The metrics that are always measured of it. */
#define GF_CLASSIFY_METRICS "loss,accuracy"

/* Logits an image for so many classes. */
size_t gf_classify_outputs(int classes);

/* For n images, each by itself: loss[i] and predicted[i]; diff (may be NULL) gets d(scale * loss)/d(logits).
 *   two classes: loss = max(z, 0) - z y + log(1 + exp(-|z|)), diff = scale (sigmoid(z) - y), class 1 where z > 0
 *   more:        loss = log sum exp(z - max) + max - z[y],     diff = scale (softmax(z) - [y]) */
void gf_classify_loss(const float *logits, const int32_t *label, size_t n, int classes, float scale, float *diff,
                      float *loss, int32_t *predicted);

/* Probabilities of all classes of one image. */
void gf_classify_probabilities(const float *logits, int classes, float *p);

/* The same of a classifier that was kept as another tool made it: n logits, as many as classes (or one of two), which
 * `end` says the meaning of. Of a sigmoid they are of each class by itself; where nothing stands behind the logits, or
 * a logarithm, they are those of a softmax. */
void gf_classify_own_probabilities(const float *logits, size_t n, int classes, gf_end end, float *p);

/* Loss of one image of class `label`, and its likeliest class. With a sigmoid: the mean of the classes' binary
 * cross-entropies. */
void gf_classify_own_loss(const float *logits, size_t n, int32_t label, int classes, gf_end end, float *loss,
                          int32_t *predicted);

#endif
