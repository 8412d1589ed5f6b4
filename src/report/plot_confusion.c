#include "report/number.h"
#include "report/plots.h"

#include "base/alloc.h"

#include <math.h>
#include <stdio.h>

/* The matrix: a row a true class, a column a predicted one. Cells get smaller with the number of classes; what does
 * not fit any more is left out, first the share, then the count, then (from MOST_CELLS + 1 classes on) the cells
 * themselves, which become the pixels of a heat map. */
enum { MARGIN = 28, TITLE = 54, LABEL_GAP = 10, NAME_MOST = 150, AXIS = 30, MOST_CELLS = 40, HEAT_SIDE = 640 };

static const struct size_row {
    size_t classes; /* up to so many */
    double cell, count_size, share_size, name_size;
} sizes[] = {
    {2, 150, 24, 13, 14},  {4, 104, 18, 12, 13}, {7, 76, 15, 11, 13},
    {12, 54, 13, 9.5, 12}, {20, 36, 11, 0, 11},  {MOST_CELLS, 22, 8, 0, 10},
};

typedef struct matrix {
    gf_canvas *c;
    const gf_run_record *names;
    const uint64_t *count;
    size_t n;
    gf_area box; /* of all cells */
    double cell;
    double name_size;
} matrix;

static uint64_t row_sum(const matrix *m, size_t row)
{
    uint64_t sum = 0;
    for (size_t j = 0; j < m->n; j++) sum += m->count[row * m->n + j];
    return sum;
}

/* How strong a share is coloured: the square root, so that one mistake in a hundred is still seen. */
static double strength(uint64_t count, uint64_t sum) { return sum ? sqrt((double)count / (double)sum) : 0; }

static uint32_t cell_color(const gf_theme *theme, bool right, double s)
{
    return gf_theme_mix(theme, GF_INK_PANEL, right ? GF_INK_RIGHT : GF_INK_WRONG, s);
}

static void draw_cell(const matrix *m, size_t row, size_t column, uint64_t sum, const struct size_row *size)
{
    uint64_t count = m->count[row * m->n + column];
    double s = strength(count, sum), gap = m->cell > 30 ? 2 : 1;
    gf_area box = {m->box.x + (double)column * m->cell, m->box.y + (double)row * m->cell, m->cell - gap, m->cell - gap};
    gf_canvas_fill(m->c, box, gap * 1.5, cell_color(gf_canvas_theme(m->c), row == column, s));
    if (!count && m->n > 7) return; /* many zeros would hide the few numbers that matter */
    gf_ink ink = s > 0.55 ? GF_INK_PAGE : count ? GF_INK_TEXT : GF_INK_MUTED;
    gf_text_style number = {.size = size->count_size, .bold = true, .ink = ink, .anchor = 0.5};
    const char *text = m->cell > 30 ? GF_COUNT(count) : GF_GENERAL((double)count, 6);
    double x = box.x + box.w / 2, y = box.y + box.h / 2, wide = gf_canvas_text_width(m->c, &number, text);
    if (wide > box.w - 4) number.size *= (box.w - 4) / wide;
    bool share = size->share_size > 0 && count;
    gf_canvas_text(m->c, x, y + number.size * (share ? 0.08 : 0.36), &number, text);
    if (!share) return;
    const gf_text_style small = {.size = size->share_size, .ink = ink, .anchor = 0.5};
    double of_row = (double)count / (double)sum;
    gf_canvas_text(m->c, x, y + number.size * 0.08 + size->share_size * 1.4, &small, GF_PERCENT(of_row, m->n <= 4));
}

static double widest_name(const matrix *m)
{
    const gf_text_style style = {.size = m->name_size, .max_width = NAME_MOST};
    double widest = 0;
    size_t looked_at = m->n < 1000 ? m->n : 1000;
    for (size_t i = 0; i < looked_at; i++) {
        widest = fmax(widest, gf_canvas_text_width(m->c, &style, gf_record_class(m->names, (int32_t)i)));
    }
    return widest;
}

