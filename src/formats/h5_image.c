#include "formats/h5_image.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the file image ----
 * HDF5's core driver copies an image into memory of its own, several times, unless it is given functions to do so:
 * these hand out the one buffer there is. It is opened for reading only, so nothing is ever written into it. */

typedef struct image {
    const uint8_t *bytes;
    size_t n;
} image;

static void *image_malloc(size_t n, H5FD_file_image_op_t op, void *ctx)
{
    (void)op;
    const image *i = ctx;
    return n == i->n ? (void *)(uintptr_t)i->bytes : NULL;
}

static void *image_copy(void *to, const void *from, size_t n, H5FD_file_image_op_t op, void *ctx)
{
    (void)from, (void)n, (void)op, (void)ctx;
    return to; /* they are one */
}

static void *image_realloc(void *old, size_t n, H5FD_file_image_op_t op, void *ctx)
{
    (void)old, (void)n, (void)op, (void)ctx;
    return NULL;
}

static herr_t image_free(void *p, H5FD_file_image_op_t op, void *ctx)
{
    (void)p, (void)op, (void)ctx;
    return 0;
}

static void *share_ctx(void *ctx)
{
    image *copy = malloc(sizeof *copy); /* HDF5 frees it by free_ctx; gf_alloc's faults are not its */
    if (copy) *copy = *(image *)ctx;
    return copy;
}

static herr_t free_ctx(void *ctx)
{
    free(ctx);
    return 0;
}

static hid_t open_image(hid_t plist, const uint8_t *bytes, size_t n)
{
    image i = {bytes, n};
    H5FD_file_image_callbacks_t calls = {image_malloc, image_copy, image_realloc, image_free, share_ctx, free_ctx, &i};
    if (H5Pset_fapl_core(plist, 1 << 20, 0) < 0 || H5Pset_fclose_degree(plist, H5F_CLOSE_STRONG) < 0 ||
        H5Pset_file_image_callbacks(plist, &calls) < 0 || H5Pset_file_image(plist, (void *)(uintptr_t)bytes, n) < 0) {
        return -1;
    }
    return H5Fopen("/dev/null/image", H5F_ACC_RDONLY, plist); /* it tries whether there is such a file: never */
}

hid_t gf_h5_open_image(const uint8_t *bytes, size_t n)
{
    H5dont_atexit(); /* fails where it was called before: then it holds */
    if (n == 0 || H5open() < 0) return -1;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5PLset_loading_state(0);
    hid_t plist = H5Pcreate(H5P_FILE_ACCESS);
    if (plist < 0) return -1;
    hid_t file = open_image(plist, bytes, n);
    hid_t reasons = file < 0 ? H5Eget_current_stack() : -1; /* any other call would clear them */
    H5Pclose(plist);
    if (reasons >= 0) H5Eset_current_stack(reasons);
    return file;
}

/* ---- reasons ---- */

static herr_t keep_first(unsigned n, const H5E_error2_t *e, void *ctx)
{
    const char **text = ctx;
    if (n == 0 && e->desc) *text = e->desc; /* upward: 0 is where it began */
    return 0;
}

const char *gf_h5_why(char *buf, size_t size)
{
    const char *text = "no reason given";
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, &text);
    return gf_escape(buf, size, text);
}

/* ---- objects ---- */

#if H5_VERSION_GE(1, 12, 0)
typedef H5O_info1_t object_info;
#else
typedef H5O_info_t object_info;
#endif

gf_h5_kind gf_h5_kind_of(hid_t object)
{
    object_info info;
    if (H5Oget_info2(object, &info, H5O_INFO_BASIC) < 0) return GF_H5_DAMAGED;
    return info.type == H5O_TYPE_GROUP ? GF_H5_GROUP : info.type == H5O_TYPE_DATASET ? GF_H5_DATA_SET : GF_H5_OTHER;
}

hid_t gf_h5_open_address(hid_t file, uint64_t address) { return H5Oopen_by_addr(file, (haddr_t)address); }

herr_t gf_h5_each_link(hid_t group, herr_t (*fn)(hid_t, const char *, const gf_h5_link_info *, void *), void *ctx)
{
#if H5_VERSION_GE(1, 12, 0)
    return H5Literate1(group, H5_INDEX_NAME, H5_ITER_INC, NULL, fn, ctx);
#else
    return H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, fn, ctx);
#endif
}

/* ---- types and storage ---- */

