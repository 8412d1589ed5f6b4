/* tree.h - small data sets made on the spot: folders of images in a temporary folder. */
#ifndef TESTS_DATA_TREE_H
#define TESTS_DATA_TREE_H

#include "base/alloc.h"
#include "base/io.h"
#include "data/images.h"
#include "image/encode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct tree {
    char dir[64];
} tree;

static inline tree tree_make_in(const char *folder)
{
    tree t;
    snprintf(t.dir, sizeof t.dir, "%s/graft-data-XXXXXX", folder);
    assert_non_null(mkdtemp(t.dir));
    return t;
}

static inline tree tree_make(void) { return tree_make_in("/tmp"); }

static inline int tree_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static inline void tree_remove(tree *t)
{
    assert_int_equal(nftw(t->dir, tree_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* The full path; in one of four buffers, taken in turn. */
static inline const char *tree_path(const tree *t, const char *relative)
{
    static char buf[4][4096];
    static int turn;
    char *path = buf[turn++ % 4];
    assert_true(snprintf(path, 4096, "%s/%s", t->dir, relative) < 4096);
    return path;
}

static inline void tree_folder(const tree *t, const char *relative)
{
    assert_int_equal(gf_make_dirs(tree_path(t, relative), NULL), GRAFT_OK);
}

static inline void tree_bytes(const tree *t, const char *relative, const void *data, size_t n)
{
    char folder[4096];
    snprintf(folder, sizeof folder, "%s", relative);
    char *slash = strrchr(folder, '/');
    if (slash) {
        *slash = 0;
        tree_folder(t, folder);
    }
    FILE *f = fopen(tree_path(t, relative), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static inline void tree_text(const tree *t, const char *relative, const char *text)
{
    tree_bytes(t, relative, text, strlen(text));
}

/* What inspect does. */
static inline graft_status tree_inspect(const char *path, const gf_data_options *o, gf_pool *pool,
                                        gf_data_report **report, graft_error *err)
{
    gf_index *index;
    *report = NULL;
    GF_TRY(gf_index_build(&index, path, o, err));
    graft_status status = gf_images_look(index, o, pool, report, err);
    gf_index_free(index);
    return status;
}

/* An image of w x h; another `seed`, other pixels. The bytes are the caller's. */
static inline uint8_t *tree_jpeg_bytes(int w, int h, int seed, size_t *n)
{
    uint8_t *rgb = gf_alloc((size_t)w * (size_t)h, 3), *bytes = NULL;
    assert_non_null(rgb);
    for (int i = 0; i < w * h * 3; i++) rgb[i] = (uint8_t)(i * 7 / 3 + seed * 37);
    assert_int_equal(gf_jpeg_encode(rgb, w, h, 90, &bytes, n, NULL), GRAFT_OK);
    gf_free(rgb);
    return bytes;
}

static inline void tree_image(const tree *t, const char *relative, int seed)
{
    size_t n;
    uint8_t *bytes = tree_jpeg_bytes(20 + seed % 5, 14, seed, &n);
    tree_bytes(t, relative, bytes, n);
    gf_free(bytes);
}

/* n images CLASS/p000.jpg ... below `folder`; seeds go on from *seed. */
static inline void tree_class(const tree *t, const char *folder, int n, int *seed)
{
    for (int i = 0; i < n; i++) {
        char name[512];
        snprintf(name, sizeof name, "%s/p%03d.jpg", folder, i);
        tree_image(t, name, (*seed)++);
    }
}

/* train/{cat,dog} of 6 images each, validation/{cat,dog} of 3. */
static inline tree tree_cats_and_dogs(void)
{
    tree t = tree_make();
    int seed = 0;
    tree_class(&t, "train/cat", 6, &seed);
    tree_class(&t, "train/dog", 6, &seed);
    tree_class(&t, "validation/cat", 3, &seed);
    tree_class(&t, "validation/dog", 3, &seed);
    return t;
}

/* Options of a small job. */
static inline gf_data_options tree_options(void)
{
    gf_data_options o;
    gf_data_defaults(&o);
    o.width = 12;
    o.height = 10;
    o.batch = 2;
    return o;
}

/* What was said, one line each. */
typedef struct heard {
    char text[16384];
    int warnings, notes;
} heard;

static inline void heard_say(void *ctx, gf_log_level level, const char *text)
{
    heard *h = ctx;
    size_t n = strlen(h->text);
    snprintf(h->text + n, sizeof h->text - n, "%s\n", text);
    *(level == GF_WARNING ? &h->warnings : &h->notes) += 1;
}

static inline void assert_has(const char *text, const char *wanted)
{
    if (!strstr(text, wanted)) fail_msg("\"%s\" is not in: %s", wanted, text);
}

/* The index must fail with this error, its message must have these words. */
static inline void assert_refused(const char *path, const gf_data_options *options, int number, const char *words)
{
    gf_index *index;
    graft_error err = {0};
    assert_int_not_equal(gf_index_build(&index, path, options, &err), GRAFT_OK);
    assert_null(index);
    if (err.number != number) fail_msg("E%d, not E%d: %s", err.number, number, err.message);
    assert_has(err.message, words);
    for (const char *p = err.message; *p; p++) assert_true(*p == '\n' || (unsigned char)*p >= 32);
}

#endif
