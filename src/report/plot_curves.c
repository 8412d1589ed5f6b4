#include "report/number.h"
#include "report/plots.h"

#include "base/alloc.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Where things stand, in units:
 *
 *   +--------------------------------------------------+
 *   | Accuracy                    - training - validat. |   TOP
 *   | 100 % |....................:..........  98.1 %    |   PANEL high
 *   |       |  LEFT     frame    :            RIGHT     |
 *   | Loss                                              |   GAP
 *   |   0.5 |....................:..........  0.05      |   PANEL high
 *   |         2   4   6  ... epoch                      |   BOTTOM
 *   +--------------------------------------------------+                                                            */
enum { WIDTH = 760, LEFT = 66, RIGHT = 92, TOP = 62, PANEL = 232, GAP = 58, BOTTOM = 56 };
enum { MOST_POINTS_MARKED = 40 };

typedef struct curve {
    const char *name;
    gf_ink ink;
    gf_measured on;
} curve;

typedef struct panel {
    const gf_metric *metric;
    size_t column; /* of the history's metrics */
    curve curves[2];
    gf_area frame;
    gf_ticks ticks;
} panel;

typedef struct plot {
    gf_canvas *c;
    const gf_history *h;
    double first, last; /* epochs at the frame's left and right edge */
    int32_t best_epoch;
} plot;

static uint32_t ink(const plot *p, gf_ink i) { return gf_canvas_theme(p->c)->rgb[i]; }

static double value_of(const gf_history_row *row, const panel *a, const curve *k)
{
    return row->value[k->on][a->column];
}

static bool is_share(const panel *a) { return a->metric->cls->format == GF_METRIC_SHARE; }

static double x_of(const plot *p, const gf_area *frame, double epoch)
{
    return frame->x + frame->w * (epoch - p->first) / (p->last - p->first);
}

static double y_of(const panel *a, double value)
{
    double low = a->ticks.first, high = gf_tick_last(&a->ticks);
    return a->frame.y + a->frame.h * (high - value) / (high - low);
}

static void choose_ticks(panel *a, const gf_history *h)
{
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < h->n; i++) {
        for (int k = 0; k < 2; k++) {
            double v = value_of(&h->row[i], a, &a->curves[k]);
            if (!isfinite(v)) continue;
            low = fmin(low, v);
            high = fmax(high, v);
        }
    }
    if (is_share(a)) {
        high = 1; /* what a share strives for; a floor of 0 would hide the last percents */
        low = isfinite(low) ? fmin(low, 0.99) : 0;
    } else {
        low = fmin(low, 0);
    }
    a->ticks = gf_ticks_cover(low, high, 6);
}

/* A loss can be of any size: what is far from 1 is written with an exponent. */
static const char *value_text(char buf[GF_NUMBER_SIZE], const panel *a, double v, int decimals)
{
    if (is_share(a)) return gf_number_percent(buf, v, decimals > 2 ? decimals - 2 : 0);
    bool plain = fabs(v) < 1e5 && decimals <= 4;
    return plain ? gf_number_fixed(buf, v, decimals) : gf_number_general(buf, v, 3);
}

static void draw_frame(const plot *p, const panel *a)
{
    const gf_text_style title = {.size = 16, .bold = true, .ink = GF_INK_TEXT};
    const gf_text_style label = {.size = 12, .ink = GF_INK_MUTED, .anchor = 1};
    char heading[GF_METRIC_NAME];
    gf_canvas_text(p->c, a->frame.x, a->frame.y - 16, &title, gf_metric_heading(a->metric, heading));
    double right = a->frame.x + a->frame.w;
    for (int i = 0; i < a->ticks.n; i++) {
        double y = y_of(a, gf_tick(&a->ticks, i));
        gf_canvas_line(p->c, a->frame.x, y, right, y, 1, false, ink(p, GF_INK_GRID));
        char buf[GF_NUMBER_SIZE];
        gf_canvas_text(p->c, a->frame.x - 9, y + 4.3, &label,
                       value_text(buf, a, gf_tick(&a->ticks, i), a->ticks.decimals));
    }
}

