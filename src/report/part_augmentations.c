/* part_augmentations.c - one photo as training sees it again and again. */
#include "report/page.h"

static graft_status draw(gf_canvas **out, const gf_run_record *r, const gf_theme *theme, graft_error *err)
{
    gf_photo_grid grid = {
        "Augmentations of one photo", NULL, gf_first_photos(r->augmentations, GF_NINE), GF_CAPTION_NONE, 3, 200};
    return gf_plot_grid(out, &grid, r, theme, err);
}

static graft_status add_augmentations(gf_page *p)
{
    if (!p->r->augmentations.n) return GRAFT_OK;
    gf_page_add(p, "<h3>Augmentations of one photo</h3>\n");
    return gf_page_photos(p, p->r->augmentations, GF_NINE, GF_CAPTION_NONE, false);
}

const gf_report_part gf_report_part_augmentations = {
    .name = "augmentations", .plot = {"augmentations.png", draw}, .section = add_augmentations};
