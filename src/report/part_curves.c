/* part_curves.c - the metrics over the epochs. */
#include "report/number.h"
#include "report/page.h"

static graft_status draw_curves(gf_canvas **out, const gf_run_record *r, const gf_theme *theme, graft_error *err)
{
    *out = NULL;
    if (!r->history || !r->history->n) return GRAFT_OK;
    return gf_plot_curves(out, r->history, r->best_epoch, theme, err);
}

/* "Accuracy and loss over 20 epochs. At the end: training accuracy 98.1 %, validation accuracy 97.0 %, ..." */
static void describe_curves(gf_text *t, const gf_history *h)
{
    const gf_history_row *last = &h->row[h->n - 1];
    size_t n = h->metrics->n;
    char heading[GF_METRIC_NAME];
    for (size_t k = 0; k < n; k++) {
        const gf_metric *m = &h->metrics->item[gf_record_order(h->metrics, k)];
        gf_text_printf(t, "%s%s", !k ? "" : k + 1 < n ? ", " : " and ", k ? m->title : gf_metric_heading(m, heading));
    }
    gf_text_printf(t, " over %s epochs. At the end:", GF_COUNT(h->n));
    for (size_t k = 0; k < n; k++) {
        size_t i = gf_record_order(h->metrics, k);
        const gf_metric *m = &h->metrics->item[i];
        gf_text_printf(t, "%s training %s %s, validation %s %s", k ? "," : "", m->title,
                       GF_METRIC_TEXT(m, last->value[GF_ON_TRAINING][i], 1), m->title,
                       GF_METRIC_TEXT(m, last->value[GF_ON_VALIDATION][i], 1));
    }
    gf_text_add(t, ".");
}

static graft_status add_curves(gf_page *p)
{
    if (!p->r->history || !p->r->history->n) return GRAFT_OK;
    gf_text alt = {0};
    describe_curves(&alt, p->r->history);
    gf_page_add(
        p, "<h2>Training</h2>\n<p class=\"muted\">The ring marks the epoch whose weights were kept. The results above "
           "were measured again with the finished model; its rounding can change the label of a single sample.</p>\n");
    p->t.failed |= alt.failed;
    graft_status status = gf_page_plot(p, &gf_report_part_curves.plot, alt.failed ? "" : alt.s);
    gf_text_free(&alt);
    return status;
}

const gf_report_part gf_report_part_curves = {
    .name = "curves", .plot = {"curves.png", draw_curves}, .section = add_curves};
