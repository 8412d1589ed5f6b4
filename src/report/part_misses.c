/* part_misses.c - what a detector does wrong, counted, and the images in which it misses most. */
#include "report/page.h"

static const char key[] = "Labelled boxes are green, found ones orange, or red where they are wrong.";

static graft_status draw(gf_canvas **out, const gf_run_record *r, const gf_theme *theme, graft_error *err)
{
    *out = NULL;
    if (!r->detection) return GRAFT_OK;
    gf_photo_grid grid = {"Missed",        key, gf_first_photos(r->detection->misses, GF_MOST_PHOTOS),
                          GF_CAPTION_NONE, 3,   240};
    return gf_plot_grid(out, &grid, r, theme, err);
}

static void add_row(gf_page *p, const char *name, size_t n, const char *what)
{
    gf_page_add(p, "<tr>");
    gf_page_row_head(p, name);
    gf_page_cell(p, GF_COUNT((unsigned long long)n));
    gf_html_element(&p->t, "td", "", what);
    gf_page_add(p, "</tr>\n");
}

static void add_kinds(gf_page *p, const gf_found_record *d)
{
    static const struct {
        gf_match_kind kind;
        const char *what;
    } rows[] = {{GF_MATCH_RIGHT, "the object's class, an overlap of 0.5 or more"},
                {GF_MATCH_MISPLACED, "the object's class, but an overlap of 0.1 to 0.5"},
                {GF_MATCH_CLASS, "where an object is, of another class"},
                {GF_MATCH_DOUBLE, "an object that a better detection finds already"},
                {GF_MATCH_BACKGROUND, "where nothing is labelled: a mistake, or a label that is missing"},
                {GF_MATCH_BOTH, "near an object of another class"},
                {GF_MATCH_IGNORED, "difficult objects and crowds: not counted"}};
    gf_page_add(p, "<h3>What goes wrong</h3>\n<div class=\"scroll\"><table>\n<thead><tr>");
    gf_page_head(p, "Detections", false);
    gf_page_head(p, "Number", true);
    gf_page_head(p, "What they are", false);
    gf_page_add(p, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (d->kind[rows[i].kind] || i == 0)
            add_row(p, gf_match_name(rows[i].kind), d->kind[rows[i].kind], rows[i].what);
    add_row(p, "missed", d->missed, "labelled boxes that nothing is near");
    add_row(p, "nearly found", d->nearly, "labelled boxes with a misplaced detection, or one of another class, alone");
    gf_page_add(p, "</tbody></table></div>\n");
}

static graft_status add_misses(gf_page *p)
{
    const gf_found_record *d = p->r->detection;
    if (!d) return GRAFT_OK;
    add_kinds(p, d);
    if (!d->misses.n) return GRAFT_OK;
    gf_page_add(p, "<h3>Missed most</h3>\n<p class=\"muted\">");
    gf_page_add(p, key);
    gf_page_add(p, "</p>\n");
    return gf_page_photos(p, d->misses, GF_MOST_PHOTOS, GF_CAPTION_NONE, true);
}

const gf_report_part gf_report_part_misses = {.name = "misses", .plot = {"missed.png", draw}, .section = add_misses};
