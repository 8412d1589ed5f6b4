/* Any bytes as a recipe: refused with a message, or entries that all have a name, a value and a line. */
#include "recipe/recipe.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gf_recipe r;
    graft_error err = {0};
    graft_status status = gf_recipe_parse(&r, data, size, "recipe", &err);
    if ((status != GRAFT_OK) != (err.message[0] != 0) || (status != GRAFT_OK && r.n)) abort();
    for (size_t i = 0; i < r.n; i++)
        if (!r.item[i].name || !r.item[i].value || !r.item[i].value[0] || !r.item[i].line) abort();
    gf_recipe_free(&r);
    return 0;
}
