/* The table of architectures and its lookup, nothing else: the extension tests compile it a second time. */
#include "zoo/zoo.h"

#include <string.h>

static const gf_architecture *const architectures[] = {
#define GF_ARCHITECTURE(x) &gf_architecture_##x,
#include "zoo/architectures.def"
#undef GF_ARCHITECTURE
};

const gf_architecture *gf_zoo_at(size_t i)
{
    return i < sizeof architectures / sizeof *architectures ? architectures[i] : NULL;
}

const gf_architecture *gf_zoo_find(const char *name)
{
    for (size_t i = 0; gf_zoo_at(i); i++) {
        if (!strcmp(gf_zoo_at(i)->name, name)) return gf_zoo_at(i);
    }
    return NULL;
}
