/* voc.h - one parsed VOC file into a set: the part that only sees bytes. */
#ifndef GF_ANNOTATIONS_VOC_H
#define GF_ANNOTATIONS_VOC_H

#include "annotations/format.h"
#include "base/number.h"
#include "markup/xml.h"

typedef struct gf_voc_file {
    const char *name; /* for messages */
    size_t image;     /* the set's image that it is of */
    bool inclusive;   /* whole pixels from 1 */
    const gf_names *rename;
} gf_voc_file;

bool gf_voc_is_inclusive(const gf_xml *x, gf_voc_pixels pixels);
/* Adds the objects that have boxes. What is wrong with one is a problem of the set. */
graft_status gf_voc_take(const gf_voc_file *v, const gf_xml *x, gf_annotations *to, graft_error *err);

#endif
