/* safetensors_index.c - weights in several safetensors files, as Hugging Face's tools share out large ones. */
#include "formats/safetensors_index.h"

#include "base/alloc.h"
#include "formats/safetensors_weights.h"
#include "formats/wanted_names.h"

#include <string.h>

enum { MOST_PARTS = 1024, MOST_TENSORS = 100000 };
static const char map_field[] = "weight_map";

void gf_safetensors_index_free(gf_safetensors_index *x)
{
    gf_names_free(&x->parts);
    gf_free(x->entry);
    gf_json_free(x->json);
    *x = (gf_safetensors_index){0};
}

/* ---- the list */

typedef struct reading {
    gf_safetensors_index *to;
    const char *name; /* of the index */
    graft_error *err;
} reading;

static graft_status refuse(const reading *r, const char *tensor, const char *what)
{
    return gf_fail(r->err, GF_E_SAFETENSORS_HEADER, NULL, "%s: %s: %s", GF_ESC(r->name), GF_ESC(tensor), what);
}

/* Its number in the list, where it is put if it is not there yet. */
static graft_status find_part(reading *r, const char *tensor, const char *file, size_t *part)
{
    gf_names *parts = &r->to->parts;
    if (!*file || *file == '.' || strpbrk(file, "/\\")) return refuse(r, tensor, "is in no file beside it");
    for (*part = 0; *part < parts->n; ++*part) {
        if (!strcmp(parts->item[*part], file)) return GRAFT_OK;
    }
    if (parts->n == MOST_PARTS) return refuse(r, tensor, "at most 1024 files can be read");
    return gf_names_add(parts, file, r->err);
}

static graft_status add_entry(void *ctx, const char *key, const gf_json *value)
{
    reading *r = ctx;
    gf_safetensors_index *x = r->to;
    size_t part = 0;
    GF_TRY(find_part(r, key, gf_json_str(value, ""), &part));
    if (x->n == MOST_TENSORS) return refuse(r, key, "at most 100000 tensors can be read");
    if (!gf_grow(&x->entry, x->n, &x->cap)) return gf_fail_memory(r->err, sizeof *x->entry, "a list of tensors");
    x->entry[x->n++] = (gf_safetensors_entry){key, part};
    return GRAFT_OK;
}

graft_status gf_safetensors_index_parse(gf_safetensors_index *out, const char *text, size_t n, const char *name,
                                        graft_error *err)
{
    *out = (gf_safetensors_index){0};
    reading r = {out, name, err};
    GF_TRY(gf_json_parse(&out->json, text, n, name, err));
    const gf_json *map = gf_json_get(out->json, map_field);
    if (!gf_json_is_object(map)) return refuse(&r, map_field, "is missing");
    return gf_json_each(map, add_entry, &r);
}

/* ---- the files */

typedef struct own {
    gf_safetensors_index index;
    gf_safetensors *part; /* of index.parts */
} own;

static bool looks(const uint8_t *file, size_t n)
{
    const size_t length = sizeof map_field - 1;
    if (!n || file[0] != '{') return false;
    for (const uint8_t *at = file; n > length && (at = memchr(at, map_field[0], n - length - (size_t)(at - file)));
         at++) {
        if (!memcmp(at, map_field, length)) return true;
    }
    return false;
}

static graft_status open_parts(gf_weight_reading *r, own *o, graft_error *err)
{
    const char *slash = strrchr(r->path, '/');
    o->part = gf_new_n(o->index.parts.n, gf_safetensors);
    if (!o->part) return gf_fail_memory(err, o->index.parts.n * sizeof *o->part, r->path);
    for (size_t i = 0; i < o->index.parts.n; i++) {
        char *path = gf_sprintf("%.*s%s", slash ? (int)(slash - r->path + 1) : 0, r->path, o->index.parts.item[i]);
        if (!path) return gf_fail_memory(err, strlen(r->path), "a file name");
        graft_status status = gf_safetensors_open(&o->part[i], path, NULL, err);
        gf_free(path);
        GF_TRY(status);
    }
    return GRAFT_OK;
}

static graft_status list(gf_weight_reading *r, const own *o, graft_error *err)
{
    for (size_t i = 0; i < o->index.n; i++) {
        const gf_safetensors_entry *e = &o->index.entry[i];
        const gf_safetensors_tensor *t = gf_safetensors_find(&o->part[e->part], e->name);
        if (!t) {
            return gf_fail(err, GF_E_SAFETENSORS_HEADER, NULL, "%s: %s: is not in %s", GF_ESC(r->path), GF_ESC(e->name),
                           GF_ESC(o->index.parts.item[e->part]));
        }
        GF_TRY(gf_safetensors_list(&r->found, t, err));
    }
    return gf_wanted_match(&r->found, r->want, r->n, err);
}

static graft_status read_here(gf_weight_reading *r, graft_error *err)
{
    own *o = r->own = gf_new(own);
    if (!o) return gf_fail_memory(err, sizeof *o, r->path);
    GF_TRY(gf_safetensors_index_parse(&o->index, (const char *)r->file, r->size, r->path, err));
    GF_TRY(open_parts(r, o, err));
    GF_TRY(list(r, o, err));
    for (size_t i = 0; i < r->found.n; i++) {
        const gf_safetensors *st = &o->part[o->index.entry[i].part];
        gf_safetensors_place(r, i, st, gf_safetensors_find(st, o->index.entry[i].name));
    }
    return gf_found_judge(r->path, &r->found, r->want, r->n, r->which, err);
}

static void close_here(gf_weight_reading *r)
{
    own *o = r->own;
    if (!o) return;
    for (size_t i = 0; o->part && i < o->index.parts.n; i++) gf_safetensors_close(&o->part[i]);
    gf_free(o->part);
    gf_safetensors_index_free(&o->index);
    gf_free(o);
    r->own = NULL;
}

const gf_weight_format gf_weight_format_safetensors_index = {.name = "safetensors in several files",
                                                             .files = ".safetensors.index.json",
                                                             .looks = looks,
                                                             .read = read_here,
                                                             .close = close_here};
