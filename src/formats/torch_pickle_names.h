/* torch_pickle_names.h - what the names in a pickle stand for: a few are known, a few are dangerous, all others are
 * opaque. */
#ifndef GF_FORMATS_TORCH_PICKLE_NAMES_H
#define GF_FORMATS_TORCH_PICKLE_NAMES_H

#include "formats/torch_pickle.h"

/* `name` is "module.name". *known gets the table's own text, or NULL for GF_PICKLE_UNKNOWN. */
gf_pickle_global gf_pickle_name(const char *name, const char **known);

/* Is it getattr? Python writes bound methods and classes within classes by it; its call is a name of its own. */
bool gf_pickle_is_getattr(const char *name);

/* Is it a name that no weight file needs and attacks are made of: running programs, evaluating text, opening files and
 * sockets, importing or looking up whatever else? */
bool gf_pickle_is_dangerous(const char *name);

#endif
