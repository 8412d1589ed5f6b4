/* serve_job.c - the images of a request at work: submitted to the model's session, told when all are done, taken back
 * where their client has gone or their time is over before they began. */
#include "api/serve.h"

#include "base/sys.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- making and freeing one */

static void free_job(gf_serve_job *job)
{
    graft_serve *s = job->call.serve;
    if (job->before) job->before->behind = job->behind;
    if (job->behind) job->behind->before = job->before;
    if (s->jobs == job) s->jobs = job->behind;
    for (size_t i = 0; job->item && i < job->n; i++) gf_free(job->item[i].error);
    gf_body_images_free(job->image, job->n);
    gf_free(job->item);
    gf_free(job->values);
    gf_served_drop(job->call.model);
    gf_free(job);
}

static graft_status make_room(gf_serve_job *job, graft_error *err)
{
    const gf_served *m = job->call.model;
    size_t each = 0;
    for (int k = 0; k < GF_SERVE_OUTPUTS && job->wish.output[k]; k++) {
        job->n_values[k] = graft_session_values(m->session, job->wish.output[k]);
        each += job->n_values[k];
    }
    job->item = gf_new_n(job->n, gf_serve_item);
    job->values = gf_new_n(job->n * each, float);
    if (!job->item || !job->values) return gf_fail_memory(err, job->n * each * sizeof(float), "a request's numbers");
    float *at = job->values; /* one output of all images behind the other */
    for (int k = 0; k < GF_SERVE_OUTPUTS; k++) {
        for (size_t i = 0; i < job->n; i++) {
            job->item[i].job = job;
            job->item[i].out[k] = at + i * job->n_values[k];
        }
        at += job->n * job->n_values[k];
    }
    return GRAFT_OK;
}

/* ---- what becomes of an image */

static void keep_error(gf_serve_item *item, const graft_error *why)
{
    item->failed = true;
    item->error = gf_alloc_raw(1, sizeof *why);
    if (item->error) *item->error = *why;
}

/* The last one wakes the server; the job may be gone when this returns. */
static void one_less(gf_serve_job *job)
{
    gf_http_exchange *x = job->call.exchange;
    if (atomic_fetch_sub(&job->left, 1) == 1) gf_http_wake(x);
}

/* On a thread of the session. */
static void on_done(void *user, const graft_session_answer *a)
{
    gf_serve_item *item = user;
    item->queue_seconds = a->queue_seconds;
    item->decode_seconds = a->decode_seconds;
    item->run_seconds = a->run_seconds;
    item->ended = true;
    if (a->error) keep_error(item, a->error);
    one_less(item->job);
}

/* An image that has not begun will not. */
static void take_back(gf_serve_job *job, const graft_error *why)
{
    for (size_t i = 0; i < job->n; i++) {
        gf_serve_item *item = &job->item[i];
        if (!item->submitted || !graft_session_cancel(job->call.model->session, item->ticket)) continue;
        keep_error(item, why);
        job->call.serve->metrics.cancelled++;
        one_less(job);
    }
}

static graft_status submit(gf_serve_job *job, size_t i, graft_error *err)
{
    gf_serve_item *item = &job->item[i];
    const gf_body_image *from = &job->image[i];
    const graft_image image = {.size = sizeof image,
                               .kind = from->width ? GRAFT_IMAGE_RGB8 : GRAFT_IMAGE_ENCODED,
                               .data = from->data,
                               .bytes = from->n,
                               .width = from->width,
                               .height = from->height};
    graft_output out[GF_SERVE_OUTPUTS];
    size_t n = 0;
    for (; n < GF_SERVE_OUTPUTS && job->wish.output[n]; n++) {
        out[n] = (graft_output){
            .size = sizeof *out, .name = job->wish.output[n], .data = item->out[n], .values = job->n_values[n]};
    }
    GF_TRY(graft_session_submit(job->call.model->session, &image, out, n, on_done, item, &item->ticket, err));
    item->submitted = true;
    return GRAFT_OK;
}

/* ---- whether there is time for it */

static graft_status check_load(graft_serve *s, size_t n, graft_error *err)
{
    double wait = (double)(s->in_flight + n) * s->mean_seconds / s->threads;
    if (wait <= s->deadline) return GRAFT_OK;
    s->metrics.rejected_busy += n;
    snprintf(s->next_extra, sizeof s->next_extra, "Retry-After: %.0f\r\n", ceil(wait));
    return gf_fail(err, GF_E_HTTP_BUSY, "try again later, or on another server",
                   "%zu images are at work: %zu more would wait for %.1f seconds, the limit is %.1f", s->in_flight, n,
                   wait, s->deadline);
}

