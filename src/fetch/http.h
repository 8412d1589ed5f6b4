/* http.h - one file over http or https into a part; libcurl behind it, here only. */
#ifndef GF_FETCH_HTTP_H
#define GF_FETCH_HTTP_H

#include "fetch/part.h"

/* Gets what `url` gives, from where the part ends if the server still has the same file. Tries again, with growing
 * pauses or the one that the server asks for, where that may help; each try resumes. Redirects: five at most, to http
 * and https alone, never from https to http, never to an address that is inside (address.h) unless it is the place that
 * `url` itself names. GRAFT_OK: the body is complete as far as the server tells; check it with gf_part_finish. */
graft_status gf_http_get(gf_part *part, const char *url, graft_error *err);

#endif
