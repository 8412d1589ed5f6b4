/* graft/session.h - what a model makes of images, as numbers: opened once, then run from any thread. Since 0.2.
 *
 *     graft_session_open(model, NULL, &session, &err);           plans, packs the weights, checks the self-test
 *     graft_image image = {.size = sizeof image, .kind = GRAFT_IMAGE_ENCODED, .data = jpeg, .bytes = n};
 *     float p[2];
 *     graft_output out = {.size = sizeof out, .name = "probabilities", .data = p, .values = 2};
 *     graft_session_run(session, &image, 1, &out, 1, NULL, &err);
 *
 * A session is the model as it was when the session was opened: it has its own threads and packed weights, and neither
 * the model nor its context are needed from then on (in a child of fork() its calls fail with E3406). An image has the
 * same bits in a session, in graft_predict and in graft_evaluate, for any number of threads and whatever else is run at
 * the same time: all prepare it in one way.
 *
 * The structs begin with their size, as the caller's header has it; elements of an array follow each other at that
 * distance. A newer and longer one is taken where what this library does not know of it is zero. */
#ifndef GRAFT_SESSION_H
#define GRAFT_SESSION_H

#include <graft/settings.h>
#include <graft/status.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct graft_session graft_session;
struct graft_model;

enum {
    GRAFT_IMAGE_ENCODED = 1, /* the bytes of a file: JPEG, PNG, WebP, GIF, BMP, PPM, TIFF; its EXIF orientation holds */
    GRAFT_IMAGE_RGB8 = 2,    /* rows from the top, three bytes a pixel */
};

/* An image, borrowed during a call. */
typedef struct graft_image {
    uint32_t size; /* sizeof(graft_image) */
    uint32_t kind;
    const void *data;
    size_t bytes;          /* at data */
    int32_t width, height; /* RGB8; else 0 */
    size_t stride;         /* RGB8: bytes from row to row; 0: 3 x width */
} graft_image;

/* Where numbers go. */
typedef struct graft_output {
    uint32_t size;    /* sizeof(graft_output) */
    uint32_t unused;  /* 0 */
    const char *name; /* "logits", "probabilities" (one per class, always), "features" (pooled, what the head stands
                         on), or the layer that the session was opened with (session.layer) */
    float *data;      /* the caller's: `values` floats for each image of the call */
    size_t values;    /* as graft_session_values says */
} graft_output;

/* settings (may be NULL: the context's): data.allow_truncated, data.max_pixels and the like, session.*. A model without
 * a classifier has features and layers alone. The model may be trained or freed afterwards. */
GRAFT_API graft_status graft_session_open(struct graft_model *model, const graft_settings *settings,
                                          graft_session **out, graft_error *err);

/* The outputs of n images; blocks until they are there. Any number of threads may run one session at the same time.
 * errors: NULL, then the first image that cannot be used fails the call (GRAFT_DATA); or n of them, then such an image
 * fails alone: its numbers are NaN, errors[i].status tells (GRAFT_OK of the others), and the call succeeds. Where the
 * call fails, what is at the outputs is undefined. */
GRAFT_API graft_status graft_session_run(graft_session *session, const graft_image *images, size_t n,
                                         const graft_output *outputs, size_t n_outputs, graft_error *errors,
                                         graft_error *err);

/* What became of an image that was submitted. */
typedef struct graft_session_answer {
    uint32_t size;            /* sizeof(graft_session_answer) of the library */
    graft_status status;      /* GRAFT_OK: the numbers are at the outputs */
    const graft_error *error; /* NULL where they are */
    double queue_seconds, decode_seconds, run_seconds;
} graft_session_answer;
/* Called once, on a thread of the session. It may submit and cancel, but neither run nor close. */
typedef void (*graft_session_done)(void *user, const graft_session_answer *answer);

/* One image, without waiting: done tells when its outputs are there. Image data, outputs' data and the names are the
 * session's until then; the structs are copied. *ticket (may be NULL) is for graft_session_cancel. E3405 where more
 * than 64 per thread of the session wait. Where this fails done is not called. Images that wait are computed together
 * where they can be, which changes no bit of any. */
GRAFT_API graft_status graft_session_submit(graft_session *session, const graft_image *image,
                                            const graft_output *outputs, size_t n_outputs, graft_session_done done,
                                            void *user, uint64_t *ticket, graft_error *err);
/* 1: the image had not begun, and done will not be called. 0: it has begun, it ended, or there is no such ticket. */
GRAFT_API int graft_session_cancel(graft_session *session, uint64_t ticket);

/* Floats of an output for one image; 0: the session has no such output. */
GRAFT_API size_t graft_session_values(const graft_session *session, const char *name);
/* The size that images are brought to. */
GRAFT_API void graft_session_size(const graft_session *session, int *width, int *height);
GRAFT_API int graft_session_classes(const graft_session *session);
GRAFT_API const char *graft_session_class_name(const graft_session *session, int class_index); /* NULL: no such class */

/* From now on runs and submits are refused (E3402); returns when those under way have ended. A second time: nothing. */
GRAFT_API void graft_session_close(graft_session *session);
/* Closes it. No call may be under way or follow. Takes NULL. */
GRAFT_API void graft_session_free(graft_session *session);

#ifdef __cplusplus
}
#endif
#endif
