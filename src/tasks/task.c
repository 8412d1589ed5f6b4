/* task.c - tasks by name, opened and closed. */
#include "tasks/task.h"

#include <string.h>

const gf_task_class *gf_task_find(const char *name)
{
    const gf_task_class *c;
    for (size_t i = 0; (c = gf_task_class_at(i)); i++) {
        if (!name || !*name || !strcmp(c->name, name)) return c;
    }
    return NULL;
}

const gf_task_class *gf_task_of_labels(void)
{
    const gf_task_class *c;
    for (size_t i = 0; (c = gf_task_class_at(i)); i++) {
        if (c->labels) return c;
    }
    return NULL;
}

void gf_task_words(gf_text *text)
{
    const gf_task_class *c;
    for (size_t i = 0; (c = gf_task_class_at(i)); i++) gf_text_printf(text, "%s - %s\n", c->name, c->help);
}

static graft_status not_known(const char *name, graft_error *err)
{
    gf_text known = {0};
    for (size_t i = 0; gf_task_class_at(i); i++)
        gf_text_printf(&known, "%s%s", i ? ", " : "", gf_task_class_at(i)->name);
    graft_status status =
        gf_fail(err, GF_E_OPTION_VALUE, known.failed ? NULL : known.s, "there is no task \"%s\"", GF_ESC(name));
    gf_text_free(&known);
    return status;
}

graft_status gf_task_open(gf_task *t, const gf_task_options *o, graft_error *err)
{
    *t = (gf_task){.classes = o->classes, .end = o->end, .cls = gf_task_find(o->name)};
    if (!t->cls) return not_known(o->name, err);
    t->labels.sets = o->sets;
    GF_TRY(gf_loss_parse(&t->loss, o->loss, err));
    return gf_class_weights(&t->class_weight, o, err);
}

void gf_task_close(gf_task *t)
{
    gf_free(t->class_weight);
    *t = (gf_task){0};
}

void gf_task_bind(gf_task *t, const gf_model *m)
{
    if (t->cls->bind) t->cls->bind(t, m);
}

const gf_labelling *gf_task_labelling(const gf_task *t) { return t->cls->labels ? &t->labels : NULL; }

unsigned gf_task_measures(const gf_task_class *c) { return c->labels ? GF_OF_LABELS : GF_OF_CLASSES; }

size_t gf_task_scratch(const gf_task *t) { return t->cls->scratch ? t->cls->scratch(t) : 1; }

gf_task gf_task_of_model(const gf_model *m, const char *name)
{
    gf_task t = {.cls = gf_task_find(name), .classes = m->classes, .end = m->end};
    if (!t.cls) t.cls = gf_task_class_at(0);
    (void)gf_loss_parse(&t.loss, NULL, NULL); /* the default always is one */
    gf_task_bind(&t, m);
    return t;
}
