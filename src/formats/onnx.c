/* onnx.c - a model's memory, its tensors' values, and how a file is opened. */
#include "formats/onnx.h"

#include "base/alloc.h"
#include "base/io.h"
#include "formats/convert.h"

#include <string.h>

enum { MB = 1 << 20 };

void *gf_onnx_alloc(gf_onnx *o, size_t n, size_t size)
{
    if (!gf_grow(&o->block, o->n_blocks, &o->blocks_cap)) return NULL;
    void *p = gf_alloc(n, size);
    if (p) o->block[o->n_blocks++] = p;
    return p;
}

const char *gf_onnx_text(gf_onnx *o, const char *s)
{
    size_t n = strlen(s);
    char *copy = gf_onnx_alloc(o, n + 1, 1);
    return copy ? memcpy(copy, s, n) : NULL;
}

void gf_onnx_free(gf_onnx *o)
{
    for (size_t i = 0; i < o->n_blocks; i++) gf_free(o->block[i]);
    gf_free(o->block);
    *o = (gf_onnx){0};
}

const gf_onnx_tensor *gf_onnx_find(const gf_onnx *o, const char *name)
{
    for (size_t i = 0; i < o->n_tensors; i++) {
        if (!strcmp(o->tensor[i].name, name)) return &o->tensor[i];
    }
    return NULL;
}

const gf_onnx_attr *gf_onnx_attribute(const gf_onnx_node *n, const char *name)
{
    for (size_t i = 0; i < n->n_attrs; i++) {
        if (!strcmp(n->attr[i].name, name)) return &n->attr[i];
    }
    return NULL;
}

const char *gf_onnx_metadata(const gf_onnx *o, const char *key)
{
    for (size_t i = 0; i < o->n_meta; i++) {
        if (!strcmp(o->meta[i].key, key)) return o->meta[i].value;
    }
    return NULL;
}

/* ---- element types ---- */

static const struct {
    uint8_t size, dtype;
} type_facts[] = {
    [GF_ONNX_FLOAT] = {4, GF_F32},
    [GF_ONNX_UINT8] = {1, GF_U8},
    [GF_ONNX_INT8] = {1, GF_DTYPES},
    [4] = {2, GF_DTYPES}, /* uint16 */
    [5] = {2, GF_DTYPES}, /* int16 */
    [GF_ONNX_INT32] = {4, GF_S32},
    [GF_ONNX_INT64] = {8, GF_S64},
    [GF_ONNX_BOOL] = {1, GF_U8},
    [GF_ONNX_FLOAT16] = {2, GF_F16},
    [GF_ONNX_DOUBLE] = {8, GF_F64},
    [12] = {4, GF_DTYPES}, /* uint32 */
    [13] = {8, GF_DTYPES}, /* uint64 */
    [GF_ONNX_BFLOAT16] = {2, GF_BF16},
};

size_t gf_onnx_type_size(int32_t type)
{
    bool known = type > 0 && (size_t)type < sizeof type_facts / sizeof *type_facts;
    return known ? type_facts[type].size : 0;
}

graft_status gf_onnx_check_tensor(gf_onnx_tensor *t, const char *name, graft_error *err)
{
    size_t size = gf_onnx_type_size(t->type), count, bytes;
    t->dtype = size ? (gf_dtype)type_facts[t->type].dtype : GF_DTYPES;
    if (!size) {
        return gf_fail(err, GF_E_ONNX_DAMAGED, "floats of 16, 32 and 64 bits and integers are read",
                       "%s: tensor %s is of element type %d", GF_ESC(name), GF_ESC(t->name), (int)t->type);
    }
    if (!gf_shape_count(&t->shape, &count) || !gf_mul_size(count, size, &bytes)) {
        return gf_fail(err, GF_E_ONNX_DAMAGED, NULL, "%s: tensor %s has an impossible shape %s", GF_ESC(name),
                       GF_ESC(t->name), GF_SHAPE_TEXT(&t->shape));
    }
    bool elsewhere = t->location[0] && !t->data;
    if (elsewhere ? t->length && t->length != bytes : t->bytes != bytes) {
        return gf_fail(err, GF_E_ONNX_DAMAGED, NULL, "%s: tensor %s %s wants %zu bytes, there are %llu", GF_ESC(name),
                       GF_ESC(t->name), GF_SHAPE_TEXT(&t->shape), bytes,
                       (unsigned long long)(elsewhere ? t->length : t->bytes));
    }
    t->bytes = bytes;
    return GRAFT_OK;
}

