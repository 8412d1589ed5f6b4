/* fetch.c - weights by name: the catalogue, the cache, and the room that fetches. */
#include "api/fetch.h"

#include "base/io.h"
#include "base/sys.h"

#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the catalogue */

static const char *setting(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* Beside libgraft (or the program it is part of): ../share in an installation, ../../share where libraries lie in a
 * folder of their machine's name, share in a build folder. NULL: nowhere, or no memory. */
static char *catalogue_beside(const char *program)
{
    static const char *const places[] = {"../share/graft", "../../share/graft", "share/graft"};
    const char *slash = strrchr(program, '/');
    char *folder = slash ? gf_strndup(program, (size_t)(slash - program)) : gf_strdup(".");
    char *path = NULL;
    for (size_t i = 0; folder && !path && i < sizeof places / sizeof *places; i++) {
        path = gf_sprintf("%s/%s/catalogue.json", folder, places[i]);
        if (path && !gf_is_file(path)) {
            gf_free(path);
            path = NULL;
        }
    }
    gf_free(folder);
    return path;
}

/* Where this code is: libgraft's file, or that of a program linked with libgraft.a, whose name as it was started may
 * be no path. */
static char *own_file(void)
{
    Dl_info here = {0};
    char program[4096];
    if (dladdr((void *)(uintptr_t)graft_fetch, &here) && here.dli_fname && here.dli_fname[0] == '/') {
        return gf_strdup(here.dli_fname);
    }
    ssize_t n = readlink("/proc/self/exe", program, sizeof program);
    return n > 0 && (size_t)n < sizeof program ? gf_strndup(program, (size_t)n) : NULL;
}

static graft_status catalogue_path(char **path, graft_error *err)
{
    const char *named = setting("GRAFT_CATALOGUE");
    char *own = named ? NULL : own_file();
    *path = named ? gf_strdup(named) : own ? catalogue_beside(own) : NULL;
    gf_free(own);
    if (*path) return GRAFT_OK;
    return gf_fail(err, GF_E_FETCH_CATALOGUE, "GRAFT_CATALOGUE=FILE names it",
                   "share/graft/catalogue.json is not where graft was installed");
}

graft_status gf_api_catalogue(gf_catalogue **out, graft_error *err)
{
    enum { LARGEST = 16 << 20 };
    char *path = NULL;
    uint8_t *text = NULL;
    size_t n = 0;
    *out = NULL;
    GF_TRY(catalogue_path(&path, err));
    graft_status status = gf_file_read(path, LARGEST, &text, &n, err);
    if (status == GRAFT_OK) status = gf_catalogue_parse(out, text, n, path, err);
    gf_free(text);
    gf_free(path);
    return status;
}

static graft_status unknown_name(const char *name, const char *architecture, graft_error *err)
{
    return gf_fail(err, GF_E_OPTION_VALUE, "`graft fetch --list` lists them; a file's path may be given as well",
                   "%s: neither a file nor the name of weights%s%s", GF_ESC(name), architecture ? " for " : "",
                   architecture ? GF_ESC(architecture) : "");
}

/* By its own name; or, of an architecture's name, its ImageNet weights. */
static const gf_weights_entry *entry_named(const gf_catalogue *c, const char *name)
{
    const gf_weights_entry *e = gf_catalogue_find(c, name);
    return e ? e : gf_catalogue_choose(c, "imagenet", &(gf_weights_use){.architecture = name, .alpha = 1});
}

/* ---- the cache */

/* gf_free *path. */
static graft_status cache_path(char **path, const char *kind, graft_error *err)
{
    const char *cache = setting("XDG_CACHE_HOME"), *home = setting("HOME");
    if (!cache && !home) {
        return gf_fail(err, GF_E_OPTION_VALUE, "set HOME or XDG_CACHE_HOME", "there is no folder to keep %s in", kind);
    }
    *path = cache ? gf_sprintf("%s/graft/%s", cache, kind) : gf_sprintf("%s/.cache/graft/%s", home, kind);
    return *path ? GRAFT_OK : gf_fail_memory(err, 0, "a file name");
}

/* ---- fetching */

typedef struct watcher {
    graft_context *context;
    double begun, told; /* seconds */
    int64_t first;      /* bytes that were there at the start; -1: not known yet */
} watcher;

static void on_progress(void *ctx, int64_t done, int64_t total)
{
    static const double often = 0.05;
    watcher *w = ctx;
    double now = gf_sys_seconds();
    if (w->first < 0) w->first = done;
    if (now - w->told < often && done < total) return;
    w->told = now;
    double rate = (double)(done - w->first) / (now - w->begun + 1e-9);
    graft_progress p = gf_api_progress(GRAFT_STAGE_FETCH, done, total);
    if (rate > 0) p.seconds_left = (double)(total - done) / rate;
    gf_api_show(w->context, &p);
}

static graft_status on_stop(void *ctx)
{
    const watcher *w = ctx;
    return gf_api_ask(w->context);
}

/* The certificates to trust: those that are named; NULL: libcurl's own place, if it is there (a library that was
 * brought along may have been built on another Linux), else where others keep them. */
static const char *certificates(void)
{
    static const char *const places[] = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                         "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};
    const char *named = setting("SSL_CERT_FILE");
    if (named || gf_is_file(places[0])) return named;
    for (size_t i = 1; i < sizeof places / sizeof *places; i++) {
        if (gf_is_file(places[i])) return places[i];
    }
    return NULL;
}

static bool environment_has_proxy(void)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (setting(names[i])) return true;
    }
    return false;
}

