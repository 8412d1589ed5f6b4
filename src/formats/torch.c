#include "formats/torch.h"

#include "base/alloc.h"
#include "formats/torch_container.h"
#include "formats/torch_tree.h"

#include <string.h>

enum { DEFAULT_TENSORS = 100000, MAX_KEY = GF_TORCH_MAX_KEY };
#define DEFAULT_UNPACK ((size_t)4 << 30)

typedef struct reader {
    gf_torch *t;
    const gf_pickle *p;
    const gf_torch_limits *limits;
    graft_error *err;
} reader;

#define FAIL(r, number, hint, ...) gf_fail((r)->err, GF_E_##number, hint, __VA_ARGS__)

static graft_status misfit(reader *r, const gf_torch_tensor *t, const char *what)
{
    return FAIL(r, TORCH_STORAGE, "the file is damaged, or made to attack its reader", "%s: tensor `%s` %s: %s",
                GF_ESC(r->t->path), GF_ESC(t->name), GF_SHAPE_TEXT(&t->shape), what);
}

/* ---- storages ---- */

static const struct {
    const char *name;
    gf_dtype dtype;
    size_t size;
} type_row[] = {
    {"torch.FloatStorage", GF_F32, 4},
    {"torch.HalfStorage", GF_F16, 2},
    {"torch.BFloat16Storage", GF_BF16, 2},
    {"torch.DoubleStorage", GF_F64, 8},
    {"torch.LongStorage", GF_S64, 8},
    {"torch.IntStorage", GF_S32, 4},
    {"torch.ByteStorage", GF_U8, 1},
    {"torch.ShortStorage", GF_DTYPES, 2},
    {"torch.CharStorage", GF_DTYPES, 1},
    {"torch.BoolStorage", GF_DTYPES, 1},
    {"torch.ComplexFloatStorage", GF_DTYPES, 8},
    {"torch.ComplexDoubleStorage", GF_DTYPES, 16},
    {"torch.QInt8Storage", GF_DTYPES, 1},
    {"torch.QUInt8Storage", GF_DTYPES, 1},
    {"torch.QInt32Storage", GF_DTYPES, 4},
};

bool gf_torch_storage_facts(const gf_pickle *p, const gf_pickle_node *id, gf_torch_storage *out)
{
    const gf_pickle_node *key = gf_pickle_item(p, id, 2), *count = gf_pickle_item(p, id, 4);
    size_t row = 0;
    while (strcmp(type_row[row].name, gf_pickle_item(p, id, 1)->text)) row++;
    *out = (gf_torch_storage){key->text, key->n, type_row[row].dtype, type_row[row].size, (size_t)count->value};
    return count->value >= 0 && (uint64_t)count->value <= SIZE_MAX / 16 && key->n && key->n <= MAX_KEY &&
           !memchr(key->text, 0, key->n);
}

static graft_status read_storage(reader *r, const gf_pickle_node *id, gf_torch_tensor *t)
{
    gf_torch_storage s;
    if (!gf_torch_storage_facts(r->p, id, &s)) return misfit(r, t, "its storage has no proper key or size");
    t->dtype = s.dtype;
    t->size = s.size;
    t->count = s.count;
    t->key = gf_strndup(s.key, s.key_bytes);
    return t->key ? GRAFT_OK : gf_fail_memory(r->err, s.key_bytes, r->t->path);
}

/* ---- one tensor ---- */

static bool read_sizes(const reader *r, const gf_pickle_node *tuple, int64_t out[GF_MAX_RANK])
{
    for (size_t i = 0; i < tuple->n; i++) {
        const gf_pickle_node *item = gf_pickle_item(r->p, tuple, i);
        if (item->kind != GF_PICKLE_INT || item->value < 0) return false;
        out[i] = item->value;
    }
    return true;
}

/* The last element that shape and strides reach, from the first on: sum of (dim - 1) * stride. */
static bool fits(const gf_torch_tensor *t)
{
    size_t count, last = t->offset;
    if (!gf_shape_count(&t->shape, &count)) return false;
    if (!count) return t->offset <= t->count;
    for (int i = 0; i < t->shape.rank; i++) {
        size_t step;
        if (!gf_mul_size((size_t)(t->shape.dim[i] - 1), (size_t)t->stride[i], &step)) return false;
        if (!gf_add_size(last, step, &last)) return false;
    }
    return last < t->count;
}

static graft_status read_tensor(reader *r, const gf_pickle_node *node, gf_torch_tensor *t)
{
    const gf_pickle_node *offset = gf_pickle_item(r->p, node, 1), *shape = gf_pickle_item(r->p, node, 2),
                         *stride = gf_pickle_item(r->p, node, 3);
    if (shape->kind != GF_PICKLE_TUPLE || stride->kind != GF_PICKLE_TUPLE || offset->kind != GF_PICKLE_INT) {
        return misfit(r, t, "without offset, shape or strides");
    }
    if (shape->n > GF_MAX_RANK) return misfit(r, t, "more than 6 dimensions");
    if (shape->n != stride->n) return misfit(r, t, "as many strides as dimensions are wanted");
    if (!read_sizes(r, shape, t->shape.dim) || !read_sizes(r, stride, t->stride) || offset->value < 0) {
        return misfit(r, t, "a negative dimension, stride or offset");
    }
    t->shape.rank = (int)shape->n;
    t->offset = (size_t)offset->value;
    GF_TRY(read_storage(r, gf_pickle_item(r->p, node, 0), t));
    if (!fits(t)) return misfit(r, t, "it reaches beyond the end of its storage");
    for (int i = 0; i < t->shape.rank; i++) { /* what is never stepped over may be any number in the file */
        if (t->shape.dim[i] <= 1 || !gf_count(&t->shape)) t->stride[i] = 0;
    }
    return GRAFT_OK;
}

