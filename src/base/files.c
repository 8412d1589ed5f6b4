#include "base/files.h"

#include "base/alloc.h"
#include "base/io.h"

#include <string.h>

graft_status gf_files_add(gf_files *files, const char *name, const void *bytes, size_t n, graft_error *err)
{
    gf_kept_file f = {gf_strdup(name), gf_alloc_raw(n + 1, 1), n};
    if (!f.name || !f.bytes || !gf_grow(&files->item, files->n, &files->cap)) {
        gf_free(f.name);
        gf_free(f.bytes);
        return gf_fail_memory(err, n, name);
    }
    if (n) memcpy(f.bytes, bytes, n);
    f.bytes[n] = 0;
    files->item[files->n++] = f;
    return GRAFT_OK;
}

graft_status gf_files_read(gf_files *files, const char *name, const char *path, size_t limit, graft_error *err)
{
    uint8_t *bytes = NULL;
    size_t n;
    GF_TRY(gf_file_read(path, limit, &bytes, &n, err));
    graft_status status = gf_files_add(files, name, bytes, n, err);
    gf_free(bytes);
    return status;
}

const gf_kept_file *gf_files_find(const gf_files *files, const char *name)
{
    for (size_t i = 0; i < files->n && name; i++) {
        if (!strcmp(files->item[i].name, name)) return &files->item[i];
    }
    return NULL;
}

void gf_files_free(gf_files *files)
{
    for (size_t i = 0; i < files->n; i++) {
        gf_free(files->item[i].name);
        gf_free(files->item[i].bytes);
    }
    gf_free(files->item);
    *files = (gf_files){0};
}
