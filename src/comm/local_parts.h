/* local_parts.h - the inside of a local transport, shared by local.c (exchanging) and local_start.c (processes). */
#ifndef GF_COMM_LOCAL_PARTS_H
#define GF_COMM_LOCAL_PARTS_H

#include "comm/local.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

enum { GF_PAGE_WELL, GF_PAGE_WRITING, GF_PAGE_FAILED };

/* Shared by all ranks. */
typedef struct gf_local_page {
    _Atomic uint64_t beat[GF_MOST_RANKS];
    _Atomic int32_t process[GF_MOST_RANKS];
    _Atomic int32_t state; /* GF_PAGE_... of `why` */
    int32_t rank;          /* whose failure it is; -1: found by another */
    graft_error why;
} gf_local_page;

struct gf_local {
    gf_comm comm;
    gf_local_page *page;
    int page_fd;
    int socket[GF_MOST_RANKS];                        /* -1: none */
    uint64_t sent[GF_MOST_RANKS], got[GF_MOST_RANKS]; /* messages */
    uint64_t seen[GF_MOST_RANKS];                     /* beats */
    double silent[GF_MOST_RANKS], looked;             /* seconds */
    pid_t child[GF_MOST_RANKS];                       /* that rank 0 has started; 0: none */
    pthread_t beats;
    pthread_mutex_t lock;
    pthread_cond_t ends;
    bool beating, over;
};

/* All ranks with their sockets and pages, in this process: rank[size], gf_local_close each. */
graft_status gf_local_pairs(gf_local *rank[], int size, graft_error *err);
/* Without page and sockets. */
gf_local *gf_local_new(int size, int rank);
/* Maps the page of page_fd and starts to beat. */
graft_status gf_local_begin(gf_local *l, graft_error *err);

#endif
