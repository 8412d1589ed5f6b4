/* decisions.h - RUN/decisions.json: {"decisions":[{"what","value","why"}]}, in the order in which they were taken. */
#ifndef GF_TRAIN_DECISIONS_H
#define GF_TRAIN_DECISIONS_H

#include "base/decide.h"

#include <stdint.h>

/* The document as text (gf_free); NULL: no memory, or one was lost for want of it. `d` may be NULL: none. */
char *gf_decisions_text(const gf_decisions *d);
graft_status gf_decisions_write(const char *path, const gf_decisions *d, graft_error *err);

/* Adds those of the n bytes at `text`; E3005 where that is no such document. `path` stands in messages. */
graft_status gf_decisions_parse(gf_decisions *d, const char *text, size_t n, const char *path, graft_error *err);
/* A file that is not there has none: runs of version 0.1. */
graft_status gf_decisions_read(gf_decisions *d, const char *path, graft_error *err);

#endif
