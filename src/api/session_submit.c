/* session_submit.c - images without waiting: a queue, and a thread per worker that carries what waits to the pool, as
 * many as a micro-batch takes, and tells when it is done. */
#include "api/session.h"

#include "base/sys.h"

#include <string.h>
#include <unistd.h>

enum { TOGETHER = 2 /* images of a micro-batch of an engine that does not train */, WAITING = 64 /* per thread */ };

typedef struct ticket {
    struct ticket *next;
    uint64_t number;
    graft_image image;
    size_t n_outputs;
    graft_session_done done;
    void *user;
    double came;
    graft_output output[]; /* n_outputs */
} ticket;

typedef struct gf_session_queue {
    graft_session *s;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t work;
    ticket *first, *last;
    size_t waiting, most;
    uint64_t number; /* of the last ticket */
    bool stop;
    pthread_t *thread;
    int threads;
} gf_session_queue;

/* ---- carrying */

static bool same_outputs(const ticket *a, const ticket *b)
{
    if (a->n_outputs != b->n_outputs) return false;
    for (size_t i = 0; i < a->n_outputs; i++) {
        if (strcmp(a->output[i].name, b->output[i].name) != 0) return false;
    }
    return true;
}

/* The first ones that can be computed together. Lock held. */
static size_t take(gf_session_queue *q, ticket *t[TOGETHER])
{
    size_t n = 0;
    while (q->first && n < TOGETHER && (!n || same_outputs(t[0], q->first))) {
        t[n++] = q->first;
        q->first = q->first->next;
        q->waiting--;
    }
    if (!q->first) q->last = NULL;
    return n;
}

static void tell(gf_session_queue *q, ticket *t, const graft_session_answer *answer)
{
    t->done(t->user, answer);
    gf_free(t);
    gf_session_leave(q->s);
}

static void carry(gf_session_queue *q, ticket *const t[], size_t n, float **places)
{
    graft_image image[TOGETHER];
    graft_error error[TOGETHER] = {{0}}, why = {0};
    double decode[TOGETHER] = {0}, began = gf_sys_seconds(), decoded = 0;
    size_t k = t[0]->n_outputs;
    for (size_t i = 0; i < n; i++) {
        image[i] = t[i]->image;
        for (size_t o = 0; o < k; o++) places[i * k + o] = t[i]->output[o].data;
    }
    const gf_session_images a = {.function = "graft_session_submit",
                                 .images = image,
                                 .n = n,
                                 .outputs = t[0]->output,
                                 .n_outputs = k,
                                 .places = places,
                                 .decode_seconds = decode,
                                 .errors = error};
    graft_status status = gf_session_run(q->s, &a, &why);
    double took = gf_sys_seconds() - began;
    for (size_t i = 0; i < n; i++) decoded += decode[i];
    for (size_t i = 0; i < n; i++) {
        const graft_error *e = status != GRAFT_OK ? &why : error[i].status != GRAFT_OK ? &error[i] : NULL;
        const graft_session_answer answer = {.size = sizeof answer,
                                             .status = e ? e->status : GRAFT_OK,
                                             .error = e,
                                             .queue_seconds = began - t[i]->came,
                                             .decode_seconds = decode[i],
                                             .run_seconds = took - decoded};
        tell(q, t[i], &answer);
    }
}

enum { MOST_OUTPUTS = 16 };

static void *carrier(void *raw)
{
    gf_session_queue *q = raw;
    ticket *t[TOGETHER];
    float *places[TOGETHER * MOST_OUTPUTS];
    pthread_mutex_lock(&q->lock);
    for (;;) {
        while (!q->first && !q->stop) pthread_cond_wait(&q->work, &q->lock);
        if (!q->first) break;
        size_t n = take(q, t);
        pthread_mutex_unlock(&q->lock);
        carry(q, t, n, places);
        pthread_mutex_lock(&q->lock);
    }
    pthread_mutex_unlock(&q->lock);
    return NULL;
}

/* ---- beginning and ending */

static void end(gf_session_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->stop = true;
    pthread_cond_broadcast(&q->work);
    pthread_mutex_unlock(&q->lock);
    for (int i = 0; i < q->threads; i++) pthread_join(q->thread[i], NULL);
    pthread_cond_destroy(&q->work);
    pthread_mutex_destroy(&q->lock);
    gf_free(q->thread);
    gf_free(q);
}

