/* dataset.h - a data set as training and evaluation see it, whatever its samples are: an index, which names the samples
 * and has their splits and classes, and a class, which makes them. A new kind: src/data/NAME.c with one
 * gf_dataset_class, and its line in datasets.def. docs/design/samples.md shows a sample's way. */
#ifndef GF_DATA_DATASET_H
#define GF_DATA_DATASET_H

#include "base/threads.h"
#include "data/index.h"
#include "image/augment.h"
#include "tensor/feed.h"

typedef struct gf_dataset_class gf_dataset_class;

/* The first member of each kind's own struct. */
typedef struct gf_dataset {
    const gf_dataset_class *cls;
    gf_index *index; /* owned */
    uint64_t n_bad;  /* samples that were left out because they cannot be used */
} gf_dataset;

/* Makes samples for so many workers; several may be open at a time. */
typedef struct gf_data_feed {
    gf_dataset *data;
    size_t threads;
    gf_augment_spec augment; /* random changes of training samples */
    uint64_t seed;           /* of their draws */
    void *own;               /* the class's */
} gf_data_feed;

/* A sample as a report shows it. */
typedef struct gf_shown {
    int w, h;
    uint8_t *rgb; /* w x h x 3, owned: gf_free */
    char *text;   /* instead of an image: its beginning; owned */
} gf_shown;

struct gf_dataset_class {
    const char *name;     /* in lists and messages */
    const char *samples;  /* what its samples are called: "images" */
    const char *makes;    /* what is trained of it: "An image classifier" */
    const char *length;   /* what the length of a sample is counted in, "pieces"; NULL: it has a width and a height */
    const char *pipeline; /* that in Hugging Face's words, "image-classification"; NULL: they have none */
    bool (*suits)(const char *path, const gf_data_options *o); /* NULL: whatever suits no other class */
    /* Finds, splits and checks. E1101 to E1309. */
    graft_status (*open)(gf_dataset **out, const char *path, const gf_data_options *o, gf_pool *pool, graft_error *err);
    void (*close)(gf_dataset *d);
    /* Sets f->own, whose memory the random changes may take, too: called again with others. E5001; E3002 for changes
     * that this kind of sample does not know. */
    graft_status (*feed_open)(gf_data_feed *f, graft_error *err);
    void (*feed_close)(gf_data_feed *f); /* takes a feed that never came to be open */
    /* gf_feed.fill, whose ctx is the gf_data_feed. The target is a gf_class_target. */
    graft_status (*fill)(void *ctx, const gf_request *q, const gf_input_layout in[], void *const dst[], void *target,
                         graft_error *err);
    /* `changed`: as epoch `epoch` of training has it. E5001, or what keeps
     * the sample from being read. */
    graft_status (*show)(gf_data_feed *f, uint32_t sample, bool changed, uint32_t epoch, gf_shown *out,
                         graft_error *err);
    /* Samples that went away since the data set was opened; all NULL where none can. tell_lost says which did since its
     * last call, E1122 where too many have. */
    bool (*is_lost)(const gf_dataset *d, uint32_t sample);
    void (*mark_lost)(gf_dataset *d, uint32_t sample);
    graft_status (*tell_lost)(gf_dataset *d, graft_error *err);
    uint32_t (*n_lost)(const gf_dataset *d);
    /* Makes a target that another process has made of the same data one of this process: where it points to what the
     * data set owns. NULL: it points to nothing. */
    void (*adopt)(const gf_dataset *d, void *target);
};

/* ---- every kind (datasets.def) */

#define GF_DATASET(x) extern const gf_dataset_class gf_dataset_##x;
#include "data/datasets.def"
#undef GF_DATASET
const gf_dataset_class *gf_dataset_class_at(size_t i); /* NULL behind the last */

/* Of the kind that the path suits. */
graft_status gf_dataset_open(gf_dataset **out, const char *path, const gf_data_options *options, gf_pool *pool,
                             graft_error *err);
void gf_dataset_close(gf_dataset *d); /* takes NULL */

bool gf_dataset_is_lost(const gf_dataset *d, uint32_t sample);
void gf_dataset_mark_lost(gf_dataset *d, uint32_t sample);
uint32_t gf_dataset_n_lost(const gf_dataset *d);
void gf_dataset_adopt(const gf_dataset *d, void *target);
graft_status gf_dataset_tell_lost(gf_dataset *d, graft_error *err);

/* ---- feeds */

/* For workers 0 .. threads - 1. Borrows the data; no changes are made until they are set. */
graft_status gf_data_feed_open(gf_data_feed *f, gf_dataset *data, size_t threads, graft_error *err);
/* The random changes of training samples, and the seed of their draws. Not while samples are asked for. */
graft_status gf_data_feed_change(gf_data_feed *f, const gf_augment_spec *changes, uint64_t seed, graft_error *err);
void gf_data_feed_close(gf_data_feed *f);
gf_feed gf_data_feed_of(gf_data_feed *f);
graft_status gf_data_feed_show(gf_data_feed *f, uint32_t sample, bool changed, uint32_t epoch, gf_shown *out,
                               graft_error *err);

#endif