graft_status gf_api_fetch(graft_context *c, const gf_weights_entry *e, const char *kind, const char *from,
                          gf_fetched *out, graft_error *err)
{
    char *cache = NULL;
    gf_fetch_options o;
    watcher w = {.context = c, .begun = gf_sys_seconds(), .first = -1};
    const char *offline = setting("GRAFT_OFFLINE");
    gf_fetch_defaults(&o);
    GF_TRY(cache_path(&cache, kind, err));
    o.cache = cache;
    o.from = from;
    o.offline = offline && strcmp(offline, "0");
    o.proxied = environment_has_proxy();
    o.ca_file = certificates();
    o.log = &c->log;
    o.progress = on_progress;
    o.should_stop = on_stop;
    o.ctx = &w;
    graft_status status = gf_fetch(e, &o, out, err);
    bool stopped = status == GRAFT_INTERRUPTED || status == GRAFT_TERMINATED;
    if (stopped && err && err->status != status) {
        *err = (graft_error){.status = status, .message = "stopped before the file was looked through"};
    }
    gf_free(cache);
    return status;
}

graft_status gf_api_fetched(graft_result **out, gf_json *j, const gf_fetched *got, graft_error *err)
{
    gf_json_set(j, "path", gf_json_string(got->path));
    gf_json_set(j, "size", gf_json_int(got->size));
    gf_json_set(j, "sha256", gf_json_string(got->sha256));
    gf_json_set(j, "checked", gf_json_string(got->checked));
    gf_json_set(j, "transferred", gf_json_int(got->transferred));
    char *text = gf_strdup(got->path);
    if (text) return gf_result_create(out, j, text, err);
    gf_json_free(j);
    return gf_fail_memory(err, strlen(got->path), "a result");
}

static void describe(gf_json *j, const gf_weights_entry *e)
{
    gf_json_set(j, "name", gf_json_string(e->name));
    gf_json_set(j, "architecture", gf_json_string(e->architecture));
    gf_json_set(j, "set", gf_json_string(e->set));
    gf_json_set(j, "source", gf_json_string(e->source));
    gf_json_set(j, "preprocess", gf_json_string(e->preprocessing));
    gf_json_set(j, "licence", gf_json_string(e->licence));
    gf_json_set(j, "file", gf_json_string(e->file));
    gf_json_set(j, "top", gf_json_bool(e->top));
}

graft_status graft_fetch(graft_context *context, const char *name, const char *from, graft_result **out,
                         graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(context, "context");
    GF_NEEDS(name, "name");
    gf_catalogue *c = NULL;
    gf_fetched got = {0};
    GF_TRY(gf_api_catalogue(&c, err));
    const gf_weights_entry *e = entry_named(c, name);
    graft_status status = e ? gf_api_fetch(context, e, "weights", from, &got, err) : unknown_name(name, NULL, err);
    if (status == GRAFT_OK) {
        gf_json *j = gf_json_object();
        describe(j, e);
        status = gf_api_fetched(out, j, &got, err);
    }
    gf_free(got.path);
    gf_catalogue_destroy(c);
    return status;
}

