/* run_found.c - what a detector finds in the judged set: for the report. */
#include "train/run_found.h"

#include "report/drawn.h"

#include <stdio.h>
#include <string.h>

enum { LABEL = 320 };

/* ---- drawing */

typedef struct drawing {
    const gf_run_found *f;
    const gf_run *r;
    size_t image;
    gf_pixels *pixels;
} drawing;

static bool is_wrong(gf_match_kind kind) { return kind != GF_MATCH_RIGHT && kind != GF_MATCH_IGNORED; }

/* "raccoon 0.83", of a single class "0.83"; of a mistake "0.83 double". */
static void label_of(const drawing *d, size_t detection, char label[LABEL])
{
    const gf_detection *one = &d->f->set.found[detection];
    const gf_names *classes = &d->r->facts->classes;
    gf_match_kind kind = d->f->matches.detection[detection].kind;
    bool named = classes->n > 1;
    snprintf(label, LABEL, "%s%s%.2f%s%s", named ? classes->item[one->category] : "", named ? " " : "", one->score,
             is_wrong(kind) ? " " : "", is_wrong(kind) ? gf_match_name(kind) : "");
}

static graft_status draw(void *ctx, size_t item, int worker, graft_error *err)
{
    static const uint32_t orange = 0xff8c00, red = 0xd01c2e;
    const drawing *d = ctx;
    gf_drawn_box *box = gf_new_n(GF_DETECTED_MOST, gf_drawn_box);
    char(*label)[LABEL] = gf_alloc_raw(GF_DETECTED_MOST, LABEL);
    graft_status status = box && label ? GRAFT_OK : gf_fail_memory(err, GF_DETECTED_MOST * LABEL, "a drawn image");
    size_t n = 0;
    (void)item, (void)worker;
    for (size_t i = 0; status == GRAFT_OK && i < d->f->set.n && n < GF_DETECTED_MOST; i++) {
        const gf_detection *one = &d->f->set.found[i];
        if (one->image != (int64_t)d->image) continue;
        label_of(d, i, label[n]);
        box[n] = (gf_drawn_box){one->box.x,
                                one->box.y,
                                one->box.x + one->box.w,
                                one->box.y + one->box.h,
                                label[n],
                                is_wrong(d->f->matches.detection[i].kind) ? red : orange};
        n++;
    }
    if (status == GRAFT_OK) status = gf_draw_boxes((uint8_t *)d->pixels->rgb, d->pixels->w, d->pixels->h, box, n, err);
    gf_free(box);
    gf_free(label);
    return status;
}

graft_status gf_run_found_draw(const gf_run *r, const gf_run_found *f, size_t image, gf_pixels *pixels,
                               graft_error *err)
{
    drawing d = {f, r, image, pixels};
    return gf_pool_run_watched(r->host.pool, 1, draw, &d, err);
}

/* ---- which images to show */

/* Puts an image of that weight among the heaviest, before those that weigh less; equal ones stay in order. */
static size_t put_heavier(size_t *image, double *weight, size_t n, size_t most, size_t at, double of)
{
    size_t k = n < most ? n : most;
    while (k && weight[k - 1] < of) k--;
    if (k == most) return n;
    size_t last = n < most ? n : most - 1;
    for (size_t i = last; i > k; i--) {
        image[i] = image[i - 1];
        weight[i] = weight[i - 1];
    }
    image[k] = at;
    weight[k] = of;
    return n < most ? n + 1 : n;
}

enum { MOST_SHOWN = 64 };

static size_t heaviest(const gf_run_found *f, const double *weight_of, size_t *image, size_t most)
{
    double weight[MOST_SHOWN];
    size_t n = 0;
    for (size_t i = 0; i < (size_t)f->set.images; i++)
        if (weight_of[i] > 0) n = put_heavier(image, weight, n, most < MOST_SHOWN ? most : MOST_SHOWN, i, weight_of[i]);
    return n;
}

size_t gf_run_found_misses(const gf_run_found *f, size_t *image, size_t most)
{
    return heaviest(f, f->missed, image, most);
}

size_t gf_run_found_mistakes(const gf_run_found *f, size_t *image, size_t most)
{
    return heaviest(f, f->worst, image, most);
}

/* ---- measures */

