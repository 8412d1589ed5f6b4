/* A toy of a part of the report: a section with a heading. */
#include "report/page.h"

static graft_status add(gf_page *p)
{
    gf_page_add(p, "<h2>A toy of a report part</h2>\n");
    return GRAFT_OK;
}

const gf_report_part gf_report_part_toy_report_part = {.name = "toy_report_part", .section = add};
