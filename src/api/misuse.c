/* misuse.c - what a caller gave that cannot be meant. */
#include "api/internal.h"

graft_status gf_api_missing(const char *function, const char *argument, graft_error *err)
{
    return gf_fail(err, GF_E_USAGE, "graft.h says of each argument whether it may be NULL", "%s: `%s` is NULL",
                   function, argument);
}

graft_status gf_api_check_texts(const char *function, const char *argument, const char *const *text, size_t n,
                                graft_error *err)
{
    if (n && !text) return gf_api_missing(function, argument, err);
    for (size_t i = 0; i < n; i++) {
        if (text[i]) continue;
        return gf_fail(err, GF_E_USAGE, NULL, "%s: `%s` %zu of %zu is NULL", function, argument, i + 1, n);
    }
    return GRAFT_OK;
}

graft_status gf_api_whole(const graft_model *m, graft_error *err)
{
    if (!m->half_trained) return GRAFT_OK;
    return gf_fail(err, GF_E_USAGE, "open it anew, or go on with graft_resume",
                   "the model's training began and did not end: its weights are no result");
}
