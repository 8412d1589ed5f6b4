/* keras_unknown.h - the classes of a configuration that are not on the allow-list, collected, so that all are named at
 * once. */
#ifndef GF_EXCHANGE_KERAS_UNKNOWN_H
#define GF_EXCHANGE_KERAS_UNKNOWN_H

#include "base/alloc.h"
#include "json/json.h"

typedef struct gf_keras_unknown {
    gf_text list;
    size_t n;
} gf_keras_unknown;

/* "WHAT NAME", once. */
void gf_keras_add_unknown(gf_keras_unknown *u, const char *what, const char *name);
/* "__lambda__" is Python code: it counts as unknown wherever it stands, also where nothing would have read it. */
graft_status gf_keras_add_lambdas(gf_keras_unknown *u, const gf_json *j);
/* E2600 with the list; OK where there are none. */
graft_status gf_keras_refuse_unknown(gf_keras_unknown *u, const char *file, graft_error *err);

#endif
