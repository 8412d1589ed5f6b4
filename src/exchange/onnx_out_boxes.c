/* onnx_out_boxes.c - behind a detector's network: boxes and scores, or the detections themselves. */
#include "exchange/onnx_out.h"

#include <string.h>

enum { SIDES = 4 };

/* (1, places, 4): what `put` makes of each place. */
static const char *place_tensor(gf_oo *w, const char *name, void (*put)(const gf_export_place *p, float *to))
{
    const gf_export_boxes *b = w->boxes;
    float *to = gf_oo_tensor(w, name, &GF_SHAPE(1, (int64_t)b->places, SIDES));
    for (size_t i = 0; to && i < b->places; i++) put(&b->place[i], to + SIDES * i);
    return name;
}

static void put_corners(const gf_export_place *p, float *to)
{
    memcpy(to, (float[]){p->x, p->y, p->x, p->y}, SIDES * sizeof *to);
}

static void put_signed_strides(const gf_export_place *p, float *to)
{
    memcpy(to, (float[]){-p->stride, -p->stride, p->stride, p->stride}, SIDES * sizeof *to);
}

static void put_center(const gf_export_place *p, float *to)
{
    memcpy(to, (float[]){p->x, p->y, 0, 0}, SIDES * sizeof *to);
}

static void put_strides(const gf_export_place *p, float *to)
{
    memcpy(to, (float[]){p->stride, p->stride, p->stride, p->stride}, SIDES * sizeof *to);
}

static const char *transposed(gf_oo *w, const char *in, const char *out)
{
    gf_oo_ints(w, gf_oo_node(w, "Transpose", out, in, NULL, NULL), "perm", (int64_t[]){0, 2, 1}, 3);
    return out;
}

static const char *reshaped(gf_oo *w, const char *in, const char *out, const int64_t *shape, size_t n)
{
    gf_oo_node(w, "Reshape", out, in, gf_oo_int_tensor(w, gf_oo_name(w, "%s/shape", out), shape, n), NULL);
    return out;
}

/* One column of a table, as a column. */
static const char *column(gf_oo *w, const char *table, const char *out, int64_t which)
{
    const char *at = gf_oo_int_tensor(w, gf_oo_name(w, "%s/number", out), &which, 1);
    gf_oo_int(w, gf_oo_node(w, "Gather", out, table, at, NULL), "axis", 1);
    return out;
}

/* ---- what all share */

/* The network's value in two: scores (n, places, classes), and exponentials of the sides (n, places, 4). */
static void split(gf_oo *w, const char *places, const char *scores, const char *exponentials)
{
    const int64_t parts[] = {w->boxes->classes, SIDES};
    const char *most = gf_oo_scalar(w, "decode/most", (float)w->boxes->most_exponent);
    gf_onnx_node *n =
        gf_oo_node(w, "Split", "decode/logits", places, gf_oo_int_tensor(w, "decode/parts", parts, 2), NULL);
    gf_oo_int(w, n, "axis", 2);
    if (n && !w->failed) n->output[n->n_outputs++] = "decode/sides";
    gf_oo_node(w, "Sigmoid", scores, "decode/logits", NULL, NULL);
    gf_oo_node(w, "Min", "decode/held", "decode/sides", most, NULL);
    gf_oo_node(w, "Exp", exponentials, "decode/held", NULL, NULL);
}

static void put_boxes(gf_oo *w, const char *exponentials, const char *out)
{
    const char *by = place_tensor(w, "decode/strides", put_signed_strides);
    gf_oo_node(w, "Mul", "decode/distances", exponentials, by, NULL);
    gf_oo_node(w, "Add", out, place_tensor(w, "decode/centers", put_corners), "decode/distances", NULL);
}

/* ---- ends */

static void end_raw(gf_oo *w, const char *places)
{
    const gf_export_boxes *b = w->boxes;
    gf_oo_node(w, "Identity", "places", places, NULL, NULL);
    gf_oo_output(w, "places", &GF_SHAPE(-1, (int64_t)b->places, b->classes + SIDES));
}

static void end_decoded(gf_oo *w, const char *places)
{
    const gf_export_boxes *b = w->boxes;
    split(w, places, "scores", "decode/exponentials");
    put_boxes(w, "decode/exponentials", "boxes");
    gf_oo_output(w, "boxes", &GF_SHAPE(-1, (int64_t)b->places, SIDES));
    gf_oo_output(w, "scores", &GF_SHAPE(-1, (int64_t)b->places, b->classes));
}

/* Center and size are sums of the distances left, top, right, bottom. */
static void end_yolo(gf_oo *w, const char *places)
{
    static const float sums[SIDES][SIDES] = {{-0.5f, 0, 1, 0}, {0, -0.5f, 0, 1}, {0.5f, 0, 1, 0}, {0, 0.5f, 0, 1}};
    const gf_export_boxes *b = w->boxes;
    split(w, places, "decode/scores", "decode/exponentials");
    const char *by = place_tensor(w, "decode/strides", put_strides),
               *at = place_tensor(w, "decode/centers", put_center);
    float *to = gf_oo_tensor(w, "decode/sums", &GF_SHAPE(SIDES, SIDES));
    if (to) memcpy(to, sums, sizeof sums);
    gf_oo_node(w, "Mul", "decode/distances", "decode/exponentials", by, NULL);
    gf_oo_node(w, "MatMul", "decode/moved", "decode/distances", "decode/sums", NULL);
    gf_oo_node(w, "Add", "decode/boxes", "decode/moved", at, NULL);
    gf_oo_int(w, gf_oo_node(w, "Concat", "decode/rows", "decode/boxes", "decode/scores", NULL), "axis", 2);
    transposed(w, "decode/rows", "output0");
    gf_oo_output(w, "output0", &GF_SHAPE(-1, SIDES + b->classes, (int64_t)b->places));
}

