/* report.html: the report's parts, each of which adds its section, or nothing where the record has nothing for it.
 * Colours come from the themes of the plots, so that images lie on the page without an edge. */
#include "report/page.h"

#include "report/html.h"
#include "report/number.h"
#include "report/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PHOTO_SIDE = 240, FOLD_CLASSES = 25, MOST_CLASSES_NAMED = 6 };

void gf_page_add(gf_page *p, const char *markup) { gf_text_add(&p->t, markup); }
void gf_page_cell(gf_page *p, const char *number) { gf_html_element(&p->t, "td", " class=\"n\"", number); }
void gf_page_head(gf_page *p, const char *text, bool number)
{
    gf_html_element(&p->t, "th", number ? " class=\"n\" scope=\"col\"" : " scope=\"col\"", text);
}
void gf_page_head_samples(gf_page *p, bool number)
{
    char text[40];
    snprintf(text, sizeof text, "%s", gf_record_noun(p->r));
    if (text[0] >= 'a' && text[0] <= 'z') text[0] = (char)(text[0] - 'a' + 'A');
    gf_page_head(p, text, number);
}
void gf_page_row_head(gf_page *p, const char *text) { gf_html_element(&p->t, "th", " scope=\"row\"", text); }

/* --- style --- */

static void add_colors(gf_page *p, const gf_theme *theme)
{
    static const struct {
        const char *name;
        gf_ink ink;
    } variables[] = {
        {"page", GF_INK_PAGE}, {"panel", GF_INK_PANEL}, {"line", GF_INK_GRID},   {"muted", GF_INK_MUTED},
        {"text", GF_INK_TEXT}, {"right", GF_INK_RIGHT}, {"wrong", GF_INK_WRONG},
    };
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        gf_text_printf(&p->t, "--%s:#%06x;", variables[i].name, (unsigned)theme->rgb[variables[i].ink]);
    }
}

