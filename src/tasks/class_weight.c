/* class_weight.c - what the samples of a class weigh in the loss of training. */
#include "tasks/task.h"

#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static graft_status wrong(const char *word, size_t n, const char *why, graft_error *err)
{
    enum { SHOWN = 60 };
    char shown[SHOWN + 1];
    snprintf(shown, sizeof shown, "%.*s", (int)(n < SHOWN ? n : SHOWN), word);
    return gf_fail(err, GF_E_OPTION_VALUE, "none, balanced, sqrt, or as in cat=2,dog=0.5", "class weight \"%s\": %s",
                   GF_ESC(shown), why);
}

/* n / (classes n_c), or its root; a mean of 1 over the images. */
static void by_counts(float *weight, const gf_task_options *o, bool root)
{
    double n = 0, present = 0, mean = 0;
    for (int c = 0; c < o->classes; c++) {
        n += (double)o->images[c];
        present += o->images[c] > 0;
    }
    for (int c = 0; c < o->classes; c++) {
        double w = o->images[c] ? n / (present * (double)o->images[c]) : 1;
        weight[c] = (float)(root ? sqrt(w) : w);
        mean += (double)o->images[c] * (root ? sqrt(w) : w) / n;
    }
    for (int c = 0; c < o->classes && root; c++) weight[c] = o->images[c] ? (float)((double)weight[c] / mean) : 1;
}

/* Samples without the class over those with it, or its root; at most 20. */
static void by_absence(float *weight, const gf_task_options *o, bool root)
{
    const double most = 20;
    for (int c = 0; c < o->classes; c++) {
        double n = (double)o->images[c], w = n > 0 ? ((double)o->all - n) / n : 1;
        weight[c] = (float)fmin(root ? sqrt(w) : w, most);
    }
}

/* "cat=2" */
static graft_status one(float *weight, const gf_task_options *o, const char *word, size_t n, graft_error *err)
{
    const double largest = 1e6;
    double value;
    size_t name = n;
    while (name && word[name - 1] != '=') name--;
    if (name < 2) return wrong(word, n, "is no CLASS=WEIGHT", err);
    if (!gf_number_parse(word + name, n - name, &value) || !(value >= 0 && value <= largest)) {
        return wrong(word, n, "the weight must be a number from 0 to 1e6", err);
    }
    if (!o->class_name) return GRAFT_OK;
    for (int c = 0; c < o->classes; c++) {
        if (strlen(o->class_name[c]) != name - 1 || memcmp(o->class_name[c], word, name - 1)) continue;
        weight[c] = (float)value;
        return GRAFT_OK;
    }
    return wrong(word, n, "the data have no such class", err);
}

graft_status gf_class_weights(float **weight, const gf_task_options *o, graft_error *err)
{
    const char *text = o->class_weight;
    *weight = NULL;
    if (!text || !strcmp(text, "none")) return GRAFT_OK;
    float *w = gf_new_n((size_t)o->classes, float);
    if (!w) return gf_fail_memory(err, (size_t)o->classes * sizeof *w, "class weights");
    for (int c = 0; c < o->classes; c++) w[c] = 1;
    graft_status status = GRAFT_OK;
    bool root = !strcmp(text, "sqrt");
    if (root || !strcmp(text, "balanced")) {
        if (o->images && o->sets) by_absence(w, o, root);
        if (o->images && !o->sets) by_counts(w, o, root);
    } else {
        for (const char *s = text; s && status == GRAFT_OK;) {
            size_t n = strcspn(s, ",");
            status = one(w, o, s, n, err);
            s = s[n] ? s + n + 1 : NULL;
        }
    }
    if (status == GRAFT_OK) *weight = w;
    if (status != GRAFT_OK) gf_free(w);
    return status;
}
