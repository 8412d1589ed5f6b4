/* part_confusion.c - class by class: the confusion matrix, precision and recall. */
#include "report/number.h"
#include "report/page.h"

static graft_status draw_confusion(gf_canvas **out, const gf_run_record *r, const gf_theme *theme, graft_error *err)
{
    *out = NULL;
    const char *name;
    const gf_metrics *m = gf_record_final(r, &name);
    if (!m || !m->confusion || !r->n_classes) return GRAFT_OK;
    return gf_plot_confusion(out, m->confusion, r, name, theme, err);
}

static void add_class_scores(gf_page *p, const gf_metrics *m)
{
    gf_page_open_fold(p, "Show all classes");
    gf_page_add(p, "<div class=\"scroll\"><table>\n<thead><tr>");
    gf_page_head(p, "Class", false);
    gf_page_head_samples(p, true);
    gf_page_head(p, "Precision", true);
    gf_page_head(p, "Recall", true);
    gf_page_head(p, "F1", true);
    gf_page_add(p, "</tr></thead>\n<tbody>\n");
    for (size_t c = 0; c < p->r->n_classes; c++) {
        gf_class_score s = gf_class_score_of(m->confusion, p->r->n_classes, c);
        gf_page_add(p, "<tr>");
        gf_page_row_head(p, p->r->classes[c]);
        gf_page_cell(p, GF_COUNT(s.images));
        gf_page_cell(p, GF_PERCENT(s.precision, 1));
        gf_page_cell(p, GF_PERCENT(s.recall, 1));
        gf_page_cell(p, GF_PERCENT(s.f1, 1));
        gf_page_add(p, "</tr>\n");
    }
    gf_page_add(p, "</tbody></table></div>\n");
    gf_page_close_fold(p);
}

static graft_status add_classes(gf_page *p)
{
    const char *name;
    const gf_metrics *m = gf_record_final(p->r, &name);
    if (!m || !m->confusion || !p->r->n_classes) return GRAFT_OK;
    gf_page_add(p, "<h2>Class by class</h2>\n");
    GF_TRY(gf_page_plot(p, &gf_report_part_confusion.plot,
                        "Confusion matrix: how often each true class (row) was predicted as each class (column); its "
                        "shares are in the table below."));
    gf_text_printf(&p->t,
                   "<h3>Precision and recall</h3>\n<p class=\"muted\">On the %s set. Precision: of the %s given this "
                   "class, how many are of it. Recall: of the %s of this class, how many were found. F1: their "
                   "harmonic mean.</p>\n",
                   name, gf_record_noun(p->r), gf_record_noun(p->r));
    add_class_scores(p, m);
    return GRAFT_OK;
}

const gf_report_part gf_report_part_confusion = {
    .name = "confusion", .plot = {"confusion.png", draw_confusion}, .section = add_classes};
