/* fetch_data.c - archives of images by name or address. */
#include "api/fetch.h"

#include "archive/archive.h"
#include "base/io.h"
#include "base/sys.h"
#include "fetch/any_address.h"

#include <string.h>

static graft_status unknown(const gf_catalogue *c, const char *name, graft_error *err)
{
    gf_text known = {0};
    for (size_t i = 0; i < c->n_data; i++) gf_text_printf(&known, "%s%s", i ? ", " : "", c->data[i].name);
    graft_status status = gf_fail(err, GF_E_OPTION_VALUE, "an address (https://...) may be given as well",
                                  "%s: not the name of data: %s are", GF_ESC(name), known.s ? known.s : "none");
    gf_text_free(&known);
    return status;
}

/* Writes the member to that file, unless one of its size is there. */
static graft_status take_out(const gf_archive *a, const char *member, const char *to, graft_error *err)
{
    enum { MOST = 1 << 30 };
    gf_archive_entry e;
    struct stat st;
    int failed = 0;
    if (!gf_archive_find(a, member, &e) || e.is_folder || e.size > MOST) {
        return gf_fail(err, GF_E_ARCHIVE_DAMAGED, NULL, "%s: is not in the archive that was fetched", GF_ESC(member));
    }
    if (!gf_sys_stat(to, &st) && S_ISREG(st.st_mode) && (uint64_t)st.st_size == e.size) return GRAFT_OK;
    uint8_t *bytes = gf_alloc_raw((size_t)e.size + 1, 1);
    if (!bytes) return gf_fail_memory(err, (size_t)e.size, member);
    graft_status status = gf_archive_read(a, e.member, bytes, (size_t)e.size, &failed, err);
    if (status == GRAFT_OK && failed) status = gf_fail_errno(err, GF_E_IO_READ, failed, "cannot be read", member);
    if (status == GRAFT_OK) status = gf_file_write(to, &(gf_bytes){bytes, (size_t)e.size}, 1, err);
    gf_free(bytes);
    return status;
}

/* Where the images lie in an archive within the one that came: unpacks it beside that one; *path becomes its own. */
static graft_status inner(const gf_weights_entry *e, char **path, graft_error *err)
{
    if (!e->member) return GRAFT_OK;
    gf_archive *a;
    const char *slash = strrchr(e->member, '/'), *end = strrchr(*path, '/');
    char *to = gf_sprintf("%.*s/%s", (int)(end - *path), *path, slash ? slash + 1 : e->member);
    if (!to) return gf_fail_memory(err, strlen(*path), "a file name");
    graft_status status = gf_archive_open(&a, *path, NULL, err);
    if (status == GRAFT_OK) {
        status = take_out(a, e->member, to, err);
        gf_archive_close(a);
    }
    if (status == GRAFT_OK) {
        gf_free(*path);
        *path = to;
    } else {
        gf_free(to);
    }
    return status;
}

static graft_status fetch(graft_context *c, const gf_weights_entry *e, const char *from, graft_result **out,
                          graft_error *err)
{
    gf_fetched got = {0};
    graft_status status = gf_api_fetch(c, e, "data", from, &got, err);
    if (status == GRAFT_OK && !e->sha256 && !e->md5 && got.transferred) {
        gf_log_say(&c->log, GF_WARNING,
                   "%s: nobody published a digest of it, so that what came is not verified; its SHA-256 is %s, which "
                   "later uses are compared with",
                   GF_ESC(e->name), got.sha256);
    }
    if (status == GRAFT_OK) status = inner(e, &got.path, err);
    if (status == GRAFT_OK) {
        gf_json *j = gf_json_object();
        gf_json_set(j, "name", gf_json_string(e->name));
        gf_json_set(j, "source", gf_json_string(e->source));
        gf_json_set(j, "licence", gf_json_string(e->licence));
        status = gf_api_fetched(out, j, &got, err);
    }
    gf_free(got.path);
    return status;
}

/* A digest that the user has goes before what is known. */
static graft_status fetch_named(graft_context *c, const char *name, const char *sha256, const char *from,
                                graft_result **out, graft_error *err)
{
    gf_catalogue *all;
    char digest[65];
    GF_TRY(gf_api_catalogue(&all, err));
    const gf_weights_entry *known = gf_catalogue_find_data(all, name);
    graft_status status = known ? GRAFT_OK : unknown(all, name, err);
    gf_weights_entry e = known ? *known : (gf_weights_entry){0};
    if (status == GRAFT_OK && sha256) {
        status = gf_sha256_read(digest, sha256, err);
        e.sha256 = digest;
    }
    if (status == GRAFT_OK) status = fetch(c, &e, from, out, err);
    gf_catalogue_destroy(all);
    return status;
}

graft_status graft_fetch_data(graft_context *context, const char *what, const char *sha256, const char *from,
                              graft_result **out, graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(context, "context");
    GF_NEEDS(what, "what");
    if (!strstr(what, "://")) return fetch_named(context, what, sha256, from, out, err);
    gf_any_address a;
    graft_status status = gf_any_address_make(&a, what, sha256, err);
    if (status == GRAFT_OK) status = fetch(context, &a.entry, from, out, err);
    gf_any_address_free(&a);
    return status;
}
