/* The form of PyTorch before 1.6: pickles of a magic number, a protocol number, facts of the system, the object and the
 * storages' keys, then for each key the number of elements (8 bytes) and the elements. */
#include "base/alloc.h"
#include "formats/torch_container.h"

#include <stdlib.h>
#include <string.h>

/* LONG1 of ten bytes: 0x1950a86a20f9469cfc6c, STOP; before it PROTO and, of newer protocols, FRAME. */
static const uint8_t magic[] = {0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.'};
enum { DEFAULT_PICKLE = 64 << 20, PROTOCOL = 1001 };

typedef struct legacy {
    gf_torch *t;
    const uint8_t *at, *end;
    size_t max_pickle;
    gf_torch_storage *storage; /* sorted by key */
    const uint8_t **bytes;     /* of each; NULL: not come to yet */
    size_t n;
    graft_error *err;
} legacy;

#define FAIL(l, number, hint, ...) gf_fail((l)->err, GF_E_##number, hint, __VA_ARGS__)

/* The length of the first pickle; 0: it is not that of torch.save. */
static size_t magic_bytes(const uint8_t *bytes, size_t n)
{
    enum { PROTO = 0x80, FRAME = 0x95, FRAME_BYTES = 9, OLDEST = 2, NEWEST = 5 };
    if (n < 3 || bytes[0] != PROTO || bytes[1] < OLDEST || bytes[1] > NEWEST) return 0;
    size_t at = bytes[2] == FRAME ? 2 + FRAME_BYTES : 2;
    return n >= at + sizeof magic && !memcmp(bytes + at, magic, sizeof magic) ? at + sizeof magic : 0;
}

bool gf_torch_looks_legacy(const uint8_t *bytes, size_t n) { return magic_bytes(bytes, n) > 0; }

static graft_status next_pickle(legacy *l, gf_pickle *p)
{
    size_t left = (size_t)(l->end - l->at), used;
    GF_TRY(gf_pickle_run(p, l->at, left < l->max_pickle ? left : l->max_pickle, l->t->path, &used, l->err));
    l->at += used;
    return GRAFT_OK;
}

/* ---- the facts of the system ---- */

static bool is_little(const gf_pickle *p)
{
    const gf_pickle_node *root = &p->node[p->root];
    if (root->kind != GF_PICKLE_DICT) return false;
    for (size_t i = 0; i + 1 < root->n; i += 2) {
        const gf_pickle_node *value = gf_pickle_item(p, root, i + 1);
        if (!gf_pickle_is_text(gf_pickle_item(p, root, i), "little_endian")) continue;
        return value->kind == GF_PICKLE_BOOL && value->value;
    }
    return false;
}

static graft_status read_head(legacy *l)
{
    gf_pickle p;
    GF_TRY(next_pickle(l, &p));
    bool known = p.node[p.root].kind == GF_PICKLE_INT && p.node[p.root].value == PROTOCOL;
    gf_pickle_free(&p);
    if (!known) return FAIL(l, TORCH_LAYOUT, NULL, "%s: of an unknown version of torch.save", GF_ESC(l->t->path));
    GF_TRY(next_pickle(l, &p));
    bool little = is_little(&p);
    gf_pickle_free(&p);
    if (little) return GRAFT_OK;
    return FAIL(l, TORCH_LAYOUT, "load and save it once on a little-endian machine",
                "%s: its byte order is not `little`", GF_ESC(l->t->path));
}

/* ---- storages ---- */

static int compare_keys(const void *a, const void *b)
{
    const gf_torch_storage *x = a, *y = b;
    int c = memcmp(x->key, y->key, x->key_bytes < y->key_bytes ? x->key_bytes : y->key_bytes);
    return c ? c : (x->key_bytes > y->key_bytes) - (x->key_bytes < y->key_bytes);
}

/* All that the object mentions, also beside the state dict: each stands in the file. */
static graft_status list_storages(legacy *l, const gf_pickle *p)
{
    size_t mentions = 0;
    for (size_t i = 0; i < p->n; i++) mentions += p->node[i].kind == GF_PICKLE_STORAGE;
    l->storage = gf_new_n(mentions, gf_torch_storage);
    l->bytes = gf_new_n(mentions, const uint8_t *);
    if (!l->storage || !l->bytes) return gf_fail_memory(l->err, mentions * sizeof *l->storage, l->t->path);
    for (size_t i = 0; i < p->n; i++) {
        if (p->node[i].kind != GF_PICKLE_STORAGE) continue;
        if (!gf_torch_storage_facts(p, &p->node[i], &l->storage[l->n++])) {
            return FAIL(l, TORCH_STORAGE, NULL, "%s: a storage without a proper key or size", GF_ESC(l->t->path));
        }
    }
    if (!mentions) return GRAFT_OK;
    qsort(l->storage, l->n, sizeof *l->storage, compare_keys);
    size_t kept = 1;
    for (size_t i = 1; i < l->n; i++) {
        const gf_torch_storage *last = &l->storage[kept - 1], *s = &l->storage[i];
        if (compare_keys(last, s)) {
            l->storage[kept++] = *s;
        } else if (last->dtype != s->dtype || last->size != s->size || last->count != s->count) {
            return FAIL(l, TORCH_STORAGE, NULL, "%s: a storage has two types or sizes", GF_ESC(l->t->path));
        }
    }
    l->n = kept;
    return GRAFT_OK;
}

/* NULL: no such storage. */
static const gf_torch_storage *find_storage(const legacy *l, const char *key, size_t bytes)
{
    gf_torch_storage wanted = {.key = key, .key_bytes = bytes};
    return l->n ? bsearch(&wanted, l->storage, l->n, sizeof wanted, compare_keys) : NULL;
}

static graft_status place_storage(legacy *l, const gf_pickle_node *key)
{
    const gf_torch_storage *s = key->kind == GF_PICKLE_TEXT ? find_storage(l, key->text, key->n) : NULL;
    if (!s || l->bytes[s - l->storage]) {
        return FAIL(l, TORCH_STORAGE, NULL, "%s: a storage that no tensor uses, or twice the same", GF_ESC(l->t->path));
    }
    uint64_t count;
    size_t left = (size_t)(l->end - l->at);
    if (left >= sizeof count) memcpy(&count, l->at, sizeof count);
    if (left < sizeof count || count != s->count || s->count > (left - sizeof count) / s->size) {
        return FAIL(l, TORCH_STORAGE, "is the file cut short? fetch it again",
                    "%s: a storage of %zu elements is not there, %zu bytes are left", GF_ESC(l->t->path), s->count,
                    left);
    }
    l->bytes[s - l->storage] = l->at + sizeof count;
    l->at += sizeof count + s->count * s->size;
    return GRAFT_OK;
}

static graft_status place_storages(legacy *l)
{
    gf_pickle keys;
    GF_TRY(next_pickle(l, &keys));
    const gf_pickle_node *list = &keys.node[keys.root];
    graft_status status = GRAFT_OK;
    if (list->kind != GF_PICKLE_LIST) {
        status = FAIL(l, TORCH_LAYOUT, NULL, "%s: its list of storages is none", GF_ESC(l->t->path));
    }
    for (size_t i = 0; i < list->n && status == GRAFT_OK; i++) {
        status = place_storage(l, gf_pickle_item(&keys, list, i));
    }
    gf_pickle_free(&keys);
    if (status == GRAFT_OK && l->at != l->end) {
        status = FAIL(l, TORCH_STORAGE, NULL, "%s: %zu bytes follow its last storage", GF_ESC(l->t->path),
                      (size_t)(l->end - l->at));
    }
    return status;
}

static graft_status bind_tensors(legacy *l)
{
    for (size_t i = 0; i < l->t->n; i++) {
        gf_torch_tensor *t = &l->t->tensor[i];
        const gf_torch_storage *s = find_storage(l, t->key, strlen(t->key));
        t->legacy = s ? l->bytes[s - l->storage] : NULL;
        if (t->legacy) continue;
        return FAIL(l, TORCH_STORAGE, "is the file cut short? fetch it again",
                    "%s: tensor `%s`: its storage is not in the file", GF_ESC(l->t->path), GF_ESC(t->name));
    }
    return GRAFT_OK;
}

graft_status gf_torch_open_legacy(gf_torch *t, const uint8_t *bytes, size_t n, const gf_torch_limits *limits,
                                  graft_error *err)
{
    legacy l = {.t = t, .at = bytes + magic_bytes(bytes, n), .end = bytes + n, .err = err};
    gf_pickle object;
    l.max_pickle = limits && limits->max_pickle ? limits->max_pickle : DEFAULT_PICKLE;
    if (!gf_torch_looks_legacy(bytes, n)) {
        return FAIL(&l, TORCH_LAYOUT, NULL, "%s: not a file of torch.save", GF_ESC(t->path));
    }
    GF_TRY(read_head(&l));
    GF_TRY(next_pickle(&l, &object)); /* its texts point into the file, not into it */
    graft_status status = gf_torch_read_object(t, &object, limits, err);
    if (status == GRAFT_OK) status = list_storages(&l, &object);
    gf_pickle_free(&object);
    if (status == GRAFT_OK) status = place_storages(&l);
    if (status == GRAFT_OK) status = bind_tensors(&l);
    gf_free(l.storage);
    gf_free(l.bytes);
    return status;
}
