/* The header is written twice: first with a row count of 0, at the end with the right one. It is of one length for
 * any count, so the rows never move. */
#include "formats/npy.h"

#include "base/alloc.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct gf_npy {
    char *path, *tmp;
    int fd;
    bool made;      /* tmp exists, and is ours to take away */
    gf_shape shape; /* dim[0]: rows so far */
    size_t row;     /* floats per row */
    uint64_t at;    /* bytes written */
};

void gf_npy_header(const gf_shape *shape, char out[GF_NPY_HEADER])
{
    static const char magic[8] = {'\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0};
    char text[GF_NPY_HEADER];
    size_t begin = sizeof magic + 2, length = GF_NPY_HEADER - begin;
    int n =
        snprintf(text, sizeof text, "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }", GF_SHAPE_TEXT(shape));
    memset(out, ' ', GF_NPY_HEADER);
    memcpy(out, magic, sizeof magic);
    out[8] = (char)(length & 255);
    out[9] = (char)(length >> 8);
    memcpy(out + begin, text, (size_t)n);
    out[GF_NPY_HEADER - 1] = '\n';
}

static int write_at(gf_npy *npy, const void *data, size_t n, uint64_t at)
{
    const char *p = data;
    while (n) {
        ssize_t put = gf_sys_pwrite(npy->fd, p, n, (off_t)at);
        if (put < 0 && errno == EINTR) continue;
        if (put == 0) errno = ENOSPC;
        if (put <= 0) return -1;
        p += put;
        at += (uint64_t)put;
        n -= (size_t)put;
    }
    return 0;
}

static graft_status write_header(gf_npy *npy, graft_error *err)
{
    char header[GF_NPY_HEADER];
    gf_npy_header(&npy->shape, header);
    if (write_at(npy, header, sizeof header, 0)) {
        return gf_fail_errno(err, GF_E_IO_WRITE, errno, "cannot be written", npy->tmp);
    }
    return GRAFT_OK;
}

graft_status gf_npy_create(gf_npy **out, const char *path, const gf_shape *row, graft_error *err)
{
    *out = NULL;
    size_t count;
    if (row->rank >= GF_MAX_RANK || !gf_shape_count(row, &count)) {
        return gf_fail(err, GF_E_USAGE, NULL, "rows of shape %s cannot be written", GF_SHAPE_TEXT(row));
    }
    gf_npy *npy = gf_new(gf_npy);
    if (!npy) return gf_fail_memory(err, sizeof *npy, path);
    *npy = (gf_npy){gf_strdup(path), gf_sprintf("%s.tmp", path), -1, false, {row->rank + 1, {0}}, count, GF_NPY_HEADER};
    for (int i = 0; i < row->rank; i++) npy->shape.dim[i + 1] = row->dim[i];
    graft_status status = npy->path && npy->tmp ? GRAFT_OK : gf_fail_memory(err, strlen(path), "a file name");
    if (status == GRAFT_OK) {
        npy->fd = gf_sys_open(npy->tmp, O_WRONLY | O_CREAT | O_TRUNC, 0666);
        npy->made = npy->fd >= 0;
        if (npy->fd < 0) status = gf_fail_errno(err, GF_E_IO_WRITE, errno, "cannot be created", npy->tmp);
    }
    if (status == GRAFT_OK) status = write_header(npy, err);
    if (status == GRAFT_OK) {
        *out = npy;
    } else {
        gf_npy_abort(npy);
    }
    return status;
}

graft_status gf_npy_add(gf_npy *npy, const float *data, size_t rows, graft_error *err)
{
    size_t bytes = rows * npy->row * sizeof *data;
    if (write_at(npy, data, bytes, npy->at)) {
        return gf_fail_errno(err, GF_E_IO_WRITE, errno, "cannot be written", npy->tmp);
    }
    npy->at += bytes;
    npy->shape.dim[0] += (int64_t)rows;
    return GRAFT_OK;
}

static void free_npy(gf_npy *npy)
{
    gf_free(npy->path);
    gf_free(npy->tmp);
    gf_free(npy);
}

graft_status gf_npy_finish(gf_npy *npy, graft_error *err)
{
    graft_status status = write_header(npy, err);
    if (status == GRAFT_OK && gf_sys_fsync(npy->fd)) {
        status = gf_fail_errno(err, GF_E_IO_WRITE, errno, "cannot be synced", npy->tmp);
    }
    if (status != GRAFT_OK) {
        gf_npy_abort(npy);
        return status;
    }
    int failed = gf_sys_close(npy->fd);
    npy->fd = -1;
    if (failed || gf_sys_rename(npy->tmp, npy->path)) {
        status = gf_fail_errno(err, GF_E_IO_WRITE, errno, "cannot be written", npy->path);
        gf_npy_abort(npy);
        return status;
    }
    free_npy(npy);
    return GRAFT_OK;
}

void gf_npy_abort(gf_npy *npy)
{
    if (!npy) return;
    if (npy->fd >= 0) gf_sys_close(npy->fd);
    if (npy->made) gf_sys_unlink(npy->tmp);
    free_npy(npy);
}
