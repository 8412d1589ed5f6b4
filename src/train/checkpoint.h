/* checkpoint.h - the state of a run in one file, so that a run killed at any moment goes on as if it never was.
 *
 * DIR/ckpt-STEP.graft holds named sections of bytes (weights, optimizer state, counters ...), a checksum of each and a
 * digest of the whole file at its end. It is written under another name, synced, renamed, and its folder synced; the
 * two newest generations are kept. "Latest" is the newest file whose digest verifies: there is no pointer file that
 * could be wrong. docs/design/checkpoint.md has the layout. */
#ifndef GF_TRAIN_CHECKPOINT_H
#define GF_TRAIN_CHECKPOINT_H

#include "base/error.h"
#include "base/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GF_CHECKPOINT_VERSION = 1,
    GF_CHECKPOINT_NAME_MAX = 39,      /* bytes of a section's name */
    GF_CHECKPOINT_MAX_SECTIONS = 256, /* in one file */
};

/* A named piece of the state. Bytes are kept as they are, in this machine's order. */
typedef struct gf_section {
    const char *name; /* 1 to GF_CHECKPOINT_NAME_MAX bytes, unlike the others */
    const void *data; /* may be NULL where size is 0 */
    size_t size;
} gf_section;

/* ---- writing */

/* Writes DIR/ckpt-STEP.graft (DIR exists; step 0 .. 999,999,999,999), then removes every other generation but the
 * newest before this one, and .tmp files left by a process that died. After a failure all older generations are as
 * they were and no .tmp is left. Nothing that fails in the removing is an error. */
graft_status gf_checkpoint_write(const char *dir, int64_t step, const gf_section *section, size_t n, graft_error *err);

/* ---- reading */

typedef struct gf_checkpoint {
    int64_t step;
    gf_section *section; /* in the order written; names and data point into bytes */
    size_t n;
    const uint8_t *bytes; /* the whole file */
    size_t n_bytes;
    uint8_t *owned; /* bytes, where gf_checkpoint_read_latest read them; else NULL */
    int skipped;    /* newer files that were damaged */
    char *path;     /* what messages call it */
} gf_checkpoint;

/* The newest good checkpoint of a folder. Damaged newer ones are each told to `log` (may be NULL) as a warning. A file
 * of a newer version or another byte order is not skipped but refused (E2302, E2303); no good one: E2304. A file
 * larger than max_bytes (0: 64 GiB) counts as damaged. Frees with gf_checkpoint_free. */
graft_status gf_checkpoint_read_latest(gf_checkpoint *out, const char *dir, size_t max_bytes, const gf_log *log,
                                       graft_error *err);

/* Parses a checkpoint in memory, which stays the caller's and must outlive *out; aligned to 8 bytes where sections are
 * to be read in place. `name` stands in messages. On failure *out is zeroed. */
graft_status gf_checkpoint_parse(gf_checkpoint *out, const uint8_t *bytes, size_t n, const char *name,
                                 graft_error *err);

/* A section that must be there with exactly this size (E2305 otherwise). *data is borrowed from the checkpoint and
 * aligned to 64 bytes within the file. */
graft_status gf_checkpoint_get(const gf_checkpoint *c, const char *name, size_t size, const void **data,
                               graft_error *err);
/* The same, copied to `out`. */
graft_status gf_checkpoint_copy(const gf_checkpoint *c, const char *name, void *out, size_t size, graft_error *err);
/* Any size, such as text; NULL: there is none of that name. */
const gf_section *gf_checkpoint_find(const gf_checkpoint *c, const char *name);

void gf_checkpoint_free(gf_checkpoint *c); /* takes NULL and a zeroed one */

/* Whether a name in such a folder is that of a checkpoint, or of one half written (.tmp). */
bool gf_checkpoint_is_name(const char *name);
/* Whether the folder holds a file named like a checkpoint, good or not. */
bool gf_checkpoint_exists(const char *dir);

/* ---- writing while training goes on
 *
 * A thread of its own writes copies of the state. One is in flight at most. A write that fails is no end of training:
 * it is warned about, tried again a minute later, and told at the end. Where no thread can be started the writes are
 * made in the call itself. All calls from one thread. */

typedef struct gf_checkpoint_writer gf_checkpoint_writer;

/* `interval`: seconds between checkpoints for _due (a write in between counts). `dir` is copied; `log` is borrowed. */
graft_status gf_checkpoint_writer_create(gf_checkpoint_writer **out, const char *dir, double interval,
                                         const gf_log *log, graft_error *err);
/* Waits for a write in flight; its failure is lost, so call _wait or _finish before. Takes NULL. */
void gf_checkpoint_writer_destroy(gf_checkpoint_writer *w);

/* Whether a checkpoint should be taken now: the interval has passed since the last one was taken (a minute after a
 * failed one), and none is in flight. Warns through the log when a write has failed since the last call. Cheap. */
bool gf_checkpoint_writer_due(gf_checkpoint_writer *w);

/* Copies the sections and starts writing them; waits first where another is in flight. Never fails: what goes wrong,
 * even memory for the copy, is warned about like a failed write. Sections may change as soon as it returns. */
void gf_checkpoint_writer_start(gf_checkpoint_writer *w, int64_t step, const gf_section *section, size_t n);

/* Waits for a write in flight and tells how the last one went (GRAFT_OK where there was none). */
graft_status gf_checkpoint_writer_wait(gf_checkpoint_writer *w, graft_error *err);

/* The last checkpoint of a run or of a stop: waits, then writes in this call, without a copy. */
graft_status gf_checkpoint_writer_finish(gf_checkpoint_writer *w, int64_t step, const gf_section *section, size_t n,
                                         graft_error *err);

/* How many writes failed so far, and the step of the last one that is safe on disk (-1: none). */
int gf_checkpoint_writer_failures(const gf_checkpoint_writer *w);
int64_t gf_checkpoint_writer_safe_step(const gf_checkpoint_writer *w);

#endif
