/* torch.h - PyTorch's state dicts (.pth, .pt), as torch.save writes them.
 *
 * Since PyTorch 1.6 a zip archive: NAME/data.pkl, a pickle that says of each tensor its storage, offset, shape and
 * strides, and NAME/data/KEY, the storages. Before, five pickles one after the other (magic number, protocol, facts of
 * the system, the object, the storages' keys) and then the storages, each behind its number of elements. Both are read
 * as data only (torch_pickle.h). A checkpoint holds the state dict in dicts, beside much else: all its tensors are
 * listed, each with the path of keys to it (torch_tree.h). */
#ifndef GF_FORMATS_TORCH_H
#define GF_FORMATS_TORCH_H

#include "base/error.h"
#include "formats/zip.h"
#include "tensor/tensor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gf_torch_limits {
    size_t max_tensors; /* 0: 100,000 */
    size_t max_pickle;  /* bytes; 0: 64 MiB */
    size_t max_unpack;  /* bytes of a packed (deflated) storage; 0: 4 GiB */
} gf_torch_limits;

typedef struct gf_torch_tensor {
    char *name; /* "state_dict.layer1.0.conv1.weight" */
    gf_shape shape;
    int64_t stride[GF_MAX_RANK]; /* elements, none negative */
    size_t offset;               /* elements */
    char *key;                   /* its storage: "0" in the archive; tensors may share one */
    gf_dtype dtype;              /* GF_DTYPES: bools, small integers */
    size_t size, count;          /* the storage's bytes an element, elements */
    const uint8_t *legacy;       /* the storage's bytes in a file of the older form; NULL: in the archive */
} gf_torch_tensor;

/* Something in the file of a class that is not known. */
typedef struct gf_torch_object {
    char *class, *place; /* "models.Net"; "ema.model", "" for the whole; NULL: there is none */
    int model;           /* how much it looks like a whole model: torch_tree.h */
} gf_torch_object;

typedef struct gf_torch {
    gf_torch_tensor *tensor; /* in the file's order; every one lies within its storage */
    size_t n, cap;
    gf_torch_object object; /* of all the one that looks most like a whole model */
    size_t max_unpack;
    gf_zip zip;               /* zeroed for the older form */
    char *folder;             /* the archive's: "NAME" */
    const gf_zip_entry *last; /* what `bytes` are of */
    gf_zip_bytes bytes;       /* the storage that was read last */
    const char *path;         /* the caller's */
} gf_torch;

/* Is it a whole zip archive with a data.pkl, or begins as the older form does? */
bool gf_torch_looks(const uint8_t *bytes, size_t n);

/* `bytes` and `name` (for messages) stay the caller's and must outlive *out; `limits` may be NULL. On failure *out is
 * zeroed. E24xx name the byte, the entry or the tensor. */
graft_status gf_torch_parse(gf_torch *out, const uint8_t *bytes, size_t n, const char *name,
                            const gf_torch_limits *limits, graft_error *err);
/* E2408: the file's weights are in an object, t->object, which there is; says how to get them out. */
graft_status gf_torch_refuse_object(const gf_torch *t, graft_error *err);
void gf_torch_close(gf_torch *t); /* takes NULL and a zeroed one */

/* The bytes of a tensor's whole storage, borrowed until the next call; checks the archive's checksum for it (E2404
 * names the tensor). */
graft_status gf_torch_storage_of(gf_torch *t, const gf_torch_tensor *tensor, const uint8_t **bytes, graft_error *err);

#endif
