/* predict_files.c - what a prediction writes: rows as CSV, the images sorted into folders, a sheet of them with bars.
 */
#include "api/predict.h"

#include "base/io.h"
#include "base/sys.h"
#include "data/paths.h"
#include "report/photo.h"
#include "report/plots.h"

#include <stdio.h>
#include <string.h>

enum { MOST_DRAWN = 40, SIDE = 2 * 150, MOST_NAMES = 1000000 };

static const char *asked(const graft_model *m, gf_setting row) { return gf_settings_text(m->context->settings, row); }

graft_status gf_prediction_files_check(const graft_model *m, const gf_image_list *a, graft_error *err)
{
    const char *drawn = asked(m, GF_SET_PREDICT_DRAW), *folder = asked(m, GF_SET_PREDICT_SORT_INTO);
    if (drawn) GF_TRY(gf_api_check_out(m, NULL, 0, drawn, err));
    if (folder) GF_TRY(gf_api_check_out(m, NULL, 0, folder, err));
    static const gf_setting of_classes[] = {GF_SET_PREDICT_UNKNOWN, GF_SET_PREDICT_DRAW, GF_SET_PREDICT_SORT_INTO};
    GF_TRY(gf_api_want_no_labels(m, of_classes, sizeof of_classes / sizeof *of_classes, err));
    if (drawn || folder) GF_TRY(gf_api_want_images(m, drawn ? "draw" : "sort-into", err));
    GF_TRY(gf_prediction_explain_check(m, err));
    if (!drawn || a->index->n <= MOST_DRAWN) return GRAFT_OK;
    return gf_fail(err, GF_E_USAGE, NULL, "%u images are too many to be drawn on one sheet: %d at most", a->index->n,
                   MOST_DRAWN);
}

/* ---- CSV */

static graft_status write_csv(const graft_model *m, const gf_image_list *a, const graft_prediction *prediction,
                              const float *logits, graft_error *err)
{
    const gf_task t = gf_api_task(m);
    gf_per_file rows;
    graft_status status = gf_per_file_begin(&rows, m, &t, GF_SET_PREDICT_CSV, err);
    for (uint32_t i = 0; status == GRAFT_OK && i < a->index->n; i++) {
        const float *out = a->lost[i] ? NULL : logits + i * gf_api_outputs(m);
        gf_per_file_add(&rows, gf_index_path(a->index, i), NULL, prediction[i].label, out);
    }
    if (status == GRAFT_OK) status = gf_per_file_write(&rows, err);
    gf_per_file_free(&rows);
    return status;
}

/* ---- sorted */

/* A class's name as that of one folder, which stays where it is. gf_free it. */
static char *folder_name(const char *label)
{
    bool dots = !strcmp(label, ".") || !strcmp(label, "..");
    char *name = gf_sprintf("%s%s", dots ? "_" : "", label);
    for (char *s = name; s && *s; s++) *s = *s == '/' ? '_' : *s;
    return name;
}

/* NAME.jpg, or NAME-2.jpg where there is another file of that name. *there: it holds these very bytes already. */
static graft_status free_name(const char *folder, const char *file, const uint8_t *bytes, size_t n, char **out,
                              bool *there, graft_error *err)
{
    const char *dot = strrchr(file, '.');
    int stem = dot && dot > file ? (int)(dot - file) : (int)strlen(file);
    *there = false;
    for (int k = 1; k < MOST_NAMES; k++) {
        struct stat st;
        char number[16] = "";
        if (k > 1) snprintf(number, sizeof number, "-%d", k);
        char *path = *out = gf_sprintf("%s/%.*s%s%s", folder, stem, file, number, file + stem);
        if (!path) return gf_fail_memory(err, strlen(file), "a file name");
        if (gf_sys_lstat(path, &st)) return GRAFT_OK;
        uint8_t *other = NULL;
        size_t others = 0;
        bool readable = (size_t)st.st_size == n && gf_file_read(path, n, &other, &others, NULL) == GRAFT_OK;
        *there = readable && others == n && !memcmp(other, bytes, n);
        gf_free(other);
        if (*there) return GRAFT_OK;
        gf_free(path);
        *out = NULL;
    }
    return gf_fail(err, GF_E_OUT_EXISTS, NULL, "%s: holds too many files called %s", GF_ESC(folder), GF_ESC(file));
}

