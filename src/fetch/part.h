/* part.h - CACHE/FILE.part: a file on its way, locked, measured as it grows, never under its final name before it was
 * checked. */
#ifndef GF_FETCH_PART_H
#define GF_FETCH_PART_H

#include "fetch/fetch.h"
#include "fetch/measure.h"

enum { GF_TAG_MOST = 256 };

typedef struct gf_part {
    const gf_weights_entry *entry;
    const gf_fetch_options *options;
    char *path, *part_path, *tag_path, *kept_path; /* FILE, FILE.part, FILE.tag, FILE.sha256 */
    int fd;
    gf_measure measure;    /* of what is in the file; measure.n is where the next byte goes */
    char tag[GF_TAG_MOST]; /* the server's tag of the file that these bytes are of; "": none, they cannot be resumed */
    int64_t transferred;   /* bytes written since it was opened */
    bool waited;           /* for another process */
} gf_part;

/* Opens or makes it and takes the lock; waits while another process has it. */
graft_status gf_part_open(gf_part *p, const gf_weights_entry *e, const gf_fetch_options *o, graft_error *err);
void gf_part_close(gf_part *p); /* the .part stays; takes one that is all zero */

/* Appends. E6005 beyond the largest size. */
graft_status gf_part_write(gf_part *p, const void *data, size_t n, graft_error *err);

/* Empties it; `tag` (may be NULL) is of the file that will be written now. */
graft_status gf_part_restart(gf_part *p, const char *tag, graft_error *err);

/* Takes it away: what it holds is wrong. */
void gf_part_discard(gf_part *p);

/* Checks it, makes it durable and gives it its final name. Wrong bytes are discarded (E6004, E6005). */
graft_status gf_part_finish(gf_part *p, gf_measured *out, graft_error *err);

/* Waits, in seconds as o->second has them; ends early with the status of should_stop. */
graft_status gf_fetch_wait(const gf_fetch_options *o, double seconds);

#endif
