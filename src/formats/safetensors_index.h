/* safetensors_index.h - model.safetensors.index.json: which file of several has which tensor. */
#ifndef GF_FORMATS_SAFETENSORS_INDEX_H
#define GF_FORMATS_SAFETENSORS_INDEX_H

#include "base/io.h"
#include "json/json.h"

#include <stdint.h>

typedef struct gf_safetensors_entry {
    const char *name; /* of the tensor; borrowed from `json` */
    size_t part;
} gf_safetensors_entry;

typedef struct gf_safetensors_index {
    gf_names parts; /* names of files that lie beside the index */
    gf_safetensors_entry *entry;
    size_t n, cap;
    gf_json *json;
} gf_safetensors_index;

/* E2201 where it is no such list, or names another place than a file beside it; `name` stands in messages. Takes a
 * gf_safetensors_index_free after success and failure alike. */
graft_status gf_safetensors_index_parse(gf_safetensors_index *out, const char *text, size_t n, const char *name,
                                        graft_error *err);
void gf_safetensors_index_free(gf_safetensors_index *index); /* takes a zeroed one */

#endif
