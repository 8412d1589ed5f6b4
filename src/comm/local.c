/* local.c - exchanging bytes by sockets, and telling that a rank is gone. */
#include "comm/local_parts.h"
#include "comm/words.h"

#include "base/alloc.h"
#include "base/sys.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- signs of life */

static void *beat(void *raw)
{
    gf_local *l = raw;
    const long between = 500000000, second = 1000000000; /* ns */
    struct timespec t;
    pthread_mutex_lock(&l->lock);
    clock_gettime(CLOCK_MONOTONIC, &t);
    while (!l->over) {
        atomic_fetch_add(&l->page->beat[l->comm.rank], 1);
        t.tv_nsec += between;
        t.tv_sec += t.tv_nsec / second;
        t.tv_nsec %= second;
        pthread_cond_timedwait(&l->ends, &l->lock, &t);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* On the page, unless an earlier one is there. */
static void put_failure(gf_local *l, const graft_error *why, bool own)
{
    int32_t well = GF_PAGE_WELL;
    if (!atomic_compare_exchange_strong(&l->page->state, &well, GF_PAGE_WRITING)) return;
    l->page->why = *why;
    l->page->rank = own ? l->comm.rank : -1;
    atomic_store(&l->page->state, GF_PAGE_FAILED);
}

/* What is on the page; OK: nothing. */
static graft_status take_failure(const gf_local *l, graft_error *err)
{
    if (atomic_load(&l->page->state) != GF_PAGE_FAILED) return GRAFT_OK;
    const graft_error *why = &l->page->why;
    graft_status status = why->status != GRAFT_OK ? why->status : GRAFT_WORKER;
    if (!err) return status;
    *err = *why;
    err->status = status;
    err->message[sizeof err->message - 1] = err->hint[sizeof err->hint - 1] = 0;
    if (l->page->rank >= 0 && l->page->rank != l->comm.rank && !gf_is_stop(status)) {
        snprintf(err->message, sizeof err->message, "rank %d: %.1500s", l->page->rank, why->message);
    }
    return status;
}

static const char resumes[] = "graft resume RUN goes on from the last checkpoint, with any number of ranks";

/* A socket was closed: a rank has said why, or was ended. */
static graft_status gone(gf_local *l, int peer, graft_error *err)
{
    graft_error why = {0};
    for (int i = 0; i < 100 && atomic_load(&l->page->state) == GF_PAGE_WRITING; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    graft_status status = take_failure(l, err);
    if (status != GRAFT_OK) return status;
    status = gf_fail(&why, GF_E_RANK_ENDED, resumes, "rank %d of %d (process %d) has ended before its work was done",
                     peer, l->comm.size, (int)atomic_load(&l->page->process[peer]));
    put_failure(l, &why, false);
    if (err) *err = why;
    return status;
}

/* How long each has been silent, by this rank's own count: the time in which it did not look itself does not count. */
static void count_silence(gf_local *l)
{
    const double most = 1;
    double now = gf_sys_seconds(), since = now - l->looked < most ? now - l->looked : most;
    l->looked = now;
    for (int r = 0; r < l->comm.size; r++) {
        uint64_t beats = atomic_load(&l->page->beat[r]);
        l->silent[r] = beats == l->seen[r] ? l->silent[r] + since : 0;
        l->seen[r] = beats;
    }
}

static graft_status check_silence(gf_local *l, int peer, double timeout, graft_error *err)
{
    graft_error why = {0};
    if (peer == l->comm.rank || !(l->silent[peer] > timeout)) return GRAFT_OK;
    graft_status status =
        gf_fail(&why, GF_E_RANK_SILENT, resumes, "rank %d of %d (process %d) has given no sign of life for %.0f s",
                peer, l->comm.size, (int)atomic_load(&l->page->process[peer]), timeout);
    put_failure(l, &why, false);
    if (err) *err = why;
    return status;
}

static graft_status look(void *self, double timeout, graft_error *err)
{
    gf_local *l = self;
    struct pollfd p[GF_MOST_RANKS];
    GF_TRY(take_failure(l, err));
    count_silence(l);
    for (int r = 0; r < l->comm.size; r++) p[r] = (struct pollfd){.fd = l->socket[r]};
    int ready = poll(p, (nfds_t)l->comm.size, 0);
    for (int r = 0; r < l->comm.size; r++) {
        if (ready > 0 && p[r].revents & (POLLHUP | POLLERR)) return gone(l, r, err);
        GF_TRY(check_silence(l, r, timeout, err));
    }
    return GRAFT_OK;
}

/* ---- exchanging */

/* One direction of an exchange: the frame, then its bytes. */
typedef struct way {
    gf_frame frame;
    char *bytes;
    size_t n, done; /* of both */
} way;

static size_t left(const way *w) { return sizeof w->frame + w->n - w->done; }

/* What comes next of it; *n bytes. */
static char *next_part(way *w, size_t *n)
{
    if (w->done < sizeof w->frame) {
        *n = sizeof w->frame - w->done;
        return (char *)&w->frame + w->done;
    }
    *n = left(w);
    return w->bytes + (w->done - sizeof w->frame);
}

static graft_status broken(gf_local *l, int peer, graft_error *err)
{
    if (errno == EAGAIN || errno == EINTR) return GRAFT_OK;
    return gone(l, peer, err);
}

static graft_status send_some(gf_local *l, int peer, way *w, graft_error *err)
{
    while (left(w)) {
        size_t n;
        char *part = next_part(w, &n);
        ssize_t sent = send(l->socket[peer], part, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) return broken(l, peer, err);
        w->done += (size_t)sent;
    }
    return GRAFT_OK;
}

static graft_status receive_some(gf_local *l, int peer, way *w, graft_error *err)
{
    while (left(w)) {
        size_t n;
        bool head = w->done < sizeof w->frame;
        char *part = next_part(w, &n);
        ssize_t got = recv(l->socket[peer], part, n, MSG_DONTWAIT);
        if (got == 0) return gone(l, peer, err);
        if (got < 0) return broken(l, peer, err);
        w->done += (size_t)got;
        if (head && w->done == sizeof w->frame) GF_TRY(gf_frame_check(&w->frame, peer, l->got[peer], w->n, err));
    }
    return GRAFT_OK;
}

static graft_status wait_for(gf_local *l, int peer, const way *out, const way *in, double timeout,
                             const gf_watch *watch, graft_error *err)
{
    enum { SLICE = 100 }; /* ms */
    struct pollfd p = {.fd = l->socket[peer]};
    p.events = (short)((left(out) ? POLLOUT : 0) | (left(in) ? POLLIN : 0));
    if (poll(&p, 1, SLICE) > 0) return GRAFT_OK;
    GF_TRY(take_failure(l, err));
    count_silence(l);
    GF_TRY(check_silence(l, peer, timeout, err));
    return gf_watch_look(watch, err);
}

static graft_status exchange(void *self, int peer, const void *send_bytes, size_t n_send, void *recv_bytes,
                             size_t n_recv, double timeout, const gf_watch *watch, graft_error *err)
{
    gf_local *l = self;
    way out = {.frame = gf_frame_of(l->sent[peer], n_send), .bytes = (char *)(uintptr_t)send_bytes, .n = n_send},
        in = {.bytes = recv_bytes, .n = n_recv};
    if (l->socket[peer] < 0)
        return gf_fail(err, GF_E_INTERNAL, NULL, "rank %d has no socket to rank %d", l->comm.rank, peer);
    l->looked = gf_sys_seconds();
    while (left(&out) || left(&in)) {
        GF_TRY(send_some(l, peer, &out, err));
        GF_TRY(receive_some(l, peer, &in, err));
        if (left(&out) || left(&in)) GF_TRY(wait_for(l, peer, &out, &in, timeout, watch, err));
    }
    l->sent[peer]++;
    l->got[peer]++;
    return GRAFT_OK;
}

static void abort_all(void *self, const graft_error *why)
{
    gf_local *l = self;
    put_failure(l, why, true);
    for (int r = 0; r < l->comm.size; r++) {
        if (l->socket[r] >= 0) shutdown(l->socket[r], SHUT_RDWR);
    }
}

/* ---- its life */

gf_comm *gf_local_comm(gf_local *l) { return &l->comm; }

gf_local *gf_local_new(int size, int rank)
{
    const double timeout = 30;
    gf_local *l = gf_new(gf_local);
    if (!l) return NULL;
    l->comm = (gf_comm){.size = size,
                        .rank = rank,
                        .timeout = timeout,
                        .self = l,
                        .exchange = exchange,
                        .abort = abort_all,
                        .look = look};
    l->page_fd = -1;
    for (int r = 0; r < GF_MOST_RANKS; r++) l->socket[r] = -1;
    return l;
}

graft_status gf_local_begin(gf_local *l, graft_error *err)
{
    void *page = mmap(NULL, sizeof *l->page, PROT_READ | PROT_WRITE, MAP_SHARED, l->page_fd, 0);
    if (page == MAP_FAILED)
        return gf_fail(err, GF_E_RANK_STARTED, NULL, "the memory that ranks share cannot be had: error %d", errno);
    l->page = page;
    l->looked = gf_sys_seconds();
    atomic_store(&l->page->process[l->comm.rank], (int32_t)getpid());
    pthread_condattr_t monotonic;
    pthread_mutex_init(&l->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&l->ends, &monotonic);
    pthread_condattr_destroy(&monotonic);
    l->beating = !pthread_create(&l->beats, NULL, beat, l);
    return l->beating ? GRAFT_OK
                      : gf_fail(err, GF_E_THREADS, "raise the process limit (ulimit -u)", "no thread can be started");
}

static void stop_beating(gf_local *l)
{
    if (!l->page) return;
    if (l->beating) {
        pthread_mutex_lock(&l->lock);
        l->over = true;
        pthread_cond_signal(&l->ends);
        pthread_mutex_unlock(&l->lock);
        pthread_join(l->beats, NULL);
    }
    pthread_cond_destroy(&l->ends);
    pthread_mutex_destroy(&l->lock);
    munmap(l->page, sizeof *l->page);
}

/* Waits for it until `end`; then it is ended. */
static void bury(pid_t child, double end)
{
    bool killed = false;
    for (pid_t ended = 0; ended == 0 || (ended < 0 && errno == EINTR);) {
        ended = waitpid(child, NULL, WNOHANG);
        if (ended) continue;
        if (!killed && gf_sys_seconds() > end) killed = !kill(child, SIGKILL);
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
}

void gf_local_close(gf_local *l)
{
    const double patience = 2;
    if (!l) return;
    stop_beating(l);
    for (int r = 0; r < l->comm.size; r++) {
        if (l->socket[r] >= 0) gf_sys_close(l->socket[r]);
    }
    if (l->page_fd >= 0) gf_sys_close(l->page_fd);
    double end = gf_sys_seconds() + patience;
    for (int r = 0; r < l->comm.size; r++) {
        if (l->child[r] > 0) bury(l->child[r], end);
    }
    gf_free(l);
}
