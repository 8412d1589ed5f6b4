/* reads.c - what a model was read from is not written over. */
#include "api/internal.h"

#include "base/alloc.h"
#include "base/io.h"
#include "base/sys.h"
#include "train/folder.h"

#include <string.h>

graft_status gf_api_reads(graft_model *m, const char *path, graft_error *err)
{
    return path ? gf_names_add(&m->reads, path, err) : GRAFT_OK;
}

static bool same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static graft_status check_against(const char *const *path, size_t n, const char *out, graft_error *err)
{
    struct stat st, at;
    if (gf_sys_stat(out, &at)) return GRAFT_OK;
    for (size_t i = 0; i < n; i++) {
        if (gf_sys_stat(path[i], &st) || !same(&st, &at)) continue;
        return gf_fail(err, GF_E_OUT_EXISTS, "give another name", "%s: is %s, which is read here: not written over",
                       GF_ESC(out), GF_ESC(path[i]));
    }
    return GRAFT_OK;
}

graft_status gf_api_check_apart(const char *const *path, size_t n, const char *out, graft_error *err)
{
    GF_TRY(gf_folder_check_out(out, err));
    return check_against(path, n, out, err);
}

graft_status gf_api_check_out(const graft_model *m, const char *const *more, size_t n_more, const char *out,
                              graft_error *err)
{
    GF_TRY(gf_folder_check_out(out, err));
    GF_TRY(check_against((const char *const *)m->reads.item, m->reads.n, out, err));
    return check_against(more, n_more, out, err);
}

/* The folder that a file lies in, and the one above. */
static bool lies_in(const char *path, const struct stat *dir)
{
    static const char *const up[] = {"", "/..", "/../.."};
    const char *slash = strrchr(path, '/');
    size_t n = gf_is_dir(path) ? strlen(path) : slash == path ? 1 : slash ? (size_t)(slash - path) : 0;
    for (size_t i = 0; i < sizeof up / sizeof *up; i++) {
        struct stat st;
        char *place = n ? gf_sprintf("%.*s%s", (int)n, path, up[i]) : gf_sprintf(".%s", up[i]);
        bool it = place && !gf_sys_stat(place, &st) && same(&st, dir);
        gf_free(place);
        if (it) return true;
    }
    return false;
}

graft_status gf_api_check_run_out(const graft_model *m, const char *out, graft_error *err)
{
    struct stat dir;
    if (gf_sys_stat(out, &dir)) return GRAFT_OK;
    for (size_t i = 0; i < m->reads.n; i++) {
        const char *path = m->reads.item[i];
        struct stat st;
        if (gf_sys_stat(path, &st) || !lies_in(path, &dir)) continue;
        return gf_fail(err, GF_E_OUT_EXISTS, "choose another --out", "%s: holds %s, which the model is read from",
                       GF_ESC(out), GF_ESC(path));
    }
    return GRAFT_OK;
}
