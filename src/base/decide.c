#include "base/decide.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void free_one(gf_decision *d)
{
    gf_free(d->what);
    gf_free(d->value);
    gf_free(d->why);
}

void gf_decisions_free(gf_decisions *d)
{
    for (size_t i = 0; i < d->n; i++) free_one(&d->item[i]);
    gf_free(d->item);
    *d = (gf_decisions){0};
}

static gf_decision *find(const gf_decisions *d, const char *what)
{
    for (size_t i = 0; i < d->n; i++) {
        if (!strcmp(d->item[i].what, what)) return &d->item[i];
    }
    return NULL;
}

bool gf_decisions_add(gf_decisions *d, const char *what, const char *value, const char *why)
{
    gf_decision *old = find(d, what);
    if (old && !strcmp(old->value, value) && !strcmp(old->why, why)) return false;
    gf_decision one = {gf_strdup(what), gf_strdup(value), gf_strdup(why)};
    bool ok = one.what && one.value && one.why && (old || gf_grow(&d->item, d->n, &d->cap));
    if (!ok) {
        free_one(&one);
        d->failed = true;
    } else if (old) {
        free_one(old);
        *old = one;
    } else {
        d->item[d->n++] = one;
    }
    return true;
}

graft_status gf_decisions_merge(gf_decisions *to, const gf_decisions *from, graft_error *err)
{
    for (size_t i = 0; i < from->n; i++)
        gf_decisions_add(to, from->item[i].what, from->item[i].value, from->item[i].why);
    return to->failed || from->failed ? gf_fail_memory(err, sizeof(gf_decision), "a list of decisions") : GRAFT_OK;
}

void gf_decide(const gf_log *log, const char *what, const char *value, const char *why, ...)
{
    char text[1024];
    va_list args;
    if (!log) return;
    va_start(args, why);
    vsnprintf(text, sizeof text, why, args);
    va_end(args);
    bool news = !log->decisions || gf_decisions_add(log->decisions, what, value, text);
    if (news) gf_log_say(log, GF_NOTE, "%s: %s (%s)", what, value, text);
}
