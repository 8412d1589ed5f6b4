#include "report/plots.h"

#include "base/alloc.h"
#include "base/io.h"

gf_photos gf_first_photos(gf_photos photos, size_t most)
{
    return (gf_photos){photos.item, photos.n < most ? photos.n : most};
}

graft_status gf_plot_write(gf_canvas *sheet, const char *path, graft_error *err)
{
    uint8_t *png;
    size_t n;
    graft_status status = gf_canvas_png(sheet, &png, &n, err);
    gf_canvas_destroy(sheet);
    if (status == GRAFT_OK) status = gf_file_write(path, &(gf_bytes){png, n}, 1, err);
    gf_free(png);
    return status;
}

graft_status gf_plot_grid(gf_canvas **out, const gf_photo_grid *grid, const gf_run_record *r, const gf_theme *theme,
                          graft_error *err)
{
    *out = NULL;
    bool drawn = grid->photos.n && !grid->photos.item[0].text; /* texts are read on the page */
    return drawn ? gf_plot_photos(out, grid, r, theme, err) : GRAFT_OK;
}
