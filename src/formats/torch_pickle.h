/* torch_pickle.h - the pickles in PyTorch's files, read as data.
 *
 * A pickle is a program for a stack machine. This machine runs nothing: a name that the program wants to call is text
 * here, never code. The few names that tensors and dicts are made by are numbers in a table (torch_pickle_names.c), and
 * their calls become nodes. A call of any other name becomes an opaque node that knows the name alone, so that a
 * checkpoint may hold options, dates, paths or arrays of NumPy beside its weights. Names that files made to attack
 * their reader call (os.system, builtins.eval, ...: a table, too) are refused by name. The result is a graph of nodes
 * that may share nodes, and even be their own parts: walk it to a known depth only.
 *
 * Instructions: Python's Lib/pickletools.py; names: torch/serialization.py and torch/_utils.py. */
#ifndef GF_FORMATS_TORCH_PICKLE_H
#define GF_FORMATS_TORCH_PICKLE_H

#include "base/error.h"
#include "base/io.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum gf_pickle_kind {
    GF_PICKLE_NONE,
    GF_PICKLE_BOOL,
    GF_PICKLE_INT,
    GF_PICKLE_BIG, /* an integer of more than 64 bits */
    GF_PICKLE_FLOAT,
    GF_PICKLE_TEXT,
    GF_PICKLE_TUPLE,
    GF_PICKLE_LIST,
    GF_PICKLE_DICT,    /* items: key, value, key, value ... */
    GF_PICKLE_GLOBAL,  /* a name; text: "torch.FloatStorage" */
    GF_PICKLE_STORAGE, /* a persistent id; items: "storage", type, key, device, number of elements ... */
    GF_PICKLE_TENSOR,  /* items: storage, offset, shape, strides ... */
    GF_PICKLE_VALUE,   /* something of no importance: a device, a set */
    GF_PICKLE_OBJECT   /* of a class that is not known; text: the class's name; items: key, value ... where it is a
                          dict of some kind; value: 1 for what has the state of a torch.nn.Module */
} gf_pickle_kind;

typedef enum gf_pickle_global {
    GF_PICKLE_ORDERED_DICT,
    GF_PICKLE_REBUILD_TENSOR,
    GF_PICKLE_REBUILD_PARAMETER,
    GF_PICKLE_SIZE,
    GF_PICKLE_DEVICE,
    GF_PICKLE_DTYPE, /* torch.float32 as a value */
    GF_PICKLE_STORAGE_TYPE,
    GF_PICKLE_DEFAULT_DICT,
    GF_PICKLE_REBUILD_FROM_TYPE, /* a tensor with attributes: what rebuilds it, its type, that one's arguments */
    GF_PICKLE_UNKNOWN            /* every other name: opaque */
} gf_pickle_global;

typedef struct gf_pickle_node {
    gf_pickle_kind kind;
    uint8_t depth;    /* how deep lists, tuples and dicts are nested in it */
    uint32_t n, cap;  /* items, or bytes of text */
    uint32_t *item;   /* nodes; owned */
    const char *text; /* GF_PICKLE_TEXT: in the file, not terminated; of names: terminated, static or in `names` */
    int64_t value;    /* an integer, a truth, a gf_pickle_global */
} gf_pickle_node;

typedef struct gf_pickle {
    gf_pickle_node *node;
    size_t n, cap;
    uint32_t root;
    gf_names names; /* those that are in no table */
} gf_pickle;

/* Runs the pickle at the beginning of `bytes`; *used (may be NULL) gets its length. `name` stands in messages. On
 * failure *out is zeroed. E2405 it makes no sense, E2406 it wants what is not data, E2407 it is too large. */
graft_status gf_pickle_run(gf_pickle *out, const uint8_t *bytes, size_t n, const char *name, size_t *used,
                           graft_error *err);
void gf_pickle_free(gf_pickle *p); /* takes NULL and a zeroed one */

/* Node `i` of a container (0 <= i < c->n). */
static inline const gf_pickle_node *gf_pickle_item(const gf_pickle *p, const gf_pickle_node *c, size_t i)
{
    return &p->node[c->item[i]];
}
bool gf_pickle_is_text(const gf_pickle_node *node, const char *text);

#endif
