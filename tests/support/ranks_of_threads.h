/* ranks_of_threads.h - ranks that are threads of one process: each runs fn with its own end of the sockets. */
#ifndef TESTS_RANKS_OF_THREADS_H
#define TESTS_RANKS_OF_THREADS_H

#include "comm/local_parts.h"

#include "support/ok.h"

#include <pthread.h>

typedef struct rank_thread {
    gf_local *local;
    void (*fn)(gf_comm *comm, void *ctx);
    void *ctx;
    pthread_t thread;
} rank_thread;

static void *rank_main(void *raw)
{
    rank_thread *t = raw;
    t->fn(gf_local_comm(t->local), t->ctx);
    return NULL;
}

/* fn may not use cmocka's asserts, but on rank 0, which is the calling thread. Its end is closed as it returns. */
static inline void run_ranks(int size, void (*fn)(gf_comm *comm, void *ctx), void *ctx)
{
    gf_local *local[GF_MOST_RANKS];
    rank_thread t[GF_MOST_RANKS];
    OK(gf_local_pairs(local, size, &error));
    for (int r = 0; r < size; r++) OK(gf_local_begin(local[r], &error));
    for (int r = 1; r < size; r++) {
        t[r] = (rank_thread){.local = local[r], .fn = fn, .ctx = ctx};
        assert_int_equal(pthread_create(&t[r].thread, NULL, rank_main, &t[r]), 0);
    }
    fn(gf_local_comm(local[0]), ctx);
    gf_local_close(local[0]); /* who waits for another word of it hears of its end */
    for (int r = 1; r < size; r++) pthread_join(t[r].thread, NULL);
    for (int r = 1; r < size; r++) gf_local_close(local[r]);
}

#endif