/* A float by the places of its sign, exponent and mantissa; the byte order is free. */
static const struct {
    gf_dtype dtype;
    size_t sign, exponent, exponent_bits, mantissa, mantissa_bits, bias, bytes;
} float_row[] = {
    {GF_F16, 15, 10, 5, 0, 10, 15, 2},
    {GF_BF16, 15, 7, 8, 0, 7, 127, 2},
    {GF_F32, 31, 23, 8, 0, 23, 127, 4},
    {GF_F64, 63, 52, 11, 0, 52, 1023, 8},
};

static gf_dtype dtype_of(hid_t type)
{
    size_t sign, exponent, exponent_bits, mantissa, mantissa_bits;
    if (H5Tget_class(type) != H5T_FLOAT) return GF_DTYPES;
    H5T_order_t order = H5Tget_order(type);
    if (order != H5T_ORDER_LE && order != H5T_ORDER_BE) return GF_DTYPES;
    if (H5Tget_offset(type) != 0 || H5Tget_precision(type) != 8 * H5Tget_size(type)) return GF_DTYPES;
    if (H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits) < 0) return GF_DTYPES;
    for (size_t i = 0; i < sizeof float_row / sizeof *float_row; i++) {
        if (float_row[i].bytes == H5Tget_size(type) && float_row[i].sign == sign && float_row[i].exponent == exponent &&
            float_row[i].exponent_bits == exponent_bits && float_row[i].mantissa == mantissa &&
            float_row[i].mantissa_bits == mantissa_bits && float_row[i].bias == H5Tget_ebias(type)) {
            return float_row[i].dtype;
        }
    }
    return GF_DTYPES;
}

gf_dtype gf_h5_dtype(hid_t set)
{
    hid_t type = H5Dget_type(set);
    if (type < 0) return GF_DTYPES;
    gf_dtype dtype = dtype_of(type);
    H5Tclose(type);
    return dtype;
}

/* A chunk that was never written has no storage; partly filled ones at the edge count whole. */
static bool all_chunks_stored(hid_t set, hid_t plist, hid_t space)
{
    hsize_t dim[H5S_MAX_RANK], chunk[H5S_MAX_RANK], stored = 0, wanted = 1;
    int rank = H5Sget_simple_extent_dims(space, dim, NULL);
    if (rank < 1 || H5Pget_chunk(plist, rank, chunk) != rank || H5Dget_num_chunks(set, space, &stored) < 0)
        return false;
    for (int i = 0; i < rank; i++) {
        if (!chunk[i] || __builtin_mul_overflow(wanted, (dim[i] - 1) / chunk[i] + 1, &wanted)) return false;
    }
    return stored == wanted;
}

bool gf_h5_all_stored(hid_t set, size_t count)
{
    gf_dtype dtype = gf_h5_dtype(set);
    if (dtype == GF_DTYPES || count == 0) return dtype != GF_DTYPES;
    hid_t plist = H5Dget_create_plist(set), space = H5Dget_space(set);
    bool all = plist >= 0 && space >= 0 && H5Dget_storage_size(set) / gf_dtype_size(dtype) >= count &&
               (H5Pget_layout(plist) != H5D_CHUNKED || all_chunks_stored(set, plist, space));
    if (plist >= 0) H5Pclose(plist);
    if (space >= 0) H5Sclose(space);
    return all;
}

/* ---- attributes ---- */

static bool read_text(hid_t attribute, hid_t type, char *buf, size_t size)
{
    if (H5Tget_class(type) != H5T_STRING) return false;
    if (H5Tis_variable_str(type) > 0) {
        char *text = NULL;
        bool fits = H5Aread(attribute, type, &text) >= 0 && text && strlen(text) < size;
        if (fits) memcpy(buf, text, strlen(text) + 1);
        if (text) H5free_memory(text);
        return fits;
    }
    size_t n = H5Tget_size(type);
    if (n == 0 || n >= size || H5Aread(attribute, type, buf) < 0) return false;
    buf[n] = 0;
    return true;
}

gf_h5_text gf_h5_text_attribute(hid_t object, const char *name, char *buf, size_t size)
{
    htri_t exists = H5Aexists(object, name);
    if (exists <= 0) return exists < 0 ? GF_H5_BAD_TEXT : GF_H5_NO_TEXT;
    hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    hid_t type = attribute < 0 ? -1 : H5Aget_type(attribute);
    hid_t space = type < 0 ? -1 : H5Aget_space(attribute);
    bool read = space >= 0 && H5Sget_simple_extent_type(space) == H5S_SCALAR && read_text(attribute, type, buf, size);
    if (space >= 0) H5Sclose(space);
    if (type >= 0) H5Tclose(type);
    if (attribute >= 0) H5Aclose(attribute);
    return read ? GF_H5_TEXT : GF_H5_BAD_TEXT;
}

