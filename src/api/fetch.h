/* fetch.h - what fetching weights and fetching data share. */
#ifndef GF_API_FETCH_H
#define GF_API_FETCH_H

#include "api/internal.h"
#include "fetch/fetch.h"

graft_status gf_api_catalogue(gf_catalogue **out, graft_error *err);
/* `kind`: "weights" or "data", the folder of the cache. */
graft_status gf_api_fetch(graft_context *c, const gf_weights_entry *e, const char *kind, const char *from,
                          gf_fetched *out, graft_error *err);

/* A result of what is told in `j`, which it takes, and of the file that came; its text is the file's path. */
graft_status gf_api_fetched(graft_result **out, gf_json *j, const gf_fetched *got, graft_error *err);

#endif
