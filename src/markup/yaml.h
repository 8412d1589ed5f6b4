/* yaml.h - a YAML document as a tree of scalars, lists and maps; libyaml stands behind it, here only.
 *
 * Pure: bytes in, nodes out. One document. Anchors and aliases are refused, so a document is never larger than its
 * bytes. What a scalar means (a number, true) is for the reader to say. */
#ifndef GF_MARKUP_YAML_H
#define GF_MARKUP_YAML_H

#include "base/alloc.h"
#include "base/error.h"

typedef enum gf_yaml_kind { GF_YAML_SCALAR, GF_YAML_LIST, GF_YAML_MAP } gf_yaml_kind;

typedef struct gf_yaml_node {
    gf_yaml_kind kind;
    size_t key, text;   /* places in gf_yaml.text: of a map's member, its name; of a scalar, what it says */
    size_t child, next; /* the first member, the one behind this; 0: none */
    uint32_t line;      /* from 1 */
} gf_yaml_node;

/* Zeroed is empty. node[0] is the document: an empty one is an empty scalar. */
typedef struct gf_yaml {
    gf_yaml_node *node;
    size_t n, cap;
    gf_text text;
} gf_yaml;

/* E1133 with line and column: what libyaml refuses, a second document, an anchor, a key that is no scalar or is there
 * twice, a depth over 64. */
graft_status gf_yaml_parse(gf_yaml *out, const void *bytes, size_t n, const char *name, graft_error *err);
void gf_yaml_free(gf_yaml *y); /* takes an empty one; leaves it empty */

/* The member of a map; 0: there is none, or `map` is no map. */
size_t gf_yaml_get(const gf_yaml *y, size_t map, const char *key);
/* The first member of a list or map and the one behind; 0: there is none. */
size_t gf_yaml_first(const gf_yaml *y, size_t node);
size_t gf_yaml_next(const gf_yaml *y, size_t node);
/* What a scalar says; NULL where the node is none. */
const char *gf_yaml_text(const gf_yaml *y, size_t node);
const char *gf_yaml_key(const gf_yaml *y, size_t node); /* of a map's member */

#endif