static void draw_epochs(const plot *p, const panel *a)
{
    const gf_text_style label = {.size = 12, .ink = GF_INK_MUTED, .anchor = 0.5};
    const gf_text_style title = {.size = 13, .ink = GF_INK_MUTED, .anchor = 0.5};
    gf_ticks t = gf_ticks_cover(p->h->row[0].epoch, p->h->row[p->h->n - 1].epoch, 11);
    if (t.step < 1 || p->h->n == 1) t = (gf_ticks){p->h->row[0].epoch, 1, (int)(p->last - p->first + 0.5), 0};
    double bottom = a->frame.y + a->frame.h;
    for (int i = 0; i < t.n; i++) {
        double epoch = gf_tick(&t, i);
        if (epoch < p->first || epoch > p->last) continue;
        double x = x_of(p, &a->frame, epoch);
        gf_canvas_line(p->c, x, bottom, x, bottom + 4, 1, false, ink(p, GF_INK_MUTED));
        gf_canvas_text(p->c, x, bottom + 19, &label, GF_FIXED(epoch, 0));
    }
    gf_canvas_text(p->c, a->frame.x + a->frame.w / 2, bottom + 42, &title, "epoch");
}

/* A dashed line where the phase of row i starts, between two epochs; its name only in the panel above. */
static void draw_phase(const plot *p, const panel *a, size_t i, bool named)
{
    double x = x_of(p, &a->frame, (p->h->row[i].epoch + p->h->row[i - 1].epoch) / 2.0), right = a->frame.x + a->frame.w;
    gf_canvas_line(p->c, x, a->frame.y, x, a->frame.y + a->frame.h, 1.25, true, ink(p, GF_INK_MUTED));
    if (!named) return;
    char name[64];
    snprintf(name, sizeof name, "%.40s starts", gf_history_phase(p->h, p->h->row[i].phase));
    for (char *at = name; (at = strchr(at, '_'));) *at = '-';
    gf_text_style label = {.size = 12, .ink = GF_INK_MUTED};
    bool fits = x + 8 + gf_canvas_text_width(p->c, &label, name) < right;
    label.anchor = fits ? 0 : 1;
    gf_canvas_text(p->c, x + (fits ? 8 : -8), a->frame.y + a->frame.h - 10, &label, name);
}

static void draw_phases(const plot *p, const panel *a, bool named)
{
    for (size_t i = 1; i < p->h->n; i++) {
        if (p->h->row[i].phase != p->h->row[i - 1].phase) draw_phase(p, a, i, named);
    }
}

static void draw_curve(const plot *p, const panel *a, const curve *k, double (*point)[2])
{
    for (size_t i = 0; i < p->h->n; i++) {
        double v = value_of(&p->h->row[i], a, k);
        point[i][0] = x_of(p, &a->frame, p->h->row[i].epoch);
        point[i][1] = isfinite(v) ? y_of(a, v) : NAN;
    }
    gf_canvas_polyline(p->c, point, p->h->n, 2.25, ink(p, k->ink));
    for (size_t i = 0; i < p->h->n; i++) {
        if (!isfinite(point[i][1])) continue;
        bool alone = (i == 0 || !isfinite(point[i - 1][1])) && (i + 1 == p->h->n || !isfinite(point[i + 1][1]));
        if (p->h->n <= MOST_POINTS_MARKED || alone) {
            gf_canvas_disc(p->c, point[i][0], point[i][1], 3, 0, ink(p, k->ink));
        }
        if (k == &a->curves[1] && p->h->row[i].epoch == p->best_epoch) {
            gf_canvas_disc(p->c, point[i][0], point[i][1], 6.5, 1.75, ink(p, k->ink));
        }
    }
}

