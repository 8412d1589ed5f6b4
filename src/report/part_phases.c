/* part_phases.c - what each phase came to at its end: which values, on which set. */
#include "report/page.h"

#include <math.h>
#include <stdio.h>

static void add_row(gf_page *p, const gf_phase_record *phase, const char *which, int32_t epoch, const char *set,
                    const double *value)
{
    const gf_metric_list *list = p->r->metrics;
    char text[64];
    if (isnan(value[0])) return;
    snprintf(text, sizeof text, "%s, epoch %d", which, (int)epoch);
    gf_page_add(p, "<tr>");
    gf_page_row_head(p, phase->name);
    gf_page_add(p, "<td class=\"w\">");
    gf_page_add(p, text);
    gf_page_add(p, "</td><td class=\"w\">");
    gf_page_add(p, set);
    gf_page_add(p, "</td>");
    for (size_t k = 0; k < list->n; k++) gf_page_cell(p, GF_METRIC_TEXT(&list->item[k], value[k], 2));
    gf_page_add(p, "</tr>\n");
}

static void add_measure(gf_page *p, const gf_phase_record *phase, const char *which, const gf_phase_measure *m)
{
    add_row(p, phase, which, m->epoch, "validation", m->validation);
    add_row(p, phase, which, m->epoch, "test", m->test);
}

static graft_status add_phases(gf_page *p)
{
    const gf_metric_list *list = p->r->metrics;
    char heading[GF_METRIC_NAME];
    if (!p->r->n_phases) return GRAFT_OK;
    gf_page_add(p, "<h2>At the end of each phase</h2>\n<div class=\"scroll\"><table>\n<thead><tr>");
    gf_page_head(p, "Phase", false);
    gf_page_head(p, "Weights", false);
    gf_page_head(p, "Set", false);
    for (size_t i = 0; i < list->n; i++) gf_page_head(p, gf_metric_heading(&list->item[i], heading), true);
    gf_page_add(p, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < p->r->n_phases; i++) {
        const gf_phase_record *phase = &p->r->phases[i];
        add_measure(p, phase, "last", &phase->last);
        if (phase->best.epoch != phase->last.epoch) add_measure(p, phase, "best so far", &phase->best);
    }
    gf_page_add(p, "</tbody></table></div>\n");
    if (p->r->monitor) {
        gf_text_printf(&p->t,
                       "<p class=\"muted\">The best epoch is chosen by %s, so its figures on the validation set are "
                       "a little too good; the test set chose nothing.</p>\n",
                       p->r->monitor);
    }
    return GRAFT_OK;
}

const gf_report_part gf_report_part_phases = {.name = "phases", .section = add_phases};
