/* torch_tree.h - the tensors of a pickled object, wherever in it they stand.
 *
 * A checkpoint is dicts in dicts, and which of them is the state dict is told by what the architecture wants, not here
 * (wanted_names.h). So every tensor gets the path of keys that leads to it: "state_dict.layer1.0.conv1.weight". */
#ifndef GF_FORMATS_TORCH_TREE_H
#define GF_FORMATS_TORCH_TREE_H

#include "formats/torch_pickle.h"

enum { GF_TORCH_MAX_NAME = 1024 };

typedef struct gf_torch_visitor {
    graft_status (*on_tensor)(void *ctx, const char *path, const gf_pickle_node *tensor);
    /* An opaque object; `model` counts how much it looks like a whole model: 0 hardly, 3 certainly. */
    graft_status (*on_object)(void *ctx, const char *path, const gf_pickle_node *object, int model);
    void *ctx;
    const char *name; /* the file's, for messages */
    graft_error *err;
} gf_torch_visitor;

/* Each dict, list and tuple is walked once, so that parts shared by many, and cycles, cost nothing; a tensor is told
 * once for each place in them. E2408: a path that no tensor can have as its name. */
graft_status gf_torch_walk(const gf_pickle *p, const gf_torch_visitor *visitor);

#endif
