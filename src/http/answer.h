/* answer.h - the bytes of an answer. */
#ifndef GF_HTTP_ANSWER_H
#define GF_HTTP_ANSWER_H

#include "http/server.h"

/* Head and body (unless head_only); gf_free. NULL: no memory. */
char *gf_http_answer_bytes(const gf_http_answer *a, bool head_only, bool close, size_t *n);

#endif
