#include "comm/comm.h"

#include "base/alloc.h"

#include <string.h>

static graft_status exchange(const gf_comm *c, int peer, const void *send, size_t n_send, void *recv, size_t n_recv,
                             graft_error *err)
{
    return c->exchange(c->self, peer, send, n_send, recv, n_recv, c->timeout, &c->watch, err);
}

/* A tree with rank 0 at its root: rank r has what it gets from r without its lowest bit, and hands it on to r + 1,
 * r + 2, r + 4, ... as far as that bit. */
graft_status gf_comm_broadcast(const gf_comm *c, void *data, size_t n, graft_error *err)
{
    if (gf_comm_size(c) == 1 || !n) return GRAFT_OK;
    int low = c->rank & -c->rank, top = 1;
    while (top < c->size) top *= 2;
    if (c->rank) GF_TRY(exchange(c, c->rank - low, NULL, 0, data, n, err));
    for (int step = c->rank ? low / 2 : top / 2; step; step /= 2) {
        if (c->rank + step < c->size) GF_TRY(exchange(c, c->rank + step, data, n, NULL, 0, err));
    }
    return GRAFT_OK;
}

graft_status gf_comm_send_all(const gf_comm *c, const void *send, size_t n_send, size_t most, uint8_t **data, size_t *n,
                              graft_error *err)
{
    uint64_t size = n_send;
    *data = NULL;
    *n = 0;
    GF_TRY(gf_comm_broadcast(c, &size, sizeof size, err));
    if (size > most)
        return gf_fail(err, GF_E_RANKS_DISAGREE, NULL, "%llu bytes are sent where at most %zu are awaited",
                       (unsigned long long)size, most);
    *data = gf_alloc_raw(size + 1, 1);
    if (!*data) return gf_fail_memory(err, size, "what the first rank sends");
    if (!gf_comm_rank(c)) memcpy(*data, send ? send : "", size);
    (*data)[size] = 0;
    graft_status status = gf_comm_broadcast(c, *data, size, err);
    if (status == GRAFT_OK) {
        *n = size;
        return GRAFT_OK;
    }
    gf_free(*data);
    *data = NULL;
    return status;
}

/* Rounds in which every two ranks meet once: in round s, r and s - r. */
static int peer_of(const gf_comm *c, int round) { return (round - c->rank + c->size) % c->size; }

graft_status gf_comm_gather(const gf_comm *c, void *data, const size_t begin[], graft_error *err)
{
    char *at = data;
    for (int s = 0; s < gf_comm_size(c); s++) {
        if (gf_comm_size(c) == 1 || peer_of(c, s) == c->rank) continue;
        int peer = peer_of(c, s);
        GF_TRY(exchange(c, peer, at + begin[c->rank], begin[c->rank + 1] - begin[c->rank], at + begin[peer],
                        begin[peer + 1] - begin[peer], err));
    }
    return GRAFT_OK;
}

void gf_comm_begins(const gf_comm *c, size_t n, size_t unit, size_t row, size_t begin[GF_MOST_RANKS + 1])
{
    int size = gf_comm_size(c);
    for (int r = 0; r < size; r++) begin[r] = row * gf_share_in_units(n, unit, size, r).first;
    begin[size] = row * n;
}

graft_status gf_comm_any(const gf_comm *c, bool *flag, size_t n, graft_error *err)
{
    if (gf_comm_size(c) == 1 || !n) return GRAFT_OK;
    bool *all = gf_new_n(2 * n, bool), *other = all ? all + n : NULL;
    if (!all) return gf_fail_memory(err, 2 * n, "what ranks tell each other");
    graft_status status = GRAFT_OK;
    memcpy(all, flag, n * sizeof *all);
    for (int s = 0; s < c->size && status == GRAFT_OK; s++) {
        int peer = peer_of(c, s);
        if (peer == c->rank) continue;
        status = exchange(c, peer, flag, n, other, n, err);
        for (size_t i = 0; i < n && status == GRAFT_OK; i++) all[i] = all[i] || other[i];
    }
    if (status == GRAFT_OK) memcpy(flag, all, n * sizeof *all);
    gf_free(all);
    return status;
}

graft_status gf_comm_largest(const gf_comm *c, int64_t *value, graft_error *err)
{
    int64_t all[GF_MOST_RANKS];
    size_t begin[GF_MOST_RANKS + 1];
    if (gf_comm_size(c) == 1) return GRAFT_OK;
    gf_comm_begins(c, (size_t)c->size, 1, sizeof *all, begin);
    all[c->rank] = *value;
    GF_TRY(gf_comm_gather(c, all, begin, err));
    for (int r = 0; r < c->size; r++) *value = all[r] > *value ? all[r] : *value;
    return GRAFT_OK;
}

graft_status gf_comm_barrier(const gf_comm *c, graft_error *err)
{
    int64_t here = 0;
    return gf_comm_largest(c, &here, err);
}
