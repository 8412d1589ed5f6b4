/* part_predictions.c - predictions spread over the judged set. */
#include "report/page.h"

static graft_status draw(gf_canvas **out, const gf_run_record *r, const gf_theme *theme, graft_error *err)
{
    gf_photo_grid grid = {"Predictions",
                          GF_PREDICTIONS_KEY,
                          gf_first_photos(r->predictions, GF_MOST_PHOTOS),
                          GF_CAPTION_PREDICTION,
                          4,
                          180};
    return gf_plot_grid(out, &grid, r, theme, err);
}

static graft_status add_predictions(gf_page *p)
{
    if (!p->r->predictions.n) return GRAFT_OK;
    gf_page_add(p, "<h2>Predictions</h2>\n<p class=\"muted\">" GF_PREDICTIONS_KEY "</p>\n");
    return gf_page_photos(p, p->r->predictions, GF_MOST_PHOTOS, GF_CAPTION_PREDICTION, false);
}

const gf_report_part gf_report_part_predictions = {
    .name = "predictions", .plot = {"predictions.png", draw}, .section = add_predictions};
