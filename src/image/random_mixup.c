/* Two images blended (Zhang et al., 2017): Keras's MixUp. */
#include "image/random_change.h"

#include "base/distribution.h"

static const gf_change_arg rows[] = {
    {.name = "alpha",
     .kind = GF_CHANGE_NUMBER,
     .min = 0.001,
     .max = 100,
     .default_value = "0.2",
     .help = "of the beta distribution of their shares: small, mostly one of them; 1, all shares alike"},
};

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    (void)h, (void)w;
    double alpha = args->value[0].low;
    t->mix.lambda = (float)gf_rng_beta(rng, alpha, alpha);
}

const gf_random_change_class gf_random_change_mixup = {
    .families = GF_CHANGE_OWN | GF_CHANGE_KERAS,
    .name = "mixup",
    .help = "two images and their targets blended",
    GF_ROWS_OF(rows),
    .stream = 26,
    .draw = draw,
    .mixes = true,
};
