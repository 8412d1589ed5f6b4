/* part_settings.c - the model, decisions, options and versions of the run. */
#include "report/page.h"

static graft_status add_settings(gf_page *p)
{
    const struct {
        const char *title;
        gf_facts facts;
    } parts[] = {{"Model", p->r->model_facts},
                 {"What graft decided", p->r->decisions},
                 {"Options", p->r->options},
                 {"Versions", p->r->versions}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!parts[i].facts.n) continue;
        gf_html_element(&p->t, "h2", "", parts[i].title);
        gf_page_add(p, "\n");
        gf_page_facts(p, parts[i].facts);
    }
    return GRAFT_OK;
}

const gf_report_part gf_report_part_settings = {.name = "settings", .section = add_settings};
