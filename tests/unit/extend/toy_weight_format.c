/* A toy of a weight format: the line "TOY WEIGHTS", then for each tensor a byte with the length of its name, the name
 * as LAYER/VAR, a byte with its rank, u16 dimensions and its floats, little-endian. */
#include "base/alloc.h"
#include "formats/wanted_names.h"
#include "formats/weight_format.h"

#include <string.h>

static const char magic[] = "TOY WEIGHTS\n";
enum { MAGIC = sizeof magic - 1 };

static bool looks(const uint8_t *file, size_t n) { return n > MAGIC && !memcmp(file, magic, MAGIC); }

typedef struct tensor {
    char name[256];
    gf_shape shape;
    size_t at, end;
} tensor;

static bool read_tensor(const gf_weight_reading *r, size_t at, tensor *t)
{
    size_t n = at < r->size ? r->file[at] : 0;
    if (!n || at + n + 2 > r->size) return false;
    memcpy(t->name, r->file + at + 1, n);
    t->name[n] = 0;
    at += n + 1;
    t->shape = (gf_shape){.rank = r->file[at++]};
    if (t->shape.rank > GF_MAX_RANK || at + 2 * (size_t)t->shape.rank > r->size) return false;
    for (int i = 0; i < t->shape.rank; i++, at += 2) t->shape.dim[i] = r->file[at] | r->file[at + 1] << 8;
    t->at = at;
    t->end = at + gf_count(&t->shape) * sizeof(float);
    return t->end <= r->size;
}

static graft_status read_here(gf_weight_reading *r, graft_error *err)
{
    size_t *at = r->own = gf_new_n(r->size, size_t);
    if (!at) return gf_fail_memory(err, r->size * sizeof *at, r->path);
    tensor t;
    for (size_t i = MAGIC; i < r->size; i = t.end) {
        gf_found_tensor *f;
        if (!read_tensor(r, i, &t)) return gf_fail(err, GF_E_HDF5_DAMAGED, NULL, "%s: byte %zu", GF_ESC(r->path), i);
        GF_TRY(gf_found_add(&r->found, t.name, NULL, &f, err));
        f->shape = t.shape;
        f->dtype = GF_F32;
        at[r->found.n - 1] = t.at;
    }
    GF_TRY(gf_wanted_match(&r->found, r->want, r->n, err));
    for (size_t i = 0; i < r->found.n; i++) {
        const gf_found_tensor *f = &r->found.item[i];
        if (f->want >= 0) r->places[f->want] = (gf_weight_place){r->file + at[i], GF_F32, gf_view_plain(&f->shape)};
    }
    return gf_found_judge(r->path, &r->found, r->want, r->n, r->which, err);
}

static void close_here(gf_weight_reading *r) { gf_free(r->own); }

const gf_weight_format gf_weight_format_toy_weight_format = {
    .name = "toy weights", .files = ".toy", .looks = looks, .read = read_here, .close = close_here};
