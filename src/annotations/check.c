/* check.c - boxes into pixels of the displayed image. */
#include "annotations/check.h"

#include "annotations/build.h"

#include <math.h>

/* ---- from what the label was made of to what is displayed */

static bool same_size(uint32_t w, uint32_t h, uint32_t to_w, uint32_t to_h) { return w == to_w && h == to_h; }

/* The stored image's box in the displayed one. W x H: the stored image. */
static gf_box turn(gf_box b, int orientation, double W, double H)
{
    double right = W - b.x - b.w, below = H - b.y - b.h;
    switch (orientation) {
    case 2: return (gf_box){right, b.y, b.w, b.h};
    case 3: return (gf_box){right, below, b.w, b.h};
    case 4: return (gf_box){b.x, below, b.w, b.h};
    case 5: return (gf_box){b.y, b.x, b.h, b.w};
    case 6: return (gf_box){below, b.x, b.h, b.w};
    case 7: return (gf_box){below, right, b.h, b.w};
    case 8: return (gf_box){b.y, right, b.h, b.w};
    default: return b;
    }
}

static void turn_all(gf_annotations *a, const gf_annotated *i)
{
    for (size_t b = i->first; b < i->first + i->n; b++)
        a->box[b].box = turn(a->box[b].box, i->orientation, i->stored_w, i->stored_h);
    a->count.rotated++;
}

/* One factor for both sides, to a pixel of rounding. */
static bool is_scaled(const gf_annotated *i, double *by)
{
    *by = (double)i->w / i->width;
    return fabs(i->height * *by - i->h) <= fmax(1, *by) ||
           fabs(i->width * ((double)i->h / i->height) - i->w) <= fmax(1, *by);
}

static graft_status fit_size(gf_annotations *a, const gf_annotation_options *o, gf_annotated *i, const char *path,
                             graft_error *err)
{
    double by;
    if (!i->width || !i->height || same_size(i->width, i->height, i->w, i->h)) return GRAFT_OK;
    if (same_size(i->width, i->height, i->stored_w, i->stored_h)) {
        turn_all(a, i);
        return GRAFT_OK;
    }
    bool scaled = is_scaled(i, &by);
    if (!scaled || !o->scale)
        return gf_annotations_problem(a, GF_E_LABELS_SIZE, err, "%s: labelled at %ux%u, the image is %ux%u%s",
                                      GF_ESC(path), i->width, i->height, i->w, i->h,
                                      scaled ? " (--labels-scale takes it)" : "");
    for (size_t b = i->first; b < i->first + i->n; b++) {
        gf_box *x = &a->box[b].box;
        *x = (gf_box){x->x * by, x->y * by, x->w * by, x->h * by};
        a->box[b].area *= by * by;
    }
    a->count.scaled++;
    return GRAFT_OK;
}

static void share_to_pixels(gf_annotations *a, const gf_annotated *i)
{
    for (size_t b = i->first; b < i->first + i->n; b++) {
        gf_box *x = &a->box[b].box;
        if (!a->box[b].shares) continue;
        *x = (gf_box){x->x * i->w, x->y * i->h, x->w * i->w, x->h * i->h};
        a->box[b].shares = false;
    }
}

/* ---- box by box */

typedef struct edges {
    double x1, y1, x2, y2;
} edges;

static edges edges_of(const gf_box *b) { return (edges){b->x, b->y, b->x + b->w, b->y + b->h}; }

static void put_in_order(gf_annotations *a, gf_box *b)
{
    if (b->w >= 0 && b->h >= 0) return;
    a->count.swapped++;
    if (b->w < 0) *b = (gf_box){b->x + b->w, b->y, -b->w, b->h};
    if (b->h < 0) *b = (gf_box){b->x, b->y + b->h, b->w, -b->h};
}

static bool is_out(edges e, const gf_annotated *i, double least, double share)
{
    double over_w = fmax(least, share * i->w), over_h = fmax(least, share * i->h);
    return e.x1 < -over_w || e.y1 < -over_h || e.x2 > i->w + over_w || e.y2 > i->h + over_h;
}

