/* Any bytes as COCO's labels and results, one behind the other with a 0 between: what is accepted can be evaluated. */
#include "boxes/coco_eval.h"
#include "boxes/coco_json.h"

#include "base/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size ? memchr(data, 0, size) : NULL;
    size_t first = end ? (size_t)(end - data) : size, second = end ? size - first - 1 : 0;
    gf_coco_truth t;
    gf_detection *found;
    size_t n;
    if (gf_coco_parse_truth(&t, (const char *)data, first, "truth", NULL) != GRAFT_OK) return 0;
    if (end && gf_coco_parse_results(&found, &n, &t, (const char *)end + 1, second, "results", NULL) == GRAFT_OK) {
        gf_detection_set set = {t.image, t.category, t.images, t.categories, t.truth, t.truths, found, n};
        gf_coco c;
        if (t.categories * t.images < 10000 && gf_coco_evaluate(&c, &set, NULL) == GRAFT_OK) {
            if (!(c.stat[GF_COCO_AP] >= -1 && c.stat[GF_COCO_AP] <= 1)) abort();
            gf_coco_free(&c);
        }
        gf_free(found);
    }
    gf_coco_truth_free(&t);
    return 0;
}
