/* The child's side of reading PyTorch's files: lists what the file holds and puts what is wanted, turned as graft keeps
 * it. */
#include "formats/torch_child.h"
#include "base/alloc.h"
#include "formats/cage_reply.h"
#include "formats/torch.h"
#include "formats/torch_view.h"
#include "formats/wanted_names.h"
#include "formats/weight_format.h"

#include <string.h>

static gf_view view_of(const gf_torch_tensor *t)
{
    gf_view v = {.shape = t->shape};
    memcpy(v.stride, t->stride, sizeof v.stride);
    return v;
}

static bool is_floats(gf_dtype t) { return t == GF_F32 || t == GF_F16 || t == GF_BF16 || t == GF_F64; }

/* Wanted tensors are listed in the shape that they have once they are turned. */
static graft_status list(const gf_torch *t, const gf_weight *want, size_t n, gf_found *found, graft_error *err)
{
    for (size_t i = 0; i < t->n; i++) {
        gf_found_tensor *item;
        GF_TRY(gf_found_add(found, t->tensor[i].name, NULL, &item, err));
        item->shape = t->tensor[i].shape;
        item->dtype = is_floats(t->tensor[i].dtype) ? t->tensor[i].dtype : GF_DTYPES;
    }
    GF_TRY(gf_wanted_match(found, want, n, err));
    size_t matched = 0;
    for (size_t i = 0; i < found->n; i++) {
        gf_found_tensor *item = &found->item[i];
        if (item->want < 0) continue;
        item->shape = gf_wanted_shape(item, &want[item->want]);
        matched++;
    }
    return matched || t->object.model < 2 ? GRAFT_OK : gf_torch_refuse_object(t, err);
}

static graft_status send_one(gf_torch *t, const gf_torch_tensor *tensor, bool turn, const gf_weight *want, size_t index,
                             gf_sink *sink, graft_error *err)
{
    const uint8_t *bytes = NULL;
    gf_view in = view_of(tensor), transposed = in;
    gf_shape shape;
    size_t count = gf_count(&want->shape);
    GF_TRY(gf_torch_storage_of(t, tensor, &bytes, err));
    float *values = gf_alloc_raw(count, sizeof *values);
    if (!values) return gf_fail_memory(err, count * sizeof *values, t->path);
    if (turn) gf_view_turn(&in, want, &transposed, &shape);
    gf_view_f32(bytes + tensor->offset * tensor->size, tensor->dtype, &transposed, values);
    gf_reply_values(sink, index, values, count);
    gf_free(values);
    return GRAFT_OK;
}

static graft_status reply(gf_torch *t, const gf_weight *want, size_t n, gf_found *found, gf_sink *sink,
                          graft_error *err)
{
    int32_t *which = gf_new_n(n, int32_t);
    if (!which) return gf_fail_memory(err, n * sizeof *which, t->path);
    graft_status status = list(t, want, n, found, err);
    if (status == GRAFT_OK) gf_reply_found(sink, found);
    /* What is missing or misshaped the parent finds out from the list, by the same function. */
    bool fits = status == GRAFT_OK && gf_found_judge(t->path, found, want, n, which, NULL) == GRAFT_OK;
    for (size_t i = 0; fits && i < n && status == GRAFT_OK; i++) {
        status = send_one(t, &t->tensor[which[i]], found->item[which[i]].transposed, &want[i], i, sink, err);
    }
    gf_free(which);
    return status;
}

void gf_torch_reply(const gf_caged_file *file, const gf_weight *want, size_t n, gf_sink *sink)
{
    graft_error err = {0};
    const gf_torch_limits limits = {.max_unpack = file->unpacks};
    gf_torch t;
    gf_found found = {0};
    graft_status status = gf_torch_parse(&t, file->bytes, file->size, file->path, &limits, &err);
    if (status == GRAFT_OK) {
        status = reply(&t, want, n, &found, sink, &err);
        gf_torch_close(&t);
    }
    if (status == GRAFT_OK) {
        gf_reply_end(sink);
    } else {
        gf_reply_error(sink, &err);
    }
    gf_found_free(&found);
}

const gf_weight_format gf_weight_format_torch = {
    .name = "PyTorch", .files = ".pth, .pt, .bin", .looks = gf_torch_looks, .reply = gf_torch_reply};
