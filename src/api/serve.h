/* serve.h - the inside of a server: models, routes, and images that are being computed. */
#ifndef GF_API_SERVE_H
#define GF_API_SERVE_H

#include "api/internal.h"
#include "api/serve_body.h"
#include "api/serve_metrics.h"
#include "http/server.h"

#include <graft/serve.h>
#include <stdatomic.h>

enum { GF_SERVE_NAME = 128, GF_SERVE_VERSION = 9 };

typedef struct gf_served {
    char name[GF_SERVE_NAME];
    char version[GF_SERVE_VERSION]; /* the first digits of its file's SHA-256 */
    char *path;                     /* of the run */
    size_t held;                    /* by the server, and by each job; of the server's thread alone */
    graft_session *session;
    size_t features; /* floats per image */
    int classes, width, height;
} gf_served;

typedef struct gf_serve_job gf_serve_job;

/* What an exchange is held for: the first member of whatever that is. */
typedef struct gf_held {
    void (*woken)(struct gf_held *held); /* on the server's thread; frees it */
    void (*gone)(struct gf_held *held);  /* its client has closed; NULL: nothing changes */
} gf_held;

struct graft_serve {
    graft_context *context;
    gf_settings *settings;
    gf_http_server *server;
    gf_served **model;
    size_t n_models;
    char *address, *token;
    const char *host_name; /* of the settings; NULL: none */
    bool checks_host;
    double deadline;
    size_t most_images;
    int log; /* the choice of serve.log */
    atomic_bool stop;
    bool reloads;        /* one is under way */
    gf_serve_job *jobs;  /* that are not answered */
    size_t in_flight;    /* their images */
    double mean_seconds; /* of an image, on a thread */
    int threads;
    gf_serve_metrics metrics;
    char extra[64], next_extra[64]; /* header lines of the error that is being answered, of the one that will be next */
};

/* ---- routes */

typedef struct gf_route gf_route;

typedef struct gf_call {
    graft_serve *serve;
    gf_http_exchange *exchange;
    const gf_http_request *request;
    const gf_route *route;
    gf_served *model; /* that the path names, else the first; NULL where the route has none */
} gf_call;

enum { GF_GET = 1, GF_POST = 2 };
enum { GF_TAKES_IMAGE = 1, GF_TAKES_FORM = 2, GF_TAKES_JSON = 4 };

struct gf_route {
    const char *path; /* "/predict/{model}" */
    int methods;
    int takes; /* bodies of a POST */
    bool open; /* without a token */
    void (*serve)(const gf_call *call);
    const char *summary, *gives; /* for the OpenAPI document: what it does, the type of its answer */
};

/* What stands in a path for its {model} and {version}; "": nothing does. */
typedef struct gf_path_parts {
    char model[GF_SERVE_NAME], version[GF_SERVE_NAME];
} gf_path_parts;

extern const gf_route gf_routes[];
extern const size_t gf_routes_n;

/* E3510, E3511 (then *allowed are the path's methods). */
graft_status gf_route_find(const gf_http_request *r, const gf_route **route, gf_path_parts *parts, int *allowed,
                           graft_error *err);
const char *gf_route_methods(int methods); /* "GET, HEAD, POST" */

/* ---- answers */

void gf_serve_answer_json(const gf_call *call, int status, gf_json *document);                    /* takes it over */
void gf_serve_answer_bytes(const gf_call *call, const char *type, gf_text *t);                    /* frees t */
void gf_serve_make_error(graft_serve *s, const graft_error *why, gf_http_answer *a, char **text); /* as `fail` */
void gf_serve_fail(const gf_call *call, const graft_error *why);
gf_json *gf_serve_error_json(const graft_error *why); /* what `error` is in every answer */

/* ---- handlers */

void gf_serve_predict(const gf_call *call);
void gf_serve_embed(const gf_call *call);
void gf_serve_scores(const gf_call *call);
void gf_serve_page(const gf_call *call);
void gf_serve_labels(const gf_call *call);
void gf_serve_tf_status(const gf_call *call); /* serve_tf.c */
void gf_serve_tf_predict(const gf_call *call);
void gf_serve_v2_server(const gf_call *call); /* serve_v2.c */
void gf_serve_v2_live(const gf_call *call);
void gf_serve_v2_ready(const gf_call *call);
void gf_serve_v2_model(const gf_call *call);
void gf_serve_v2_model_ready(const gf_call *call);
void gf_serve_v2_infer(const gf_call *call);
void gf_serve_live(const gf_call *call);
void gf_serve_ready(const gf_call *call);
void gf_serve_metrics_page(const gf_call *call);
void gf_serve_openapi(const gf_call *call);
void gf_serve_reload(const gf_call *call); /* serve_reload.c */

/* ---- images at work (serve_job.c) */

enum { GF_SERVE_OUTPUTS = 3, GF_SERVE_TOP = 5 };

/* What is wanted of each image, and who answers with it: on the server's thread, when all are done. */
typedef struct gf_serve_wish {
    const char *output[GF_SERVE_OUTPUTS]; /* NULL behind the last */
    int top[GF_SERVE_OUTPUTS];            /* of an output: so many labels instead; 0: the numbers */
    void (*answer)(gf_serve_job *job);
    char id[GF_SERVE_NAME]; /* of the request, to be told; "": it has none */
} gf_serve_wish;

typedef struct gf_serve_item {
    gf_serve_job *job;
    float *out[GF_SERVE_OUTPUTS];
    uint64_t ticket;
    bool submitted, ended, failed;
    graft_error *error; /* why it failed; NULL: memory ran out */
    double queue_seconds, decode_seconds, run_seconds;
} gf_serve_item;

struct gf_serve_job {
    gf_held held;
    gf_serve_job *before, *behind;
    gf_call call;
    gf_body_image *image;
    size_t n;
    gf_serve_item *item; /* one per image, as the next: n_values of each */
    float *values;
    gf_serve_wish wish;
    size_t n_values[GF_SERVE_OUTPUTS];
    double deadline;
    bool late;
    graft_status refused; /* OK: all images were submitted */
    atomic_size_t left;
};

/* Computes what is wished of the images in the request's body. Where that cannot begin the call is answered with what
 * is wrong. */
void gf_serve_images(const gf_call *call, const gf_serve_wish *wish);
/* The same of n images that were read already; they are taken over. */
void gf_serve_start(const gf_call *call, const gf_serve_wish *wish, gf_body_image *image, size_t n);
/* True: an image failed, and the call was answered with why: where there is no place for one error among answers. */
bool gf_serve_any_failed(const gf_serve_job *job);
void gf_serve_jobs_check(graft_serve *s); /* the deadlines */

/* ---- models (serve_models.c) */

graft_status gf_served_open_all(graft_serve *s, const char *const *runs, size_t n, graft_error *err);
/* The same run, as it lies there now. E1105 where it has other classes. Reads the server's settings alone: any thread.
 */
graft_status gf_served_again(const graft_serve *s, const gf_served *old, gf_served **out, graft_error *err);
void gf_served_drop(gf_served *m); /* takes NULL */

#endif
