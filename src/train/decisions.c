#include "train/decisions.h"

#include "base/alloc.h"
#include "base/io.h"
#include "json/json.h"

enum { LARGEST = 1 << 20 };

char *gf_decisions_text(const gf_decisions *d)
{
    if (d && d->failed) return NULL;
    gf_json *document = gf_json_object(), *list = gf_json_array();
    for (size_t i = 0; d && i < d->n; i++) {
        gf_json *one = gf_json_object();
        gf_json_set(one, "what", gf_json_string(d->item[i].what));
        gf_json_set(one, "value", gf_json_string(d->item[i].value));
        gf_json_set(one, "why", gf_json_string(d->item[i].why));
        gf_json_add(list, one);
    }
    gf_json_set(document, "decisions", list);
    char *text = gf_json_text(document, 2);
    gf_json_free(document);
    return text;
}

graft_status gf_decisions_write(const char *path, const gf_decisions *d, graft_error *err)
{
    char *text = gf_decisions_text(d);
    if (!text) return gf_fail_memory(err, LARGEST, "a list of decisions");
    graft_status status = gf_file_write_text(path, text, err);
    gf_free(text);
    return status;
}

graft_status gf_decisions_parse(gf_decisions *d, const char *text, size_t n, const char *path, graft_error *err)
{
    gf_json *document = NULL;
    GF_TRY(gf_json_parse(&document, text, n, path, err));
    const gf_json *list = gf_json_get(document, "decisions");
    graft_status status = GRAFT_OK;
    if (!gf_json_is_array(list)) {
        status = gf_fail(err, GF_E_CONFIG, NULL, "%s: there is no list of decisions in it", GF_ESC(path));
    }
    for (size_t i = 0; status == GRAFT_OK && i < gf_json_size(list); i++) {
        const gf_json *one = gf_json_at(list, i);
        const char *what = gf_json_str(gf_json_get(one, "what"), NULL),
                   *value = gf_json_str(gf_json_get(one, "value"), NULL),
                   *why = gf_json_str(gf_json_get(one, "why"), NULL);
        if (what && value && why) {
            gf_decisions_add(d, what, value, why);
        } else {
            status = gf_fail(err, GF_E_CONFIG, NULL, "%s: decision %zu lacks what, value or why", GF_ESC(path), i + 1);
        }
    }
    gf_json_free(document);
    if (status == GRAFT_OK && d->failed) status = gf_fail_memory(err, n, "a list of decisions");
    return status;
}

graft_status gf_decisions_read(gf_decisions *d, const char *path, graft_error *err)
{
    uint8_t *text = NULL;
    size_t n;
    if (!gf_is_file(path)) return GRAFT_OK;
    GF_TRY(gf_file_read(path, LARGEST, &text, &n, err));
    graft_status status = gf_decisions_parse(d, (const char *)text, n, path, err);
    gf_free(text);
    return status;
}
