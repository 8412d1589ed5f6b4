/* recipe.c - recipes, as graft/settings.h offers them. */
#include "recipe/recipe.h"

#include "base/alloc.h"

#include <graft/settings.h>

struct graft_recipe {
    gf_recipe own;
};

graft_status graft_recipe_read(const char *file, graft_recipe **out, graft_error *err)
{
    if (out) *out = NULL;
    if (!out || !file) return gf_fail(err, GF_E_USAGE, NULL, "graft_recipe_read: `%s` is NULL", out ? "file" : "out");
    graft_recipe *r = gf_new(graft_recipe);
    if (!r) return gf_fail_memory(err, sizeof *r, "a recipe");
    graft_status status = gf_recipe_read(&r->own, file, err);
    if (status == GRAFT_OK) *out = r;
    if (status != GRAFT_OK) gf_free(r);
    return status;
}

void graft_recipe_free(graft_recipe *r)
{
    if (r) gf_recipe_free(&r->own);
    gf_free(r);
}

const char *graft_recipe_name(const graft_recipe *r, size_t i)
{
    return r && i < r->own.n ? r->own.item[i].name : NULL;
}

const char *graft_recipe_value(const graft_recipe *r, size_t i)
{
    return r && i < r->own.n ? r->own.item[i].value : NULL;
}

unsigned graft_recipe_line(const graft_recipe *r, size_t i) { return r && i < r->own.n ? r->own.item[i].line : 0; }

graft_status graft_recipe_write(const char *file, const char *const *names, const char *const *values, size_t n,
                                graft_error *err)
{
    if (!file || (n && (!names || !values)))
        return gf_fail(err, GF_E_USAGE, NULL, "graft_recipe_write: `%s` is NULL",
                       !file    ? "file"
                       : !names ? "names"
                                : "values");
    return gf_recipe_write(file, names, values, n, err);
}
