/* Any bytes as a YAML document: the tree is one, and is all of what there is. */
#include "markup/yaml.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count(const gf_yaml *y, size_t node)
{
    size_t n = 1;
    if ((y->node[node].kind == GF_YAML_SCALAR) != (gf_yaml_text(y, node) != NULL) || !gf_yaml_key(y, node)) abort();
    for (size_t c = gf_yaml_first(y, node); c; c = gf_yaml_next(y, c)) n += count(y, c);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gf_yaml y;
    if (gf_yaml_parse(&y, data, size, "yaml", NULL) != GRAFT_OK) return 0;
    if (count(&y, 0) != y.n) abort();
    gf_yaml_free(&y);
    return 0;
}
