/* onnx_external.c - tensors that lie in files beside the model. A name is one part of a path, in the model's own
 * folder, and what it names is a regular file: it is opened without following a link. */
#include "base/alloc.h"
#include "base/sys.h"
#include "formats/onnx.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

typedef struct beside {
    gf_onnx *o;
    const char *folder, *name;
    size_t left; /* bytes that may still be read */
    graft_error *err;
} beside;

static graft_status refuse(const beside *b, const gf_onnx_tensor *t, const char *why)
{
    return gf_fail(b->err, GF_E_ONNX_EXTERNAL, "files of tensors lie beside the model, under plain names",
                   "%s: tensor %s lies in %s: %s", GF_ESC(b->name), GF_ESC(t->name), GF_ESC(t->location), why);
}

static bool plain(const char *s) { return *s && strcmp(s, ".") && strcmp(s, "..") && !strpbrk(s, "/\\"); }

static bool read_at(int fd, uint8_t *to, size_t n, uint64_t offset)
{
    for (size_t at = 0; at < n;) {
        ssize_t got = gf_sys_pread(fd, to + at, n - at, (off_t)(offset + at));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        at += (size_t)got;
    }
    return true;
}

static graft_status read_open(beside *b, gf_onnx_tensor *t, int fd)
{
    struct stat st;
    if (gf_sys_fstat(fd, &st)) return refuse(b, t, "cannot be examined");
    if (!S_ISREG(st.st_mode)) return refuse(b, t, "not a regular file");
    uint64_t size = (uint64_t)st.st_size;
    if (t->offset > size || t->bytes > size - t->offset) return refuse(b, t, "that file is too short for it");
    if (t->bytes > b->left) return refuse(b, t, "more bytes than are allowed");
    uint8_t *data = gf_onnx_alloc(b->o, t->bytes, 1);
    if (!data) return gf_fail_memory(b->err, t->bytes, b->name);
    if (!read_at(fd, data, t->bytes, t->offset)) return refuse(b, t, "cannot be read");
    t->data = data;
    b->left -= t->bytes;
    return GRAFT_OK;
}

static graft_status load(beside *b, gf_onnx_tensor *t)
{
    if (t->data) return GRAFT_OK;
    if (!plain(t->location)) return refuse(b, t, "not a plain name");
    char *path = gf_path_join(b->folder, t->location);
    if (!path) return gf_fail_memory(b->err, strlen(b->folder), b->name);
    int fd = gf_sys_open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0);
    int error = errno;
    gf_free(path);
    if (fd < 0) return refuse(b, t, error == ELOOP ? "a link" : error == ENOENT ? "no such file" : "cannot be opened");
    graft_status status = read_open(b, t, fd);
    gf_sys_close(fd);
    return status;
}

graft_status gf_onnx_load_external(gf_onnx *o, const char *folder, const char *name, const gf_onnx_limits *limits,
                                   graft_error *err)
{
    beside b = {o, folder, name, limits && limits->max_file ? limits->max_file : (size_t)4 << 30, err};
    for (size_t i = 0; i < o->n_tensors; i++) GF_TRY(load(&b, &o->tensor[i]));
    for (size_t i = 0; i < o->n_nodes; i++) {
        gf_onnx_node *n = &o->node[i];
        for (size_t k = 0; k < n->n_attrs; k++) {
            if (n->attr[k].t) GF_TRY(load(&b, n->attr[k].t));
        }
    }
    return GRAFT_OK;
}