/* The last finite value of each curve, written at its end; two that are close move apart. */
static void draw_ends(const plot *p, const panel *a)
{
    double v[2] = {NAN, NAN}, y[2], apart = 17;
    for (int k = 0; k < 2; k++) {
        for (size_t i = 0; i < p->h->n; i++) {
            double at = value_of(&p->h->row[i], a, &a->curves[k]);
            if (isfinite(at)) v[k] = at;
        }
        y[k] = y_of(a, v[k]);
    }
    if (fabs(y[0] - y[1]) < apart) {
        double middle = (y[0] + y[1]) / 2, side = y[0] < y[1] ? -1 : 1;
        y[0] = middle + side * apart / 2;
        y[1] = middle - side * apart / 2;
    }
    for (int k = 0; k < 2; k++) {
        const gf_text_style label = {.size = 13, .bold = true, .ink = a->curves[k].ink};
        char buf[GF_NUMBER_SIZE];
        if (!isfinite(v[k])) continue;
        gf_canvas_text(p->c, a->frame.x + a->frame.w + 10, y[k] + 4.7, &label,
                       value_text(buf, a, v[k], is_share(a) || fabs(v[k]) >= 0.01 ? 3 : 5));
    }
}

static double legend_entry(const plot *p, double right, double y, const char *name, gf_ink color, bool ring)
{
    const gf_text_style style = {.size = 13, .ink = GF_INK_TEXT, .anchor = 1};
    double left = right - gf_canvas_text(p->c, right, y, &style, name);
    if (ring) {
        gf_canvas_disc(p->c, left - 14, y - 4.5, 6.5, 1.75, ink(p, color));
        gf_canvas_disc(p->c, left - 14, y - 4.5, 3, 0, ink(p, color));
        return left - 40;
    }
    gf_canvas_line(p->c, left - 30, y - 4.5, left - 8, y - 4.5, 2.25, false, ink(p, color));
    gf_canvas_disc(p->c, left - 19, y - 4.5, 3, 0, ink(p, color));
    return left - 50;
}

static void draw_legend(const plot *p, const panel *a)
{
    double right = a->frame.x + a->frame.w, y = a->frame.y - 16;
    right = legend_entry(p, right, y, a->curves[1].name, a->curves[1].ink, false);
    right = legend_entry(p, right, y, a->curves[0].name, a->curves[0].ink, false);
    if (p->best_epoch <= 0) return;
    char kept[64];
    snprintf(kept, sizeof kept, "weights kept (epoch %d)", (int)p->best_epoch);
    legend_entry(p, right, y, kept, a->curves[1].ink, true);
}

static panel panel_of(const gf_metric_list *list, int i)
{
    size_t column = gf_record_order(list, (size_t)i);
    return (panel){
        .metric = &list->item[column],
        .column = column,
        .curves = {{"training", GF_INK_TRAIN, GF_ON_TRAINING}, {"validation", GF_INK_VALIDATION, GF_ON_VALIDATION}},
        .frame = {LEFT, TOP + i * (PANEL + GAP), WIDTH - LEFT - RIGHT, PANEL}};
}

graft_status gf_plot_curves(gf_canvas **out, const gf_history *history, int32_t best_epoch, const gf_theme *theme,
                            graft_error *err)
{
    *out = NULL;
    if (!history->n) return gf_fail(err, GF_E_INTERNAL, NULL, "curves of a history without epochs");
    double(*point)[2] = gf_alloc(history->n, sizeof *point);
    if (!point) return gf_fail_memory(err, history->n * sizeof *point, "the curves");
    plot p = {NULL, history, history->row[0].epoch - 0.5, history->row[history->n - 1].epoch + 0.5, best_epoch};
    const int panels = (int)history->metrics->n;
    graft_status status = gf_canvas_create(&p.c, WIDTH, TOP + panels * PANEL + (panels - 1) * GAP + BOTTOM, theme, err);
    for (int i = 0; i < panels && status == GRAFT_OK; i++) {
        panel a = panel_of(history->metrics, i);
        choose_ticks(&a, history);
        draw_frame(&p, &a);
        draw_phases(&p, &a, i == 0);
        for (int k = 0; k < 2; k++) draw_curve(&p, &a, &a.curves[k], point);
        draw_ends(&p, &a);
        if (i == 0) draw_legend(&p, &a);
        if (i + 1 == panels) draw_epochs(&p, &a);
    }
    gf_free(point);
    *out = p.c;
    return status;
}
