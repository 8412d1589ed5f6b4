/* data.h - a data set of images ready to train on: found, split, checked, cached. */
#ifndef GF_DATA_IMAGES_H
#define GF_DATA_IMAGES_H

#include "data/check.h"
#include "data/dataset.h"
#include "data/order.h"

typedef struct gf_images {
    gf_dataset set;
    gf_data_options options; /* strings and classes are owned copies; log and user are borrowed */
    gf_names given_classes;
    char *cache_dir;
    gf_cache *cache;
    gf_data_report *report;
} gf_images;

/* Finds, splits, checks and caches. Bad files are refused or left out as options say. *report (may be NULL) gets the
 * report also where the data are refused for them, then the caller's (gf_report_free); after success it is
 * data->report, borrowed. */
graft_status gf_images_open(gf_images **out, const char *path, const gf_data_options *options, gf_pool *pool,
                            gf_data_report **report, graft_error *err);
/* The same of a list of files that is made otherwise; it is taken over in any case. */
graft_status gf_images_open_index(gf_images **out, gf_index *index, const gf_data_options *options, gf_pool *pool,
                                  gf_data_report **report, graft_error *err);
void gf_images_close(gf_images *data); /* takes NULL */

/* The random changes that a feed of images makes of a sample to train on; false: none. */
bool gf_images_draw(const gf_data_feed *f, bool training, uint32_t epoch, uint32_t sample, gf_augment_drawn *drawn);

/* The report alone, with what their pixels tell (looks.h), of an index that stays the caller's; nothing is cached, bad
 * files are no error. *report is the caller's. */
graft_status gf_images_look(gf_index *index, const gf_data_options *options, gf_pool *pool, gf_data_report **report,
                            graft_error *err);

#endif
