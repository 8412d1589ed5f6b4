#include "tasks/classify.h"

#include <math.h>

size_t gf_classify_outputs(int classes) { return classes == 2 ? 1 : (size_t)classes; }

static float sigmoid(float z)
{
    float e = expf(-fabsf(z)); /* never overflows */
    return z >= 0 ? 1 / (1 + e) : e / (1 + e);
}

static int32_t largest(const float *z, int n)
{
    int at = 0;
    for (int i = 1; i < n; i++) {
        if (z[i] > z[at]) at = i;
    }
    return at;
}

static void softmax(const float *z, int n, float *p)
{
    float top = z[largest(z, n)], sum = 0;
    for (int i = 0; i < n; i++) sum += p[i] = expf(z[i] - top);
    for (int i = 0; i < n; i++) p[i] /= sum;
}

static void binary_loss(float z, int32_t y, float scale, float *diff, float *loss, int32_t *predicted)
{
    *loss = fmaxf(z, 0) - z * (float)y + log1pf(expf(-fabsf(z)));
    if (!(fabsf(z) <= INFINITY)) *loss = z; /* fmaxf would hide a NaN */
    *predicted = z > 0;
    if (diff) *diff = scale * (sigmoid(z) - (float)y);
}

static void categorical_loss(const float *z, int32_t y, int n, float scale, float *diff, float *loss,
                             int32_t *predicted)
{
    *predicted = largest(z, n);
    float top = z[*predicted], sum = 0;
    for (int i = 0; i < n; i++) sum += expf(z[i] - top);
    *loss = logf(sum) + top - z[y];
    if (!diff) return;
    softmax(z, n, diff);
    for (int i = 0; i < n; i++) diff[i] = scale * (diff[i] - (i == y));
}

void gf_classify_loss(const float *logits, const int32_t *label, size_t n, int classes, float scale, float *diff,
                      float *loss, int32_t *predicted)
{
    size_t k = gf_classify_outputs(classes);
    for (size_t i = 0; i < n; i++) {
        float *d = diff ? diff + i * k : NULL;
        if (k == 1) {
            binary_loss(logits[i], label[i], scale, d, &loss[i], &predicted[i]);
        } else {
            categorical_loss(logits + i * k, label[i], (int)k, scale, d, &loss[i], &predicted[i]);
        }
    }
}

void gf_classify_probabilities(const float *logits, int classes, float *p)
{
    if (classes == 2) {
        p[1] = sigmoid(logits[0]);
        p[0] = 1 - p[1];
    } else {
        softmax(logits, classes, p);
    }
}

void gf_classify_own_probabilities(const float *logits, size_t n, int classes, gf_end end, float *p)
{
    if (n == 1) {
        gf_classify_probabilities(logits, 2, p);
    } else if (end == GF_END_SIGMOID) {
        for (int i = 0; i < classes; i++) p[i] = sigmoid(logits[i]);
    } else {
        softmax(logits, classes, p);
    }
}

void gf_classify_own_loss(const float *logits, size_t n, int32_t label, int classes, gf_end end, float *loss,
                          int32_t *predicted)
{
    if (n == 1) {
        binary_loss(logits[0], label, 1, NULL, loss, predicted);
    } else if (end == GF_END_SIGMOID) {
        float sum = 0;
        for (int i = 0; i < classes; i++) {
            float one;
            int32_t ignored;
            binary_loss(logits[i], i == label, 1, NULL, &one, &ignored);
            sum += one;
        }
        *loss = sum / (float)classes;
        *predicted = largest(logits, classes);
    } else {
        categorical_loss(logits, label, classes, 1, NULL, loss, predicted);
    }
}
