/* Any bytes as a CreateML file: what is taken are boxes of finite numbers, of classes that there are. */
#include "annotations/createml.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const gf_names none;
    gf_json *document = NULL;
    gf_annotations a = {0};
    if (gf_json_parse(&document, (const char *)data, size, "createml", NULL) != GRAFT_OK) return 0;
    for (size_t i = 0; i < gf_json_size(document); i++) {
        const gf_json *item = gf_json_at(document, i);
        if (gf_createml_image(item) && gf_createml_take(&a, &none, item, 0, "createml", i, NULL) != GRAFT_OK) abort();
    }
    for (size_t i = 0; i < a.boxes; i++) {
        const gf_box *b = &a.box[i].box;
        if (a.box[i].class_id >= a.classes.n || !isfinite(b->x + b->y + b->w + b->h)) abort();
    }
    gf_annotations_free(&a);
    gf_json_free(document);
    return 0;
}
