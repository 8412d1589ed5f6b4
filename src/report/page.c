/* report.html: a table of sections, each a function that adds its part, or nothing where the record has nothing for
 * it. Colours come from the themes of the plots, so that images lie on the page without an edge. */
#include "report/report.h"

#include "report/html.h"
#include "report/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PHOTO_SIDE = 240, MOST_PHOTOS = 12, NINE = 9, FOLD_CLASSES = 25, MOST_CLASSES_NAMED = 6 };

typedef struct page {
    gf_text t;
    const gf_run_record *r;
    graft_error *err;
} page;

static void add(page *p, const char *markup) { gf_text_add(&p->t, markup); }
static void cell(page *p, const char *number) { gf_html_element(&p->t, "td", " class=\"n\"", number); }
static void head(page *p, const char *text, bool number)
{
    gf_html_element(&p->t, "th", number ? " class=\"n\" scope=\"col\"" : " scope=\"col\"", text);
}
static void row_head(page *p, const char *text) { gf_html_element(&p->t, "th", " scope=\"row\"", text); }

/* --- style --- */

static void add_colors(page *p, const gf_theme *theme)
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
    "p{margin:.4rem 0 1rem;max-width:46rem}"
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
    "thead th{color:var(--muted);font-size:.86rem;overflow-wrap:normal;white-space:nowrap}"
    ".n{text-align:right;white-space:nowrap}"
    "tr.total th,tr.total td{font-weight:600}"
    ".facts th{color:var(--muted);white-space:nowrap;overflow-wrap:normal;padding-right:2rem}"
    "figure{margin:0}figcaption{font-size:.9rem}"
    "img{max-width:100%;height:auto;display:block}"
    ".photos{display:grid;grid-template-columns:repeat(auto-fill,minmax(11.5rem,1fr));gap:1.3rem 1.1rem}"
    ".nine{grid-template-columns:repeat(3,1fr);max-width:42rem}"
    ".photos img{width:100%;border-radius:.45rem;background:var(--panel)}"
    ".photos figcaption{margin-top:.35rem;line-height:1.4;overflow-wrap:anywhere;color:var(--text)}"
    ".photos small{color:var(--muted);display:block}"
    ".ok img{outline:3px solid var(--right);outline-offset:-3px}.ok b,.ok i{color:var(--right)}"
    ".bad img{outline:3px solid var(--wrong);outline-offset:-3px}.bad b,.bad i{color:var(--wrong)}"
    "i{font-style:normal}"
    "pre{background:var(--panel);border-radius:.6rem;padding:1rem;overflow-x:auto;white-space:pre-wrap;"
    "overflow-wrap:anywhere;font:.88rem/1.5 ui-monospace,\"DejaVu Sans Mono\",monospace}"
    "summary{cursor:pointer;color:var(--muted);margin:.4rem 0}"
    "@media print{main{max-width:none;padding:0}h2{break-after:avoid}figure,tr{break-inside:avoid}}";

static void add_head(page *p)
{
    add(p, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
           "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
           "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
           "style-src 'unsafe-inline'\"/>\n");
    gf_html_element(&p->t, "title", "", p->r->title ? p->r->title : "graft run");
    add(p, "\n<style>:root{");
    add_colors(p, &gf_theme_light);
    add(p, "}@media(prefers-color-scheme:dark){:root{");
    add_colors(p, &gf_theme_dark);
    add(p, "}}");
    add(p, style);
    add(p, "</style>\n</head>\n<body>\n<main>\n");
}

/* --- the top of the page --- */

static void add_tile(page *p, const char *value, const char *name)
{
    if (!strcmp(value, "-")) return;
    add(p, "<li>");
    gf_html_element(&p->t, "b", "", value);
    gf_html_element(&p->t, "span", "", name);
    add(p, "</li>");
}

/* The metric that the run is known by, of one evaluation. */
static void add_metric_tile(page *p, const gf_metrics *evaluation, const char *on)
{
    char name[2 * GF_METRIC_NAME];
    if (!evaluation->images) return;
    size_t i = gf_metric_list_headline(p->r->metrics);
    const gf_metric *m = &p->r->metrics->item[i];
    snprintf(name, sizeof name, "%s %s", m->title, on);
    add_tile(p, GF_METRIC_TEXT(m, gf_metrics_value(evaluation, i), 1), name);
}