/* Whether the names fit above their columns as they are; else they are turned. */
static bool names_lie(const matrix *m) { return m->n <= 12 && widest_name(m) <= m->cell - 6; }

static void draw_names(const matrix *m)
{
    bool lie = names_lie(m);
    size_t every = (size_t)ceil((m->name_size + 3) / m->cell);
    for (size_t i = 0; i < m->n; i += every ? every : 1) {
        const char *name = gf_record_class(m->names, (int32_t)i);
        double middle = ((double)i + 0.5) * m->cell - (m->cell > 4 ? 1 : 0);
        gf_text_style style = {.size = m->name_size, .ink = GF_INK_TEXT, .anchor = 1, .max_width = NAME_MOST};
        gf_canvas_text(m->c, m->box.x - LABEL_GAP, m->box.y + middle + m->name_size * 0.36, &style, name);
        style.anchor = lie ? 0.5 : 0;
        style.turn = lie ? 0 : -90;
        double x = m->box.x + middle + (lie ? 0 : m->name_size * 0.36);
        gf_canvas_text(m->c, x, m->box.y - LABEL_GAP, &style, name);
    }
}

static void draw_axes(const matrix *m, double left, double names_h)
{
    const gf_text_style across = {.size = 13, .ink = GF_INK_MUTED, .anchor = 0.5};
    gf_text_style down = across;
    down.turn = -90;
    gf_canvas_text(m->c, m->box.x + m->box.w / 2, m->box.y - LABEL_GAP - names_h - 16, &across, "predicted");
    gf_canvas_text(m->c, left + 12, m->box.y + m->box.h / 2, &down, "true class");
}

/* The strongest cell of those that share a pixel, so that no mistake is lost between pixels. */
static graft_status draw_heat(const matrix *m, graft_error *err)
{
    size_t side = m->n < HEAT_SIDE ? m->n : HEAT_SIDE;
    double *right = gf_alloc(side * side, sizeof *right), *wrong = gf_alloc(side * side, sizeof *wrong);
    uint32_t *rgb = gf_alloc(side * side, sizeof *rgb);
    graft_status status = GRAFT_OK;
    if (!right || !wrong || !rgb) GF_GOTO(gf_fail_memory(err, side * side * 20, "the confusion matrix"));
    for (size_t i = 0; i < m->n; i++) {
        uint64_t sum = row_sum(m, i);
        for (size_t j = 0; j < m->n; j++) {
            double *at = (i == j ? right : wrong) + i * side / m->n * side + j * side / m->n;
            *at = fmax(*at, strength(m->count[i * m->n + j], sum));
        }
    }
    for (size_t k = 0; k < side * side; k++) {
        bool is_wrong = wrong[k] > right[k];
        rgb[k] = cell_color(gf_canvas_theme(m->c), !is_wrong, is_wrong ? wrong[k] : right[k]);
    }
    gf_canvas_tiles(m->c, m->box, rgb, (int)side, (int)side);
out:
    gf_free(rgb);
    gf_free(wrong);
    gf_free(right);
    return status;
}

static const double key_shares[] = {0, 0.01, 0.05, 0.2, 0.5, 1};
enum { KEY_STEPS = sizeof key_shares / sizeof *key_shares, KEY_CELL = 44 };

