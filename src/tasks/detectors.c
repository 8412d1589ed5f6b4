/* detectors.c - the table of detectors.def, and its lookup. */
#include "base/arguments.h"
#include "tasks/detector.h"

#include <string.h>

#define GF_DETECTOR(x) extern const gf_detector_class gf_detector_##x;
#include "tasks/detectors.def"
#undef GF_DETECTOR

static const gf_detector_class *const classes[] = {
#define GF_DETECTOR(x) &gf_detector_##x,
#include "tasks/detectors.def"
#undef GF_DETECTOR
};
enum { CLASSES = sizeof classes / sizeof *classes };

const gf_detector_class *gf_detector_at(size_t i) { return i < CLASSES ? classes[i] : NULL; }

static const char *name_at(size_t i) { return i < CLASSES ? classes[i]->name : NULL; }

graft_status gf_detector_parse(const gf_detector_class **out, const char *name, graft_error *err)
{
    size_t i = name ? gf_name_find(name_at, name, strlen(name)) : 0;
    *out = gf_detector_at(i);
    return *out ? GRAFT_OK : gf_name_fail(GF_E_OPTION_VALUE, "detector", name_at, name, strlen(name), err);
}

void gf_detector_words(gf_text *text)
{
    for (size_t i = 0; i < CLASSES; i++) gf_text_printf(text, "%s - %s\n", classes[i]->name, classes[i]->help);
}
