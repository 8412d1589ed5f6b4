#include "train/advice.h"

#include "graph/lower.h"

#include <math.h>
#include <string.h>

static const char *const amounts[] = {"small", "medium", "large"}, *const likenesses[] = {"high", "medium", "low"};

const char *gf_amount_name(gf_amount a) { return amounts[a]; }
const char *gf_likeness_name(gf_likeness l) { return likenesses[l]; }

gf_amount gf_amount_of(uint64_t images)
{
    const uint64_t some = 1000, many = 10000;
    return images < some ? GF_SMALL : images > many ? GF_LARGE : GF_MEDIUM;
}

/* Between the photos and the solar cells of the header. */
gf_likeness gf_likeness_of(double distance)
{
    const double near = 0.2, far = 0.3;
    return distance < near ? GF_LIKE_HIGH : distance < far ? GF_LIKE_MEDIUM : GF_LIKE_LOW;
}

bool gf_likeness_find(const char *name, gf_likeness *out)
{
    for (int i = 0; i < 3; i++) {
        *out = (gf_likeness)i;
        if (!strcmp(likenesses[i], name)) return true;
    }
    return false;
}

gf_advice gf_advice_of(gf_amount a, gf_likeness l)
{
    static const gf_advice table[3][3] = {
        {{0, "the classifier only", "the features fit, and few images would only be learned by heart", false, 0},
         {10, "the classifier, then about 10 layers", "the last layers are the most special to what was seen before",
          true, 1e-5},
         {25, "the classifier, then 20 to 30 layers",
          "what was seen before helps in the first layers alone; few images forbid to train more", true, 1e-5}},
        {{5, "the classifier, then the last few layers", "the features fit nearly as they are", false, 1e-5},
         {20, "the classifier, then 20 layers", "there are images enough to adapt the later layers", false, 1e-5},
         {50, "the classifier, then 50 layers", "the later half has to learn other shapes", true, 3e-5}},
        {{20, "the classifier, then 20 layers", "the features fit; more layers gain little", false, 1e-5},
         {50, "the classifier, then 50 layers", "there are images enough for the later half", false, 3e-5},
         {-1, "the classifier, then all layers, or from scratch",
          "there are images enough to learn what was never seen; compare with a run without --weights", false, 1e-4}},
    };
    return table[a][l];
}

double gf_likeness_measure(const gf_model *m, int *layers)
{
    const double small = 1e-3; /* a gamma that is nearly 0 divides by no less */
    double all = 0;
    *layers = 0;
    for (size_t i = 0; i < m->n_layers; i++) {
        bool norm = m->layer[i].cls == &gf_layer_batch_norm;
        const gf_param *gamma = norm ? gf_model_param(m, (int)i, "gamma") : NULL;
        const gf_param *beta = norm ? gf_model_param(m, (int)i, "beta") : NULL;
        const gf_range *range = gf_model_range(m, (int)i);
        double sum = 0;
        size_t seen = 0;
        for (size_t k = 0; gamma && beta && range && k < beta->count; k++) {
            if (!(range[k].high > range[k].low)) continue;
            double away = (double)range[k].mean - (double)m->value[beta->offset + k];
            sum += fabs(away) / (fabs((double)m->value[gamma->offset + k]) + small);
            seen++;
        }
        if (seen) all += sum / (double)seen;
        *layers += seen > 0;
    }
    return *layers ? all / *layers : NAN;
}
