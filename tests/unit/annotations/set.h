/* set.h - small folders of images with labels, made on the spot, and what reading them gives. */
#ifndef TESTS_ANNOTATIONS_SET_H
#define TESTS_ANNOTATIONS_SET_H

#include "annotations/format.h"
#include "annotations/statistics.h"
#include "unit/data/tree.h"

#include <math.h>

/* An image of w x h at 4:4:4's least trouble: noise. orientation 0: without EXIF. */
static inline void set_image(const tree *t, const char *name, int w, int h, int orientation)
{
    static int seed;
    size_t n;
    uint8_t *bytes = tree_jpeg_bytes(w, h, ++seed, &n);
    uint8_t exif[] = {0xff, 0xe1, 0,    34,   'E', 'x', 'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0, 0, 8,
                      0,    1,    0x01, 0x12, 0,   3,   0,   0,   0, 1, 0,   0,   0, 0,  0, 0, 0, 0};
    exif[29] = (uint8_t)orientation;
    uint8_t *all = gf_alloc(n + sizeof exif, 1);
    assert_non_null(all);
    size_t added = orientation ? sizeof exif : 0;
    memcpy(all, bytes, 2);
    memcpy(all + 2, exif, added);
    memcpy(all + 2 + added, bytes + 2, n - 2);
    tree_bytes(t, name, all, n + added);
    gf_free(all);
    gf_free(bytes);
}

/* One <object>. */
static inline const char *set_object(const char *name, const char *x1, const char *y1, const char *x2, const char *y2)
{
    static char buf[8][512];
    static int turn;
    char *s = buf[turn++ % 8];
    snprintf(s, 512,
             "<object><name>%s</name><bndbox><xmin>%s</xmin><ymin>%s</ymin><xmax>%s</xmax><ymax>%s</ymax></bndbox>"
             "</object>",
             name, x1, y1, x2, y2);
    return s;
}

/* A VOC file of an image labelled as w x h (0: without a size). */
static inline void set_voc(const tree *t, const char *file, int w, int h, const char *objects)
{
    char text[8192], size[128] = "";
    if (w) snprintf(size, sizeof size, "<size><width>%d</width><height>%d</height></size>", w, h);
    snprintf(text, sizeof text, "<annotation>\n<filename>lie.jpg</filename>%s\n%s\n</annotation>", size, objects);
    tree_text(t, file, text);
}

static inline gf_annotations set_read_from(const char *path, const gf_annotation_options *o)
{
    static const gf_annotation_options none;
    gf_annotations a;
    graft_error err = {0};
    if (gf_annotations_read(&a, path, o ? o : &none, NULL, &err)) fail_msg("E%d %s", err.number, err.message);
    return a;
}

static inline gf_annotations set_read(const tree *t, const gf_annotation_options *o)
{
    return set_read_from(t->dir, o);
}

/* Reading is fine, using it is not: the problems are these words. */
static inline void set_problem(const tree *t, const gf_annotation_options *o, int number, const char *words)
{
    gf_annotations a = set_read(t, o);
    graft_error err = {0};
    assert_true(a.problems > 0);
    assert_int_equal(gf_annotations_refuse(&a, &err), GRAFT_DATA);
    if (err.number != number) fail_msg("E%d, not E%d: %s", err.number, number, err.message);
    assert_has(err.message, words);
    gf_annotations_free(&a);
}

/* Reading itself is refused. */
static inline void set_refused(const char *path, const gf_annotation_options *o, int number, const char *words)
{
    static const gf_annotation_options none;
    gf_annotations a;
    graft_error err = {0};
    assert_int_not_equal(gf_annotations_read(&a, path, o ? o : &none, NULL, &err), GRAFT_OK);
    if (err.number != number) fail_msg("E%d, not E%d: %s", err.number, number, err.message);
    assert_has(err.message, words);
    assert_int_equal(a.images, 0);
}

static inline void assert_box(const gf_annotations *a, size_t i, double x1, double y1, double x2, double y2)
{
    assert_true(i < a->boxes);
    const gf_box *b = &a->box[i].box;
    const double off = fabs(b->x - x1) + fabs(b->y - y1) + fabs(b->x + b->w - x2) + fabs(b->y + b->h - y2);
    if (!(off <= 1e-9)) fail_msg("box %zu is %g,%g to %g,%g", i, b->x, b->y, b->x + b->w, b->y + b->h);
}

static inline bool set_notes(const gf_annotations *a, const char *words)
{
    for (size_t i = 0; i < a->notes.n; i++)
        if (strstr(a->notes.item[i].text, words)) return true;
    return false;
}

#endif