bool gf_onnx_floats(const gf_onnx_tensor *t, float *out)
{
    return t->data && gf_convert_f32(t->data, t->dtype, gf_count(&t->shape), out);
}

bool gf_onnx_ints(const gf_onnx_tensor *t, int64_t *out)
{
    size_t n = gf_count(&t->shape);
    const uint8_t *from = t->data;
    if (!from) return false;
    for (size_t i = 0; i < n; i++) {
        if (t->dtype == GF_S64) {
            memcpy(&out[i], from + 8 * i, 8);
        } else if (t->dtype == GF_S32) {
            int32_t v;
            memcpy(&v, from + 4 * i, 4);
            out[i] = v;
        } else if (t->dtype == GF_U8) {
            out[i] = from[i];
        } else {
            return false;
        }
    }
    return true;
}

/* ---- a file ---- */

typedef struct job {
    const uint8_t *bytes;
    size_t size;
    const char *path;
    const gf_onnx_limits *limits;
} job;

static void run(void *ctx, gf_sink *sink)
{
    const job *j = ctx;
    gf_onnx model = {0};
    graft_error err = {0};
    if (gf_onnx_parse(&model, j->bytes, j->size, j->path, j->limits, &err) == GRAFT_OK) {
        gf_onnx_reply(&model, sink);
    } else {
        gf_onnx_reply_error(&err, sink);
    }
    gf_onnx_free(&model);
}

/* Memory: the bytes twice, as protobuf-c keeps them and as they wait for the pipe; small files of many small nodes take
 * more for each byte. The reply: an integer of one byte becomes one of eight. */
static gf_cage_limits limits_for(const job *j)
{
    gf_cage_limits l = {.memory = 64 * (size_t)MB + 4 * j->size, .expect = j->size, .seconds = 20};
    l.max_reply = 16 * (size_t)MB + 9 * j->size;
    l.cpu = 0.8 + (double)j->size / (50.0 * MB);
    l.seconds += (double)j->size / (64.0 * MB);
    if (j->limits && j->limits->seconds > 0) l.seconds = j->limits->seconds;
    return l;
}

static graft_status read_caged(gf_onnx *out, const job *j, bool *uncaged, graft_error *err)
{
    gf_cage_limits limits = limits_for(j);
    uint8_t *reply;
    size_t n;
    GF_TRY(gf_cage_run(run, (void *)j, &limits, j->path, &reply, &n, uncaged, err));
    graft_status status = gf_onnx_reply_parse(out, reply, n, j->path, err);
    if (status == GRAFT_OK && gf_grow(&out->block, out->n_blocks, &out->blocks_cap)) {
        out->block[out->n_blocks++] = reply; /* the model borrows it */
        return GRAFT_OK;
    }
    if (status == GRAFT_OK) status = gf_fail_memory(err, n, j->path);
    gf_free(reply);
    gf_onnx_free(out);
    return status;
}

graft_status gf_onnx_open(gf_onnx *out, const char *path, const gf_onnx_limits *limits, bool *uncaged, graft_error *err)
{
    size_t most = limits && limits->max_file ? limits->max_file : (size_t)4096 * MB, n;
    uint8_t *bytes;
    *out = (gf_onnx){0};
    GF_TRY(gf_file_read(path, most, &bytes, &n, err));
    job j = {bytes, n, path, limits};
    graft_status status = read_caged(out, &j, uncaged, err);
    gf_free(bytes);
    if (status != GRAFT_OK) return status;

    const char *slash = strrchr(path, '/');
    char *folder = slash ? gf_strndup(path, (size_t)(slash - path) + 1) : gf_strdup(".");
    status = folder ? gf_onnx_load_external(out, folder, path, limits, err) : gf_fail_memory(err, strlen(path), path);
    gf_free(folder);
    if (status != GRAFT_OK) gf_onnx_free(out);
    return status;
}