/* False: the box is of no use, told or counted. */
static graft_status take_box(gf_annotations *a, gf_annotation *b, const gf_annotated *i, const char *path, bool *keep,
                             graft_error *err)
{
    *keep = false;
    put_in_order(a, &b->box);
    edges e = edges_of(&b->box);
    const char *source = a->text.s + i->source;
    if (is_out(e, i, 2, 0.01)) {
        edges corners = {b->box.x, b->box.y, b->box.w, b->box.h};
        bool look = corners.x2 > corners.x1 && corners.y2 > corners.y1 && !is_out(corners, i, 2, 0.01) && b->box.x > 0;
        return gf_annotations_problem(a, GF_E_LABELS_BOX, err,
                                      "%s (box %u): %s is %ux%u, the box is %.9g,%.9g to %.9g,%.9g%s", GF_ESC(source),
                                      b->place, GF_ESC(path), i->w, i->h, e.x1, e.y1, e.x2, e.y2,
                                      look ? ": these look like corners, not x, y, width, height" : "");
    }
    edges in = {fmax(e.x1, 0), fmax(e.y1, 0), fmin(e.x2, i->w), fmin(e.y2, i->h)};
    if (!(in.x2 > in.x1 && in.y2 > in.y1)) {
        a->count.empty++;
        return gf_note_add(&a->notes, NULL, GF_NOTE, err, "%s (box %u): an empty box, left out", GF_ESC(source),
                           b->place);
    }
    *keep = true;
    if (!is_out(e, i, 0, 0)) return GRAFT_OK;
    a->count.clipped += is_out(e, i, 1e-6, 0); /* a share's rounding is no news */
    b->box = (gf_box){in.x1, in.y1, in.x2 - in.x1, in.y2 - in.y1};
    return GRAFT_OK;
}

static bool equal_boxes(const gf_annotation *a, const gf_annotation *b)
{
    return a->class_id == b->class_id && a->box.x == b->box.x && a->box.y == b->box.y && a->box.w == b->box.w &&
           a->box.h == b->box.h;
}

/* Against those of the image that were kept before. False: it is there already. */
static bool is_new(gf_annotations *a, const gf_annotation *b, size_t first, size_t n)
{
    for (size_t k = first; k < n; k++) {
        if (equal_boxes(&a->box[k], b)) {
            a->count.equal++;
            return false;
        }
        if (gf_box_iou(&a->box[k].box, &b->box, false) <= 0.95) continue;
        if (a->box[k].class_id == b->class_id)
            a->count.near_same++;
        else
            a->count.near_other++;
    }
    return true;
}

static graft_status check_image(gf_annotations *a, const gf_annotation_options *o, gf_annotated *i, size_t *kept,
                                graft_error *err)
{
    const char *path = a->text.s + i->path;
    size_t first = *kept;
    if (i->n > GF_BOXES_OF_IMAGE_MOST)
        GF_TRY(gf_annotations_problem(a, GF_E_LABELS_BOX, err, "%s: %zu boxes; the most is %d", GF_ESC(path), i->n,
                                      GF_BOXES_OF_IMAGE_MOST));
    share_to_pixels(a, i);
    size_t before = a->problems;
    GF_TRY(fit_size(a, o, i, path, err));
    for (size_t b = i->first; b < i->first + i->n && a->problems == before && i->n <= GF_BOXES_OF_IMAGE_MOST; b++) {
        bool keep;
        gf_annotation box = a->box[b];
        GF_TRY(take_box(a, &box, i, path, &keep, err));
        before = a->problems; /* a bad box does not hide the next one */
        if (!keep || !is_new(a, &box, first, *kept)) continue;
        if (!isnan(box.area) && !(box.area >= 0)) box.area = NAN;
        a->box[(*kept)++] = box;
    }
    i->first = first;
    i->n = *kept - first;
    return GRAFT_OK;
}

/* Turned images whose label says no size: the boxes are taken as of what is displayed, and that is said. */
static graft_status warn_turned(gf_annotations *a, const gf_log *log, graft_error *err)
{
    size_t n = 0;
    const char *first = NULL;
    for (size_t i = 0; i < a->images; i++) {
        if (a->image[i].orientation < 2 || a->image[i].width || !a->image[i].n) continue;
        if (!n++) first = gf_annotations_path(a, i);
    }
    if (!n) return GRAFT_OK;
    return gf_note_add(&a->notes, log, GF_WARNING, err,
                       "%zu image%s (%s%s) turned by EXIF, and the label has no size that would tell which way it was "
                       "labelled: boxes are taken as of the turned image",
                       n, n == 1 ? " is" : "s are", GF_ESC(first), n == 1 ? "" : " ..");
}

graft_status gf_annotations_check(gf_annotations *a, const gf_annotation_options *o, graft_error *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < a->images; i++) GF_TRY(check_image(a, o, &a->image[i], &kept, err));
    a->boxes = kept;
    return warn_turned(a, o->log, err);
}
