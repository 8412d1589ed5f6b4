/* feed.h - the images of a data set as a network wants them, out of the cache: with random changes where they are to
 * train (gf_request), else as they are. */
#ifndef GF_DATA_FEED_H
#define GF_DATA_FEED_H

#include "data/data.h"
#include "image/augment.h"
#include "tensor/feed.h"

typedef struct gf_data_feed {
    const gf_data *data;
    uint8_t **pixels; /* per thread: an image that is not in memory */
    size_t threads;
    gf_augment_spec augment; /* of training */
    uint64_t seed;           /* of its draws */
    void **for_change;       /* per thread: what random changes need; NULL: nothing */
} gf_data_feed;

/* For workers 0 .. threads - 1. Borrows the data; no changes are made until they are set. */
graft_status gf_data_feed_open(gf_data_feed *f, const gf_data *data, size_t threads, graft_error *err);
/* The words of --augment that a run can do: E3002 for others, and for those that blend samples. */
graft_status gf_data_parse_changes(const char *words, gf_augment_spec *out, graft_error *err);
/* The random changes of training images, and the seed of their draws. Not while images are asked for. E5001. */
graft_status gf_data_feed_change(gf_data_feed *f, const gf_augment_spec *changes, uint64_t seed, graft_error *err);
void gf_data_feed_close(gf_data_feed *f);

/* Its target is an int32_t: the number of the sample's class. */
gf_feed gf_data_feed_of(gf_data_feed *f);

#endif
