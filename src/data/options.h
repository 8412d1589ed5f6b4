/* options.h - how data is found, split, checked and cached. Fill with gf_data_defaults first. */
#ifndef GF_DATA_OPTIONS_H
#define GF_DATA_OPTIONS_H

#include "base/error.h"
#include "base/log.h"
#include "base/settings.h"
#include "image/fit.h"
#include "image/image.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum gf_cache_mode { GF_CACHE_AUTO, GF_CACHE_MEMORY, GF_CACHE_DISK, GF_CACHE_NONE } gf_cache_mode;
typedef enum gf_bad_policy { GF_BAD_REFUSE, GF_BAD_SKIP } gf_bad_policy;

typedef struct gf_data_options {
    /* finding and splitting */
    const struct gf_layout_class *layout; /* layouts.h; NULL: as the path tells */
    bool follow_links;                    /* also out of the data folder; false */
    const char *image_column;             /* borrowed; of a CSV file: by name, or by number from 1; NULL: found out */
    const char *label_column;             /* likewise */
    const char *split_column;             /* likewise; NULL: found out, there may be none */
    const char *group_column;             /* likewise; NULL: there is none */
    const char *weight_column;            /* likewise */
    const char *label_delimiter; /* borrowed; what parts a field into labels (label_lists.h); NULL: found out */
    bool labels;                 /* samples have any number of labels, the task says; else where the data say so */
    double split[3];             /* train, validation, test shares where the data has no splits; sum 1; {0.8, 0.2, 0} */
    double test_from_validation; /* this share of the validation batches becomes the test set, [0, 1); 0 */
    uint32_t batch;              /* images per batch, for test_from_validation; 32 */
    uint64_t seed;               /* of the splits; 0 */
    bool allow_empty_class;      /* a class without images keeps its number; false */
    const char *const *classes;  /* borrowed; NULL: the classes are what the data has. Else these, in this order, and */
    size_t n_classes;            /* data of any other class is refused (the classes of a finished run) */
    size_t least_classes;        /* E1126 with fewer, before anything is decoded; 0 */

    /* checking */
    gf_bad_policy bad_images; /* refuse, or train without them; refuse */
    double max_bad;           /* share of bad images still accepted when they are skipped, [0, 1]; 0.01 */
    bool dedup;               /* of images with equal bytes keep one; false */
    gf_image_options image;   /* limits and rules of decoding */

    /* working size and cache */
    int height, width; /* images are resized to this; 160 x 160 */
    int stored_side; /* those to train on are kept with this shorter side, so that random crops have room; 0: so too */
    bool antialias;  /* false, as Keras does */
    gf_fit fit;      /* what becomes of other proportions; stretched */
    gf_cache_mode cache;
    uint64_t memory_limit;       /* bytes of decoded images in memory; 0: half of what is available */
    const gf_settings *settings; /* borrowed; the rows data.*, image.* that came after 0.1; NULL: their defaults */
    const char *cache_dir;       /* borrowed; folder of the cache on disk, made when needed; NULL: no cache on disk */

    /* Told of each image that the check decodes, by the worker that did it: h x w pixels of the working size; NULL:
     * nobody is. */
    graft_status (*decoded)(void *ctx, uint32_t sample, const uint8_t *rgb, int h, int w, graft_error *err);
    void *decoded_ctx;

    /* Asked from the calling thread between groups of images; may be NULL. A status other than GRAFT_OK ends the
     * check with that status. `done` of `total` images are checked. */
    graft_status (*progress)(void *user, uint64_t done, uint64_t total);
    void *user;
    const gf_log *log; /* borrowed; NULL: warnings are only kept in the report */
} gf_data_options;

void gf_data_defaults(gf_data_options *options);

/* The size at which an image is decoded and cached: of one to train on, of another. */
void gf_data_stored_size(const gf_data_options *options, bool to_train_on, int *height, int *width);
size_t gf_data_stored_bytes(const gf_data_options *options, bool to_train_on); /* of its pixels */

/* As data.fit and data.resize_filter say. E3002. */
graft_status gf_data_fit(gf_fit *fit, const gf_settings *settings, graft_error *err);
/* Keeps the settings and fills the fields that are rows of them (0.2 and later); texts are borrowed. */
void gf_data_take_settings(gf_data_options *options, const gf_settings *settings);

/* E3002 with name, value and range where a field is out of it (NaN is). */
graft_status gf_data_options_check(const gf_data_options *options, graft_error *err);

#endif
