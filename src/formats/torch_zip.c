/* The zip form: FOLDER/data.pkl, FOLDER/data/KEY, FOLDER/byteorder. */
#include "base/alloc.h"
#include "formats/torch_container.h"

#include <string.h>

enum { DEFAULT_PICKLE = 64 << 20 };

#define FAIL(number, hint, ...) gf_fail(err, GF_E_##number, hint, __VA_ARGS__)

/* The folder that holds the only FOLDER/data.pkl, as the length of its name; 0: there is none, or there are two. */
static size_t find_folder(const gf_zip *zip, const char **name)
{
    static const char wanted[] = "/data.pkl";
    size_t found = 0;
    for (size_t i = 0; i < zip->n; i++) {
        const char *slash = strchr(zip->entry[i].name, '/');
        if (!slash || strcmp(slash, wanted)) continue;
        if (found) return 0;
        *name = zip->entry[i].name;
        found = (size_t)(slash - *name);
    }
    return found;
}

/* *entry: NULL where there is none. */
static graft_status find_entry(const gf_torch *t, const char *name, const gf_zip_entry **entry, graft_error *err)
{
    char *path = gf_sprintf("%s/%s", t->folder, name);
    if (!path) return gf_fail_memory(err, strlen(name), t->path);
    *entry = gf_zip_find(&t->zip, path);
    gf_free(path);
    return GRAFT_OK;
}

static graft_status check_kind(gf_torch *t, graft_error *err)
{
    const gf_zip_entry *script = NULL, *order = NULL;
    GF_TRY(find_entry(t, "constants.pkl", &script, err));
    if (script) {
        return FAIL(TORCH_LAYOUT, "in PyTorch: torch.save(torch.jit.load(FILE).state_dict(), 'weights.pth')",
                    "%s: a TorchScript program, not a state dict", GF_ESC(t->path));
    }
    GF_TRY(find_entry(t, "byteorder", &order, err));
    if (!order) return GRAFT_OK; /* PyTorch before 2.1 wrote none, and little-endian */
    gf_zip_bytes b;
    GF_TRY(gf_zip_read(&t->zip, order, 64, &b, err));
    bool little = b.n == 6 && !memcmp(b.data, "little", 6);
    gf_free(b.own);
    if (little) return GRAFT_OK;
    return FAIL(TORCH_LAYOUT, "load and save it once on a little-endian machine", "%s: its byte order is not `little`",
                GF_ESC(t->path));
}

static graft_status check_storage(const gf_torch *t, const gf_torch_tensor *tensor, graft_error *err)
{
    char name[16 + GF_TORCH_MAX_KEY] = "data/";
    const gf_zip_entry *entry = NULL;
    memcpy(name + 5, tensor->key, strlen(tensor->key) + 1);
    GF_TRY(find_entry(t, name, &entry, err));
    if (!entry) {
        return FAIL(TORCH_STORAGE, "fetch the file again", "%s: tensor `%s`: its storage `%s` is not in the archive",
                    GF_ESC(t->path), GF_ESC(tensor->name), GF_ESC(name));
    }
    if (entry->size == tensor->count * tensor->size) return GRAFT_OK;
    return FAIL(TORCH_STORAGE, "the file is damaged, or made to attack its reader",
                "%s: tensor `%s`: its storage has %zu bytes, %zu elements of %zu were promised", GF_ESC(t->path),
                GF_ESC(tensor->name), entry->size, tensor->count, tensor->size);
}

static graft_status read_pickle(gf_torch *t, const gf_torch_limits *limits, graft_error *err)
{
    const gf_zip_entry *entry = NULL;
    gf_zip_bytes b;
    gf_pickle p;
    size_t used;
    GF_TRY(find_entry(t, "data.pkl", &entry, err));
    GF_TRY(gf_zip_read(&t->zip, entry, limits && limits->max_pickle ? limits->max_pickle : DEFAULT_PICKLE, &b, err));
    graft_status status = gf_pickle_run(&p, b.data, b.n, t->path, &used, err);
    if (status == GRAFT_OK) {
        status = used == b.n ? gf_torch_read_object(t, &p, limits, err)
                             : FAIL(PICKLE_DAMAGED, NULL, "%s: %zu bytes follow the end of its pickle", GF_ESC(t->path),
                                    b.n - used);
        gf_pickle_free(&p);
    }
    gf_free(b.own);
    return status;
}

graft_status gf_torch_open_zip(gf_torch *t, const uint8_t *bytes, size_t n, const gf_torch_limits *limits,
                               graft_error *err)
{
    const char *first = NULL;
    GF_TRY(gf_zip_open(&t->zip, bytes, n, t->path, NULL, err));
    size_t length = find_folder(&t->zip, &first);
    if (!length) {
        return FAIL(TORCH_LAYOUT, NULL, "%s: a zip archive without one data.pkl: not PyTorch's", GF_ESC(t->path));
    }
    t->folder = gf_strndup(first, length);
    if (!t->folder) return gf_fail_memory(err, length, t->path);
    GF_TRY(check_kind(t, err));
    GF_TRY(read_pickle(t, limits, err));
    for (size_t i = 0; i < t->n; i++) GF_TRY(check_storage(t, &t->tensor[i], err));
    return GRAFT_OK;
}

bool gf_torch_looks(const uint8_t *bytes, size_t n)
{
    if (!gf_zip_looks(bytes, n)) return gf_torch_looks_legacy(bytes, n);
    gf_zip zip;
    const char *name;
    if (gf_zip_open(&zip, bytes, n, "", NULL, NULL) != GRAFT_OK) return false;
    bool looks = find_folder(&zip, &name) > 0;
    gf_zip_close(&zip);
    return looks;
}

/* ---- values ---- */

graft_status gf_torch_storage_of(gf_torch *t, const gf_torch_tensor *tensor, const uint8_t **bytes, graft_error *err)
{
    *bytes = tensor->legacy;
    if (tensor->legacy) return GRAFT_OK;
    char name[16 + GF_TORCH_MAX_KEY] = "data/";
    const gf_zip_entry *entry = NULL;
    memcpy(name + 5, tensor->key, strlen(tensor->key) + 1);
    GF_TRY(find_entry(t, name, &entry, err));
    if (entry != t->last) {
        graft_error why = {0};
        gf_free(t->bytes.own);
        t->last = NULL;
        graft_status status = gf_zip_read(&t->zip, entry, entry->stored ? entry->size : t->max_unpack, &t->bytes, &why);
        if (status == GRAFT_RESOURCE) return gf_fail_memory(err, entry->size, t->path);
        if (status != GRAFT_OK) {
            return gf_fail(err, (gf_errno)why.number, why.hint, "%s: tensor `%s` cannot be read: %s", GF_ESC(t->path),
                           GF_ESC(tensor->name), why.message);
        }
        t->last = entry;
    }
    *bytes = t->bytes.data;
    return GRAFT_OK;
}
