#include "train/schedule.h"

#include <math.h>
#include <string.h>

static const char *name_at(size_t i)
{
    const gf_schedule_class *class = gf_schedule_class_at(i);
    return class ? class->name : NULL;
}

graft_status gf_schedule_parse(gf_schedule *out, const char *text, graft_error *err)
{
    *out = (gf_schedule){0};
    if (!text) text = "constant";
    size_t n = strcspn(text, ":"), i = gf_name_find(name_at, text, n);
    if (i == SIZE_MAX) return gf_name_fail(GF_E_OPTION_VALUE, "schedule", name_at, text, strlen(text), err);
    const gf_schedule_class *class = gf_schedule_class_at(i);
    const char *arguments = text + n + (text[n] == ':');
    GF_TRY(gf_arguments_parse(&out->arguments, "schedule", class->name, class->argument, class->n_arguments, arguments,
                              strlen(arguments), err));
    out->class = class;
    return GRAFT_OK;
}

void gf_schedule_free(gf_schedule *s)
{
    gf_arguments_free(&s->arguments);
    *s = (gf_schedule){0};
}

double gf_schedule_lr(const gf_schedule *s, const gf_schedule_at *at) { return s->class->lr(&s->arguments, at); }

graft_status gf_schedule_check(const char *text, graft_error *err)
{
    gf_schedule s;
    GF_TRY(gf_schedule_parse(&s, text, err));
    gf_schedule_free(&s);
    return GRAFT_OK;
}

void gf_schedule_words(gf_text *text)
{
    const gf_schedule_class *class;
    for (size_t i = 0; (class = gf_schedule_class_at(i)); i++) {
        gf_arguments_words(text, class->name, class->help, class->argument, class->n_arguments);
    }
}

double gf_schedule_warmup(double warmup, const gf_schedule_at *at)
{
    double steps = warmup < 1 ? ceil(warmup * (double)at->steps) : floor(warmup), most = (double)at->steps - 1;
    return steps < most ? steps : most > 0 ? most : 0;
}
