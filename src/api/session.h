/* session.h - the inside of a session, shared by session.c (opening, closing) and session_run.c. */
#ifndef GF_API_SESSION_H
#define GF_API_SESSION_H

#include "api/internal.h"

#include <pthread.h>

struct graft_session {
    gf_pool *pool;
    bool own_pool;
    gf_ops *ops;       /* held: it outlives the context */
    gf_engine *engine; /* to the logits; of a model without a classifier to the features */
    gf_engine *layer;  /* to session.layer; NULL: none was named */
    char *layer_name;
    size_t logits, features, layer_values; /* floats per image; 0: there are none */
    gf_task task;                          /* zeroed where there are no logits */
    float *thresholds;                     /* that it points to; NULL: none */
    gf_names classes;
    gf_dtype dtype; /* of the model's facts when it was opened */
    int int8_layers;

    /* a public one alone */
    gf_data_options options; /* how images are prepared */
    uint8_t **pixels;        /* per worker: an image of that size */
    pthread_mutex_t lock;    /* of the next two */
    pthread_cond_t idle;
    size_t under_way; /* runs, and images that were submitted */
    bool closed;
    pid_t process;                  /* that opened it */
    struct gf_session_queue *queue; /* of what was submitted; NULL: nothing was yet */
};

/* A run is under way from enter to leave. E3402, E3406. */
graft_status gf_session_enter(graft_session *s, graft_error *err);
void gf_session_leave(graft_session *s);
/* Stops the threads of what is submitted; nothing may be under way. */
void gf_session_end_queue(graft_session *s);

/* A run of images whose structs were checked. places: where output k of image i goes, at [i * n_outputs + k]; NULL: as
 * the outputs say. decode_seconds (may be NULL): of each image. */
typedef struct gf_session_images {
    const char *function; /* that was called, to be named where something is wrong with it */
    const graft_image *images;
    size_t n;
    const graft_output *outputs;
    size_t n_outputs;
    float *const *places;
    double *decode_seconds;
    graft_error *errors; /* as of graft_session_run */
} gf_session_images;
graft_status gf_session_check(graft_session *s, const gf_session_images *a, graft_error *err);
graft_status gf_session_run(graft_session *s, const gf_session_images *a, graft_error *err);

/* An output that every session may have, by its name: how many floats per image, and how they come out of a row of
 * logits or features. */
typedef struct gf_session_output {
    const char *name;
    size_t (*values)(const graft_session *s);
    void (*put)(const graft_session *s, const float *logits, const float *features, float *to);
} gf_session_output;

const gf_session_output *gf_session_output_find(const char *name); /* NULL: none of them */

#endif
