/* A rectangle of another image put in (Yun et al., 2019). It lies wholly inside, so that the share of the area is the
 * share of the target. */
#include "image/random_change.h"

#include "base/distribution.h"

#include <math.h>

static const gf_change_arg rows[] = {
    {.name = "alpha",
     .kind = GF_CHANGE_NUMBER,
     .min = 0.001,
     .max = 100,
     .default_value = "1",
     .help = "of the beta distribution of the areas' shares: 1, all shares alike"},
};

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    double alpha = args->value[0].low, share = sqrt(1 - gf_rng_beta(rng, alpha, alpha));
    gf_rect r = {.w = (int)rint(share * w), .h = (int)rint(share * h)};
    r.y = (int)gf_rng_below(rng, (uint32_t)(h - r.h) + 1);
    r.x = (int)gf_rng_below(rng, (uint32_t)(w - r.w) + 1);
    if (r.w < 1 || r.h < 1) return;
    t->mix.rect = r;
    t->mix.lambda = (float)(1 - (double)r.w * r.h / ((double)w * h));
}

const gf_random_change_class gf_random_change_cutmix = {
    .families = GF_CHANGE_OWN,
    .name = "cutmix",
    .help = "a rectangle of another image put in, targets likewise",
    GF_ROWS_OF(rows),
    .stream = 27,
    .draw = draw,
    .mixes = true,
};
