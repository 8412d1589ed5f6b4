/* part_mistakes.c - the wrong predictions that the model was surest of. */
#include "report/page.h"

static graft_status add_mistakes(gf_page *p)
{
    if (!p->r->mistakes.n) return GRAFT_OK;
    if (p->r->labels) {
        gf_page_add(p, "<h2>Largest losses</h2>\n<p class=\"muted\">Where labels are told most wrongly: look here for "
                       "labels that are missing and unusual samples.</p>\n");
        return gf_page_photos(p, p->r->mistakes, GF_MOST_PHOTOS, GF_CAPTION_PREDICTION, true);
    }
    gf_page_add(
        p, "<h2>Most confident mistakes</h2>\n<p class=\"muted\">Where the model was surest and yet wrong: look here "
           "for wrong labels and unusual samples.</p>\n");
    return gf_page_photos(p, p->r->mistakes, GF_MOST_PHOTOS, GF_CAPTION_PREDICTION, true);
}

const gf_report_part gf_report_part_mistakes = {.name = "mistakes", .section = add_mistakes};
