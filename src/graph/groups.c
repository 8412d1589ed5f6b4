#include "graph/groups.h"

/* Nodes a and b, and all that is in a group with one of them, become one group. */
static void join(gf_groups *q, size_t a, size_t b, size_t upto)
{
    size_t from = q->lead[a] > q->lead[b] ? q->lead[a] : q->lead[b];
    size_t to = q->lead[a] > q->lead[b] ? q->lead[b] : q->lead[a];
    for (size_t i = from; i <= upto && from != to; i++) {
        if (q->lead[i] == from) q->lead[i] = to;
    }
}

/* Node i, given the first node that each parameter was seen in. */
static void add_node(gf_groups *q, const gf_node *node, size_t i, size_t *seen, size_t none)
{
    for (int r = 0; r < GF_ROLES; r++) {
        if (node->param[r] < 0) continue;
        size_t *first = &seen[node->param[r]];
        if (*first == none) {
            *first = i;
            continue;
        }
        join(q, *first, i, i);
        q->adds[i] |= 1u << r;
    }
}

graft_status gf_groups_create(gf_groups *q, const gf_graph *g, size_t first, size_t n, graft_error *err)
{
    size_t params = g->model->n_params;
    size_t *seen = gf_new_n(params + n + 1, size_t), *last = seen ? seen + params : NULL;
    graft_status status = GRAFT_OK;
    q->lead = gf_new_n(n + 1, size_t);
    q->next = gf_new_n(n + 1, size_t);
    q->adds = gf_new_n(n + 1, unsigned);
    if (!seen || !q->lead || !q->next || !q->adds) {
        status = gf_fail_memory(err, (params + n) * sizeof *seen, "a plan");
        goto out;
    }
    for (size_t i = 0; i < params; i++) seen[i] = n;
    for (size_t i = 0; i < n; i++) {
        q->lead[i] = i;
        if (g->node[first + i].trains) add_node(q, &g->node[first + i], i, seen, n);
    }
    for (size_t i = 0; i < n; i++) {
        q->next[i] = n;
        if (q->lead[i] != i) q->next[last[q->lead[i]]] = i;
        last[q->lead[i]] = i;
    }
out:
    gf_free(seen);
    return status;
}

void gf_groups_free(gf_groups *q)
{
    gf_free(q->lead);
    gf_free(q->next);
    gf_free(q->adds);
    *q = (gf_groups){0};
}
