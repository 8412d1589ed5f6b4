#include "graph/groups.h"

enum { ROLES = 5 }; /* kernel, bias, gamma, beta: those with a gradient; then the moving mean */

static void params_of(const gf_node *n, int param[ROLES])
{
    const int all[ROLES] = {n->kernel, n->bias, n->gamma, n->beta, n->mean};
    for (int k = 0; k < ROLES; k++) param[k] = all[k];
}

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
    int param[ROLES];
    params_of(node, param);
    for (int k = 0; k < ROLES; k++) {
        if (param[k] < 0) continue;
        size_t *first = &seen[param[k]];
        if (*first == none) {
            *first = i;
            continue;
        }
        join(q, *first, i, i);
        if (k < ROLES - 1) {
            q->adds[i] |= 1u << k;
        } else {
            q->moves_again[i] = true;
        }
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
    q->moves_again = gf_new_n(n + 1, bool);
    if (!seen || !q->lead || !q->next || !q->adds || !q->moves_again) {
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
    gf_free(q->moves_again);
    *q = (gf_groups){0};
}
