/* part_samples.c - photos of the training set. */
#include "report/page.h"

static graft_status draw(gf_canvas **out, const gf_run_record *r, const gf_theme *theme, graft_error *err)
{
    gf_photo_grid grid = {
        "Samples of the training set", NULL, gf_first_photos(r->samples, GF_NINE), GF_CAPTION_TRUTH, 3, 200};
    return gf_plot_grid(out, &grid, r, theme, err);
}

static graft_status add_samples(gf_page *p)
{
    if (!p->r->samples.n) return GRAFT_OK;
    gf_page_add(p, "<h3>Samples of the training set</h3>\n");
    return gf_page_photos(p, p->r->samples, GF_NINE, GF_CAPTION_TRUTH, false);
}

const gf_report_part gf_report_part_samples = {
    .name = "samples", .plot = {"samples.png", draw}, .section = add_samples};
