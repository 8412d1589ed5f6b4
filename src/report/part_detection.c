/* part_detection.c - how good a detector is: COCO's measures, and each class. */
#include "report/page.h"

/* -1 and NaN are shown as "-". */
static void add_share(gf_page *p, double x) { gf_page_cell(p, x >= 0 ? GF_FIXED(x, 3) : "-"); }

static void add_measures(gf_page *p, const gf_found_record *d)
{
    static const struct {
        const char *name;
        gf_coco_stat stat;
    } rows[] = {{"AP, mean of the overlaps 0.5 to 0.95", GF_COCO_AP},
                {"AP50, right from an overlap of 0.5", GF_COCO_AP50},
                {"AP75", GF_COCO_AP75},
                {"AP of small objects, up to 32 x 32 pixels", GF_COCO_AP_SMALL},
                {"AP of medium objects, up to 96 x 96", GF_COCO_AP_MEDIUM},
                {"AP of large objects", GF_COCO_AP_LARGE},
                {"Recall with 1 detection per image", GF_COCO_AR1},
                {"Recall with 10", GF_COCO_AR10},
                {"Recall with 100", GF_COCO_AR100}};
    gf_page_add(p, "<div class=\"scroll\"><table>\n<tbody>\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        gf_page_add(p, "<tr>");
        gf_page_row_head(p, rows[i].name);
        add_share(p, d->stat[rows[i].stat]);
        gf_page_add(p, "</tr>\n");
    }
    gf_page_add(p, "</tbody></table></div>\n");
}

static void add_class(gf_page *p, const gf_found_class *c, const char *name)
{
    const gf_class_score s = gf_found_score_of(c);
    gf_page_add(p, "<tr>");
    gf_page_row_head(p, name);
    gf_page_cell(p, GF_COUNT((unsigned long long)c->objects));
    add_share(p, c->ap);
    add_share(p, c->ap50);
    add_share(p, s.precision);
    add_share(p, s.recall);
    add_share(p, s.f1);
    gf_page_add(p, "</tr>\n");
}

static void add_classes(gf_page *p, const gf_found_record *d)
{
    static const char *const heads[] = {"Boxes", "AP", "AP50", "Precision", "Recall", "F1"};
    gf_page_add(p, "<h3>Classes</h3>\n");
    gf_page_open_fold(p, "Classes");
    gf_page_add(p, "<div class=\"scroll\"><table>\n<thead><tr>");
    gf_page_head(p, "Class", false);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) gf_page_head(p, heads[i], true);
    gf_page_add(p, "</tr></thead>\n<tbody>\n");
    for (size_t c = 0; c < p->r->n_classes; c++) add_class(p, &d->item[c], gf_record_class(p->r, (int32_t)c));
    gf_page_add(p, "</tbody></table></div>\n");
    gf_page_close_fold(p);
}

static graft_status add_detection(gf_page *p)
{
    const gf_found_record *d = p->r->detection;
    if (!d) return GRAFT_OK;
    gf_text_printf(&p->t,
                   "<h2>How good it is</h2>\n<p class=\"muted\">%s labelled boxes of the %s set, as pycocotools "
                   "measures them, in pixels of the input of the network. Precision, recall and F1 are those of "
                   "detections with a score of %s or more, which give way to a better one of their class above an "
                   "overlap of %s; a detection is right from an overlap of 0.5 on.</p>\n",
                   GF_COUNT((unsigned long long)d->objects), d->set, GF_FIXED(d->confidence, 3),
                   GF_FIXED(d->overlap, 2));
    add_measures(p, d);
    add_classes(p, d);
    return GRAFT_OK;
}

const gf_report_part gf_report_part_detection = {.name = "detection", .section = add_detection};
