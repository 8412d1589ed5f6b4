#include "api/internal.h"

#include <math.h>
#include <string.h>

graft_status gf_result_create(graft_result **out, gf_json *document, char *text, graft_error *err)
{
    *out = NULL;
    graft_result *r = gf_new(graft_result);
    char *json = gf_json_text(document, 0);
    if (!r || !json) {
        gf_free(r);
        gf_free(json);
        gf_free(text);
        gf_json_free(document);
        return gf_fail_memory(err, sizeof *r, "a result");
    }
    r->document = document;
    r->json = json;
    r->text = text;
    *out = r;
    return GRAFT_OK;
}

const char *graft_result_json(const graft_result *r) { return r ? r->json : NULL; }
const char *graft_result_text(const graft_result *r) { return r && r->text ? r->text : graft_result_json(r); }

double graft_result_number(const graft_result *r, const char *path)
{
    const gf_json *j = r && path ? r->document : NULL;
    while (j && *path) {
        char key[64];
        size_t n = strcspn(path, ".");
        if (n >= sizeof key) return NAN;
        memcpy(key, path, n);
        key[n] = 0;
        j = gf_json_get(j, key);
        path += n + (path[n] == '.');
    }
    return gf_json_f64(j, NAN);
}

size_t graft_result_predictions(const graft_result *r) { return r ? r->n_predictions : 0; }

graft_prediction graft_result_prediction(const graft_result *r, size_t i)
{
    return r && i < r->n_predictions ? r->prediction[i] : (graft_prediction){0};
}

void graft_result_free(graft_result *r)
{
    if (!r) return;
    gf_json_free(r->document);
    gf_free(r->json);
    gf_free(r->text);
    gf_free(r->prediction);
    gf_free(r->labels);
    gf_names_free(&r->strings);
    gf_free(r);
}
