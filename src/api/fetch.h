/* fetch.h - what fetching weights and fetching data share. */
#ifndef GF_API_FETCH_H
#define GF_API_FETCH_H

#include "api/internal.h"
#include "fetch/fetch.h"

graft_status gf_api_catalogue(gf_catalogue **out, graft_error *err);
/* `kind`: "weights" or "data", the folder of the cache. */
graft_status gf_api_fetch(graft_context *c, const gf_weights_entry *e, const char *kind, const char *from,
                          gf_fetched *out, graft_error *err);

#endif