/* A row of the list, for people and for programs. */
static void list_one(gf_json *list, gf_text *text, const gf_weights_entry *e, bool data, const char *cache)
{
    bool here = cache && gf_fetch_is_cached(e, cache);
    gf_json *j = gf_json_object();
    describe(j, e);
    gf_json_set(j, "size", gf_json_int(e->size_most));
    gf_json_set(j, "checked", gf_json_string(gf_fetch_checked_by(e)));
    gf_json_set(j, "cached", gf_json_bool(here));
    gf_json_add(list, j);
    gf_text_printf(text, "%-28s %-24s %-14s %8.1f  %-12s %-24s %s\n", e->name,
                   data              ? "(data)"
                   : e->architecture ? e->architecture
                                     : "-",
                   e->source, 1e-6 * (double)e->size_most, e->licence, gf_fetch_checked_by(e), here ? "yes" : "");
}

static gf_json *list_all(gf_text *text, const gf_weights_entry *item, size_t n, const char *kind)
{
    char *cache = NULL;
    if (cache_path(&cache, kind, NULL) != GRAFT_OK) cache = NULL; /* then nothing is there */
    gf_json *list = gf_json_array();
    for (size_t i = 0; i < n; i++) list_one(list, text, &item[i], !strcmp(kind, "data"), cache);
    gf_free(cache);
    return list;
}

graft_status graft_fetch_list(graft_context *context, graft_result **out, graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(context, "context");
    gf_catalogue *c = NULL;
    gf_text text = {0};
    GF_TRY(gf_api_catalogue(&c, err));
    gf_text_printf(&text, "%-28s %-24s %-14s %8s  %-12s %-24s %s\n", "name", "architecture", "source", "MB", "licence",
                   "checked by", "here");
    gf_json *document = gf_json_object();
    gf_json_set(document, "weights", list_all(&text, c->item, c->n, "weights"));
    gf_json_set(document, "data", list_all(&text, c->data, c->n_data, "data"));
    gf_catalogue_destroy(c);
    if (!text.failed) return gf_result_create(out, document, text.s, err);
    gf_text_free(&text);
    gf_json_free(document);
    return gf_fail_memory(err, 0, "a list");
}

/* ---- for a model */

static graft_status entry_for(const gf_catalogue *c, const char *name, const gf_weights_use *use,
                              const gf_weights_entry **out, graft_error *err)
{
    const gf_weights_entry *e = gf_catalogue_find(c, name);
    *out = e ? e : gf_catalogue_choose(c, name, use);
    if (!*out) return unknown_name(name, use->architecture, err);
    if (!e) return GRAFT_OK;
    if (!e->architecture || strcmp(e->architecture, use->architecture)) {
        return gf_fail(err, GF_E_OPTION_VALUE, "`graft fetch --list` tells of which architecture weights are",
                       "%s: weights of %s, the model is %s", GF_ESC(name),
                       e->architecture ? e->architecture : "a network of their own", GF_ESC(use->architecture));
    }
    if (use->top && !e->top) {
        return gf_fail(err, GF_E_OPTION_VALUE, "such as NAME-top, or imagenet",
                       "%s: these weights have no classifier, which is to be kept", GF_ESC(name));
    }
    return GRAFT_OK;
}

/* A name that ends as files of weights do is one, even where it is not there: then that is what is told. */
static bool is_file_name(const char *weights)
{
    static const char *const endings[] = {".h5", ".hdf5", ".keras", ".pth", ".pt", ".safetensors", ".npz", ".onnx"};
    size_t n = strlen(weights);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t e = strlen(endings[i]);
        if (n > e && !strcmp(weights + n - e, endings[i])) return true;
    }
    return strchr(weights, '/') || gf_is_file(weights);
}

graft_status gf_api_weights_path(graft_context *context, const char *weights, const gf_weights_use *use, char **path,
                                 graft_error *err)
{
    gf_catalogue *c = NULL;
    const gf_weights_entry *e = NULL;
    gf_fetched got = {0};
    if (is_file_name(weights)) {
        *path = gf_strdup(weights);
        return *path ? GRAFT_OK : gf_fail_memory(err, strlen(weights), "a file name");
    }
    *path = NULL;
    GF_TRY(gf_api_catalogue(&c, err));
    graft_status status = entry_for(c, weights, use, &e, err);
    if (status == GRAFT_OK) status = gf_api_fetch(context, e, "weights", NULL, &got, err);
    if (status == GRAFT_OK) *path = got.path;
    gf_catalogue_destroy(c);
    return status;
}
