/* part_found.c - what a detector finds in images of the judged set. */
#include "report/page.h"

static const char key[] = "Labelled boxes are green, found ones orange, or red where they are wrong.";

static graft_status draw(gf_canvas **out, const gf_run_record *r, const gf_theme *theme, graft_error *err)
{
    gf_photo_grid grid = {"Detections", key, gf_first_photos(r->found, GF_MOST_PHOTOS), GF_CAPTION_NONE, 3, 240};
    return gf_plot_grid(out, &grid, r, theme, err);
}

static graft_status add_found(gf_page *p)
{
    if (!p->r->found.n) return GRAFT_OK;
    gf_page_add(p, "<h2>Detections</h2>\n<p class=\"muted\">");
    gf_page_add(p, key);
    gf_page_add(p, "</p>\n");
    return gf_page_photos(p, p->r->found, GF_MOST_PHOTOS, GF_CAPTION_NONE, false);
}

const gf_report_part gf_report_part_found = {.name = "found", .plot = {"detections.png", draw}, .section = add_found};
