/* classify.h - picture classification: its loss and what its outputs mean. Two classes share one logit (sigmoid, binary
 * cross-entropy); more have one each (softmax, categorical cross-entropy). */
#ifndef GF_TASKS_CLASSIFY_H
#define GF_TASKS_CLASSIFY_H

#include <stddef.h>
#include <stdint.h>

/* Logits a picture for so many classes. */
size_t gf_classify_outputs(int classes);

/* For n pictures, each by itself: loss[i] and predicted[i]; diff (may be NULL) gets d(scale * loss)/d(logits).
 *   two classes: loss = max(z, 0) - z y + log(1 + exp(-|z|)), diff = scale (sigmoid(z) - y), class 1 where z > 0
 *   more:        loss = log sum exp(z - max) + max - z[y],     diff = scale (softmax(z) - [y]) */
void gf_classify_loss(const float *logits, const int32_t *label, size_t n, int classes, float scale, float *diff,
                      float *loss, int32_t *predicted);

/* Probabilities of all classes of one picture. */
void gf_classify_probabilities(const float *logits, int classes, float *p);

#endif