static void count(gf_run_found *f, const gf_detection_set *set)
{
    gf_found_record *d = &f->record;
    for (size_t i = 0; i < set->detections; i++) {
        gf_match_kind kind = f->matches.detection[i].kind;
        gf_found_class *c = &f->item[set->detection[i].category];
        d->kind[kind]++;
        c->told += kind != GF_MATCH_IGNORED;
        c->right += kind == GF_MATCH_RIGHT;
        double *worst = &f->worst[set->detection[i].image];
        if (is_wrong(kind) && set->detection[i].score > *worst) *worst = set->detection[i].score;
    }
    for (size_t i = 0; i < set->truths; i++) {
        gf_truth_state state = f->matches.truth[i];
        d->missed += state == GF_TRUTH_MISSED;
        d->nearly += state == GF_TRUTH_NEARLY;
        d->objects += state != GF_TRUTH_IGNORED;
        f->missed[set->truth[i].image] += state == GF_TRUTH_MISSED || state == GF_TRUTH_NEARLY;
        f->item[set->truth[i].category].objects += state != GF_TRUTH_IGNORED;
    }
}

static graft_status at_thresholds(gf_run_found *f, const gf_run *r, const gf_judged_part *part, graft_error *err)
{
    const gf_detect_options o = gf_threshold_options(&r->facts->threshold);
    gf_found_view v = {0};
    f->record.confidence = o.least;
    f->record.overlap = o.overlap;
    GF_TRY(gf_run_look(r, part->e, part->logits, part->first, &o, &f->set, err));
    graft_status status = gf_found_view_against(&v, &f->set, part->e->found, err);
    if (status == GRAFT_OK) status = gf_matches_of(&f->matches, &v.set, GF_MATCH_OVERLAP, err);
    if (status == GRAFT_OK) count(f, &v.set);
    gf_found_view_close(&v);
    return status;
}

/* Precision, recall and F1 over all scores. */
static graft_status over_scores(gf_run_found *f, const gf_run *r, const gf_judged_part *part, graft_error *err)
{
    const double overlap = f->record.overlap;
    size_t best;
    GF_TRY(gf_run_points(r, part->e, part->logits, part->first, overlap, &f->point, &f->record.points, &best, err));
    f->record.point = f->point;
    return GRAFT_OK;
}

static void take_curve(gf_run_found *f, const gf_coco *c, size_t category)
{
    gf_found_class *to = &f->item[category];
    double(*curve)[2] = f->curve + category * GF_COCO_RECALLS;
    to->ap = gf_coco_average_precision(c, category, -1);
    to->ap50 = gf_coco_average_precision(c, category, 0);
    if (to->ap < 0) return;
    for (int i = 0; i < GF_COCO_RECALLS; i++) {
        curve[i][0] = (double)i / (GF_COCO_RECALLS - 1);
        curve[i][1] = gf_coco_precision(c, category, 0, i);
    }
    to->curve = (const double(*)[2])curve;
    to->n_curve = GF_COCO_RECALLS;
}

static graft_status by_class(gf_run_found *f, const gf_judged_part *part, size_t classes, graft_error *err)
{
    gf_found_view v = {0};
    gf_coco c = {0};
    graft_status status = gf_found_view_open(&v, part->e->found, err);
    if (status == GRAFT_OK) status = gf_coco_evaluate(&c, &v.set, err);
    for (size_t k = 0; k < classes && status == GRAFT_OK; k++) take_curve(f, &c, k);
    if (status == GRAFT_OK) memcpy(f->record.stat, c.stat, sizeof c.stat);
    gf_coco_free(&c);
    gf_found_view_close(&v);
    return status;
}

graft_status gf_run_found_gather(gf_run_found *f, const gf_run *r, const gf_judged_part *part, graft_error *err)
{
    const gf_found_set *found = part->e->found;
    size_t classes = r->facts->classes.n;
    *f = (gf_run_found){0};
    if (!found) return GRAFT_OK;
    f->missed = gf_new_n((size_t)found->images, double);
    f->worst = gf_new_n((size_t)found->images, double);
    f->item = gf_new_n(classes, gf_found_class);
    f->curve = gf_alloc_raw(classes * GF_COCO_RECALLS, sizeof *f->curve);
    if (!f->item || !f->curve || !f->missed || !f->worst)
        return gf_fail_memory(err, classes * GF_COCO_RECALLS * sizeof *f->curve, "the report");
    f->record.set = part->name;
    f->record.images = (size_t)found->images;
    f->record.item = f->item;
    GF_TRY(at_thresholds(f, r, part, err));
    GF_TRY(over_scores(f, r, part, err));
    return by_class(f, part, classes, err);
}

void gf_run_found_free(gf_run_found *f)
{
    gf_found_set_free(&f->set);
    gf_matches_free(&f->matches);
    gf_free(f->point);
    gf_free(f->item);
    gf_free(f->curve);
    gf_free(f->missed);
    gf_free(f->worst);
    *f = (gf_run_found){0};
}
