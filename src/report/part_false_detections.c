/* part_false_detections.c - the images with a detector's most confident mistakes: among them labels that are wrong. */
#include "report/page.h"

static graft_status draw(gf_canvas **out, const gf_run_record *r, const gf_theme *theme, graft_error *err)
{
    *out = NULL;
    if (!r->detection) return GRAFT_OK;
    gf_photo_grid grid = {"False detections",
                          "The most confident first, red; labelled boxes are green.",
                          gf_first_photos(r->detection->wrong, GF_MOST_PHOTOS),
                          GF_CAPTION_NONE,
                          3,
                          240};
    return gf_plot_grid(out, &grid, r, theme, err);
}

static graft_status add(gf_page *p)
{
    if (!p->r->detection || !p->r->detection->wrong.n) return GRAFT_OK;
    gf_page_add(p, "<h3>Most confident mistakes</h3>\n<p class=\"muted\">Red, the most confident first. Look at the "
                   "labels of these images: missing and wrong ones are mostly found here.</p>\n");
    return gf_page_photos(p, p->r->detection->wrong, GF_MOST_PHOTOS, GF_CAPTION_NONE, true);
}

const gf_report_part gf_report_part_false_detections = {
    .name = "false_detections", .plot = {"false_detections.png", draw}, .section = add};
