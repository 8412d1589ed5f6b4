/* part_data.c - the images of each split and class, and where they come from. */
#include "report/number.h"
#include "report/page.h"

#include <stdio.h>

static void add_split_row(gf_page *p, const char *name, size_t class_index, bool total)
{
    gf_page_add(p, total ? "<tr class=\"total\">" : "<tr>");
    gf_page_row_head(p, name);
    for (size_t s = 0; s < p->r->n_splits; s++) {
        const gf_data_split *split = &p->r->splits[s];
        gf_page_cell(p, total              ? GF_COUNT(split->images)
                        : split->per_class ? GF_COUNT(split->per_class[class_index])
                                           : "-");
    }
    gf_page_add(p, "</tr>\n");
}

static void add_splits(gf_page *p)
{
    if (!p->r->n_splits) return;
    char fold[80];
    snprintf(fold, sizeof fold, "Show the number of %s of each class", gf_record_noun(p->r));
    gf_page_open_fold(p, fold);
    gf_page_add(p, "<div class=\"scroll\"><table>\n<thead><tr>");
    gf_page_head_samples(p, false);
    for (size_t s = 0; s < p->r->n_splits; s++) gf_page_head(p, p->r->splits[s].name, true);
    gf_page_add(p, "</tr></thead>\n<tbody>\n");
    add_split_row(p, "all", 0, true);
    for (size_t c = 0; c < p->r->n_classes; c++) add_split_row(p, p->r->classes[c], c, false);
    gf_page_add(p, "</tbody></table></div>\n");
    gf_page_close_fold(p);
}

static graft_status add_data(gf_page *p)
{
    const gf_run_record *r = p->r;
    if (!r->n_splits && !r->data_facts.n && !r->samples.n && !r->augmentations.n) return GRAFT_OK;
    gf_page_add(p, "<h2>Data</h2>\n");
    add_splits(p);
    if (r->data_facts.n) gf_page_add(p, "<h3>Where it comes from</h3>\n");
    gf_page_facts(p, r->data_facts);
    return GRAFT_OK;
}

const gf_report_part gf_report_part_data = {.name = "data", .section = add_data};
