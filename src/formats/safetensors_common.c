#include "formats/safetensors_common.h"

#include <string.h>

static const gf_safetensors_type type_row[] = {
    {"F32", 4, GF_F32},    {"BF16", 2, GF_BF16},      {"F16", 2, GF_F16},        {"U8", 1, GF_U8},
    {"F64", 8, GF_F64},    {"I32", 4, GF_S32},        {"I64", 8, GF_S64},        {"BOOL", 1, GF_DTYPES},
    {"I8", 1, GF_DTYPES},  {"I16", 2, GF_DTYPES},     {"U16", 2, GF_DTYPES},     {"U32", 4, GF_DTYPES},
    {"U64", 8, GF_DTYPES}, {"F8_E4M3", 1, GF_DTYPES}, {"F8_E5M2", 1, GF_DTYPES}, {"C64", 8, GF_DTYPES},
};
enum { TYPES = sizeof type_row / sizeof *type_row };

const gf_safetensors_type *gf_safetensors_type_named(const char *name)
{
    for (size_t i = 0; i < TYPES; i++) {
        if (!strcmp(type_row[i].name, name)) return &type_row[i];
    }
    return NULL;
}

const gf_safetensors_type *gf_safetensors_type_of(gf_dtype dtype)
{
    for (size_t i = 0; i < TYPES; i++) {
        if (type_row[i].dtype == dtype && dtype != GF_DTYPES) return &type_row[i];
    }
    return NULL;
}

static void digest_text(gf_sha256_state *s, const char *text) { gf_sha256_add(s, text, strlen(text) + 1); }

void gf_safetensors_digest_meta(gf_sha256_state *s, const gf_meta *meta)
{
    digest_text(s, meta->key);
    digest_text(s, meta->value);
}

void gf_safetensors_digest_tensor(gf_sha256_state *s, const char *name, const char *dtype, const gf_shape *shape,
                                  const void *data, size_t bytes)
{
    char text[160];
    digest_text(s, name);
    digest_text(s, dtype);
    digest_text(s, gf_shape_text(shape, text, sizeof text));
    gf_sha256_add(s, data, bytes);
}

int gf_meta_by_key(const void *a, const void *b)
{
    return strcmp(((const gf_meta *)a)->key, ((const gf_meta *)b)->key);
}
