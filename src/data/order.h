/* order.h - which samples make which batch. A function of (seed, epoch) alone, so a resumed run meets the same
 * batches. */
#ifndef GF_DATA_ORDER_H
#define GF_DATA_ORDER_H

#include "data/index.h"

typedef struct gf_order {
    uint32_t *sample; /* the split's samples in the order they are used */
    uint32_t n, batch;
} gf_order;

/* The samples of a split in the order of the index; call gf_order_shuffle for training. An empty split gives n == 0. */
graft_status gf_order_create(gf_order **out, const gf_index *index, gf_split split, uint32_t batch, graft_error *err);
void gf_order_free(gf_order *order); /* takes NULL */

/* The order of epoch `epoch`: always from the index's order, never from the last epoch's. */
void gf_order_shuffle(gf_order *order, const gf_index *index, gf_split split, uint64_t seed, uint32_t epoch);

/* Batches; the last one may be smaller, it is never left out. */
uint32_t gf_order_batches(const gf_order *order);

/* Batch b < gf_order_batches: *sample is borrowed from the order, the number of samples is returned. */
uint32_t gf_order_batch(const gf_order *order, uint32_t b, const uint32_t **sample);

#endif