static void add_tiles(page *p)
{
    const gf_run_record *r = p->r;
    size_t epochs = r->history ? r->history->n : 0;
    add(p, "<ul class=\"tiles\">");
    add_metric_tile(p, &r->test, "on the test set");
    add_metric_tile(p, &r->validation, "on the validation set");
    add_metric_tile(p, &r->before, "before training");
    if (epochs) add_tile(p, GF_COUNT(epochs), epochs == 1 ? "epoch" : "epochs");
    if (r->seconds > 0) add_tile(p, GF_DURATION(r->seconds), "in all");
    if (r->peak_rss_mb > 0) {
        char buf[GF_NUMBER_SIZE];
        gf_number_fixed(buf, r->peak_rss_mb, 0);
        if (strlen(buf) + 4 < sizeof buf) memcpy(buf + strlen(buf), " MB", 4);
        add_tile(p, buf, "memory at most");
    }
    add(p, "</ul>\n");
}

static void add_title(page *p)
{
    const gf_run_record *r = p->r;
    gf_html_element(&p->t, "h1", "", r->title ? r->title : "graft run");
    add(p, "\n<p class=\"muted\">");
    if (r->model) gf_html_text(&p->t, r->model);
    if (r->model && r->n_classes) add(p, ", ");
    if (r->n_classes) gf_text_printf(&p->t, "%s class%s: ", GF_COUNT(r->n_classes), r->n_classes == 1 ? "" : "es");
    for (size_t i = 0; i < r->n_classes && i < MOST_CLASSES_NAMED; i++) {
        if (i) add(p, ", ");
        gf_html_text(&p->t, r->classes[i]);
    }
    if (r->n_classes > MOST_CLASSES_NAMED) add(p, " \u2026");
    add(p, "</p>\n");
    add_tiles(p);
}

/* --- sections --- */

static graft_status add_results(page *p)
{
    const struct {
        const char *name;
        const gf_metrics *metrics;
    } rows[] = {{"Before training, validation set", &p->r->before},
                {"Best weights, validation set", &p->r->validation},
                {"Best weights, test set", &p->r->test}};
    const gf_metric_list *list = p->r->metrics;
    char heading[GF_METRIC_NAME];
    if (!gf_record_final(p->r, NULL)) return GRAFT_OK;
    add(p, "<h2>Results</h2>\n<div class=\"scroll\"><table>\n<thead><tr>");
    head(p, "Evaluation", false);
    head(p, "Images", true);
    for (size_t i = 0; i < list->n; i++) head(p, gf_metric_heading(&list->item[i], heading), true);
    add(p, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const gf_metrics *m = rows[i].metrics;
        if (!m->images) continue;
        add(p, "<tr>");
        row_head(p, rows[i].name);
        cell(p, GF_COUNT(m->images));
        for (size_t k = 0; k < list->n; k++) cell(p, GF_METRIC_TEXT(&list->item[k], m->value[k], 2));
        add(p, "</tr>\n");
    }
    add(p, "</tbody></table></div>\n");
    if (p->r->best_epoch > 0) {
        gf_text_printf(&p->t, "<p class=\"muted\">The weights of epoch %d were kept.</p>\n", (int)p->r->best_epoch);
    }
    return GRAFT_OK;
}

static const gf_plot *plot_of(const char *file)
{
    for (size_t i = 0; i < gf_n_plots; i++) {
        if (!strcmp(gf_plots[i].file, file)) return &gf_plots[i];
    }
    return NULL;
}

static graft_status add_plot(page *p, const char *file, const char *alt)
{
    const gf_plot *plot = plot_of(file);
    add(p, "<figure class=\"scroll\">");
    graft_status status = plot ? gf_html_plot(&p->t, plot, p->r, alt, p->err) : GRAFT_OK;
    add(p, "</figure>\n");
    return status;
}

