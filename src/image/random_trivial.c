/* torchvision's TrivialAugmentWide (Mueller and Hutter, 2021): one operation of fourteen, of a random strength. */
#include "image/torch_ops.h"

static void draw(const gf_change_args *args, gf_rng *rng, int h, int w, gf_transform *t)
{
    static const gf_torch_space space = {0.99f, 32, 135, 0.99f, 6};
    (void)args;
    int op = (int)gf_rng_below(rng, GF_TORCH_OPS), bin = (int)gf_rng_below(rng, GF_TORCH_BINS);
    gf_torch_op(&space, op, bin, rng, h, w, t);
}

const gf_random_change_class gf_random_change_trivial = {
    .families = GF_CHANGE_OWN | GF_CHANGE_TORCH,
    .name = "trivial",
    .aliases = "trivial-augment-wide",
    .help = "TrivialAugmentWide: one random operation",
    .stream = 25,
    .draw = draw,
};
