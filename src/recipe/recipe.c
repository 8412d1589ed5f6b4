#include "recipe/recipe.h"

#include "base/alloc.h"
#include "base/io.h"
#include "markup/yaml.h"

#include <string.h>

enum { MOST_BYTES = 1 << 20 };

typedef struct reading {
    gf_recipe *out;
    const gf_yaml *y;
    const char *name; /* of the file */
    gf_text value;    /* of the entry at hand */
} reading;

void gf_recipe_free(gf_recipe *r)
{
    for (size_t i = 0; i < r->n; i++) {
        gf_free(r->item[i].name);
        gf_free(r->item[i].value);
    }
    gf_free(r->item);
    *r = (gf_recipe){0};
}

static graft_status refuse(const reading *r, size_t node, const char *why, graft_error *err)
{
    return gf_fail(err, GF_E_RECIPE, "as in\nmodel: mobilenet_v2\nphases:\n  - {name: head, epochs: 5}",
                   "%s:%u: %s: %s", GF_ESC(r->name), (unsigned)r->y->node[node].line, GF_ESC(gf_yaml_key(r->y, node)),
                   why);
}

/* What separates a list's items must not be in one: it would be two. */
static graft_status add_scalar(reading *r, size_t node, const char *separators, graft_error *err)
{
    const char *text = gf_yaml_text(r->y, node);
    if (!text || !*text) return refuse(r, node, text ? "has no value" : "is no text or number", err);
    if (strpbrk(text, separators)) return refuse(r, node, "a space or semicolon cannot be in a phase's value", err);
    gf_text_add(&r->value, text);
    return GRAFT_OK;
}

/* A map of a list: "NAME KEY=VALUE KEY=VALUE". */
static graft_status add_phase(reading *r, size_t map, graft_error *err)
{
    static const char separators[] = " \t\n;";
    size_t name = gf_yaml_get(r->y, map, "name");
    if (!name) return refuse(r, map, "a phase needs a name", err);
    GF_TRY(add_scalar(r, name, separators, err));
    for (size_t i = gf_yaml_first(r->y, map); i; i = gf_yaml_next(r->y, i)) {
        if (i == name) continue;
        gf_text_printf(&r->value, " %s=", gf_yaml_key(r->y, i));
        GF_TRY(add_scalar(r, i, separators, err));
    }
    return GRAFT_OK;
}

static graft_status add_list(reading *r, size_t list, graft_error *err)
{
    size_t first = gf_yaml_first(r->y, list);
    if (!first) return refuse(r, list, "the list is empty", err);
    for (size_t i = first; i; i = gf_yaml_next(r->y, i)) {
        if (r->y->node[i].kind != r->y->node[first].kind) return refuse(r, list, "texts and maps in one list", err);
        bool phase = r->y->node[i].kind == GF_YAML_MAP;
        if (i != first) gf_text_add(&r->value, phase ? "; " : ",");
        GF_TRY(phase ? add_phase(r, i, err) : add_scalar(r, i, "", err));
    }
    return GRAFT_OK;
}

static graft_status add_entry(reading *r, size_t node, graft_error *err)
{
    gf_recipe *out = r->out;
    gf_yaml_kind kind = r->y->node[node].kind;
    r->value.n = 0;
    if (kind == GF_YAML_MAP) return refuse(r, node, "is a map: options are all on one level", err);
    GF_TRY(kind == GF_YAML_LIST ? add_list(r, node, err) : add_scalar(r, node, "", err));
    if (r->value.failed || !gf_grow(&out->item, out->n, &out->cap)) return gf_fail_memory(err, r->value.n, "a recipe");
    gf_recipe_entry *e = &out->item[out->n++];
    *e = (gf_recipe_entry){gf_strdup(gf_yaml_key(r->y, node)), gf_strdup(r->value.s), r->y->node[node].line};
    return e->name && e->value ? GRAFT_OK : gf_fail_memory(err, r->value.n, "a recipe");
}

graft_status gf_recipe_parse(gf_recipe *out, const void *bytes, size_t n, const char *name, graft_error *err)
{
    gf_yaml y = {0};
    reading r = {.out = out, .y = &y, .name = name};
    *out = (gf_recipe){0};
    graft_status status = GRAFT_OK;
    graft_error why = {0};
    status = gf_yaml_parse(&y, bytes, n, name, &why);
    if (status != GRAFT_OK) {
        status = why.number == GF_E_MARKUP_SYNTAX ? gf_fail(err, GF_E_RECIPE, NULL, "%s", why.message) : status;
        if (err && why.number != GF_E_MARKUP_SYNTAX) *err = why;
        goto out;
    }
    if (y.node[0].kind != GF_YAML_MAP) {
        status = gf_fail(err, GF_E_RECIPE, "a line each, as in \"epochs: 5\"", "%s: a recipe is a map of options",
                         GF_ESC(name));
        goto out;
    }
    for (size_t i = gf_yaml_first(&y, 0); i; i = gf_yaml_next(&y, i)) GF_GOTO(add_entry(&r, i, err));
out:
    if (status != GRAFT_OK) gf_recipe_free(out);
    gf_text_free(&r.value);
    gf_yaml_free(&y);
    return status;
}

graft_status gf_recipe_read(gf_recipe *out, const char *path, graft_error *err)
{
    uint8_t *bytes = NULL;
    size_t n;
    *out = (gf_recipe){0};
    GF_TRY(gf_file_read(path, MOST_BYTES, &bytes, &n, err));
    graft_status status = gf_recipe_parse(out, bytes, n, path, err);
    gf_free(bytes);
    return status;
}