static const char style[] =
    "*{box-sizing:border-box}"
    "body{margin:0;background:var(--page);color:var(--text);font:16px/1.55 system-ui,-apple-system,\"Segoe UI\","
    "Roboto,\"DejaVu Sans\",sans-serif}"
    "main{max-width:60rem;margin:0 auto;padding:2.5rem 1.5rem 4rem}"
    "h1{font-size:2rem;line-height:1.2;margin:0 0 .4rem;overflow-wrap:anywhere}"
    "h2{font-size:1.3rem;margin:3rem 0 .8rem;padding-top:1.2rem;border-top:1px solid var(--line)}"
    "h3{font-size:1.02rem;margin:2rem 0 .6rem}"
    "p{margin:.4rem 0 1rem;max-width:46rem;overflow-wrap:anywhere}"
    ".muted,figcaption{color:var(--muted)}"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.6rem,1fr));gap:.8rem;margin:1.6rem 0 0;"
    "padding:0;list-style:none}"
    ".tiles li{background:var(--panel);border-radius:.6rem;padding:.75rem .9rem}"
    ".tiles b{display:block;font-size:1.25rem;line-height:1.45;white-space:nowrap;font-variant-numeric:tabular-nums}"
    ".tiles span{display:block;color:var(--muted);font-size:.85rem;line-height:1.35}"
    ".tiles .first b{color:var(--right)}"
    ".scroll{overflow-x:auto}"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.95rem}"
    "th,td{text-align:left;padding:.42rem 1.4rem .42rem 0;border-bottom:1px solid var(--line);vertical-align:top;"
    "font-weight:400;overflow-wrap:anywhere}"
    "tbody th{min-width:min(9rem,38vw)}" /* words stay whole beside many columns on a phone */
    "thead th{color:var(--muted);font-size:.86rem;overflow-wrap:normal;white-space:nowrap}"
    ".n{text-align:right;white-space:nowrap}"
    ".w{white-space:nowrap}"
    "tr.total th,tr.total td{font-weight:600}"
    ".facts th{color:var(--muted);white-space:nowrap;overflow-wrap:normal;padding-right:2rem}"
    "figure{margin:0}figcaption{font-size:.9rem}"
    "img{max-width:100%;height:auto;display:block}"
    ".photos{display:grid;grid-template-columns:repeat(auto-fill,minmax(11.5rem,1fr));gap:1.3rem 1.1rem}"
    ".nine{grid-template-columns:repeat(3,1fr);max-width:42rem}"
    ".photos img{width:100%;border-radius:.45rem;background:var(--panel)}"
    ".photos blockquote{margin:0;padding:.6rem .7rem;border-radius:.45rem;background:var(--panel);"
    "overflow-wrap:anywhere}"
    ".photos figcaption{margin-top:.35rem;line-height:1.4;overflow-wrap:anywhere;color:var(--text)}"
    ".photos small{color:var(--muted);display:block}"
    ".ok img{outline:3px solid var(--right);outline-offset:-3px}.ok b,.ok i{color:var(--right)}"
    ".bad img{outline:3px solid var(--wrong);outline-offset:-3px}.bad b,.bad i{color:var(--wrong)}"
    ".bar{width:40%;min-width:5rem}.bar i{display:block;height:.8em;margin-top:.35em;border-radius:2px;"
    "background:var(--right)}"
    ".plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(26rem,100%),1fr));gap:1.5rem}"
    ".pair{display:grid;grid-template-columns:1fr 1fr;gap:.3rem;align-items:end}.pair figcaption{grid-column:1/-1}"
    "i{font-style:normal}"
    "pre{background:var(--panel);border-radius:.6rem;padding:1rem;overflow-x:auto;white-space:pre-wrap;"
    "overflow-wrap:anywhere;font:.88rem/1.5 ui-monospace,\"DejaVu Sans Mono\",monospace}"
    "summary{cursor:pointer;color:var(--muted);margin:.4rem 0}"
    "@media(max-width:30rem){main{padding:1.5rem 1rem 3rem}th,td{padding-right:.8rem}}"
    "@media print{main{max-width:none;padding:0}h2{break-after:avoid}figure,tr{break-inside:avoid}}";

void gf_page_begin(gf_page *p)
{
    gf_page_add(p, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
                   "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
                   "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
                   "style-src 'unsafe-inline'\"/>\n");
    gf_html_element(&p->t, "title", "", p->r->title ? p->r->title : "graft run");
    gf_page_add(p, "\n<style>:root{");
    add_colors(p, &gf_theme_light);
    gf_page_add(p, "}@media(prefers-color-scheme:dark){:root{");
    add_colors(p, &gf_theme_dark);
    gf_page_add(p, "}}");
    gf_page_add(p, style);
    gf_page_add(p, "</style>\n</head>\n<body>\n<main>\n");
}

/* --- the top of the page --- */

void gf_page_tile(gf_page *p, const char *value, const char *name)
{
    if (!strcmp(value, "-")) return;
    gf_page_add(p, "<li>");
    gf_html_element(&p->t, "b", "", value);
    gf_html_element(&p->t, "span", "", name);
    gf_page_add(p, "</li>");
}

/* The metric that the run is known by, of one evaluation. */
static void add_metric_tile(gf_page *p, const gf_metrics *evaluation, const char *on)
{
    char name[2 * GF_METRIC_NAME];
    if (!evaluation->images) return;
    size_t i = gf_metric_list_headline(p->r->metrics);
    const gf_metric *m = &p->r->metrics->item[i];
    snprintf(name, sizeof name, "%s %s", m->title, on);
    gf_page_tile(p, GF_METRIC_TEXT(m, gf_metrics_value(evaluation, i), 1), name);
}

