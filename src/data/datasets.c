#include "data/dataset.h"

static const gf_dataset_class *const classes[] = {
#define GF_DATASET(x) &gf_dataset_##x,
#include "data/datasets.def"
#undef GF_DATASET
};

const gf_dataset_class *gf_dataset_class_at(size_t i)
{
    return i < sizeof classes / sizeof *classes ? classes[i] : NULL;
}
