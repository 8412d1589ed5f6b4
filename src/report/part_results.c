/* part_results.c - what was measured before training and with the best weights. */
#include "report/page.h"

static graft_status add_results(gf_page *p)
{
    const struct {
        const char *name;
        const gf_metrics *metrics;
    } rows[] = {{"Before training, validation set", &p->r->before},
                {"Best weights, validation set", &p->r->validation},
                {"Best weights, test set", &p->r->test}};
    const gf_metric_list *list = p->r->metrics;
    char heading[GF_METRIC_NAME];
    if (!gf_record_final(p->r, NULL)) return GRAFT_OK;
    gf_page_add(p, "<h2>Results</h2>\n<div class=\"scroll\"><table>\n<thead><tr>");
    gf_page_head(p, "Evaluation", false);
    gf_page_head_samples(p, true);
    for (size_t i = 0; i < list->n; i++) gf_page_head(p, gf_metric_heading(&list->item[i], heading), true);
    gf_page_add(p, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const gf_metrics *m = rows[i].metrics;
        if (!m->images) continue;
        gf_page_add(p, "<tr>");
        gf_page_row_head(p, rows[i].name);
        gf_page_cell(p, GF_COUNT(m->images));
        for (size_t k = 0; k < list->n; k++) gf_page_cell(p, GF_METRIC_TEXT(&list->item[k], m->value[k], 2));
        gf_page_add(p, "</tr>\n");
    }
    gf_page_add(p, "</tbody></table></div>\n");
    if (p->r->best_epoch > 0) {
        gf_text_printf(&p->t, "<p class=\"muted\">The weights of epoch %d were kept.</p>\n", (int)p->r->best_epoch);
    }
    return GRAFT_OK;
}

const gf_report_part gf_report_part_results = {.name = "results", .section = add_results};