/* "Accuracy and loss over 20 epochs. At the end: training accuracy 98.1 %, validation accuracy 97.0 %, ..." */
static void describe_curves(gf_text *t, const gf_history *h)
{
    const gf_history_row *last = &h->row[h->n - 1];
    size_t n = h->metrics->n;
    char heading[GF_METRIC_NAME];
    for (size_t k = 0; k < n; k++) {
        const gf_metric *m = &h->metrics->item[gf_record_order(h->metrics, k)];
        gf_text_printf(t, "%s%s", !k ? "" : k + 1 < n ? ", " : " and ", k ? m->title : gf_metric_heading(m, heading));
    }
    gf_text_printf(t, " over %s epochs. At the end:", GF_COUNT(h->n));
    for (size_t k = 0; k < n; k++) {
        size_t i = gf_record_order(h->metrics, k);
        const gf_metric *m = &h->metrics->item[i];
        gf_text_printf(t, "%s training %s %s, validation %s %s", k ? "," : "", m->title,
                       GF_METRIC_TEXT(m, last->value[GF_ON_TRAINING][i], 1), m->title,
                       GF_METRIC_TEXT(m, last->value[GF_ON_VALIDATION][i], 1));
    }
    gf_text_add(t, ".");
}

static graft_status add_curves(page *p)
{
    if (!p->r->history || !p->r->history->n) return GRAFT_OK;
    gf_text alt = {0};
    describe_curves(&alt, p->r->history);
    add(p, "<h2>Training</h2>\n<p class=\"muted\">The ring marks the epoch whose weights were kept. The results above "
           "were measured once more, with the finished model: now and then a photo falls on the other side.</p>\n");
    p->t.failed |= alt.failed;
    graft_status status = add_plot(p, "curves.png", alt.failed ? "" : alt.s);
    gf_text_free(&alt);
    return status;
}

/* "cat.1.jpg: predicted cats with 98.1 %, truly dogs": the words that stand for a photo. */
static void add_words(gf_text *t, const page *p, const gf_photo *photo, gf_caption caption)
{
    bool predicted = caption == GF_CAPTION_PREDICTION && photo->predicted >= 0;
    if (photo->path) gf_text_printf(t, "%s: ", photo->path);
    if (predicted) {
        gf_text_printf(t, "predicted %s with %s", gf_record_class(p->r, photo->predicted),
                       GF_PROBABILITY(photo->probability));
    }
    if (predicted && photo->truth >= 0) gf_text_add(t, ", truly ");
    if (photo->truth >= 0) gf_text_add(t, gf_record_class(p->r, photo->truth));
    if (caption == GF_CAPTION_NONE) gf_text_add(t, t->n ? ", augmented" : "augmented photo");
    if (!t->n) gf_text_add(t, "photo");
}

static bool is_judged(const gf_photo *photo, gf_caption caption)
{
    return caption == GF_CAPTION_PREDICTION && photo->predicted >= 0 && photo->truth >= 0;
}

static void add_prediction(page *p, const gf_photo *photo)
{
    if (photo->predicted < 0) return;
    gf_html_element(&p->t, "b", "", gf_record_class(p->r, photo->predicted));
    if (isnan(photo->probability)) return;
    add(p, " ");
    gf_html_element(&p->t, "i", "", GF_PROBABILITY(photo->probability));
}

static void add_caption(page *p, const gf_photo *photo, gf_caption caption, bool with_path)
{
    bool judged = is_judged(photo, caption);
    add(p, "<figcaption>");
    if (judged) add(p, photo->truth == photo->predicted ? "<i>\u2713</i> " : "<i>\u2717</i> ");
    if (caption == GF_CAPTION_PREDICTION) add_prediction(p, photo);
    if (photo->truth >= 0) {
        add(p, judged ? "<br/>(" : "");
        gf_html_text(&p->t, gf_record_class(p->r, photo->truth));
        add(p, judged ? ")" : "");
    }
    if (with_path && photo->path) gf_html_element(&p->t, "small", "", photo->path);
    add(p, "</figcaption>");
}

