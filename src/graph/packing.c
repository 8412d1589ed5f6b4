#include "graph/packing.h"

#include "base/alloc.h"

graft_status gf_packer_create(gf_packer *p, size_t most, graft_error *err)
{
    *p = (gf_packer){.most = most};
    size_t **list[] = {&p->order, &p->begin, &p->of, &p->rows, &p->texts};
    bool ok = true;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        *list[i] = gf_new_n(most + 1, size_t);
        ok = ok && *list[i];
    }
    if (ok) return GRAFT_OK;
    gf_packer_free(p);
    return gf_fail_memory(err, most * sizeof(size_t), "a batch of texts");
}

void gf_packer_free(gf_packer *p)
{
    gf_free(p->order);
    gf_free(p->begin);
    gf_free(p->of);
    gf_free(p->rows);
    gf_free(p->texts);
    *p = (gf_packer){0};
}

/* By falling length; those without a place are left out. Insertion: batches are small, and nothing is allocated. */
static size_t sort(gf_packer *p, const int32_t *length, size_t n)
{
    size_t sorted = 0;
    for (size_t i = 0; i < n; i++) {
        if (!length[i]) continue;
        size_t at = sorted++;
        for (; at && length[p->texts[at - 1]] < length[i]; at--) p->texts[at] = p->texts[at - 1];
        p->texts[at] = i;
    }
    return sorted;
}

void gf_packer_plan(gf_packer *p, const int32_t *length, size_t n, size_t rows, size_t texts)
{
    size_t sorted = sort(p, length, n), *count = p->begin;
    p->n = 0;
    for (size_t i = 0; i < sorted; i++) {
        size_t need = (size_t)length[p->texts[i]], to = 0;
        while (to < p->n && (p->rows[to] + need > rows || count[to] == texts)) to++;
        if (to == p->n) p->rows[p->n] = count[p->n] = 0, p->n++;
        p->rows[to] += need;
        count[to]++;
        p->of[i] = to;
    }
    size_t at = 0;
    for (size_t m = 0; m < p->n; m++) {
        size_t begin = at;
        for (size_t i = 0; i < sorted; i++) {
            if (p->of[i] == m) p->order[at++] = p->texts[i];
        }
        p->begin[m] = begin;
    }
    p->begin[p->n] = at;
}

gf_packing gf_packer_at(const gf_packer *p, size_t i, const int32_t *length, int32_t *first)
{
    size_t n = p->begin[i + 1] - p->begin[i];
    first[0] = 0;
    for (size_t t = 0; t < n; t++) first[t + 1] = first[t] + length[p->order[p->begin[i] + t]];
    return (gf_packing){n, first};
}

int32_t gf_pieces_of(const int32_t *piece, size_t most)
{
    size_t n = 0;
    while (n < most && piece[n] >= 0) n++;
    return (int32_t)n;
}