enum { MAX_LIST_BYTES = 16 << 20, MAX_LIST_PARTS = 1000, MAX_LIST_TEXT = 2048 };

/* Elements of a fixed length, maybe without an end. */
static bool each_fixed(hid_t attribute, hid_t type, size_t n, bool (*fn)(void *, const char *), void *ctx)
{
    char text[MAX_LIST_TEXT + 1];
    size_t size = H5Tget_size(type);
    if (size == 0 || size > MAX_LIST_TEXT || n > MAX_LIST_BYTES / size) return false;
    char *all = gf_alloc(n, size);
    bool good = all && H5Aread(attribute, type, all) >= 0;
    for (size_t i = 0; i < n && good; i++) {
        memcpy(text, all + i * size, size);
        text[size] = 0;
        good = fn(ctx, text);
    }
    gf_free(all);
    return good;
}

static bool each_variable(hid_t attribute, hid_t type, hid_t space, size_t n, bool (*fn)(void *, const char *),
                          void *ctx)
{
    char **all = n > MAX_LIST_BYTES / sizeof *all ? NULL : gf_new_n(n, char *);
    bool read = all && H5Aread(attribute, type, all) >= 0, good = read;
    for (size_t i = 0; i < n && good; i++) good = all[i] && fn(ctx, all[i]);
    if (read) H5Dvlen_reclaim(type, space, H5P_DEFAULT, all);
    gf_free(all);
    return good;
}

static bool each_of_part(hid_t object, const char *name, bool (*fn)(void *, const char *), void *ctx)
{
    hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    hid_t type = attribute < 0 ? -1 : H5Aget_type(attribute), space = type < 0 ? -1 : H5Aget_space(attribute);
    hssize_t n = space < 0 ? -1 : H5Sget_simple_extent_npoints(space);
    bool good = n == 0; /* an empty list has no texts: Keras writes it as one of numbers */
    if (n > 0 && H5Tget_class(type) == H5T_STRING) {
        good = H5Tis_variable_str(type) > 0 ? each_variable(attribute, type, space, (size_t)n, fn, ctx)
                                            : each_fixed(attribute, type, (size_t)n, fn, ctx);
    }
    if (space >= 0) H5Sclose(space);
    if (type >= 0) H5Tclose(type);
    if (attribute >= 0) H5Aclose(attribute);
    return good;
}

bool gf_h5_text_list(hid_t object, const char *name, bool (*fn)(void *ctx, const char *text), void *ctx)
{
    char part[64];
    if (H5Aexists(object, name) > 0) return each_of_part(object, name, fn, ctx);
    for (int i = 0; i < MAX_LIST_PARTS; i++) {
        snprintf(part, sizeof part, "%s%d", name, i);
        if (H5Aexists(object, part) <= 0) return i > 0;
        if (!each_of_part(object, part, fn, ctx)) return false;
    }
    return false;
}

/* ---- addresses: open addressing, at most half full ---- */

static void put_address(gf_addresses *set, uint64_t address, bool *is_new)
{
    size_t i = (size_t)(address * 0x9e3779b97f4a7c15u) & (set->cap - 1);
    while (set->slot[i] && set->slot[i] != address + 1) i = (i + 1) & (set->cap - 1);
    *is_new = !set->slot[i];
    set->n += *is_new;
    set->slot[i] = address + 1;
}

bool gf_addresses_add(gf_addresses *set, uint64_t address, bool *is_new)
{
    if (2 * (set->n + 1) > set->cap) {
        gf_addresses grown = {.cap = set->cap ? 2 * set->cap : 256};
        bool ignored;
        grown.slot = gf_new_n(grown.cap, uint64_t);
        if (!grown.slot) return false;
        for (size_t i = 0; i < set->cap; i++) {
            if (set->slot[i]) put_address(&grown, set->slot[i] - 1, &ignored);
        }
        gf_free(set->slot);
        *set = grown;
    }
    put_address(set, address, is_new);
    return true;
}

void gf_addresses_free(gf_addresses *set)
{
    gf_free(set->slot);
    *set = (gf_addresses){0};
}
