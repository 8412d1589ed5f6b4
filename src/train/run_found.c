/* run_found.c - what a detector finds in the judged set: for the report. */
#include "train/run_found.h"

#include "report/drawn.h"

#include <stdio.h>

typedef struct drawing {
    const gf_run_found *f;
    const gf_run *r;
    size_t image;
    gf_pixels *pixels;
} drawing;

enum { LABEL = 320 };

static void label_of(const gf_run *r, const gf_detection *d, char label[LABEL])
{
    const gf_names *classes = &r->facts->classes;
    snprintf(label, LABEL, "%s%s%.2f", classes->n > 1 ? classes->item[d->category] : "", classes->n > 1 ? " " : "",
             d->score);
}

static graft_status draw(void *ctx, size_t item, int worker, graft_error *err)
{
    static const uint32_t orange = 0xff8c00;
    const drawing *d = ctx;
    gf_drawn_box box[GF_DETECTED_MOST];
    char label[GF_DETECTED_MOST][LABEL];
    size_t n = 0;
    (void)item, (void)worker;
    for (size_t i = 0; i < d->f->set.n && n < GF_DETECTED_MOST; i++) {
        const gf_detection *one = &d->f->set.found[i];
        if (one->image != (int64_t)d->image) continue;
        label_of(d->r, one, label[n]);
        box[n] =
            (gf_drawn_box){one->box.x, one->box.y, one->box.x + one->box.w, one->box.y + one->box.h, label[n], orange};
        n++;
    }
    return gf_draw_boxes((uint8_t *)d->pixels->rgb, d->pixels->w, d->pixels->h, box, n, err);
}

graft_status gf_run_found_draw(const gf_run *r, const gf_run_found *f, size_t image, gf_pixels *pixels,
                               graft_error *err)
{
    drawing d = {f, r, image, pixels};
    return gf_pool_run_watched(r->host.pool, 1, draw, &d, err);
}

/* The thresholds that were chosen, else the usual ones. */
static gf_detect_options options_of(const gf_run *r)
{
    const gf_threshold *t = &r->facts->threshold;
    bool chosen = t->confidence > 0;
    return (gf_detect_options){.least = chosen ? t->confidence : GF_DETECT_CONFIDENCE,
                               .overlap = chosen ? t->overlap : GF_DETECT_OVERLAP,
                               .candidates = GF_DETECT_CANDIDATES,
                               .most = GF_DETECTED_MOST};
}

graft_status gf_run_found_gather(gf_run_found *f, const gf_run *r, const gf_evaluation *e, const float *logits,
                                 uint32_t first, graft_error *err)
{
    const gf_detect_options o = options_of(r);
    *f = (gf_run_found){0};
    return e->found ? gf_run_look(r, e, logits, first, &o, &f->set, err) : GRAFT_OK;
}

void gf_run_found_free(gf_run_found *f)
{
    gf_found_set_free(&f->set);
    *f = (gf_run_found){0};
}