static void add_tiles(gf_page *p)
{
    const gf_run_record *r = p->r;
    size_t epochs = r->history ? r->history->n : 0;
    gf_page_add(p, "<ul class=\"tiles\">");
    add_metric_tile(p, &r->test, "on the test set");
    add_metric_tile(p, &r->validation, "on the validation set");
    add_metric_tile(p, &r->before, "before training");
    if (epochs) gf_page_tile(p, GF_COUNT(epochs), epochs == 1 ? "epoch" : "epochs");
    if (r->seconds > 0) gf_page_tile(p, GF_DURATION(r->seconds), "in all");
    if (r->peak_rss_mb > 0) {
        char buf[GF_NUMBER_SIZE];
        gf_number_fixed(buf, r->peak_rss_mb, 0);
        if (strlen(buf) + 4 < sizeof buf) memcpy(buf + strlen(buf), " MB", 4);
        gf_page_tile(p, buf, "memory at most");
    }
    gf_page_add(p, "</ul>\n");
}

static void add_title(gf_page *p)
{
    const gf_run_record *r = p->r;
    gf_html_element(&p->t, "h1", "", r->title ? r->title : "graft run");
    gf_page_add(p, "\n<p class=\"muted\">");
    if (r->model) gf_html_text(&p->t, r->model);
    if (r->model && r->n_classes) gf_page_add(p, ", ");
    if (r->n_classes) gf_text_printf(&p->t, "%s class%s: ", GF_COUNT(r->n_classes), r->n_classes == 1 ? "" : "es");
    for (size_t i = 0; i < r->n_classes && i < MOST_CLASSES_NAMED; i++) {
        if (i) gf_page_add(p, ", ");
        gf_html_text(&p->t, r->classes[i]);
    }
    if (r->n_classes > MOST_CLASSES_NAMED) gf_page_add(p, " \u2026");
    gf_page_add(p, "</p>\n");
    add_tiles(p);
}

/* --- sections --- */

graft_status gf_page_plot(gf_page *p, const gf_plot *plot, const char *alt)
{
    gf_page_add(p, "<figure class=\"scroll\">");
    graft_status status = gf_html_plot(&p->t, plot, p->r, alt, p->err);
    gf_page_add(p, "</figure>\n");
    return status;
}

/* "cat.1.jpg: predicted cats with 98.1 %, truly dogs": the words that stand for a photo. */
static void add_words(gf_text *t, const gf_page *p, const gf_photo *photo, gf_caption caption)
{
    bool predicted = caption == GF_CAPTION_PREDICTION && photo->predicted >= 0;
    if (photo->path) gf_text_printf(t, "%s: ", photo->path);
    if (predicted) {
        gf_text_printf(t, "predicted %s", gf_photo_prediction(p->r, photo));
        if (!isnan(photo->probability)) gf_text_printf(t, " with %s", GF_PROBABILITY(photo->probability));
    }
    if (predicted && photo->truth >= 0) gf_text_add(t, ", truly ");
    if (photo->truth >= 0) gf_text_add(t, gf_photo_truth(p->r, photo));
    if (caption == GF_CAPTION_NONE) gf_text_add(t, t->n ? ", augmented" : "augmented photo");
    if (!t->n) gf_text_add(t, "photo");
}

static bool is_judged(const gf_photo *photo, gf_caption caption)
{
    return caption == GF_CAPTION_PREDICTION && photo->predicted >= 0 && photo->truth >= 0;
}

static void add_prediction(gf_page *p, const gf_photo *photo)
{
    if (photo->predicted < 0) return;
    gf_html_element(&p->t, "b", "", gf_photo_prediction(p->r, photo));
    if (isnan(photo->probability)) return;
    gf_page_add(p, " ");
    gf_html_element(&p->t, "i", "", GF_PROBABILITY(photo->probability));
}

