/* inspection.c - inspect.html. */
#include "report/inspection.h"

#include "report/page.h"

#include <stdio.h>
#include <string.h>

static void add_tiles(gf_page *p, const gf_inspection *x)
{
    char bytes[GF_NUMBER_SIZE];
    gf_number_fixed(bytes, (double)x->bytes / 1e6, 1);
    strncat(bytes, " MB", sizeof bytes - strlen(bytes) - 1);
    gf_page_add(p, "<ul class=\"tiles\">");
    gf_page_tile(p, GF_COUNT(x->images), x->images == 1 ? "image" : "images");
    gf_page_tile(p, GF_COUNT(x->record.n_classes), x->record.n_classes == 1 ? "class" : "classes");
    gf_page_tile(p, bytes, "of files");
    gf_page_tile(p, GF_COUNT(x->bad), "that cannot be used");
    gf_page_tile(p, GF_COUNT(x->duplicates), "equal files");
    gf_page_tile(p, GF_COUNT(x->near_copies), "pairs of near copies");
    gf_page_add(p, "</ul>\n");
}

static uint64_t of_class(const gf_run_record *r, size_t c)
{
    uint64_t n = 0;
    for (size_t s = 0; s < r->n_splits; s++) n += r->splits[s].per_class ? r->splits[s].per_class[c] : 0;
    return n;
}

static void add_class(gf_page *p, size_t c, uint64_t most)
{
    const gf_run_record *r = p->r;
    gf_page_add(p, "<tr>");
    gf_page_row_head(p, r->classes[c]);
    for (size_t s = 0; s < r->n_splits; s++) {
        gf_page_cell(p, r->splits[s].per_class ? GF_COUNT(r->splits[s].per_class[c]) : "-");
    }
    gf_text_printf(&p->t, "<td class=\"bar\"><i style=\"width:%llu%%\"></i></td></tr>\n",
                   (unsigned long long)(of_class(r, c) * 100 / most));
}

static void add_classes(gf_page *p)
{
    const gf_run_record *r = p->r;
    uint64_t most = 1;
    for (size_t c = 0; c < r->n_classes; c++) most = of_class(r, c) > most ? of_class(r, c) : most;
    gf_page_add(p, "<h2>Classes</h2>\n<div class=\"scroll\"><table>\n<thead><tr>");
    gf_page_head(p, "Images", false);
    for (size_t s = 0; s < r->n_splits; s++) gf_page_head(p, r->splits[s].name, true);
    gf_page_add(p, "<th></th></tr></thead>\n<tbody>\n<tr class=\"total\">");
    gf_page_row_head(p, "all");
    for (size_t s = 0; s < r->n_splits; s++) gf_page_cell(p, GF_COUNT(r->splits[s].images));
    gf_page_add(p, "<td></td></tr>\n");
    for (size_t c = 0; c < r->n_classes; c++) add_class(p, c, most);
    gf_page_add(p, "</tbody></table></div>\n");
}

/* gf_html_plot draws by a record; these are drawn by their place in the inspection. */
typedef struct drawn {
    gf_run_record record; /* first: what draw is given */
    const gf_bins *bins;
} drawn;

static graft_status draw(gf_canvas **out, const gf_run_record *r, const gf_theme *theme, graft_error *err)
{
    return gf_plot_bins(out, ((const drawn *)r)->bins, theme, err);
}

static graft_status add_bins(gf_page *p, const gf_inspection *x)
{
    static const gf_plot plot = {"bins", draw};
    gf_page_add(p, "<h2>How they are spread</h2>\n<div class=\"plots\">\n");
    for (size_t i = 0; i < x->n_bins; i++) {
        drawn d = {*p->r, &x->bins[i]};
        gf_page_add(p, "<figure>");
        GF_TRY(gf_html_plot(&p->t, &plot, &d.record, x->bins[i].title, p->err));
        gf_page_add(p, "</figure>\n");
    }
    gf_page_add(p, "</div>\n");
    return GRAFT_OK;
}

static graft_status add_pairs(gf_page *p, const gf_inspection *x)
{
    if (!x->n_pairs) return GRAFT_OK;
    gf_page_add(p, "<h2>Near copies</h2>\n<p class=\"muted\">Pairs that are the same but for size, quality or a "
                   "mirror, those in two classes or two parts first.</p>\n<div class=\"photos\">\n");
    for (size_t i = 0; i < x->n_pairs; i++) {
        const gf_pair *pair = &x->pair[i];
        gf_page_add(p, "<figure class=\"pair\">");
        for (int k = 0; k < 2; k++) {
            const gf_photo *photo = k ? &pair->second : &pair->first;
            GF_TRY(gf_html_photo(&p->t, &photo->pixels, GF_PAIR_SIDE, photo->path, p->err));
        }
        gf_page_add(p, "<figcaption>");
        if (*pair->how) gf_html_element(&p->t, "b", "", pair->how);
        gf_html_element(&p->t, "small", "", pair->first.path);
        gf_html_element(&p->t, "small", "", pair->second.path);
        gf_page_add(p, "</figcaption></figure>\n");
    }
    gf_page_add(p, "</div>\n");
    return GRAFT_OK;
}

static void add_facts(gf_page *p, const char *title, gf_facts facts)
{
    if (!facts.n) return;
    gf_html_element(&p->t, "h2", "", title);
    gf_page_add(p, "\n");
    gf_page_facts(p, facts);
}

graft_status gf_inspection_page(char **html, size_t *n, const gf_inspection *x, graft_error *err)
{
    *html = NULL;
    gf_page p = {.r = &x->record, .err = err};
    gf_page_begin(&p);
    gf_html_element(&p.t, "h1", "", x->record.title);
    gf_page_add(&p, "\n");
    add_tiles(&p, x);
    add_classes(&p);
    graft_status status = GRAFT_OK;
    if (x->record.samples.n) {
        gf_page_add(&p, "<h2>Samples</h2>\n");
        status = gf_page_photos(&p, x->record.samples, x->record.samples.n, GF_CAPTION_TRUTH, true);
    }
    if (status == GRAFT_OK) status = add_bins(&p, x);
    if (status == GRAFT_OK) status = add_pairs(&p, x);
    add_facts(&p, "Equal files", x->equal_files);
    add_facts(&p, "Images that cannot be used", x->bad_files);
    add_facts(&p, "Notes", x->notes);
    add_facts(&p, "Files", x->record.data_facts);
    return gf_page_end(&p, status, html, n);
}
