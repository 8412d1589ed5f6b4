#include "report/plots.h"

gf_photos gf_first_photos(gf_photos photos, size_t most)
{
    return (gf_photos){photos.item, photos.n < most ? photos.n : most};
}

graft_status gf_plot_grid(gf_canvas **out, const gf_photo_grid *grid, const gf_run_record *r, const gf_theme *theme,
                          graft_error *err)
{
    *out = NULL;
    return grid->photos.n ? gf_plot_photos(out, grid, r, theme, err) : GRAFT_OK;
}
