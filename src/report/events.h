/* events.h - the history as a TensorBoard events file. */
#ifndef GF_REPORT_EVENTS_H
#define GF_REPORT_EVENTS_H

#include "tasks/history.h"

/* The name inside a run folder: without host, process or time, so that equal runs have equal folders. */
#define GF_EVENTS_NAME "events.out.tfevents.graft"

/* Writes the whole file anew: one event a row, at step = epoch and wall time = the seconds trained so far, with the
 * scalars train/METRIC and validation/METRIC of each metric, learning_rate and images_per_second (those that are NaN
 * are left out). */
graft_status gf_events_write(const char *path, const gf_history *h, graft_error *err);
/* Adds the last row's event to the file that holds those before it: while a run goes on. */
graft_status gf_events_append(const char *path, const gf_history *h, graft_error *err);

#endif
