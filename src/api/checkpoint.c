#include "api/internal.h"

#include "formats/tf_checkpoint.h"

#include <string.h>

int graft_checkpoint_is(const char *path) { return path && gf_tf_is(path); }

static graft_status result_of(graft_result **out, const char *file, size_t kept, const gf_names *left_out,
                              graft_error *err)
{
    gf_json *j = gf_json_object(), *list = gf_json_array();
    gf_text text = {0};
    gf_json_set(j, "file", gf_json_string(file));
    gf_json_set(j, "tensors", gf_json_int((int64_t)kept));
    for (size_t i = 0; i < left_out->n; i++) gf_json_add(list, gf_json_string(left_out->item[i]));
    gf_json_set(j, "left_out", list);
    gf_text_printf(&text, "%s: %zu tensors", GF_ESC(file), kept);
    if (left_out->n)
        gf_text_printf(&text, "; left out: %s%s", GF_ESC(left_out->item[0]), left_out->n > 1 ? " and others" : "");
    gf_text_add(&text, "\n");
    if (!text.failed) return gf_result_create(out, j, text.s, err);
    gf_json_free(j);
    gf_text_free(&text);
    return gf_fail_memory(err, 4096, "a result");
}

graft_status graft_checkpoint_convert(graft_context *context, const char *path, const char *file, graft_result **out,
                                      graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(context, "context");
    GF_NEEDS(path, "path");
    GF_NEEDS(file, "file");
    gf_names left_out = {0};
    size_t kept;
    graft_status status = gf_tf_to_safetensors(path, file, &left_out, &kept, err);
    if (status == GRAFT_OK) status = result_of(out, file, kept, &left_out, err);
    gf_names_free(&left_out);
    return status;
}