static graft_status copy_one(const char *into, const gf_image_list *a, uint32_t i, const char *label, graft_error *err)
{
    gf_buffer *file = &a->buffer[0];
    GF_TRY(gf_sample_read(a->index, i, file, err));
    const char *path = gf_index_path(a->index, i), *slash = strrchr(path, '/');
    char *name = folder_name(label), *folder = name ? gf_path_join(into, name) : NULL, *to = NULL;
    bool there;
    graft_status status = folder ? gf_make_dirs(folder, err) : gf_fail_memory(err, strlen(label), "a file name");
    if (status == GRAFT_OK) status = free_name(folder, slash ? slash + 1 : path, file->data, file->n, &to, &there, err);
    if (status == GRAFT_OK && !there) status = gf_file_write(to, &(gf_bytes){file->data, file->n}, 1, err);
    gf_free(to);
    gf_free(folder);
    gf_free(name);
    return status;
}

static graft_status sort_into(const char *into, graft_model *m, const gf_image_list *a,
                              const graft_prediction *prediction, graft_error *err)
{
    for (uint32_t i = 0; i < a->index->n; i++) {
        if (!a->lost[i]) GF_TRY(copy_one(into, a, i, prediction[i].label, err));
        GF_TRY(gf_api_stop_asked(m->context, err));
    }
    return GRAFT_OK;
}

/* ---- drawn */

typedef struct sheet {
    const char *file;
    gf_image_list *a;
    const graft_prediction *prediction;
    gf_barred item[MOST_DRAWN];
    gf_image image[MOST_DRAWN];
    gf_bar bar[MOST_DRAWN][GF_BARS];
    size_t n;
} sheet;

static graft_status add_photo(sheet *s, uint32_t i, graft_error *err)
{
    gf_buffer *file = &s->a->buffer[0];
    gf_image whole = {0};
    const graft_prediction *p = &s->prediction[i];
    GF_TRY(gf_sample_read(s->a->index, i, file, err));
    GF_TRY(gf_image_decode(file->data, file->n, p->path, &s->a->options.image, &whole, NULL, err));
    graft_status status = gf_photo_fit(&(gf_pixels){whole.w, whole.h, whole.rgb}, SIDE, SIDE, &s->image[s->n], err);
    gf_image_free(&whole);
    if (status != GRAFT_OK) return status;
    gf_barred *b = &s->item[s->n];
    const char *slash = strrchr(p->path, '/');
    *b = (gf_barred){.pixels = {s->image[s->n].w, s->image[s->n].h, s->image[s->n].rgb},
                     .title = slash ? slash + 1 : p->path,
                     .bar = s->bar[s->n],
                     .unknown = strcmp(p->label, p->top[0].label) != 0};
    for (size_t k = 0; k < p->n_top && k < GF_BARS; k++) {
        s->bar[s->n][b->n++] = (gf_bar){p->top[k].label, p->top[k].probability};
    }
    s->n++;
    return GRAFT_OK;
}

static graft_status draw(void *ctx, size_t item, int worker, graft_error *err)
{
    const sheet *s = ctx;
    gf_canvas *canvas;
    (void)item, (void)worker;
    GF_TRY(gf_plot_barred(&canvas, s->item, s->n, &gf_theme_light, err));
    return gf_plot_write(canvas, s->file, err);
}

static graft_status draw_sheet(const char *file, graft_model *m, gf_image_list *a, const graft_prediction *prediction,
                               graft_error *err)
{
    sheet *s = gf_new(sheet);
    if (!s) return gf_fail_memory(err, sizeof *s, "a sheet of images");
    graft_status status = GRAFT_OK;
    s->file = file;
    s->a = a;
    s->prediction = prediction;
    for (uint32_t i = 0; status == GRAFT_OK && i < a->index->n; i++) {
        if (!a->lost[i]) status = add_photo(s, i, err);
    }
    if (status == GRAFT_OK) status = gf_pool_run_watched(m->context->pool, 1, draw, s, err);
    for (size_t i = 0; i < s->n; i++) gf_image_free(&s->image[i]);
    gf_free(s);
    return status;
}

graft_status gf_prediction_files_write(graft_model *m, gf_image_list *a, const graft_prediction *prediction,
                                       const float *logits, graft_error *err)
{
    const char *folder = asked(m, GF_SET_PREDICT_SORT_INTO), *drawn = asked(m, GF_SET_PREDICT_DRAW);
    GF_TRY(write_csv(m, a, prediction, logits, err));
    if (drawn) GF_TRY(draw_sheet(drawn, m, a, prediction, err));
    GF_TRY(gf_prediction_explain(m, a, logits, err));
    return folder ? sort_into(folder, m, a, prediction, err) : GRAFT_OK;
}
