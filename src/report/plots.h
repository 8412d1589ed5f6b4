/* plots.h - the images of a run: one file a plot, one row of the table each. */
#ifndef GF_REPORT_PLOTS_H
#define GF_REPORT_PLOTS_H

#include "report/canvas.h"
#include "report/record.h"

/* Each draws a sheet of its own size; *out is the caller's (gf_canvas_destroy). */

/* A panel for each metric, the loss last, an epoch to the right; training and validation, all phases, the start of each
 * marked, the epoch whose weights were kept ringed (best_epoch, 0: none). Needs a row. */
graft_status gf_plot_curves(gf_canvas **out, const gf_history *history, int32_t best_epoch, const gf_theme *theme,
                            graft_error *err);

/* The loss of steps whose rate grows, as it was and smoothed, and rates that were read off it. */
typedef struct gf_rates {
    const double *lr, *loss, *smooth;
    size_t n;
    struct {
        const char *name;
        double lr; /* NaN: none */
    } mark[3];
} gf_rates;
graft_status gf_plot_rates(gf_canvas **out, const gf_rates *rates, const gf_theme *theme, graft_error *err);

/* Photos in rows under a title. `caption` says what stands below each. */
typedef enum gf_caption { GF_CAPTION_NONE, GF_CAPTION_TRUTH, GF_CAPTION_PREDICTION } gf_caption;
typedef struct gf_photo_grid {
    const char *title, *note; /* note: a line below the title; NULL: none */
    gf_photos photos;
    gf_caption caption;
    int columns;
    double side; /* of a photo, in units */
} gf_photo_grid;
#define GF_PREDICTIONS_KEY "Right in blue, wrong in red, the true class in brackets."
graft_status gf_plot_photos(gf_canvas **out, const gf_photo_grid *grid, const gf_run_record *names,
                            const gf_theme *theme, graft_error *err);

/* Counts and shares of each true class (row), right ones in blue, wrong ones in red; from 41 classes on as a heat map.
 * `title` says which images they are. */
graft_status gf_plot_confusion(gf_canvas **out, const uint64_t *confusion, const gf_run_record *names,
                               const char *title, const gf_theme *theme, graft_error *err);

/* How many of the images told with a probability are right, by that probability, and how many there are. */
graft_status gf_plot_reliability(gf_canvas **out, const gf_reliability *calibration, const char *title,
                                 const gf_theme *theme, graft_error *err);

/* Lines of shares (0 to 1 both ways), those with a name in a legend. */
typedef struct gf_share_line {
    const char *name; /* NULL: none */
    const double (*point)[2];
    size_t n;
    double width;
    uint32_t rgb;
} gf_share_line;
typedef struct gf_shares {
    const char *title, *note, *x, *y; /* y: what the axis is; NULL: the legend says it */
    const gf_share_line *line;
    size_t n;
    double mark; /* a dashed upright line there; NaN: none */
} gf_shares;
graft_status gf_plot_shares(gf_canvas **out, const gf_shares *s, const gf_theme *theme, graft_error *err);

/* Photos, each beside its likeliest classes. `unknown`: the first of them is not sure enough to be told. */
enum { GF_BARS = 5 };
typedef struct gf_bar {
    const char *name;
    double share;
} gf_bar;
typedef struct gf_barred {
    gf_pixels pixels;
    const char *title;
    const gf_bar *bar;
    size_t n;
    bool unknown;
} gf_barred;
graft_status gf_plot_barred(gf_canvas **out, const gf_barred *item, size_t n, const gf_theme *theme, graft_error *err);

/* Runs judged on the same images. Each row's difference is from the first, whose own is NaN. */
typedef struct gf_compared {
    const char *name;
    double accuracy, bounds[2];
    double difference, difference_bounds[2];
} gf_compared;
graft_status gf_plot_compared(gf_canvas **out, const gf_compared *row, size_t n, size_t images, const gf_theme *theme,
                              graft_error *err);

/* The sheet as a PNG file; it is destroyed in any case. */
graft_status gf_plot_write(gf_canvas *sheet, const char *path, graft_error *err);

/* The same for a part of a report: a NULL sheet where there are no photos. */
graft_status gf_plot_grid(gf_canvas **out, const gf_photo_grid *grid, const gf_run_record *r, const gf_theme *theme,
                          graft_error *err);
gf_photos gf_first_photos(gf_photos photos, size_t most);

/* A plot of a run (part.h). `file` is the name in RUN/plots; `draw` gives a NULL sheet where the record has nothing for
 * it. */
typedef struct gf_plot {
    const char *file;
    graft_status (*draw)(gf_canvas **out, const gf_run_record *r, const gf_theme *theme, graft_error *err);
} gf_plot;

#endif
