/* misuse_asked.h - the part of test_misuse.c about a context that is asked; for that file alone. */
#ifndef TESTS_API_MISUSE_ASKED_H
#define TESTS_API_MISUSE_ASKED_H

static graft_status context_progress(int at, graft_error *e)
{
    graft_progress p;
    return (void)e, nothing(!graft_context_progress(OR_NULL(0, context), OR_NULL(1, &p)));
}
static graft_status context_event(int at, graft_error *e)
{
    graft_event event = {.size = sizeof event};
    return (void)e, nothing(!graft_context_event(OR_NULL(0, context), OR_NULL(1, &event)));
}
static graft_status context_keep_events(int at, graft_error *e)
{
    return graft_context_keep_events(OR_NULL(0, context), 0, e);
}
static graft_status stop(int at, graft_error *e)
{
    return (void)at, (void)e, graft_stop(NULL, GRAFT_INTERRUPTED), nothing(true);
}
static graft_status model_samples(int at, graft_error *e)
{
    return (void)at, (void)e, nothing(!graft_model_samples(NULL));
}
static graft_status model_task(int at, graft_error *e) { return (void)at, (void)e, nothing(!graft_model_task(NULL)); }

#define ASKED_ROWS                                                                                                     \
    ROW(context_progress, 2), ROW(context_event, 2), ROW(context_keep_events, 1), ROW(stop, 1), ROW(model_samples, 1), \
        ROW(model_task, 1)

#endif
