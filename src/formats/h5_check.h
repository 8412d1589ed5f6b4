/* h5_check.h - judges the structures of an HDF5 file, from the bytes alone, before the HDF5 library gets to see them.
 *
 * The library believes much of what a file says: on one made for it, version 1.10.8 reads and writes outside of its
 * memory or runs in circles. Here every length, offset, count and address that it would follow is compared with the
 * bytes that are there. What Keras and h5py write passes; the structures that only newer forms have (links and
 * attributes in heaps, indexes of chunks) are refused, so that nothing is left that the library alone would judge. */
#ifndef GF_FORMATS_H5_CHECK_H
#define GF_FORMATS_H5_CHECK_H

#include "base/error.h"
#include "formats/h5_image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gf_h5_check {
    const uint8_t *bytes; /* borrowed */
    size_t n;             /* after gf_h5_check_file: where the file says that it ends */
    const char *path;     /* the file's, for messages */
    graft_error *err;
    /* the rest is set by gf_h5_check_file */
    uint64_t root;           /* the address of /'s object header */
    uint64_t at;             /* where what is being judged begins */
    unsigned node_k, leaf_k; /* half of how many entries a group's tree and leaf have room for */
    unsigned chunk_k;        /* the same of a tree of chunks */
    bool root_noted;         /* the superblock repeats where /'s tree and heap are */
    uint64_t root_tree, root_heap;
    gf_addresses nodes, collections; /* tree nodes and heaps that were met; global heaps that are good */
    bool no_memory;
} gf_h5_check;

/* The superblock of c->bytes. Zero what is not set by the caller; gf_h5_check_free in any case. */
graft_status gf_h5_check_file(gf_h5_check *c);

/* An object: its header, and all that hangs on it but for the objects of a group. `where` is its path in the file. Each
 * object at most once. E2101 damaged, E2103 storage that is not read, E2104 forms that Keras does not write. */
graft_status gf_h5_check_object(gf_h5_check *c, uint64_t address, const char *where);

void gf_h5_check_free(gf_h5_check *c);

#endif
