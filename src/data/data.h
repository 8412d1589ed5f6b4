/* data.h - a data set ready to train on: found, split, checked, cached. The one call that the rooms above need. */
#ifndef GF_DATA_DATA_H
#define GF_DATA_DATA_H

#include "data/check.h"
#include "data/order.h"

typedef struct gf_data {
    gf_data_options options; /* strings and classes are owned copies; log and user are borrowed */
    gf_names given_classes;
    char *cache_dir;
    gf_index *index;
    gf_cache *cache;
    gf_data_report *report;
} gf_data;

/* Finds, splits, checks and caches. Bad files are refused or left out as options say. *report (may be NULL) gets the
 * report also where the data are refused for them, then the caller's (gf_report_free); after success it is
 * data->report, borrowed. */
graft_status gf_data_open(gf_data **out, const char *path, const gf_data_options *options, gf_pool *pool,
                          gf_data_report **report, graft_error *err);
void gf_data_close(gf_data *data); /* takes NULL */

/* The report alone, nothing cached; bad files are no error. *report is the caller's. */
graft_status gf_data_inspect(const char *path, const gf_data_options *options, gf_pool *pool, gf_data_report **report,
                             graft_error *err);

#endif
