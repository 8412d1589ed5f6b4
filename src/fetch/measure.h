/* measure.h - what a file is: its size, digests and first bytes; and whether that is what a catalogue's entry says. */
#ifndef GF_FETCH_MEASURE_H
#define GF_FETCH_MEASURE_H

#include "base/hash.h"
#include "base/md5.h"
#include "fetch/catalogue.h"

enum { GF_FIRST_BYTES = 32 };

/* Bytes counted and hashed as they come. */
typedef struct gf_measure {
    gf_sha256_state *sha256;
    gf_md5_state *md5;
    int64_t n;
    uint8_t first[GF_FIRST_BYTES];
} gf_measure;

graft_status gf_measure_begin(gf_measure *m, graft_error *err); /* E5001 */
void gf_measure_add(gf_measure *m, const void *data, size_t n);
void gf_measure_drop(gf_measure *m); /* takes one that is all zero, too */

/* The same in its final form. */
typedef struct gf_measured {
    int64_t n;
    char sha256[65], md5[33];
    uint8_t first[GF_FIRST_BYTES];
    size_t n_first;
} gf_measured;
gf_measured gf_measure_end(gf_measure *m); /* m is then as if dropped */

/* Reads a whole file, at most limit bytes and one of it: one that is longer has n = limit + 1 and no true digests.
 * `stop` (may be NULL) is asked now and then. */
graft_status gf_measure_file(const char *path, int64_t limit, graft_status (*stop)(void *ctx), void *ctx,
                             gf_measured *out, graft_error *err);

/* E6004 or E6005 with what was expected, what was found and how the bytes begin; `path` is the file named, `kept` the
 * SHA-256 that the file had when it came (NULL: not known). */
graft_status gf_measured_check(const gf_measured *m, const gf_weights_entry *e, const char *kept, const char *path,
                               graft_error *err);

/* Whether a whole digest of the file was published. */
static inline bool gf_entry_has_digest(const gf_weights_entry *e) { return e->sha256 || e->md5; }

/* The size as messages say it: "9406464 bytes", "46830000 to 46831000 bytes", "at most 100 bytes". */
const char *gf_entry_size_text(const gf_weights_entry *e, char *buf, size_t size);
#define GF_ENTRY_SIZE(e) gf_entry_size_text((e), (char[80]){0}, 80)

/* How bytes begin, printable, as "<!DOC"; into buf. */
const char *gf_first_text(const uint8_t *first, size_t n, char *buf, size_t size);
#define GF_FIRST(first, n) gf_first_text((first), (n), (char[160]){0}, 160)

#endif
