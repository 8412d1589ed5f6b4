/* part_labels.c - how good a model of several labels is, class by class. */
#include "report/page.h"

/* -1 and NaN are shown as "-". */
static void add_share(gf_page *p, double x) { gf_page_cell(p, x >= 0 ? GF_FIXED(x, 3) : "-"); }

static void add_class(gf_page *p, size_t c)
{
    const gf_found_class *k = &p->r->labels->item[c];
    const gf_class_score s = gf_found_score_of(k);
    gf_page_add(p, "<tr>");
    gf_page_row_head(p, gf_record_class(p->r, (int32_t)c));
    gf_page_cell(p, GF_COUNT((unsigned long long)k->objects));
    add_share(p, k->ap);
    add_share(p, (double)p->r->labels->threshold[c]);
    add_share(p, s.precision);
    add_share(p, s.recall);
    add_share(p, s.f1);
    gf_page_add(p, "</tr>\n");
}

static graft_status add_labels(gf_page *p)
{
    static const char *const heads[] = {"AP", "Threshold", "Precision", "Recall", "F1"};
    const gf_labels_record *l = p->r->labels;
    if (!l) return GRAFT_OK;
    gf_text_printf(&p->t,
                   "<h2>Label by label</h2>\n<p class=\"muted\">On the %s set. AP: average precision, over all "
                   "thresholds. Precision, recall and F1 are those of labels whose probability is the threshold or "
                   "more, which was chosen for each class on the validation set.</p>\n",
                   l->set);
    gf_page_open_fold(p, "Show all classes");
    gf_page_add(p, "<div class=\"scroll\"><table>\n<thead><tr>");
    gf_page_head(p, "Class", false);
    gf_page_head_samples(p, true);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) gf_page_head(p, heads[i], true);
    gf_page_add(p, "</tr></thead>\n<tbody>\n");
    for (size_t c = 0; c < p->r->n_classes; c++) add_class(p, c);
    gf_page_add(p, "</tbody></table></div>\n");
    gf_page_close_fold(p);
    return GRAFT_OK;
}

const gf_report_part gf_report_part_labels = {.name = "labels", .section = add_labels};
