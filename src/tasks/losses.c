/* losses.c - the table of losses. */
#include "tasks/loss.h"

const gf_loss_class *gf_loss_class_at(size_t i)
{
    static const gf_loss_class *const table[] = {
#define GF_LOSS(x) &gf_loss_##x,
#include "tasks/losses.def"
#undef GF_LOSS
    };
    return i < sizeof table / sizeof *table ? table[i] : NULL;
}
