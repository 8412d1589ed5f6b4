/* toy_dataset.c - a toy of a kind of data set: a file NAME.colors, each line a split (0: train, 1: validation), a class
 * (0 or 1) and a colour as three numbers; a sample is an image of that colour alone. */
#include "data/build.h"
#include "data/dataset.h"
#include "image/input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 32, PIXELS = SIDE * SIDE * 3, LONGEST = 1 << 20 };

typedef struct toy {
    gf_dataset set;
    int (*color)[3]; /* by sample */
} toy;

static bool suits(const char *path, const gf_data_options *o)
{
    (void)o;
    size_t n = strlen(path);
    return n > 7 && !strcmp(path + n - 7, ".colors");
}

static void close_it(gf_dataset *d)
{
    toy *t = (toy *)d;
    gf_index_free(d->index);
    gf_free(t->color);
    gf_free(t);
}

static graft_status read_lines(toy *t, const char *text, const char *path, graft_error *err)
{
    for (int line = 1; text; line++) {
        int split, class, rgb[3];
        if (sscanf(text, "%d %d %d %d %d", &split, &class, &rgb[0], &rgb[1], &rgb[2]) == 5) {
            char name[64];
            if ((unsigned)class > 1) return gf_fail(err, GF_E_DATA_LAYOUT, NULL, "%s:%d: class %d", path, line, class);
            snprintf(name, sizeof name, "%04d:%d,%d,%d", line, rgb[0], rgb[1], rgb[2]);
            const struct stat st = {.st_size = PIXELS};
            GF_TRY(gf_index_add(t->set.index, name, &st, (uint32_t) class, (gf_split)(split != 0), err));
        }
        text = strchr(text, '\n');
        if (text) text++;
    }
    gf_index_sort(t->set.index);
    t->color = gf_alloc(t->set.index->n, sizeof *t->color);
    if (!t->color) return gf_fail_memory(err, 64, "a toy");
    for (uint32_t i = 0; i < t->set.index->n; i++) {
        int *c = t->color[i];
        sscanf(gf_index_path(t->set.index, i), "%*d:%d,%d,%d", &c[0], &c[1], &c[2]);
    }
    return GRAFT_OK;
}

static graft_status open_it(gf_dataset **out, const char *path, const gf_data_options *o, gf_pool *pool,
                            graft_error *err)
{
    (void)o, (void)pool;
    uint8_t *text = NULL;
    size_t n;
    toy *t = gf_new(toy);
    if (!t) return gf_fail_memory(err, sizeof *t, "a toy");
    t->set.cls = &gf_dataset_toy_dataset;
    t->set.index = gf_new(gf_index);
    graft_status status = t->set.index ? GRAFT_OK : gf_fail_memory(err, sizeof(gf_index), "a toy");
    if (status == GRAFT_OK && !(t->set.index->root = gf_strdup("."))) status = gf_fail_memory(err, 2, "a toy");
    if (status == GRAFT_OK) status = gf_names_add(&t->set.index->classes, "dark", err);
    if (status == GRAFT_OK) status = gf_names_add(&t->set.index->classes, "light", err);
    if (status == GRAFT_OK) status = gf_file_read(path, LONGEST, &text, &n, err);
    if (status == GRAFT_OK) status = read_lines(t, (const char *)text, path, err);
    gf_free(text);
    if (status != GRAFT_OK) close_it(&t->set);
    if (status == GRAFT_OK) *out = &t->set;
    return status;
}

static void paint(const toy *t, uint32_t sample, uint8_t *rgb)
{
    for (int i = 0; i < PIXELS; i++) rgb[i] = (uint8_t)t->color[sample][i % 3];
}

static graft_status feed_open(gf_data_feed *f, graft_error *err)
{
    if (!f->own) f->own = gf_alloc_raw(f->threads, PIXELS);
    return f->own ? GRAFT_OK : gf_fail_memory(err, PIXELS, "a toy");
}

static void feed_close(gf_data_feed *f) { gf_free(f->own); }

static graft_status fill(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[], void *target,
                         graft_error *err)
{
    const gf_data_feed *f = ctx;
    uint8_t *rgb = (uint8_t *)f->own + (size_t)q->worker * PIXELS;
    (void)err;
    paint((const toy *)f->data, q->sample, rgb);
    gf_input_put(&in[0], NULL, rgb, q->scratch, NULL, dst[0]);
    if (target) *(gf_class_target *)target = gf_target_of(f->data->index->sample[q->sample].class_id);
    return GRAFT_OK;
}

static graft_status show(gf_data_feed *f, uint32_t sample, bool changed, uint32_t epoch, gf_shown *out,
                         graft_error *err)
{
    (void)changed, (void)epoch;
    *out = (gf_shown){SIDE, SIDE, gf_alloc_raw(PIXELS, 1)};
    if (!out->rgb) return gf_fail_memory(err, PIXELS, "a toy");
    paint((const toy *)f->data, sample, out->rgb);
    return GRAFT_OK;
}

const gf_dataset_class gf_dataset_toy_dataset = {.name = "colors",
                                                 .samples = "colors",
                                                 .makes = "A color classifier",
                                                 .suits = suits,
                                                 .open = open_it,
                                                 .close = close_it,
                                                 .feed_open = feed_open,
                                                 .feed_close = feed_close,
                                                 .fill = fill,
                                                 .show = show};
