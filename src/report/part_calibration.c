/* part_calibration.c - whether probabilities mean what they say, and what can be promised of them. */
#include "report/number.h"
#include "report/page.h"

#include <stdio.h>

static graft_status draw_reliability(gf_canvas **out, const gf_run_record *r, const gf_theme *theme, graft_error *err)
{
    *out = NULL;
    if (!r->calibration.images) return GRAFT_OK;
    char title[80];
    snprintf(title, sizeof title, "Reliability (%s)", r->calibrated_on);
    return gf_plot_reliability(out, &r->calibration, title, theme, err);
}

/* The promises that people ask for; each the first of the list that is as high. */
static void add_promises(gf_page *p)
{
    static const double asked[] = {0.8, 0.9, 0.95, 0.98, 0.99};
    if (!p->r->n_promises) return;
    gf_text_printf(
        &p->t,
        "<h3>What can be promised</h3>\n<p class=\"muted\">On the validation set: of the %s told as sure as that or "
        "surer, so many are right at least, with 95 %% confidence; the others are called unknown by "
        "<code>graft predict --unknown</code>.</p>\n<div class=\"scroll\"><table>\n<thead><tr>",
        gf_record_noun(p->r));
    gf_page_head(p, "Right at least", true);
    gf_page_head(p, "Told from", true);
    gf_page_head(p, "Share told", true);
    gf_page_add(p, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        const gf_promise *k = gf_promise_for(p->r->promises, p->r->n_promises, asked[i]);
        if (!k) continue;
        gf_page_add(p, "<tr>");
        gf_page_cell(p, GF_PERCENT(k->accuracy, 0));
        gf_page_cell(p, GF_PERCENT(k->threshold, 1));
        gf_page_cell(p, GF_PERCENT(k->coverage, 1));
        gf_page_add(p, "</tr>\n");
    }
    gf_page_add(p, "</tbody></table></div>\n");
}

static graft_status add_calibration(gf_page *p)
{
    const gf_run_record *r = p->r;
    if (!r->calibration.images) return GRAFT_OK;
    gf_page_add(p, "<h2>How sure it is</h2>\n");
    gf_text_printf(&p->t,
                   "<p class=\"muted\">Of the %s that are told with a probability of 80 %%, 80 %% should be right. On "
                   "the %s set the calibration error is %s",
                   gf_record_noun(r), r->calibrated_on, GF_PERCENT(r->calibration.error, 1));
    if (r->temperature > 0) {
        gf_text_printf(&p->t, "; it would be %s without the temperature of %s, which the model keeps",
                       GF_PERCENT(r->uncalibrated_error, 1), GF_GENERAL(r->temperature, 3));
    }
    gf_page_add(p, ".</p>\n");
    GF_TRY(gf_page_plot(
        p, &gf_report_part_calibration.plot,
        "Reliability: the share of right predictions over their probability, and how many predictions have "
        "that probability."));
    add_promises(p);
    return GRAFT_OK;
}

const gf_report_part gf_report_part_calibration = {
    .name = "calibration", .plot = {"reliability.png", draw_reliability}, .section = add_calibration};
