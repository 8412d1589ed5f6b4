/* createml.h - one parsed CreateML file into a set: the part that only sees bytes. */
#ifndef GF_ANNOTATIONS_CREATEML_H
#define GF_ANNOTATIONS_CREATEML_H

#include "annotations/format.h"
#include "json/json.h"

/* The name of the item's image; NULL: it is no item. */
const char *gf_createml_image(const gf_json *item);
/* Adds the boxes of item number `at` of the file `name` to the set's image `image`. */
graft_status gf_createml_take(gf_annotations *to, const gf_names *rename, const gf_json *item, size_t image,
                              const char *name, size_t at, graft_error *err);

#endif
