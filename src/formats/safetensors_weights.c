/* safetensors_weights.c - weights in safetensors: names are LAYER/VAR or PyTorch's. */
#include "formats/safetensors_weights.h"

#include "base/alloc.h"
#include "formats/torch_view.h"
#include "formats/wanted_names.h"

#include <string.h>

static bool looks(const uint8_t *file, size_t n)
{
    uint64_t length = 0;
    if (n >= 10) memcpy(&length, file, sizeof length);
    return n >= 10 && file[8] == '{' && length >= 2 && length < 1ull << 40;
}

graft_status gf_safetensors_list(gf_found *found, const gf_safetensors_tensor *t, graft_error *err)
{
    gf_found_tensor *f;
    GF_TRY(gf_found_add(found, t->name, NULL, &f, err));
    bool floats = t->dtype == GF_F32 || t->dtype == GF_F16 || t->dtype == GF_BF16 || t->dtype == GF_F64;
    f->shape = t->shape;
    f->dtype = floats ? t->dtype : GF_DTYPES;
    return GRAFT_OK;
}

void gf_safetensors_place(gf_weight_reading *r, size_t i, const gf_safetensors *st, const gf_safetensors_tensor *t)
{
    gf_found_tensor *f = &r->found.item[i];
    if (f->want < 0) return;
    gf_view plain = gf_view_plain(&t->shape), view = plain;
    if (f->transposed) gf_view_turn(&plain, &r->want[f->want], &view, &f->shape);
    r->places[f->want] = (gf_weight_place){gf_safetensors_bytes(st, t), t->dtype, view};
}

/* A run of graft's says of what architecture it is. */
static graft_status judge(const gf_weight_reading *r, const gf_safetensors *st, graft_error *err)
{
    graft_error why = {0};
    graft_status status = gf_found_judge(r->path, &r->found, r->want, r->n, r->which, &why);
    if (status == GRAFT_OK) return status;
    const char *facts = gf_safetensors_meta(st, "graft.model");
    gf_json *j = NULL;
    bool read = facts && gf_json_parse(&j, facts, strlen(facts), r->path, NULL) == GRAFT_OK;
    const char *architecture = read ? gf_json_str(gf_json_get(j, "architecture"), NULL) : NULL;
    char *hint = architecture ? gf_sprintf("this is a run of graft, of %s: give --model %s, or the run as the model",
                                           GF_ESC(architecture), GF_ESC(architecture))
                              : NULL;
    gf_json_free(j);
    status = gf_fail(err, (gf_errno)why.number, hint ? hint : why.hint, "%s", why.message);
    gf_free(hint);
    return status;
}

static graft_status read_here(gf_weight_reading *r, graft_error *err)
{
    gf_safetensors *st = r->own = gf_new(gf_safetensors);
    if (!st) return gf_fail_memory(err, sizeof *st, r->path);
    GF_TRY(gf_safetensors_parse(st, r->file, r->size, r->path, NULL, err));
    for (size_t i = 0; i < st->n; i++) GF_TRY(gf_safetensors_list(&r->found, &st->tensor[i], err));
    GF_TRY(gf_wanted_match(&r->found, r->want, r->n, err));
    for (size_t i = 0; i < r->found.n; i++) gf_safetensors_place(r, i, st, &st->tensor[i]);
    return judge(r, st, err);
}

static void close_here(gf_weight_reading *r)
{
    gf_safetensors_close(r->own);
    gf_free(r->own);
    r->own = NULL;
}

const gf_weight_format gf_weight_format_safetensors = {
    .name = "safetensors", .files = ".safetensors", .looks = looks, .read = read_here, .close = close_here};
