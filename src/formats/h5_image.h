/* h5_image.h - the few calls of the HDF5 library that graft makes, over a file that is only bytes in memory. */
#ifndef GF_FORMATS_H5_IMAGE_H
#define GF_FORMATS_H5_IMAGE_H

#include "tensor/tensor.h"

#include <hdf5.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* HDF5 1.12 renamed what 1.10 has; the old form is in all of them. */
#if H5_VERSION_GE(1, 12, 0)
typedef H5L_info1_t gf_h5_link_info;
#else
typedef H5L_info_t gf_h5_link_info;
#endif

/* Opens the bytes without copying them; they must stay until the file is closed. The library looks for no plugin,
 * prints nothing, and opens no file. Negative on failure. */
hid_t gf_h5_open_image(const uint8_t *bytes, size_t n);

/* The library's own reason for the last failure, escaped, into buf, which is returned. */
const char *gf_h5_why(char *buf, size_t size);

typedef enum gf_h5_kind { GF_H5_DAMAGED, GF_H5_GROUP, GF_H5_DATA_SET, GF_H5_OTHER } gf_h5_kind;
gf_h5_kind gf_h5_kind_of(hid_t object);
hid_t gf_h5_open_address(hid_t file, uint64_t address);

/* Calls fn for each link of a group, by name. fn returns 0 to go on, 1 to stop. */
herr_t gf_h5_each_link(hid_t group, herr_t (*fn)(hid_t, const char *, const gf_h5_link_info *, void *), void *ctx);

/* A data set's type where it is an IEEE float (or bf16) of either byte order that HDF5 turns into f32; else GF_DTYPES.
 */
gf_dtype gf_h5_dtype(hid_t set);
/* Are all of its `count` elements in the file? (Those that are not would silently read as zeros.) */
bool gf_h5_all_stored(hid_t set, size_t count);

/* The value of a scalar text attribute. */
typedef enum gf_h5_text {
    GF_H5_NO_TEXT,
    GF_H5_TEXT,
    GF_H5_BAD_TEXT /* no text, or too long, or cannot be read */
} gf_h5_text;
gf_h5_text gf_h5_text_attribute(hid_t object, const char *name, char *buf, size_t size);

/* Calls fn for each element of an attribute that is a list of texts, in their order, until it returns false. A list
 * that Keras cut into NAME0, NAME1, ... is one. Returns whether there is such a list, and all of it could be read. */
bool gf_h5_text_list(hid_t object, const char *name, bool (*fn)(void *ctx, const char *text), void *ctx);

/* A set of addresses. */
typedef struct gf_addresses {
    uint64_t *slot; /* address + 1; 0: free */
    size_t n, cap;
} gf_addresses;
bool gf_addresses_add(gf_addresses *set, uint64_t address, bool *is_new); /* false: no memory */
void gf_addresses_free(gf_addresses *set);

#endif
