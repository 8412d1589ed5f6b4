/* asked.c - a context that another thread asks: how far it is, what was said, that it should stop. */
#include "api/internal.h"

#include "base/io.h"

#include <stdio.h>
#include <string.h>

void gf_asked_begin(gf_asked *a)
{
    atomic_init(&a->stop, GRAFT_OK);
    pthread_mutex_init(&a->lock, NULL);
}

void gf_asked_end(gf_asked *a)
{
    gf_free(a->event);
    pthread_mutex_destroy(&a->lock);
}

/* ---- by the call that is under way */

/* The place of a new event, which takes the oldest one's where there is no other; NULL: none are kept. */
static graft_event *new_event(gf_asked *a, graft_event_kind kind)
{
    if (!a->most) return NULL;
    if (a->n == a->most) {
        a->first = (a->first + 1) % a->most;
        a->n--;
        a->lost++;
    }
    graft_event *e = &a->event[(a->first + a->n++) % a->most];
    e->kind = kind;
    e->text[0] = '\0';
    return e;
}

void gf_api_show(graft_context *c, const graft_progress *p)
{
    gf_asked *a = &c->asked;
    pthread_mutex_lock(&a->lock);
    a->progress = *p;
    a->told = true;
    graft_event *e = p->stage == GRAFT_STAGE_EPOCH ? new_event(a, GRAFT_EVENT_EPOCH) : NULL;
    if (e) e->progress = *p;
    pthread_mutex_unlock(&a->lock);
    if (c->options.progress) c->options.progress(c->options.user, p);
}

void gf_api_say(graft_context *c, graft_level level, const char *text)
{
    gf_asked *a = &c->asked;
    pthread_mutex_lock(&a->lock);
    graft_event *e = new_event(a, level == GRAFT_WARNING ? GRAFT_EVENT_WARNING : GRAFT_EVENT_NOTE);
    if (e) snprintf(e->text, sizeof e->text, "%s", text);
    if (e) e->progress = a->progress;
    pthread_mutex_unlock(&a->lock);
    if (c->options.say) c->options.say(c->options.user, level, text);
}

graft_status gf_api_ask(graft_context *c)
{
    graft_status asked = (graft_status)atomic_load(&c->asked.stop);
    if (asked != GRAFT_OK) return asked;
    return c->options.should_stop ? c->options.should_stop(c->options.user) : GRAFT_OK;
}

/* ---- by whoever asks */

void graft_stop(graft_context *c, graft_status how)
{
    if (c) atomic_store(&c->asked.stop, how == GRAFT_OK || how == GRAFT_TERMINATED ? how : GRAFT_INTERRUPTED);
}

int graft_context_progress(graft_context *c, graft_progress *progress)
{
    if (!c || !progress) return 0;
    pthread_mutex_lock(&c->asked.lock);
    bool told = c->asked.told;
    if (told) *progress = c->asked.progress;
    pthread_mutex_unlock(&c->asked.lock);
    return told;
}

graft_status graft_context_keep_events(graft_context *c, size_t most, graft_error *err)
{
    enum { LARGEST = 65536 };
    GF_NEEDS(c, "context");
    if (most > LARGEST) return gf_fail(err, GF_E_OPTION_VALUE, NULL, "%zu events: %d are the most", most, LARGEST);
    graft_event *event = most ? gf_new_n(most, graft_event) : NULL;
    if (most && !event) return gf_fail_memory(err, most * sizeof *event, "events");
    gf_asked *a = &c->asked;
    pthread_mutex_lock(&a->lock);
    graft_event *before = a->event;
    a->event = event;
    a->most = most;
    a->first = a->n = 0;
    a->lost = 0;
    pthread_mutex_unlock(&a->lock);
    gf_free(before);
    return GRAFT_OK;
}

int graft_context_event(graft_context *c, graft_event *event)
{
    if (!c || !event || event->size < sizeof *event) return 0;
    gf_asked *a = &c->asked;
    uint32_t size = event->size;
    pthread_mutex_lock(&a->lock);
    bool any = a->n > 0;
    if (any) {
        *event = a->event[a->first];
        event->size = size;
        event->lost = a->lost;
        a->lost = 0;
        a->first = (a->first + 1) % a->most;
        a->n--;
    }
    pthread_mutex_unlock(&a->lock);
    return any;
}
