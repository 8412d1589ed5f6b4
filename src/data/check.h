/* check.h - every file is decoded once, before anything is trained: all bad ones are found at once, duplicates too, and
 * the cache is full afterwards. */
#ifndef GF_DATA_CHECK_H
#define GF_DATA_CHECK_H

#include "base/threads.h"
#include "data/cache.h"
#include "data/report.h"

/* Checks all samples on the pool's threads, fills index->content and the cache (NULL: none is filled) and gives the
 * report. drop (index->n, false) is set for files that cannot be used or, with dedup, are copies. Bad files are no
 * error of this function. The result does not depend on the number of threads. */
graft_status gf_check(gf_index *index, gf_cache *cache, const gf_data_options *options, gf_pool *pool,
                      gf_data_report **report, bool *drop, graft_error *err);

/* Says and notes which of the good files were not quite as they should be and are taken all the same. */
graft_status gf_check_tell(gf_index *index, const gf_checked *rows, const gf_log *log, graft_error *err);

/* E1120 where the policy does not allow these bad files: the first of them in the message, and how many. */
graft_status gf_check_policy(const gf_data_report *report, const gf_data_options *options, graft_error *err);

#endif