/* ---- the end of one */

static void fail_with(const gf_serve_job *job, const gf_serve_item *item)
{
    graft_error none;
    gf_fail_memory(&none, sizeof none, "an image");
    gf_serve_fail(&job->call, item->error ? item->error : &none);
}

static void gone(gf_held *held)
{
    gf_serve_job *job = (gf_serve_job *)held;
    graft_error why;
    gf_fail(&why, GF_E_HTTP_STOPPING, NULL, "the client has closed the connection");
    take_back(job, &why);
}

static void count(gf_serve_job *job)
{
    graft_serve *s = job->call.serve;
    for (size_t i = 0; i < job->n; i++) {
        const gf_serve_item *item = &job->item[i];
        *(item->failed ? &s->metrics.images_bad : &s->metrics.images_good) += 1;
        if (!item->ended) continue;
        double took = item->decode_seconds + item->run_seconds;
        s->mean_seconds += (took - s->mean_seconds) / 16;
        gf_histogram_add(&s->metrics.queue, item->queue_seconds);
        gf_histogram_add(&s->metrics.decode, item->decode_seconds);
        gf_histogram_add(&s->metrics.run, item->run_seconds);
    }
}

static void woken(gf_held *held)
{
    gf_serve_job *job = (gf_serve_job *)held;
    job->call.serve->in_flight -= job->n;
    count(job);
    if (gf_http_exchange_gone(job->call.exchange)) {
        free_job(job);
        return;
    }
    if (job->refused != GRAFT_OK) {
        fail_with(job, &job->item[job->n - 1]);
    } else {
        job->wish.answer(job);
    }
    free_job(job);
}

/* ---- calls */

static void start(gf_serve_job *job)
{
    graft_serve *s = job->call.serve;
    graft_error why;
    graft_status status = GRAFT_OK;
    *gf_http_exchange_user(job->call.exchange) = job;
    job->behind = s->jobs;
    if (s->jobs) s->jobs->before = job;
    s->jobs = job;
    s->in_flight += job->n;
    job->deadline = gf_sys_seconds() + s->deadline;
    atomic_init(&job->left, job->n + 1); /* one more: it is not woken while this goes on */
    for (size_t i = 0; i < job->n; i++) {
        if (status == GRAFT_OK) status = submit(job, i, &why);
        if (status == GRAFT_OK) continue;
        keep_error(&job->item[i], &why);
        atomic_fetch_sub(&job->left, 1);
    }
    if (status != GRAFT_OK) take_back(job, &why);
    job->refused = status;
    one_less(job);
}

void gf_serve_start(const gf_call *call, const gf_serve_wish *wish, gf_body_image *image, size_t n)
{
    graft_error why;
    gf_serve_job *job = gf_new(gf_serve_job);
    if (!job) {
        gf_body_images_free(image, n);
        gf_fail_memory(&why, sizeof *job, "a request");
        gf_serve_fail(call, &why);
        return;
    }
    *job = (gf_serve_job){.held = {woken, gone}, .call = *call, .wish = *wish, .image = image, .n = n};
    call->model->held++;
    graft_status status = check_load(call->serve, n, &why);
    if (status == GRAFT_OK) status = make_room(job, &why);
    if (status == GRAFT_OK) {
        start(job);
    } else {
        gf_serve_fail(call, &why);
        free_job(job);
    }
}

void gf_serve_images(const gf_call *call, const gf_serve_wish *wish)
{
    graft_error why;
    gf_body_image *image;
    size_t n;
    if (gf_body_images(call->request, call->serve->most_images, &image, &n, &why) == GRAFT_OK) {
        gf_serve_start(call, wish, image, n);
    } else {
        gf_serve_fail(call, &why);
    }
}

bool gf_serve_any_failed(const gf_serve_job *job)
{
    for (size_t i = 0; i < job->n; i++) {
        if (!job->item[i].failed) continue;
        fail_with(job, &job->item[i]);
        return true;
    }
    return false;
}

void gf_serve_jobs_check(graft_serve *s)
{
    double now = gf_sys_seconds();
    graft_error why;
    for (gf_serve_job *job = s->jobs; job; job = job->behind) {
        if (now <= job->deadline || job->late) continue;
        job->late = true;
        s->metrics.rejected_deadline++;
        gf_fail(&why, GF_E_HTTP_BUSY, "try again later, or on another server", "it did not begin within %.1f seconds",
                s->deadline);
        take_back(job, &why);
    }
}