/* What the colours mean, below a heat map, whose cells say no numbers. */
static void draw_key(const matrix *m)
{
    const gf_text_style label = {.size = 11, .ink = GF_INK_MUTED, .anchor = 0.5};
    const gf_text_style name = {.size = 12, .ink = GF_INK_TEXT, .anchor = 1};
    double x0 = m->box.x + m->box.w - KEY_STEPS * KEY_CELL, y0 = m->box.y + m->box.h + 22;
    for (int right = 1; right >= 0; right--) {
        double y = y0 + (right ? 0 : 18);
        gf_canvas_text(m->c, x0 - 10, y + 11, &name, right ? "right, share of the true class" : "wrong");
        for (int i = 0; i < KEY_STEPS; i++) {
            gf_canvas_fill(m->c, (gf_area){x0 + i * KEY_CELL, y, KEY_CELL - 2, 14}, 2,
                           cell_color(gf_canvas_theme(m->c), right, sqrt(key_shares[i])));
            if (right) continue;
            gf_canvas_text(m->c, x0 + (i + 0.5) * KEY_CELL, y + 30, &label, GF_PERCENT(key_shares[i], 0));
        }
    }
}

static const struct size_row *size_for(size_t n)
{
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (n <= sizes[i].classes) return &sizes[i];
    }
    return NULL;
}

/* Texts are measured on a sheet of one unit before the real one's size is known. */
static graft_status lay_out(matrix *m, const gf_theme *theme, bool heat, double *names_h, graft_error *err)
{
    GF_TRY(gf_canvas_create(&m->c, 1, 1, theme, err));
    double names_w = widest_name(m);
    *names_h = names_lie(m) ? m->name_size : names_w;
    gf_canvas_destroy(m->c);
    m->c = NULL;
    m->box.w = m->box.h = heat ? HEAT_SIDE : m->cell * (double)m->n;
    m->box.x = MARGIN + AXIS + names_w + LABEL_GAP;
    m->box.y = MARGIN + TITLE + AXIS - 2 + *names_h + LABEL_GAP;
    double w = fmax(m->box.x + m->box.w + MARGIN, 430), h = m->box.y + m->box.h + MARGIN + (heat ? 58 : 0);
    return gf_canvas_create(&m->c, w, h, theme, err);
}

static void draw_title(const matrix *m, const char *title)
{
    const gf_text_style big = {.size = 17, .bold = true, .ink = GF_INK_TEXT};
    const gf_text_style small = {.size = 12.5, .ink = GF_INK_MUTED};
    char text[160];
    uint64_t all = 0, right = 0;
    for (size_t i = 0; i < m->n; i++) {
        all += row_sum(m, i);
        right += m->count[i * m->n + i];
    }
    snprintf(text, sizeof text, "%s %s of the %s set, %s right", GF_COUNT(all), gf_record_noun(m->names), title,
             GF_PERCENT(all ? (double)right / (double)all : NAN, 1));
    gf_canvas_text(m->c, MARGIN, MARGIN + 16, &big, "Confusion matrix");
    gf_canvas_text(m->c, MARGIN, MARGIN + 38, &small, text);
}

graft_status gf_plot_confusion(gf_canvas **out, const uint64_t *confusion, const gf_run_record *names,
                               const char *title, const gf_theme *theme, graft_error *err)
{
    *out = NULL;
    size_t n = names->n_classes;
    if (!n) return gf_fail(err, GF_E_INTERNAL, NULL, "a confusion matrix of no classes");
    const struct size_row *size = size_for(n);
    matrix m = {.names = names, .count = confusion, .n = n};
    m.cell = size ? size->cell : (double)HEAT_SIDE / (double)n;
    m.name_size = size ? size->name_size : 10;
    double names_h;
    GF_TRY(lay_out(&m, theme, !size, &names_h, err));
    draw_title(&m, title);
    draw_axes(&m, MARGIN, names_h);
    draw_names(&m);
    graft_status status = GRAFT_OK;
    for (size_t i = 0; i < n && size; i++) {
        uint64_t sum = row_sum(&m, i);
        for (size_t j = 0; j < n; j++) draw_cell(&m, i, j, sum, size);
    }
    if (!size) {
        status = draw_heat(&m, err);
        draw_key(&m);
    }
    if (status != GRAFT_OK) {
        gf_canvas_destroy(m.c);
        return status;
    }
    *out = m.c;
    return GRAFT_OK;
}
