/* layouts.c - the table of layouts.def, and nothing else. */
#include "data/layouts.h"

#define GF_LAYOUT(x) extern const gf_layout_class gf_layout_##x;
#include "data/layouts.def"
#undef GF_LAYOUT

static const gf_layout_class *const classes[] = {
#define GF_LAYOUT(x) &gf_layout_##x,
#include "data/layouts.def"
#undef GF_LAYOUT
};

const gf_layout_class *gf_layout_at(size_t i) { return i < sizeof classes / sizeof *classes ? classes[i] : NULL; }