static void add_caption(gf_page *p, const gf_photo *photo, gf_caption caption, bool with_path)
{
    bool judged = is_judged(photo, caption);
    gf_page_add(p, "<figcaption>");
    if (judged) gf_page_add(p, photo->truth == photo->predicted ? "<i>\u2713</i> " : "<i>\u2717</i> ");
    if (caption == GF_CAPTION_PREDICTION) add_prediction(p, photo);
    if (photo->truth >= 0 && caption != GF_CAPTION_NONE) {
        gf_page_add(p, judged ? "<br/>(" : "");
        gf_html_text(&p->t, gf_photo_truth(p->r, photo));
        gf_page_add(p, judged ? ")" : "");
    }
    if (with_path && photo->path) gf_html_element(&p->t, "small", "", photo->path);
    gf_page_add(p, "</figcaption>");
}

static graft_status add_photo(gf_page *p, const gf_photo *photo, gf_caption caption, bool with_path)
{
    bool judged = is_judged(photo, caption);
    gf_text words = {0};
    add_words(&words, p, photo, caption);
    gf_page_add(p, !judged                            ? "<figure>"
                   : photo->truth == photo->predicted ? "<figure class=\"ok\">"
                                                      : "<figure class=\"bad\">");
    p->t.failed |= words.failed;
    graft_status status = GRAFT_OK;
    if (photo->text) {
        gf_html_element(&p->t, "blockquote", "", photo->text);
    } else {
        status = gf_html_photo(&p->t, &photo->pixels, PHOTO_SIDE, words.failed ? "" : words.s, p->err);
    }
    if (caption != GF_CAPTION_NONE || with_path) add_caption(p, photo, caption, with_path);
    gf_page_add(p, "</figure>\n");
    gf_text_free(&words);
    return status;
}

graft_status gf_page_photos(gf_page *p, gf_photos photos, size_t most, gf_caption caption, bool with_path)
{
    gf_page_add(p, most == GF_NINE ? "<div class=\"photos nine\">\n" : "<div class=\"photos\">\n");
    for (size_t i = 0; i < photos.n && i < most; i++) GF_TRY(add_photo(p, &photos.item[i], caption, with_path));
    gf_page_add(p, "</div>\n");
    return GRAFT_OK;
}

/* Long tables of classes are folded. */
void gf_page_open_fold(gf_page *p, const char *what)
{
    if (p->r->n_classes > FOLD_CLASSES) gf_text_printf(&p->t, "<details><summary>%s</summary>\n", what);
}
void gf_page_close_fold(gf_page *p)
{
    if (p->r->n_classes > FOLD_CLASSES) gf_page_add(p, "</details>\n");
}

void gf_page_facts(gf_page *p, gf_facts facts)
{
    if (!facts.n) return;
    gf_page_add(p, "<div class=\"scroll\"><table class=\"facts\"><tbody>\n");
    for (size_t i = 0; i < facts.n; i++) {
        gf_page_add(p, "<tr>");
        gf_page_row_head(p, facts.item[i].key);
        gf_html_element(&p->t, "td", "", facts.item[i].value);
        gf_page_add(p, "</tr>\n");
    }
    gf_page_add(p, "</tbody></table></div>\n");
}

graft_status gf_page_end(gf_page *p, graft_status status, char **html, size_t *n)
{
    gf_page_add(p, "</main>\n</body>\n</html>\n");
    if (status == GRAFT_OK && p->t.failed) status = gf_fail_memory(p->err, p->t.n, "a page");
    if (status != GRAFT_OK) {
        gf_text_free(&p->t);
        return status;
    }
    *html = p->t.s;
    if (n) *n = p->t.n;
    return GRAFT_OK;
}

graft_status gf_report_page(char **html, size_t *n, const gf_run_record *r, graft_error *err)
{
    *html = NULL;
    gf_page p = {.r = r, .err = err};
    graft_status status = GRAFT_OK;
    gf_page_begin(&p);
    add_title(&p);
    const gf_report_part *part;
    for (size_t i = 0; status == GRAFT_OK && (part = gf_report_part_at(i)); i++) {
        status = gf_watch_look(r->watch, err);
        if (status == GRAFT_OK && part->section) status = part->section(&p);
    }
    return gf_page_end(&p, status, html, n);
}
