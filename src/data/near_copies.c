/* Two hashes that differ in four bits at most have one of five bands of bits alike (there is one band more than there
 * are bits that may differ), so pairs are looked for among those of a band's value alone. */
#include "data/near_copies.h"

#include "base/alloc.h"

#include <stdlib.h>

enum { BITS = 64, BANDS = GF_NEAR_BITS + 1 };

typedef struct entry {
    uint64_t band, hash;
    uint32_t image;
    bool mirrored;
} entry;

typedef struct finder {
    gf_near_pair *pair;
    size_t n, cap;
} finder;

static uint64_t band_of(uint64_t hash, int k)
{
    int from = k * BITS / BANDS, to = (k + 1) * BITS / BANDS;
    return hash >> from & ((UINT64_C(1) << (to - from)) - 1);
}

static int by_band(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->band != y->band) return x->band < y->band ? -1 : 1;
    if (x->mirrored != y->mirrored) return x->mirrored ? 1 : -1;
    return x->image < y->image ? -1 : x->image > y->image;
}

static int by_images(const void *a, const void *b)
{
    const gf_near_pair *x = a, *y = b;
    if (x->first != y->first) return x->first < y->first ? -1 : 1;
    if (x->second != y->second) return x->second < y->second ? -1 : 1;
    return (int)x->bits - (int)y->bits ? (int)x->bits - (int)y->bits : (int)x->mirrored - (int)y->mirrored;
}

/* a is as it is. A pair of a mirrored one and another is found twice, once from each side. */
static graft_status compare(finder *f, const entry *a, const entry *b, graft_error *err)
{
    int bits = __builtin_popcountll(a->hash ^ b->hash);
    if (bits > GF_NEAR_BITS || a->image == b->image) return GRAFT_OK;
    if (!gf_grow(&f->pair, f->n, &f->cap)) return gf_fail_memory(err, f->n * sizeof *f->pair, "near copies");
    uint32_t low = a->image < b->image ? a->image : b->image, high = a->image ^ b->image ^ low;
    f->pair[f->n++] = (gf_near_pair){low, high, (uint8_t)bits, b->mirrored};
    return GRAFT_OK;
}

static graft_status look_in_band(finder *f, const entry *e, size_t n, graft_error *err)
{
    for (size_t at = 0, end; at < n; at = end) {
        for (end = at + 1; end < n && e[end].band == e[at].band; end++) {
        }
        for (size_t i = at; i < end && !e[i].mirrored; i++) {
            for (size_t k = i + 1; k < end; k++) GF_TRY(compare(f, &e[i], &e[k], err));
        }
    }
    return GRAFT_OK;
}

/* Each pair once, in the way in which it is closest. */
static void settle(finder *f)
{
    size_t kept = 0;
    if (f->n) qsort(f->pair, f->n, sizeof *f->pair, by_images);
    for (size_t i = 0; i < f->n; i++) {
        const gf_near_pair *last = kept ? &f->pair[kept - 1] : NULL;
        if (last && last->first == f->pair[i].first && last->second == f->pair[i].second) continue;
        f->pair[kept++] = f->pair[i];
    }
    f->n = kept;
}

graft_status gf_near_copies(const gf_hashes *hash, uint32_t n, gf_near_pair **pairs, size_t *found, graft_error *err)
{
    finder f = {0};
    size_t entries = 2 * (size_t)n;
    entry *e = gf_new_n(entries, entry);
    graft_status status = e ? GRAFT_OK : gf_fail_memory(err, entries * sizeof *e, "near copies");
    for (int band = 0; band < BANDS && status == GRAFT_OK; band++) {
        for (size_t i = 0; i < entries; i++) {
            bool mirrored = i >= n;
            uint64_t h = mirrored ? hash[i - n].mirrored : hash[i].as_is;
            e[i] = (entry){band_of(h, band), h, (uint32_t)(mirrored ? i - n : i), mirrored};
        }
        if (entries) qsort(e, entries, sizeof *e, by_band);
        status = look_in_band(&f, e, entries, err);
    }
    gf_free(e);
    if (status == GRAFT_OK) settle(&f);
    if (status != GRAFT_OK) gf_free(f.pair);
    *pairs = status == GRAFT_OK ? f.pair : NULL;
    *found = status == GRAFT_OK ? f.n : 0;
    return status;
}
