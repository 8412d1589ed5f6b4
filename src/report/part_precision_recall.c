/* part_precision_recall.c - precision over recall of each class: of boxes at an overlap of 0.5, or of labels. */
#include "report/page.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAMED = 8, NAME = 320 };

typedef struct curves {
    gf_share_line *line; /* of each class, and the mean */
    char (*name)[NAME];
    double mean[GF_COCO_RECALLS][2];
} curves;

static const gf_found_class *classes_of(const gf_run_record *r)
{
    return r->detection ? r->detection->item : r->labels ? r->labels->item : NULL;
}

/* Of the classes that have objects. */
static void take_mean(curves *k, const gf_run_record *r)
{
    for (size_t i = 0; i < GF_COCO_RECALLS; i++) {
        size_t n = 0;
        double sum = 0;
        for (size_t c = 0; c < r->n_classes; c++) {
            const gf_found_class *one = &classes_of(r)[c];
            if (!one->n_curve) continue;
            k->mean[i][0] = one->curve[i][0];
            sum += one->curve[i][1];
            n++;
        }
        k->mean[i][1] = n ? sum / (double)n : NAN;
    }
}

/* Few classes have a colour each; many are thin lines behind their mean. */
static size_t take_lines(curves *k, const gf_run_record *r, const gf_theme *theme)
{
    static const uint32_t color[NAMED] = {0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7,
                                          0xe69f00, 0x56b4e9, 0x7a6cc4, 0x8c6d31};
    const bool few = r->n_classes <= NAMED;
    size_t n = 0;
    double sum = 0;
    for (size_t c = 0; c < r->n_classes; c++) {
        const gf_found_class *one = &classes_of(r)[c];
        if (!one->n_curve) continue;
        snprintf(k->name[n], NAME, "%s, %s %s", gf_record_class(r, (int32_t)c), r->detection ? "AP50" : "AP",
                 GF_FIXED(one->ap50, 3));
        sum += one->ap50;
        k->line[n] = (gf_share_line){few ? k->name[n] : NULL, one->curve, one->n_curve, few ? 2.25 : 1,
                                     few ? color[c] : gf_theme_mix(theme, GF_INK_PAGE, GF_INK_MUTED, 0.45)};
        n++;
    }
    if (n < 2) return n;
    take_mean(k, r);
    if (r->detection) snprintf(k->name[n], NAME, "mean, AP50 %s", GF_FIXED(r->detection->stat[GF_COCO_AP50], 3));
    if (!r->detection) snprintf(k->name[n], NAME, "mean, AP %s", GF_FIXED(sum / (double)n, 3));
    k->line[n] = (gf_share_line){k->name[n], (const double(*)[2])k->mean, GF_COCO_RECALLS, 3, theme->rgb[GF_INK_TEXT]};
    return n + 1;
}

static graft_status draw_lines(gf_canvas **out, const gf_run_record *r, const gf_shares *frame, const gf_theme *theme,
                               graft_error *err)
{
    curves k = {.line = gf_new_n(r->n_classes + 1, gf_share_line), .name = gf_alloc(r->n_classes + 1, NAME)};
    graft_status status = k.line && k.name ? GRAFT_OK : gf_fail_memory(err, r->n_classes * NAME, "a plot");
    if (status == GRAFT_OK) {
        gf_shares s = *frame;
        s.n = take_lines(&k, r, theme);
        s.line = k.line;
        status = gf_plot_shares(out, &s, theme, err);
    }
    gf_free(k.line);
    gf_free(k.name);
    return status;
}

static graft_status draw(gf_canvas **out, const gf_run_record *r, const gf_theme *theme, graft_error *err)
{
    char note[120];
    *out = NULL;
    if (!classes_of(r)) return GRAFT_OK;
    gf_shares frame = {.title = "Precision and recall", .note = note, .mark = NAN};
    if (r->detection) {
        snprintf(note, sizeof note, "%s labelled boxes (%s), right from an overlap of 0.5 on",
                 GF_COUNT((unsigned long long)r->detection->objects), r->detection->set);
        frame.x = "recall: of the objects, found";
        frame.y = "precision: of the found, right";
    } else {
        snprintf(note, sizeof note, "%s %s (%s), each label by itself", GF_COUNT((unsigned long long)r->labels->images),
                 gf_record_noun(r), r->labels->set);
        frame.x = "recall: of those with the label, told";
        frame.y = "precision: of the told, right";
    }
    return draw_lines(out, r, &frame, theme, err);
}

static graft_status add(gf_page *p)
{
    if (!classes_of(p->r)) return GRAFT_OK;
    gf_page_add(p, "<h3>Precision and recall</h3>\n");
    return gf_page_plot(p, &gf_report_part_precision_recall.plot,
                        "Precision over recall of each class: the more is found, the less of it is right.");
}

const gf_report_part gf_report_part_precision_recall = {
    .name = "precision_recall", .plot = {"precision_recall.png", draw}, .section = add};