static graft_status add_photo(page *p, const gf_photo *photo, gf_caption caption, bool with_path)
{
    bool judged = is_judged(photo, caption);
    gf_text words = {0};
    add_words(&words, p, photo, caption);
    add(p, !judged                            ? "<figure>"
           : photo->truth == photo->predicted ? "<figure class=\"ok\">"
                                              : "<figure class=\"bad\">");
    p->t.failed |= words.failed;
    graft_status status = gf_html_photo(&p->t, &photo->pixels, PHOTO_SIDE, words.failed ? "" : words.s, p->err);
    if (caption != GF_CAPTION_NONE) add_caption(p, photo, caption, with_path);
    add(p, "</figure>\n");
    gf_text_free(&words);
    return status;
}

static graft_status add_photos(page *p, gf_photos photos, size_t most, gf_caption caption, bool with_path)
{
    add(p, most == NINE ? "<div class=\"photos nine\">\n" : "<div class=\"photos\">\n");
    for (size_t i = 0; i < photos.n && i < most; i++) GF_TRY(add_photo(p, &photos.item[i], caption, with_path));
    add(p, "</div>\n");
    return GRAFT_OK;
}

static graft_status add_predictions(page *p)
{
    if (!p->r->predictions.n) return GRAFT_OK;
    add(p, "<h2>Predictions</h2>\n<p class=\"muted\">" GF_PREDICTIONS_KEY "</p>\n");
    return add_photos(p, p->r->predictions, MOST_PHOTOS, GF_CAPTION_PREDICTION, false);
}

static graft_status add_mistakes(page *p)
{
    if (!p->r->mistakes.n) return GRAFT_OK;
    add(p, "<h2>Most confident mistakes</h2>\n<p class=\"muted\">Where the model was surest and yet wrong: look here "
           "for wrong labels and unusual photos.</p>\n");
    return add_photos(p, p->r->mistakes, MOST_PHOTOS, GF_CAPTION_PREDICTION, true);
}

/* Long tables of classes are folded. */
static void open_fold(page *p, const char *what)
{
    if (p->r->n_classes > FOLD_CLASSES) gf_text_printf(&p->t, "<details><summary>%s</summary>\n", what);
}
static void close_fold(page *p)
{
    if (p->r->n_classes > FOLD_CLASSES) add(p, "</details>\n");
}

static void add_class_scores(page *p, const gf_metrics *m)
{
    open_fold(p, "Show all classes");
    add(p, "<div class=\"scroll\"><table>\n<thead><tr>");
    head(p, "Class", false);
    head(p, "Images", true);
    head(p, "Precision", true);
    head(p, "Recall", true);
    head(p, "F1", true);
    add(p, "</tr></thead>\n<tbody>\n");
    for (size_t c = 0; c < p->r->n_classes; c++) {
        gf_class_score s = gf_class_score_of(m->confusion, p->r->n_classes, c);
        add(p, "<tr>");
        row_head(p, p->r->classes[c]);
        cell(p, GF_COUNT(s.images));
        cell(p, GF_PERCENT(s.precision, 1));
        cell(p, GF_PERCENT(s.recall, 1));
        cell(p, GF_PERCENT(s.f1, 1));
        add(p, "</tr>\n");
    }
    add(p, "</tbody></table></div>\n");
    close_fold(p);
}

static graft_status add_classes(page *p)
{
    const char *name;
    const gf_metrics *m = gf_record_final(p->r, &name);
    if (!m || !m->confusion || !p->r->n_classes) return GRAFT_OK;
    add(p, "<h2>Class by class</h2>\n");
    GF_TRY(add_plot(p, "confusion.png",
                    "Confusion matrix: how often each true class (row) was predicted as each class (column); its "
                    "shares are in the table below."));
    gf_text_printf(&p->t,
                   "<h3>Precision and recall</h3>\n<p class=\"muted\">On the %s set. Precision: of the images given "
                   "this class, how many are of it. Recall: of the images of this class, how many were found. F1: "
                   "their harmonic mean.</p>\n",
                   name);
    add_class_scores(p, m);
    return GRAFT_OK;
}

