/* Any bytes as a VOC file: what is taken are boxes of finite numbers, of classes that there are. */
#include "annotations/voc.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const gf_names none;
    gf_xml x;
    gf_annotations a = {0};
    if (gf_xml_parse(&x, data, size, "voc", NULL) != GRAFT_OK) return 0;
    const gf_voc_file v = {.name = "voc", .rename = &none, .inclusive = gf_voc_is_inclusive(&x, GF_VOC_AUTO)};
    if (gf_voc_take(&v, &x, &a, NULL) != GRAFT_OK) abort();
    for (size_t i = 0; i < a.boxes; i++) {
        const gf_box *b = &a.box[i].box;
        if (a.box[i].class_id >= a.classes.n || !isfinite(b->x + b->y + b->w + b->h)) abort();
    }
    gf_annotations_free(&a);
    gf_xml_free(&x);
    return 0;
}
