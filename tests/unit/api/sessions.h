/* sessions.h - what the tests of sessions share: runs of each precision, images as a caller may have them. */
#ifndef TESTS_API_SESSIONS_H
#define TESTS_API_SESSIONS_H

#include "base/alloc.h"
#include "base/io.h"
#include "image/image.h"
#include "support/tiny_data.h"
#include "support/tiny_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TRAIN = 40, VALIDATION = 10, IMAGES = 2 * (TRAIN + VALIDATION), PADDING = 5 };

#define OK(call)                                                 \
    do {                                                         \
        graft_error why_ = {0}, *why = &why_;                    \
        if (call) fail_msg("E%d %s", why_.number, why_.message); \
    } while (0)

static char root[64], data[96], run[128];

/* ---- images, as a caller may have them */

typedef struct photo {
    char path[256];
    uint8_t *file, *rgb; /* its bytes; its pixels, rows PADDING bytes apart */
    size_t n, stride;
    int w, h;
} photo;

static inline void read_photo(photo *p)
{
    gf_image image;
    OK(gf_file_read(p->path, 1 << 24, &p->file, &p->n, why));
    OK(gf_image_decode(p->file, p->n, p->path, NULL, &image, NULL, why));
    p->w = image.w;
    p->h = image.h;
    p->stride = 3 * (size_t)image.w + PADDING;
    p->rgb = malloc(p->stride * (size_t)image.h);
    assert_non_null(p->rgb);
    memset(p->rgb, 0x77, p->stride * (size_t)image.h);
    for (int y = 0; y < image.h; y++) {
        memcpy(p->rgb + p->stride * (size_t)y, image.rgb + 3 * (size_t)(y * image.w), 3 * (size_t)image.w);
    }
    gf_image_free(&image);
}

static inline void free_photo(photo *p)
{
    gf_free(p->file);
    free(p->rgb);
}

static inline graft_image encoded(const photo *p)
{
    return (graft_image){.size = sizeof(graft_image), .kind = GRAFT_IMAGE_ENCODED, .data = p->file, .bytes = p->n};
}

static inline graft_image pixels(const photo *p)
{
    return (graft_image){.size = sizeof(graft_image),
                         .kind = GRAFT_IMAGE_RGB8,
                         .data = p->rgb,
                         .bytes = p->stride * (size_t)p->h - PADDING,
                         .width = p->w,
                         .height = p->h,
                         .stride = p->stride};
}

/* ---- models */

static inline graft_context *open_context(void)
{
    graft_context_options o;
    graft_context *c;
    graft_context_defaults(&o);
    o.threads = 2;
    OK(graft_context_open(&o, &c, why));
    return c;
}

/* A run of that precision, trained at the first call. */
static inline graft_model *open_run(graft_context *c, const char *precision)
{
    graft_model *m;
    snprintf(run, sizeof run, "%s/%s", root, precision);
    if (!gf_is_dir(run)) {
        tiny_run t;
        tiny_run_defaults(&t, data, run);
        t.precision = precision;
        t.train.epochs = t.train.fine_tune_epochs = 1;
        OK(tiny_run_train(&t, false, why));
    }
    OK(graft_run_open(c, run, &m, why));
    return m;
}

static inline graft_session *open_session(graft_model *m, const char *name, const char *value)
{
    graft_settings *settings;
    graft_session *s;
    OK(graft_settings_new(&settings, why));
    if (name) OK(graft_settings_set(settings, name, value, why));
    OK(graft_session_open(m, settings, &s, why));
    graft_settings_free(settings);
    return s;
}

static inline graft_output output(const char *name, float *to, size_t values)
{
    return (graft_output){.size = sizeof(graft_output), .name = name, .data = to, .values = values};
}

static inline void read_photos(photo *photos, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        snprintf(photos[i].path, sizeof photos[i].path, "%s/train/%s/%zu.bmp", data, i % 2 ? "red" : "blue", i / 2);
        read_photo(&photos[i]);
    }
}

static inline int set_up(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/graft-test-XXXXXX");
    if (!mkdtemp(root) || setenv("XDG_CACHE_HOME", root, 1)) return -1;
    snprintf(data, sizeof data, "%s/data", root);
    tiny_data_make(data, TRAIN, VALIDATION);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    tiny_data_remove(root);
    return 0;
}

#endif
