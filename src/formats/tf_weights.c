/* tf_weights.c - a TensorFlow checkpoint as a format of weight files. */
#include "base/io.h"
#include "formats/tf_checkpoint.h"
#include "formats/tf_table.h"
#include "formats/wanted_names.h"
#include "formats/weight_format.h"

#include <string.h>

typedef struct own {
    gf_tf_bundle bundle;
    uint8_t **bytes; /* of each wanted tensor */
    size_t n;
} own;

static bool is_float(gf_dtype t) { return t == GF_F32 || t == GF_F16 || t == GF_BF16 || t == GF_F64; }

static graft_status list(gf_weight_reading *r, const gf_tf_bundle *b, graft_error *err)
{
    for (size_t i = 0; i < b->n; i++) {
        const gf_tf_tensor *t = &b->item[i];
        gf_found_tensor *f;
        if (t->slot) continue;
        GF_TRY(gf_found_add(&r->found, t->name, NULL, &f, err));
        f->shape = t->shape;
        f->dtype = is_float(t->dtype) ? t->dtype : GF_DTYPES;
    }
    return gf_wanted_match(&r->found, r->want, r->n, err);
}

/* The tensor of the found one at i: slots are not among those. */
static graft_status fetch(gf_weight_reading *r, own *o, graft_error *err)
{
    size_t found = 0;
    for (size_t i = 0; i < o->bundle.n; i++) {
        const gf_tf_tensor *t = &o->bundle.item[i];
        if (t->slot) continue;
        const gf_found_tensor *f = &r->found.item[found++];
        if (f->want < 0) continue;
        gf_view plain = gf_view_plain(&t->shape), view = plain;
        gf_shape shape;
        if (f->transposed) gf_view_turn(&plain, &r->want[f->want], &view, &shape);
        GF_TRY(gf_tf_bundle_read(&o->bundle, t, &o->bytes[f->want], err));
        r->places[f->want] = (gf_weight_place){o->bytes[f->want], t->dtype, view};
    }
    return GRAFT_OK;
}

static graft_status tf_read(gf_weight_reading *r, graft_error *err)
{
    own *o = gf_new(own);
    if (!o) return gf_fail_memory(err, sizeof *o, "a checkpoint");
    r->own = o;
    o->n = r->n;
    o->bytes = gf_new_n(r->n, uint8_t *);
    if (!o->bytes) return gf_fail_memory(err, r->n * sizeof *o->bytes, "a list of tensors");
    GF_TRY(gf_tf_bundle_parse(&o->bundle, r->file, r->size, r->path, err));
    GF_TRY(gf_tf_bundle_name(&o->bundle, err));
    GF_TRY(list(r, &o->bundle, err));
    for (size_t i = 0; i < r->found.n; i++) { /* the shape as the architecture has it */
        gf_found_tensor *f = &r->found.item[i];
        if (f->want >= 0 && f->transposed) {
            gf_view plain = gf_view_plain(&f->shape), view;
            gf_view_turn(&plain, &r->want[f->want], &view, &f->shape);
        }
    }
    GF_TRY(gf_found_judge(r->path, &r->found, r->want, r->n, r->which, err));
    return fetch(r, o, err);
}

static void tf_close(gf_weight_reading *r)
{
    own *o = r->own;
    if (!o) return;
    for (size_t i = 0; o->bytes && i < o->n; i++) gf_free(o->bytes[i]);
    gf_free(o->bytes);
    gf_tf_bundle_close(&o->bundle);
    gf_free(o);
    r->own = NULL;
}

const gf_weight_format gf_weight_format_tf_checkpoint = {
    .name = "TensorFlow checkpoint",
    .files = "model.ckpt (.index), variables/variables",
    .looks = gf_tf_table_looks,
    .locate = gf_tf_locate,
    .read = tf_read,
    .close = tf_close,
};