static graft_status begin(graft_session *s, gf_session_queue **out, graft_error *err)
{
    int threads = gf_pool_threads(s->pool);
    gf_session_queue *q = gf_new(gf_session_queue);
    pthread_t *thread = gf_new_n((size_t)threads, pthread_t);
    if (!q || !thread) {
        gf_free(q);
        gf_free(thread);
        return gf_fail_memory(err, sizeof *q, "a session's queue");
    }
    *q = (gf_session_queue){.s = s, .thread = thread, .most = WAITING * (size_t)threads};
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->work, NULL);
    while (q->threads < threads && !pthread_create(&q->thread[q->threads], NULL, carrier, q)) q->threads++;
    if (!q->threads) {
        end(q);
        return gf_fail(err, GF_E_THREADS, "raise the process limit (ulimit -u)", "no thread can be started");
    }
    *out = q;
    return GRAFT_OK;
}

void gf_session_end_queue(graft_session *s)
{
    if (s->queue) end(s->queue);
    s->queue = NULL;
}

/* Made at the first call. */
static graft_status queue_of(graft_session *s, gf_session_queue **q, graft_error *err)
{
    graft_status status = GRAFT_OK;
    pthread_mutex_lock(&s->lock);
    if (!s->queue) status = begin(s, &s->queue, err);
    *q = s->queue;
    pthread_mutex_unlock(&s->lock);
    return status;
}

/* ---- calls */

static ticket *make_ticket(const graft_image *image, const graft_output *outputs, size_t n)
{
    const char *at = (const char *)outputs;
    ticket *t = gf_alloc(1, sizeof *t + n * sizeof(graft_output));
    if (!t) return NULL;
    t->image = *image;
    t->image.size = sizeof t->image;
    t->n_outputs = n;
    for (size_t i = 0; i < n; i++) {
        memcpy(&t->output[i], at + i * outputs->size, sizeof(graft_output));
        t->output[i].size = sizeof(graft_output);
    }
    t->came = gf_sys_seconds();
    return t;
}

static graft_status put_last(gf_session_queue *q, ticket *t, uint64_t *number, graft_error *err)
{
    pthread_mutex_lock(&q->lock);
    bool full = q->waiting >= q->most;
    if (!full) {
        t->number = ++q->number;
        if (number) *number = t->number;
        *(q->last ? &q->last->next : &q->first) = t;
        q->last = t;
        q->waiting++;
        pthread_cond_signal(&q->work);
    }
    pthread_mutex_unlock(&q->lock);
    if (!full) return GRAFT_OK;
    return gf_fail(err, GF_E_SESSION_FULL, "submit less, or wait for answers", "%zu images wait, which is the limit",
                   q->most);
}

graft_status graft_session_submit(graft_session *s, const graft_image *image, const graft_output *outputs,
                                  size_t n_outputs, graft_session_done done, void *user, uint64_t *number,
                                  graft_error *err)
{
    GF_NEEDS(s, "session");
    GF_NEEDS(image, "image");
    GF_NEEDS(outputs, "outputs");
    GF_NEEDS(done, "done");
    gf_session_queue *q = NULL;
    const gf_session_images a = {
        .function = __func__, .images = image, .n = 1, .outputs = outputs, .n_outputs = n_outputs};
    GF_TRY(gf_session_check(s, &a, err));
    if (n_outputs > MOST_OUTPUTS) return gf_fail(err, GF_E_SESSION_OUTPUT, NULL, "%zu outputs are too many", n_outputs);
    GF_TRY(gf_session_enter(s, err));
    ticket *t = make_ticket(image, outputs, n_outputs);
    graft_status status = t ? queue_of(s, &q, err) : gf_fail_memory(err, sizeof *t, "a submitted image");
    if (t) {
        t->done = done;
        t->user = user;
    }
    if (status == GRAFT_OK) status = put_last(q, t, number, err);
    if (status == GRAFT_OK) return GRAFT_OK;
    gf_free(t);
    gf_session_leave(s);
    return status;
}

static ticket *take_out(gf_session_queue *q, uint64_t number)
{
    ticket *before = NULL, *t = q->first;
    while (t && t->number != number) {
        before = t;
        t = t->next;
    }
    if (!t) return NULL;
    *(before ? &before->next : &q->first) = t->next;
    if (q->last == t) q->last = before;
    q->waiting--;
    return t;
}

int graft_session_cancel(graft_session *s, uint64_t number)
{
    if (!s || s->process != getpid()) return 0;
    pthread_mutex_lock(&s->lock);
    gf_session_queue *q = s->queue;
    pthread_mutex_unlock(&s->lock);
    if (!q) return 0;
    pthread_mutex_lock(&q->lock);
    ticket *t = take_out(q, number);
    pthread_mutex_unlock(&q->lock);
    if (!t) return 0;
    gf_free(t);
    gf_session_leave(s);
    return 1;
}
