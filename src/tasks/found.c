#include "tasks/found.h"

#include "base/alloc.h"

graft_status gf_found_set_truth(gf_found_set *s, const gf_truth *truth, graft_error *err)
{
    if (!gf_grow(&s->truth, s->truths, &s->cap_truths))
        return gf_fail_memory(err, s->truths * sizeof *truth, "objects of an evaluation");
    s->truth[s->truths++] = *truth;
    return GRAFT_OK;
}

graft_status gf_found_set_add(gf_found_set *s, const gf_detection *found, graft_error *err)
{
    if (!gf_grow(&s->found, s->n, &s->cap)) return gf_fail_memory(err, s->n * sizeof *found, "detections");
    s->found[s->n++] = *found;
    return GRAFT_OK;
}

/* 0, 1, 2 .. */
static int64_t *numbers(int64_t n)
{
    int64_t *id = gf_new_n((size_t)n, int64_t);
    for (int64_t i = 0; i < n && id; i++) id[i] = i;
    return id;
}

graft_status gf_found_set_measure(gf_found_set *s, graft_error *err)
{
    if (!s->images) return GRAFT_OK;
    int64_t *image = numbers(s->images), *category = numbers(s->classes);
    gf_coco c = {0};
    graft_status status = GRAFT_OK;
    if (!image || !category) status = gf_fail_memory(err, (size_t)s->images * sizeof *image, "an evaluation");
    const gf_detection_set set = {image,    category,  (size_t)s->images, (size_t)s->classes,
                                  s->truth, s->truths, s->found,          s->n};
    if (status == GRAFT_OK) status = gf_coco_evaluate(&c, &set, err);
    for (int i = 0; i < GF_COCO_STATS && status == GRAFT_OK; i++) s->stat[i] = c.stat[i];
    s->measured = status == GRAFT_OK;
    gf_coco_free(&c);
    gf_free(image);
    gf_free(category);
    return status;
}

void gf_found_set_clear(gf_found_set *s)
{
    s->truths = s->n = 0;
    s->images = s->classes = 0;
    s->measured = false;
}

void gf_found_set_free(gf_found_set *s)
{
    gf_free(s->truth);
    gf_free(s->found);
    *s = (gf_found_set){0};
}
