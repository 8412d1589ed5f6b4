/* Any bytes as a file of YOLO labels, and behind a zero byte as a data.yaml: what is taken are shares, of classes that
 * there are. */
#include "annotations/yolo.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void classes(const uint8_t *data, size_t size)
{
    gf_yaml y;
    gf_names names = {0};
    if (gf_yaml_parse(&y, data, size, "yaml", NULL) != GRAFT_OK) return;
    if (gf_yolo_classes(&names, &y, "yaml", NULL) == GRAFT_OK && !names.n) abort();
    gf_names_free(&names);
    gf_yaml_free(&y);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t class_id[] = {0, 1, 2};
    const uint8_t *end = size ? memchr(data, 0, size) : NULL;
    size_t first = end ? (size_t)(end - data) : size;
    if (end) classes(end + 1, size - first - 1);
    gf_annotations a = {0};
    char *text = malloc(first + 1);
    if (!text) return 0;
    if (first) memcpy(text, data, first);
    text[first] = 0;
    if (gf_yolo_take(&a, text, first, class_id, 3, 0, "yolo", NULL) != GRAFT_OK) abort();
    for (size_t i = 0; i < a.boxes; i++) {
        const gf_box *b = &a.box[i].box;
        if (a.box[i].class_id >= 3 || !(fabs(b->x) < 2 && fabs(b->y) < 2 && fabs(b->w) < 2 && fabs(b->h) < 2)) abort();
    }
    gf_annotations_free(&a);
    free(text);
    return 0;
}
