/* part_confidence.c - a detector's precision, recall and F1 by the score from which on detections count. */
#include "report/page.h"

#include <math.h>
#include <stdio.h>

enum { CURVES = 3 };

static double value(const gf_operating *o, int which)
{
    return which == 0 ? o->f1 : which == 1 ? o->precision : o->recall;
}

static graft_status draw(gf_canvas **out, const gf_run_record *r, const gf_theme *theme, graft_error *err)
{
    *out = NULL;
    const gf_found_record *d = r->detection;
    if (!d || !d->points) return GRAFT_OK;
    static const char *const name[CURVES] = {"F1", "precision", "recall"};
    const uint32_t color[CURVES] = {theme->rgb[GF_INK_TEXT], theme->rgb[GF_INK_TRAIN], theme->rgb[GF_INK_VALIDATION]};
    double(*point)[2] = gf_alloc_raw(CURVES * d->points, sizeof *point);
    if (!point) return gf_fail_memory(err, CURVES * d->points * sizeof *point, "a plot");
    gf_share_line line[CURVES];
    for (int k = 0; k < CURVES; k++) {
        double(*to)[2] = point + (size_t)k * d->points;
        for (size_t i = 0; i < d->points; i++) { /* before the first detection no precision is one */
            to[i][0] = i ? d->point[i].confidence : NAN;
            to[i][1] = value(&d->point[i], k);
        }
        line[k] = (gf_share_line){name[k], (const double(*)[2])to, d->points, k ? 2 : 3, color[k]};
    }
    char note[120];
    snprintf(note, sizeof note, "mean of the classes (%s); dashed: %s, that of the model", d->set,
             GF_FIXED(d->confidence, 3));
    const gf_shares s = {"By score", note, "score from which on a detection counts", NULL, line, CURVES, d->confidence};
    graft_status status = gf_plot_shares(out, &s, theme, err);
    gf_free(point);
    return status;
}

static graft_status add(gf_page *p)
{
    if (!p->r->detection || !p->r->detection->points) return GRAFT_OK;
    gf_page_add(p, "<h3>Which score counts</h3>\n<p class=\"muted\">Detections of a lower score are not told. "
                   "<code>graft predict --confidence</code> takes another: a higher one for fewer mistakes, a lower "
                   "one to miss less.</p>\n");
    return gf_page_plot(p, &gf_report_part_confidence.plot,
                        "Precision, recall and F1 over the score from which on detections count.");
}

const gf_report_part gf_report_part_confidence = {
    .name = "confidence", .plot = {"confidence.png", draw}, .section = add};
