/* weight_format.h - what a format of weight files is: how a file of it begins, and its reader. weights.c does the rest:
 * it asks for nothing by the name of a format. */
#ifndef GF_FORMATS_WEIGHT_FORMAT_H
#define GF_FORMATS_WEIGHT_FORMAT_H

#include "formats/caged_weights.h"
#include "formats/torch_view.h"
#include "formats/zip.h"

/* Where a wanted tensor's values stand, and as what; the view is that of C order where the file's is. */
typedef struct gf_weight_place {
    const uint8_t *bytes;
    gf_dtype dtype;
    gf_view view;
} gf_weight_place;

/* One file under way. */
typedef struct gf_weight_reading {
    const char *path; /* for messages; borrowed, like file and want */
    const uint8_t *file;
    size_t size;
    const gf_weight *want; /* n */
    size_t n;
    gf_found found;          /* filled by the reader: all that the file holds */
    int32_t *which;          /* n: room for gf_found_judge */
    gf_weight_place *places; /* n: filled by the reader, with places in `file` or in what `own` keeps */
    void *own;               /* the reader's, until close */
} gf_weight_reading;

typedef struct gf_weight_format {
    const char *name;  /* "Keras HDF5" */
    const char *files; /* how such files are usually called: ".h5, .weights.h5"; for help */
    bool (*looks)(const uint8_t *file, size_t n);
    /* The file that a path stands for which is none of its own, as a prefix or a folder (gf_free); *file NULL: none.
     * May be NULL: paths of this format are files. */
    graft_status (*locate)(const char *path, char **file, graft_error *err);
    /* The reader, of the two one: `reply` runs in the cage, for formats whose reading is a foreign library's or
     * intricate; `read` here, bytes of a simple layout that graft parses itself. On failure of `read`, found holds
     * what was seen, and close is called all the same. */
    gf_weights_reply reply;
    graft_status (*read)(gf_weight_reading *reading, graft_error *err);
    void (*close)(gf_weight_reading *reading); /* may be NULL */
} gf_weight_format;

#define GF_WEIGHT_FORMAT(x) extern const gf_weight_format gf_weight_format_##x;
#include "formats/weight_formats.def"
#undef GF_WEIGHT_FORMAT

const gf_weight_format *gf_weight_format_at(size_t i);                             /* NULL behind the last */
const gf_weight_format *gf_weight_format_find(const uint8_t *file, size_t n);      /* NULL: of none */
bool gf_is_zip_of(const uint8_t *file, size_t n, bool (*kind)(const gf_zip *zip)); /* a whole archive of this kind */

#endif
