#include "train/solver.h"

#include <string.h>

graft_status gf_solver_parse(gf_solver *out, const char *text, graft_error *err)
{
    *out = (gf_solver){0};
    if (!text) text = gf_solver_class_at(0)->name;
    size_t n = strcspn(text, ":"), i = 0;
    const gf_solver_class *class;
    while ((class = gf_solver_class_at(i)) && (strlen(class->name) != n || memcmp(class->name, text, n))) i++;
    if (!class) {
        char name[64];
        gf_text hint = {0};
        for (i = 0; (class = gf_solver_class_at(i)); i++) {
            gf_text_printf(&hint, "%s%s - %s", i ? "; " : "there is ", class->name, class->help);
        }
        graft_status status = gf_fail(err, GF_E_OPTION_VALUE, hint.failed ? NULL : hint.s, "solver \"%s\" is not known",
                                      gf_escape(name, sizeof name, text));
        gf_text_free(&hint);
        return status;
    }
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
