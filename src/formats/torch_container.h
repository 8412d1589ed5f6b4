/* torch_container.h - the two forms of PyTorch's files around the same pickle, and where the storages stand in them. */
#ifndef GF_FORMATS_TORCH_CONTAINER_H
#define GF_FORMATS_TORCH_CONTAINER_H

#include "formats/torch.h"
#include "formats/torch_pickle.h"

enum { GF_TORCH_MAX_KEY = 64 };

/* The zip form: opens t->zip, reads data.pkl by gf_torch_read_object, checks every storage's size. */
graft_status gf_torch_open_zip(gf_torch *t, const uint8_t *bytes, size_t n, const gf_torch_limits *limits,
                               graft_error *err);
/* The older form; sets `legacy` of every tensor. */
graft_status gf_torch_open_legacy(gf_torch *t, const uint8_t *bytes, size_t n, const gf_torch_limits *limits,
                                  graft_error *err);
bool gf_torch_looks_legacy(const uint8_t *bytes, size_t n);

/* Fills t->tensor from the pickled object (torch.c). */
graft_status gf_torch_read_object(gf_torch *t, const gf_pickle *p, const gf_torch_limits *limits, graft_error *err);

/* What a GF_PICKLE_STORAGE node says. */
typedef struct gf_torch_storage {
    const char *key; /* in the file, not terminated */
    size_t key_bytes;
    gf_dtype dtype;
    size_t size, count; /* bytes an element, elements */
} gf_torch_storage;
/* false: the key or the count is none. */
bool gf_torch_storage_facts(const gf_pickle *p, const gf_pickle_node *id, gf_torch_storage *out);

#endif