static void add_facts(page *p, gf_facts facts)
{
    if (!facts.n) return;
    add(p, "<div class=\"scroll\"><table class=\"facts\"><tbody>\n");
    for (size_t i = 0; i < facts.n; i++) {
        add(p, "<tr>");
        row_head(p, facts.item[i].key);
        gf_html_element(&p->t, "td", "", facts.item[i].value);
        add(p, "</tr>\n");
    }
    add(p, "</tbody></table></div>\n");
}

static void add_split_row(page *p, const char *name, size_t class_index, bool total)
{
    add(p, total ? "<tr class=\"total\">" : "<tr>");
    row_head(p, name);
    for (size_t s = 0; s < p->r->n_splits; s++) {
        const gf_data_split *split = &p->r->splits[s];
        cell(p, total ? GF_COUNT(split->images) : split->per_class ? GF_COUNT(split->per_class[class_index]) : "-");
    }
    add(p, "</tr>\n");
}

static void add_splits(page *p)
{
    if (!p->r->n_splits) return;
    open_fold(p, "Show the number of images of each class");
    add(p, "<div class=\"scroll\"><table>\n<thead><tr>");
    head(p, "Images", false);
    for (size_t s = 0; s < p->r->n_splits; s++) head(p, p->r->splits[s].name, true);
    add(p, "</tr></thead>\n<tbody>\n");
    add_split_row(p, "all", 0, true);
    for (size_t c = 0; c < p->r->n_classes; c++) add_split_row(p, p->r->classes[c], c, false);
    add(p, "</tbody></table></div>\n");
    close_fold(p);
}

static graft_status add_data(page *p)
{
    const gf_run_record *r = p->r;
    if (!r->n_splits && !r->data_facts.n && !r->samples.n && !r->augmentations.n) return GRAFT_OK;
    add(p, "<h2>Data</h2>\n");
    add_splits(p);
    if (r->data_facts.n) add(p, "<h3>Where it comes from</h3>\n");
    add_facts(p, r->data_facts);
    if (r->samples.n) {
        add(p, "<h3>Samples of the training set</h3>\n");
        GF_TRY(add_photos(p, r->samples, NINE, GF_CAPTION_TRUTH, false));
    }
    if (r->augmentations.n) {
        add(p, "<h3>Augmentations of one photo</h3>\n");
        GF_TRY(add_photos(p, r->augmentations, NINE, GF_CAPTION_NONE, false));
    }
    return GRAFT_OK;
}

static graft_status add_settings(page *p)
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
        add(p, "\n");
        add_facts(p, parts[i].facts);
    }
    return GRAFT_OK;
}

static graft_status add_command(page *p)
{
    if (!p->r->command) return GRAFT_OK;
    add(p, "<h2>Repeat this run</h2>\n");
    gf_html_element(&p->t, "pre", "", p->r->command);
    add(p, "\n<p class=\"muted\">The same data, options and versions give the same bits, for any number of "
           "threads.</p>\n");
    return GRAFT_OK;
}

graft_status gf_report_page(char **html, size_t *n, const gf_run_record *r, graft_error *err)
{
    static graft_status (*const sections[])(page *) = {
        add_results, add_curves, add_predictions, add_classes, add_mistakes, add_data, add_settings, add_command,
    };
    *html = NULL;
    page p = {.r = r, .err = err};
    graft_status status = GRAFT_OK;
    add_head(&p);
    add_title(&p);
    for (size_t i = 0; i < sizeof sections / sizeof *sections && status == GRAFT_OK; i++) {
        status = gf_watch_look(r->watch, err);
        if (status == GRAFT_OK) status = sections[i](&p);
    }
    add(&p, "</main>\n</body>\n</html>\n");
    if (status == GRAFT_OK && p.t.failed) status = gf_fail_memory(err, p.t.n, "report.html");
    if (status != GRAFT_OK) {
        gf_text_free(&p.t);
        return status;
    }
    *html = p.t.s;
    if (n) *n = p.t.n;
    return GRAFT_OK;
}
