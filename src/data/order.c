#include "data/order.h"

#include "base/rng.h"

static void reset(gf_order *order, const gf_index *index, gf_split split)
{
    for (uint32_t i = 0; i < order->n; i++) order->sample[i] = index->first[split] + i;
}

graft_status gf_order_create(gf_order **out, const gf_index *index, gf_split split, uint32_t batch, graft_error *err)
{
    *out = NULL;
    uint32_t n = index->first[split + 1] - index->first[split];
    if (!batch) return gf_fail(err, GF_E_OPTION_VALUE, NULL, "batch: 0 is not in 1 to 1048576");
    gf_order *order = gf_new(gf_order);
    if (order) order->sample = gf_alloc_raw(n, sizeof *order->sample);
    if (!order || !order->sample) {
        gf_order_free(order);
        return gf_fail_memory(err, n * sizeof *order->sample, "the order of images");
    }
    order->n = n;
    order->batch = batch;
    reset(order, index, split);
    *out = order;
    return GRAFT_OK;
}

void gf_order_free(gf_order *order)
{
    if (!order) return;
    gf_free(order->sample);
    gf_free(order);
}

void gf_order_shuffle(gf_order *order, const gf_index *index, gf_split split, uint64_t seed, uint32_t epoch)
{
    reset(order, index, split);
    gf_rng r = gf_rng_make(seed, GF_PURPOSE_SHUFFLE, epoch, 0);
    gf_rng_shuffle(&r, order->sample, order->n);
}

uint32_t gf_order_batches(const gf_order *order) { return order->n / order->batch + (order->n % order->batch != 0); }

uint32_t gf_order_batch(const gf_order *order, uint32_t b, const uint32_t **sample)
{
    uint32_t from = b * order->batch, left = order->n - from;
    *sample = order->sample + from;
    return left < order->batch ? left : order->batch;
}
