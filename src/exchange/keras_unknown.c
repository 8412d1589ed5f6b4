#include "exchange/keras_unknown.h"

#include <stdio.h>
#include <string.h>

enum { SHOWN = 40 };

void gf_keras_add_unknown(gf_keras_unknown *u, const char *what, const char *name)
{
    char shown[192], with_comma[800];
    snprintf(shown, sizeof shown, "%.64s%s%.120s", what, *what && *name ? " " : "", name);
    snprintf(with_comma, sizeof with_comma, "%s, ", GF_ESC(shown));
    for (const char *s = u->list.s; s && (s = strstr(s, with_comma)); s++) {
        if (s == u->list.s || s[-1] == ' ') return;
    }
    if (u->n++ < SHOWN) gf_text_add(&u->list, with_comma);
}

static graft_status find_lambdas(void *ctx, const char *key, const gf_json *value)
{
    gf_keras_unknown *u = ctx;
    if (!strcmp(key, "class_name") && !strcmp(gf_json_str(value, ""), "__lambda__")) {
        gf_keras_add_unknown(u, "__lambda__", "");
    }
    if (gf_json_is_object(value)) return gf_json_each(value, find_lambdas, u);
    for (size_t i = 0; gf_json_is_array(value) && i < gf_json_size(value); i++) {
        GF_TRY(find_lambdas(u, "", gf_json_at(value, i)));
    }
    return GRAFT_OK;
}

graft_status gf_keras_add_lambdas(gf_keras_unknown *u, const gf_json *j)
{
    return gf_json_is_object(j) ? find_lambdas(u, "", j) : GRAFT_OK;
}

graft_status gf_keras_refuse_unknown(gf_keras_unknown *u, const char *file, graft_error *err)
{
    if (u->list.failed) return gf_fail_memory(err, u->list.n, "a list of layers");
    if (!u->n) return GRAFT_OK;
    u->list.s[u->list.n - 2] = 0; /* the last comma */
    return gf_fail(err, GF_E_KERAS_CLASS, "graft reads Keras's own layers of image classifiers",
                   "%s: layers that graft does not know: %s%s", GF_ESC(file), u->list.s,
                   u->n > SHOWN ? " and others" : "");
}
