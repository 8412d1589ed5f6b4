#include "tasks/found.h"

#include "base/alloc.h"

gf_detect_options gf_threshold_options(const gf_threshold *t)
{
    const bool chosen = t->confidence > 0;
    return (gf_detect_options){.least = chosen ? t->confidence : GF_DETECT_CONFIDENCE,
                               .overlap = chosen ? t->overlap : GF_DETECT_OVERLAP,
                               .candidates = GF_DETECT_CANDIDATES,
                               .most = GF_DETECTED_MOST};
}

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

graft_status gf_found_set_image(gf_found_set *s, const gf_found_image *image, graft_error *err)
{
    if (!gf_grow(&s->image, (size_t)s->images, &s->cap_images))
        return gf_fail_memory(err, (size_t)s->images * sizeof *image, "images of an evaluation");
    s->image[s->images++] = *image;
    return GRAFT_OK;
}

/* Both are numbered 0, 1, 2 .. */
graft_status gf_found_view_open(gf_found_view *v, const gf_found_set *s, graft_error *err)
{
    int64_t n = s->images > s->classes ? s->images : s->classes;
    *v = (gf_found_view){.number = gf_new_n((size_t)n, int64_t)};
    if (!v->number) return gf_fail_memory(err, (size_t)n * sizeof *v->number, "an evaluation");
    for (int64_t i = 0; i < n; i++) v->number[i] = i;
    v->set = (gf_detection_set){v->number, v->number, (size_t)s->images, (size_t)s->classes,
                                s->truth,  s->truths, s->found,          s->n};
    return GRAFT_OK;
}

graft_status gf_found_view_against(gf_found_view *v, const gf_found_set *s, const gf_found_set *labelled,
                                   graft_error *err)
{
    GF_TRY(gf_found_view_open(v, s, err));
    v->set.truth = labelled->truth;
    v->set.truths = labelled->truths;
    return GRAFT_OK;
}

void gf_found_view_close(gf_found_view *v)
{
    gf_free(v->number);
    *v = (gf_found_view){0};
}

graft_status gf_found_set_measure(gf_found_set *s, graft_error *err)
{
    gf_found_view v;
    gf_coco c = {0};
    if (!s->images) return GRAFT_OK;
    graft_status status = gf_found_view_open(&v, s, err);
    if (status == GRAFT_OK) status = gf_coco_evaluate(&c, &v.set, err);
    for (int i = 0; i < GF_COCO_STATS && status == GRAFT_OK; i++) s->stat[i] = c.stat[i];
    s->measured = status == GRAFT_OK;
    gf_coco_free(&c);
    gf_found_view_close(&v);
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
    gf_free(s->image);
    gf_free(s->truth);
    gf_free(s->found);
    *s = (gf_found_set){0};
}
