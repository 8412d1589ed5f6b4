#include "train/solver.h"

#include <string.h>

static const char *name_at(size_t i)
{
    const gf_solver_class *class = gf_solver_class_at(i);
    return class ? class->name : NULL;
}

graft_status gf_solver_parse(gf_solver *out, const char *text, graft_error *err)
{
    *out = (gf_solver){0};
    if (!text) text = gf_solver_class_at(0)->name;
    size_t n = strcspn(text, ":"), i = gf_name_find(name_at, text, n);
    if (i == SIZE_MAX) return gf_name_fail(GF_E_OPTION_VALUE, "solver", name_at, text, strlen(text), err);
    const gf_solver_class *class = gf_solver_class_at(i);
    const char *arguments = text + n + (text[n] == ':');
    GF_TRY(gf_arguments_parse(&out->arguments, "solver", class->name, class->argument, class->n_arguments, arguments,
                              strlen(arguments), err));
    out->class = class;
    return GRAFT_OK;
}

void gf_solver_free(gf_solver *s)
{
    gf_arguments_free(&s->arguments);
    *s = (gf_solver){0};
}

const gf_solver_class *gf_solver_of_probes(void)
{
    size_t i = 0;
    while (!gf_solver_class_at(i)->solves) i++;
    return gf_solver_class_at(i);
}

graft_status gf_probe_options_check(const char *text, graft_error *err)
{
    const gf_solver_class *c = gf_solver_of_probes();
    gf_arguments a;
    GF_TRY(gf_arguments_parse(&a, "solver", c->name, c->argument, c->n_arguments, text, strlen(text), err));
    gf_arguments_free(&a);
    return GRAFT_OK;
}

void gf_probe_options_words(gf_text *text)
{
    const gf_solver_class *c = gf_solver_of_probes();
    gf_arguments_words(text, c->name, c->help, c->argument, c->n_arguments);
}