static graft_status on_tensor(void *ctx, const char *path, const gf_pickle_node *node)
{
    reader *r = ctx;
    gf_torch *t = r->t;
    size_t most = r->limits && r->limits->max_tensors ? r->limits->max_tensors : DEFAULT_TENSORS;
    if (t->n >= most) return FAIL(r, PICKLE_LIMIT, NULL, "%s: more than %zu tensors", GF_ESC(t->path), most);
    gf_torch_tensor tensor = {.name = gf_strdup(path)};
    if (!tensor.name || !gf_grow(&t->tensor, t->n, &t->cap)) {
        gf_free(tensor.name);
        return gf_fail_memory(r->err, strlen(path), t->path);
    }
    t->tensor[t->n++] = tensor;
    return read_tensor(r, node, &t->tensor[t->n - 1]);
}

/* ---- what is no tensor ---- */

/* The object that looks most like a whole model is kept, for messages. */
static graft_status on_object(void *ctx, const char *path, const gf_pickle_node *node, int model)
{
    reader *r = ctx;
    gf_torch_object *o = &r->t->object;
    if (o->class && model <= o->model) return GRAFT_OK;
    char *class = gf_strdup(node->text), *place = gf_strdup(path);
    if (!class || !place) {
        gf_free(class);
        gf_free(place);
        return gf_fail_memory(r->err, strlen(path), r->t->path);
    }
    gf_free(o->class);
    gf_free(o->place);
    *o = (gf_torch_object){class, place, model};
    return GRAFT_OK;
}

/* "['ema']['net']" for "ema.net". */
static void print_keys(gf_text *t, const char *place)
{
    while (*place) {
        int n = (int)strcspn(place, ".");
        gf_text_printf(t, "['%.*s']", n, place);
        place += n + (place[n] == '.');
    }
}

graft_status gf_torch_refuse_object(const gf_torch *t, graft_error *err)
{
    static const char begin[] = "graft reads weights, and runs no code for objects. In Python, if you trust the file: ";
    const gf_torch_object *o = &t->object;
    gf_text hint = {0};
    gf_text_add(&hint, begin);
    if (!strncmp(o->class, "fastai.", strlen("fastai."))) {
        gf_text_add(&hint, "torch.save(load_learner(FILE).model.state_dict(), 'weights.pth')");
    } else {
        gf_text_add(&hint, "torch.save(torch.load(FILE, weights_only=False)");
        print_keys(&hint, o->place);
        gf_text_add(&hint, ".state_dict(), 'weights.pth')");
    }
    graft_status status =
        hint.failed ? gf_fail_memory(err, 0, t->path)
                    : gf_fail(err, GF_E_TORCH_LAYOUT, GF_ESC(hint.s), "%s: %s an object of `%s`%s%s%s, a whole model%s",
                              GF_ESC(t->path), *o->place ? "holds" : "is", GF_ESC(o->class),
                              *o->place ? " under `" : "", GF_ESC(o->place), *o->place ? "`" : "",
                              o->model ? ": not a state dict" : " perhaps, and no tensors");
    gf_text_free(&hint);
    return status;
}

graft_status gf_torch_read_object(gf_torch *t, const gf_pickle *p, const gf_torch_limits *limits, graft_error *err)
{
    reader r = {.t = t, .p = p, .limits = limits, .err = err};
    const gf_torch_visitor visitor = {on_tensor, on_object, &r, t->path, err};
    GF_TRY(gf_torch_walk(p, &visitor));
    if (t->n) return GRAFT_OK;
    if (t->object.class) return gf_torch_refuse_object(t, err);
    return FAIL(&r, TORCH_LAYOUT, "save a state dict: torch.save(model.state_dict(), 'weights.pth')",
                "%s: holds no state dict: there are no named tensors in it", GF_ESC(t->path));
}

void gf_torch_close(gf_torch *t)
{
    if (!t) return;
    for (size_t i = 0; i < t->n; i++) {
        gf_free(t->tensor[i].name);
        gf_free(t->tensor[i].key);
    }
    gf_free(t->tensor);
    gf_free(t->object.class);
    gf_free(t->object.place);
    gf_free(t->bytes.own);
    gf_free(t->folder);
    gf_zip_close(&t->zip);
    *t = (gf_torch){0};
}

graft_status gf_torch_parse(gf_torch *out, const uint8_t *bytes, size_t n, const char *name,
                            const gf_torch_limits *limits, graft_error *err)
{
    *out = (gf_torch){.path = name, .max_unpack = limits && limits->max_unpack ? limits->max_unpack : DEFAULT_UNPACK};
    graft_status status = gf_zip_looks(bytes, n) ? gf_torch_open_zip(out, bytes, n, limits, err)
                                                 : gf_torch_open_legacy(out, bytes, n, limits, err);
    if (status != GRAFT_OK) gf_torch_close(out);
    return status;
}
