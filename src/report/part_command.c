/* part_command.c - the line that repeats the run. */
#include "report/page.h"

static graft_status add_command(gf_page *p)
{
    if (!p->r->command) return GRAFT_OK;
    gf_page_add(p, "<h2>Repeat this run</h2>\n");
    gf_html_element(&p->t, "pre", "", p->r->command);
    gf_page_add(p, "\n<p class=\"muted\">The same data, options and versions give the same bits, for any number of "
                   "threads.</p>\n");
    return GRAFT_OK;
}

const gf_report_part gf_report_part_command = {.name = "command", .section = add_command};
