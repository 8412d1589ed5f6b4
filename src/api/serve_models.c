/* serve_models.c - the models of a server: opened, counted by who uses them, opened anew while the old ones serve. */
#include "api/serve.h"

#include <stdio.h>
#include <string.h>

static graft_status open_session(const graft_serve *s, gf_served *m, const char *run, graft_error *err)
{
    graft_model *model;
    GF_TRY(graft_run_open(s->context, run, &model, err));
    graft_status status = GRAFT_OK;
    if (gf_api_task(model).cls->keep)
        status = gf_fail(err, GF_E_OPTION_VALUE, NULL, "%s finds objects: classifiers are what is served", GF_ESC(run));
    if (status == GRAFT_OK) status = graft_session_open(model, s->settings, &m->session, err);
    graft_model_free(model);
    GF_TRY(status);
    m->classes = graft_session_classes(m->session);
    m->features = graft_session_values(m->session, "features");
    graft_session_size(m->session, &m->width, &m->height);
    if (graft_session_values(m->session, "probabilities") && m->features) return GRAFT_OK;
    return gf_fail(err, GF_E_OPTION_VALUE, NULL, "%s has no probabilities: classifiers are what is served",
                   GF_ESC(run));
}

static graft_status take_version(gf_served *m, const char *run, graft_error *err)
{
    char *path, hex[65];
    gf_sha256 digest;
    GF_TRY(gf_api_model_path(run, &path, err));
    graft_status status = gf_file_sha256(path, &digest, err);
    gf_free(path);
    GF_TRY(status);
    gf_sha256_hex(&digest, hex);
    snprintf(m->version, sizeof m->version, "%.8s", hex);
    return GRAFT_OK;
}

/* NAME=PATH, or PATH, whose last part is the name: of the letters that a path in a URL may have without codes. */
static graft_status take_name(const graft_serve *s, gf_served *m, const char *text, const char **run, graft_error *err)
{
    static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    size_t named = strcspn(text, "=");
    bool has_name = text[named] == '=' && !memchr(text, '/', named);
    *run = has_name ? text + named + 1 : text;
    size_t n = has_name ? named : strlen(text);
    while (!has_name && n > 1 && text[n - 1] == '/') n--;
    const char *last = has_name ? NULL : memrchr(text, '/', n), *from = last ? last + 1 : text;
    n -= (size_t)(from - text);
    if (!n || n >= sizeof m->name || strspn(from, good) < n)
        return gf_fail(err, GF_E_OPTION_VALUE, "pets=runs/pets gives it one",
                       "%s: a name of letters, digits, - _ . is wanted", GF_ESC(text));
    memcpy(m->name, from, n);
    m->name[n] = '\0';
    for (size_t i = 0; i < s->n_models; i++) {
        if (!strcmp(s->model[i]->name, m->name))
            return gf_fail(err, GF_E_OPTION_VALUE, "NAME=PATH gives another", "two models are called %s", m->name);
    }
    return GRAFT_OK;
}

void gf_served_drop(gf_served *m)
{
    if (!m || --m->held) return;
    graft_session_free(m->session);
    gf_free(m->path);
    gf_free(m);
}

static graft_status open_one(const graft_serve *s, gf_served *m, const char *path, graft_error *err)
{
    m->held = 1;
    m->path = gf_strdup(path);
    if (!m->path) return gf_fail_memory(err, strlen(path), "a model");
    GF_TRY(take_version(m, path, err));
    return open_session(s, m, path, err);
}

graft_status gf_served_open_all(graft_serve *s, const char *const *runs, size_t n, graft_error *err)
{
    s->model = gf_new_n(n, gf_served *);
    if (!s->model) return gf_fail_memory(err, n * sizeof *s->model, "models");
    for (; s->n_models < n; s->n_models++) {
        const char *path;
        gf_served *m = gf_new(gf_served);
        if (!m) return gf_fail_memory(err, sizeof *m, "a model");
        m->held = 1;
        graft_status status = take_name(s, m, runs[s->n_models], &path, err);
        if (status == GRAFT_OK) status = open_one(s, m, path, err);
        if (status != GRAFT_OK) gf_served_drop(m);
        GF_TRY(status);
        s->model[s->n_models] = m;
    }
    return GRAFT_OK;
}

/* Clients know the old one's labels by their places. */
static graft_status check_same(const gf_served *old, const gf_served *m, graft_error *err)
{
    bool same = old->classes == m->classes;
    for (int i = 0; same && i < m->classes; i++)
        same = !strcmp(graft_session_class_name(old->session, i), graft_session_class_name(m->session, i));
    if (same) return GRAFT_OK;
    return gf_fail(err, GF_E_DATA_CLASSES_DIFFER, "start a server of its own for other classes",
                   "%s: its classes are not those that are served", GF_ESC(m->path));
}

graft_status gf_served_again(const graft_serve *s, const gf_served *old, gf_served **out, graft_error *err)
{
    gf_served *m = gf_new(gf_served);
    if (!m) return gf_fail_memory(err, sizeof *m, "a model");
    memcpy(m->name, old->name, sizeof m->name);
    graft_status status = open_one(s, m, old->path, err);
    if (status == GRAFT_OK) status = check_same(old, m, err);
    if (status != GRAFT_OK) {
        gf_served_drop(m);
    } else {
        *out = m;
    }
    return status;
}
