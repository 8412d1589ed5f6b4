/* torchvision's RandAugment (Cubuk et al., 2019): so many operations of fourteen, all as strong. */
#include "image/torch_ops.h"

enum { OPERATIONS, MAGNITUDE };
static const gf_change_arg rows[] = {
    [OPERATIONS] = {.name = "operations",
                    .kind = GF_CHANGE_WHOLE,
                    .min = 1,
                    .max = 8,
                    .default_value = "2",
                    .help = "one after the other"},
    [MAGNITUDE] =
        {.name = "magnitude", .kind = GF_CHANGE_WHOLE, .max = GF_TORCH_BINS - 1, .default_value = "9", .help = "of 30"},
};

static int times(const gf_change_args *args) { return (int)args->value[OPERATIONS].low; }

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    static const gf_torch_space space = {0.3f, 150.0f / 331, 30, 0.9f, 4};
    int op = (int)gf_rng_below(rng, GF_TORCH_OPS);
    gf_torch_op(&space, op, (int)args->value[MAGNITUDE].low, rng, h, w, t);
}

const gf_random_change_class gf_random_change_randaugment = {
    .families = GF_CHANGE_OWN | GF_CHANGE_TORCH,
    .name = "randaugment",
    .help = "RandAugment: a few random operations",
    GF_ROWS_OF(rows),
    .stream = 24,
    .draw = draw,
    .times = times,
};
