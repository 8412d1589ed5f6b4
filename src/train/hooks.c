/* hooks.c - the table of hooks.def, and nothing else. */
#include "train/hook.h"

#define GF_HOOK(x) extern const gf_hook_class gf_hook_##x;
#include "train/hooks.def"
#undef GF_HOOK

static const gf_hook_class *const classes[] = {
#define GF_HOOK(x) &gf_hook_##x,
#include "train/hooks.def"
#undef GF_HOOK
};

const gf_hook_class *gf_hook_class_at(size_t i) { return i < sizeof classes / sizeof *classes ? classes[i] : NULL; }
