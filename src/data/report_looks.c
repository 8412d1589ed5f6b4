#include "data/report_looks.h"

#include <stdio.h>

/* The shorter side in pixels, by halves of a power of two. */
static const double side_edge[] = {0,   23,  32,  45,   64,   91,   128,  181,  256,
                                   362, 512, 724, 1024, 1448, 2048, 2896, 4096, 65536};
/* Width over height: the usual proportions in the middle of their bins. */
static const double shape_edge[] = {0, 0.5, 0.62, 0.71, 0.87, 1.15, 1.41, 1.63, 2, 65536};
static const char *const shape_name[] = {"< 1:2", "9:16", "2:3", "3:4", "1:1", "4:3", "3:2", "16:9", "> 2:1"};
static const double brightness_edge[] = {0, 16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256};

#define BINS(edge) ((gf_binned){sizeof(edge) / sizeof *(edge)-1, edge, {0}})

void gf_report_bins(gf_data_report *r)
{
    r->side = BINS(side_edge);
    r->shape = BINS(shape_edge);
    r->brightness = BINS(brightness_edge);
}

const char *gf_report_bin_name(const gf_data_report *r, const gf_binned *h, size_t bin, char *buf, size_t size)
{
    bool last = h == &r->side && bin + 1 == h->n;
    if (h == &r->shape) {
        snprintf(buf, size, "%s", shape_name[bin]);
    } else if (last) {
        snprintf(buf, size, "%.0f and more", h->edge[bin]);
    } else {
        snprintf(buf, size, "%.0f to %.0f", h->edge[bin], h->edge[bin + 1] - 1);
    }
    return buf;
}

static gf_json *histogram_json(const gf_binned *h)
{
    gf_json *j = gf_json_object(), *edges = gf_json_array(), *counts = gf_json_array();
    for (size_t i = 0; i <= h->n; i++) gf_json_add(edges, gf_json_real(h->edge[i]));
    for (size_t i = 0; i < h->n; i++) gf_json_add(counts, gf_json_int((int64_t)h->count[i]));
    gf_json_set(j, "edges", edges);
    gf_json_set(j, "counts", counts);
    return j;
}

static gf_json *near_json(const gf_data_report *r)
{
    gf_json *j = gf_json_object(), *list = gf_json_array();
    for (size_t i = 0; i < r->n_near; i++) {
        const gf_near_copy *n = &r->near[i];
        gf_json *row = gf_json_object();
        gf_json_set(row, "path", gf_json_string(n->path));
        gf_json_set(row, "copy", gf_json_string(n->copy));
        gf_json_set(row, "mirrored", gf_json_bool(n->mirrored));
        gf_json_set(row, "other_class", gf_json_bool(n->other_class));
        gf_json_set(row, "other_split", gf_json_bool(n->other_split));
        gf_json_add(list, row);
    }
    gf_json_set(j, "count", gf_json_int((int64_t)r->near_pairs));
    gf_json_set(j, "across_classes", gf_json_int((int64_t)r->near_other_class));
    gf_json_set(j, "across_splits", gf_json_int((int64_t)r->near_other_split));
    gf_json_set(j, "pairs", list);
    return j;
}

void gf_report_looks_json(const gf_data_report *r, gf_json *j)
{
    gf_json *all = gf_json_object();
    gf_json_set(all, "shorter_side", histogram_json(&r->side));
    gf_json_set(all, "width_to_height", histogram_json(&r->shape));
    if (r->looked) gf_json_set(all, "mean_brightness", histogram_json(&r->brightness));
    gf_json_set(j, "distributions", all);
    if (!r->looked) return;
    gf_json_set(j, "of_one_color", gf_json_int((int64_t)r->flat));
    gf_json_set(j, "near_copies", near_json(r));
}

static void histogram_text(const gf_data_report *r, const gf_binned *h, const char *title, gf_text *t)
{
    enum { WIDTH = 40 };
    size_t first, end;
    uint64_t most = gf_bins_span(h->count, h->n, &first, &end);
    if (first < end) gf_text_printf(t, "\n%s\n", title);
    for (size_t i = first; i < end; i++) {
        char name[48];
        gf_text_printf(t, "%14s %8llu  ", gf_report_bin_name(r, h, i, name, sizeof name),
                       (unsigned long long)h->count[i]);
        for (uint64_t k = (h->count[i] * WIDTH + most - 1) / most; k; k--) gf_text_add(t, "#");
        gf_text_add(t, "\n");
    }
}

static void near_lines(const gf_data_report *r, gf_text *t)
{
    enum { SHOWN = 20 };
    if (!r->near_pairs) return;
    gf_text_printf(
        t,
        "%llu pair%s of images that are the same but for size, quality or a mirror (%llu in two classes, %llu in "
        "two parts)\n",
        (unsigned long long)r->near_pairs, r->near_pairs == 1 ? "" : "s", (unsigned long long)r->near_other_class,
        (unsigned long long)r->near_other_split);
    for (size_t i = 0; i < r->n_near && i < SHOWN; i++) {
        const gf_near_copy *n = &r->near[i];
        gf_text_printf(t, "nearly the same%s%s%s: %s = %s\n", n->mirrored ? ", mirrored" : "",
                       n->other_class ? ", other class" : "", n->other_split ? ", other split" : "", GF_ESC(n->path),
                       GF_ESC(n->copy));
    }
}

void gf_report_looks_text(const gf_data_report *r, gf_text *t)
{
    histogram_text(r, &r->side, "shorter side in pixels", t);
    histogram_text(r, &r->shape, "width to height", t);
    if (!r->looked) return;
    histogram_text(r, &r->brightness, "mean brightness, 0 to 255", t);
    gf_text_add(t, "\n");
    if (r->flat) gf_text_printf(t, "%llu images are of one color\n", (unsigned long long)r->flat);
    near_lines(r, t);
}
