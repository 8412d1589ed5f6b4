#include "report/plots.h"

static gf_photos first(gf_photos photos, size_t most)
{
    return (gf_photos){photos.item, photos.n < most ? photos.n : most};
}

static graft_status draw_curves(gf_canvas **out, const gf_run_record *r, const gf_theme *theme, graft_error *err)
{
    *out = NULL;
    if (!r->history || !r->history->n) return GRAFT_OK;
    return gf_plot_curves(out, r->history, r->best_epoch, theme, err);
}

static graft_status draw_grid(gf_canvas **out, gf_photo_grid grid, const gf_run_record *r, const gf_theme *theme,
                              graft_error *err)
{
    *out = NULL;
    return grid.photos.n ? gf_plot_photos(out, &grid, r, theme, err) : GRAFT_OK;
}

static graft_status draw_samples(gf_canvas **out, const gf_run_record *r, const gf_theme *theme, graft_error *err)
{
    gf_photo_grid grid = {"Samples of the training set", NULL, first(r->samples, 9), GF_CAPTION_TRUTH, 3, 200};
    return draw_grid(out, grid, r, theme, err);
}

static graft_status draw_augmentations(gf_canvas **out, const gf_run_record *r, const gf_theme *theme, graft_error *err)
{
    gf_photo_grid grid = {"Augmentations of one photo", NULL, first(r->augmentations, 9), GF_CAPTION_NONE, 3, 200};
    return draw_grid(out, grid, r, theme, err);
}

static graft_status draw_predictions(gf_canvas **out, const gf_run_record *r, const gf_theme *theme, graft_error *err)
{
    gf_photo_grid grid = {"Predictions", GF_PREDICTIONS_KEY, first(r->predictions, 12), GF_CAPTION_PREDICTION, 4, 180};
    return draw_grid(out, grid, r, theme, err);
}

static graft_status draw_confusion(gf_canvas **out, const gf_run_record *r, const gf_theme *theme, graft_error *err)
{
    *out = NULL;
    const char *name;
    const gf_metrics *m = gf_record_final(r, &name);
    if (!m || !m->confusion || !r->n_classes) return GRAFT_OK;
    return gf_plot_confusion(out, m->confusion, r, name, theme, err);
}

const gf_plot gf_plots[] = {
    {"curves.png", draw_curves},           {"samples.png", draw_samples},     {"augmentations.png", draw_augmentations},
    {"predictions.png", draw_predictions}, {"confusion.png", draw_confusion},
};
const size_t gf_n_plots = sizeof gf_plots / sizeof *gf_plots;
