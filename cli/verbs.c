#include "verbs.h"

#include <string.h>

static const verb *const verbs[] = {
    &verb_train,   &verb_resume, &verb_eval,   &verb_predict, &verb_summary, &verb_features,
    &verb_inspect, &verb_bench,  &verb_export, &verb_convert, &verb_models,  &verb_fetch,
    &verb_augment,
};

const verb *verbs_at(size_t i) { return i < sizeof verbs / sizeof *verbs ? verbs[i] : NULL; }

const verb *verbs_find(const char *name)
{
    const verb *v = NULL;
    for (size_t i = 0; (v = verbs_at(i)); i++)
        if (!strcmp(v->name, name)) break;
    return v;
}