/* The class of a place is its best one; (1, classes, places). */
static void keep_best_class(gf_oo *w)
{
    gf_onnx_node *top = gf_oo_node(w, "ReduceMax", "nms/top", "decode/scores", NULL, NULL);
    gf_oo_ints(w, top, "axes", (int64_t[]){2}, 1);
    gf_oo_int(w, top, "keepdims", 1);
    gf_oo_node(w, "GreaterOrEqual", "nms/is_top", "decode/scores", "nms/top", NULL);
    gf_oo_int(w, gf_oo_node(w, "Cast", "nms/one", "nms/is_top", NULL, NULL), "to", GF_ONNX_FLOAT);
    gf_oo_node(w, "Mul", "nms/kept", "decode/scores", "nms/one", NULL);
    transposed(w, "nms/kept", "nms/scores");
}

static void select_boxes(gf_oo *w)
{
    const gf_export_boxes *b = w->boxes;
    float *overlap = gf_oo_tensor(w, "nms/overlap", &GF_SHAPE(1)), *least = gf_oo_tensor(w, "nms/least", &GF_SHAPE(1));
    if (overlap) *overlap = (float)b->overlap;
    if (least) *least = (float)b->confidence;
    const char *most = gf_oo_int_tensor(w, "nms/most", &(int64_t){b->most}, 1);
    gf_onnx_node *n = gf_oo_node(w, "NonMaxSuppression", "nms/selected", "decode/boxes", "nms/scores", most);
    if (!n || w->failed) return;
    n->input[n->n_inputs++] = "nms/overlap";
    n->input[n->n_inputs++] = "nms/least";
}

/* Rows of corners, score, class, as many as were selected. */
static void put_rows(gf_oo *w)
{
    const int64_t boxes[] = {(int64_t)w->boxes->places, SIDES}, rows[] = {-1, SIDES}, one[] = {-1, 1};
    gf_oo_node(w, "Gather", "nms/chosen", reshaped(w, "decode/boxes", "nms/boxes", boxes, 2),
               column(w, "nms/selected", "nms/place", 2), NULL);
    reshaped(w, "nms/chosen", "nms/corners", rows, 2);
    gf_oo_node(w, "GatherND", "nms/score", "nms/scores", "nms/selected", NULL);
    reshaped(w, "nms/score", "nms/score_column", one, 2);
    gf_oo_int(w, gf_oo_node(w, "Cast", "nms/class", column(w, "nms/selected", "nms/class_number", 1), NULL, NULL), "to",
              GF_ONNX_FLOAT);
    gf_oo_int(w, gf_oo_node(w, "Concat", "nms/rows", "nms/corners", "nms/score_column", "nms/class"), "axis", 1);
}

static void end_nms(gf_oo *w, const char *places)
{
    enum { ROW = SIDES + 2 };
    const int64_t most = w->boxes->most, flat[] = {-1}, shape[] = {1, most, ROW};
    split(w, places, "decode/scores", "decode/exponentials");
    put_boxes(w, "decode/exponentials", "decode/boxes");
    keep_best_class(w);
    select_boxes(w);
    put_rows(w);
    gf_oo_tensor(w, "nms/zeros", &GF_SHAPE(most, ROW));
    gf_oo_int(w, gf_oo_node(w, "Concat", "nms/padded", "nms/rows", "nms/zeros", NULL), "axis", 0);
    reshaped(w, column(w, "nms/padded", "nms/all_scores", SIDES), "nms/flat_scores", flat, 1);
    gf_onnx_node *n =
        gf_oo_node(w, "TopK", "nms/best", "nms/flat_scores", gf_oo_int_tensor(w, "nms/k", &most, 1), NULL);
    gf_oo_int(w, n, "axis", 0);
    if (n && !w->failed) n->output[n->n_outputs++] = "nms/order";
    gf_oo_int(w, gf_oo_node(w, "Gather", "nms/sorted", "nms/padded", "nms/order", NULL), "axis", 0);
    reshaped(w, "nms/sorted", "detections", shape, 3);
    gf_oo_output(w, "detections", &GF_SHAPE(1, most, ROW));
}

void gf_oo_boxes(gf_oo *w)
{
    static void (*const end[])(gf_oo * w, const char *places) = {[GF_BOXES_DECODED] = end_decoded,
                                                                 [GF_BOXES_YOLO] = end_yolo,
                                                                 [GF_BOXES_NMS] = end_nms,
                                                                 [GF_BOXES_RAW] = end_raw};
    end[w->boxes->end](w, gf_oo_value(w, w->last));
}

const char *gf_oo_boxes_told(gf_boxes_end end)
{
    static const char *const told[] = {
        [GF_BOXES_DECODED] = "boxes (n, places, 4): x1, y1, x2, y2 in pixels of the input; scores (n, places, classes)",
        [GF_BOXES_YOLO] = "output0 (n, 4 + classes, places): center x, y, width, height in pixels of the input, scores",
        [GF_BOXES_NMS] = "detections (1, n, 6): x1, y1, x2, y2 in pixels of the input, score, class; best first, zeros "
                         "behind the last",
        [GF_BOXES_RAW] = "places (n, places, classes + 4): logits, and v of the sides left, top, right, bottom, which "
                         "are at stride * exp(v) from the place"};
    return told[end];
}
