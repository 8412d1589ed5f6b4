/* misuse_service.h - the part of test_misuse.c about sessions, the server and recipes; for that file alone. */
#ifndef TESTS_API_MISUSE_SERVICE_H
#define TESTS_API_MISUSE_SERVICE_H

static graft_status session_open(int at, graft_error *e)
{
    OUT(1, graft_session, graft_session_open(OR_NULL(0, model), settings, to, e));
}
static void never(void *user, const graft_session_answer *answer) { (void)user, (void)answer; }
static graft_status run_or_submit(bool submit, int at, graft_error *e)
{
    graft_session *s = NULL;
    float feature[1];
    const graft_image image = {.size = sizeof image, .kind = GRAFT_IMAGE_ENCODED, .data = "", .bytes = 0};
    const graft_output out = {.size = sizeof out, .name = "features", .data = feature, .values = 1};
    if (graft_session_open(model, NULL, &s, e)) return GRAFT_OK;
    graft_status status = submit
                              ? graft_session_submit(OR_NULL(0, s), OR_NULL(1, &image), OR_NULL(2, &out), 1,
                                                     OR_NULL(3, never), NULL, NULL, e)
                              : graft_session_run(OR_NULL(0, s), OR_NULL(1, &image), 1, OR_NULL(2, &out), 1, NULL, e);
    graft_session_free(s);
    return status;
}
static graft_status session_run(int at, graft_error *e) { return run_or_submit(false, at, e); }
static graft_status session_submit(int at, graft_error *e) { return run_or_submit(true, at, e); }
static graft_status session_values(int at, graft_error *e)
{
    return (void)at, (void)e, nothing(graft_session_values(NULL, "logits") == 0);
}
static graft_status session_size(int at, graft_error *e)
{
    int w = 1, h = 1;
    (void)e;
    graft_session_size(NULL, OR_NULL(0, &w), OR_NULL(1, &h));
    return nothing(w == (at == 0) && h == (at == 1));
}
static graft_status session_classes(int at, graft_error *e)
{
    return (void)at, (void)e, nothing(graft_session_classes(NULL) == 0);
}
static graft_status session_class_name(int at, graft_error *e)
{
    return (void)at, (void)e, nothing(graft_session_class_name(NULL, 0) == NULL);
}
static graft_status session_cancel(int at, graft_error *e)
{
    return (void)at, (void)e, nothing(graft_session_cancel(NULL, 0) == 0);
}
TAKES_NULL(session_close)
TAKES_NULL(session_free)

static graft_status serve_open(int at, graft_error *e)
{
    const char *const runs[] = {run};
    OUT(2, graft_serve, graft_serve_open(OR_NULL(0, context), OR_NULL(1, runs), 1, settings, to, e));
}
static graft_status serve_address(int at, graft_error *e)
{
    return (void)at, (void)e, nothing(!graft_serve_address(NULL));
}
static graft_status serve_run(int at, graft_error *e) { return (void)at, graft_serve_run(NULL, e); }
TAKES_NULL(serve_stop)
TAKES_NULL(serve_free)

static graft_status recipe_read(int at, graft_error *e)
{
    OUT(1, graft_recipe, graft_recipe_read(OR_NULL(0, "/nowhere"), to, e));
}
static graft_status recipe_write(int at, graft_error *e)
{
    const char *const names[] = {"epochs"}, *const values[] = {"1"};
    return graft_recipe_write(OR_NULL(0, "/nowhere"), OR_NULL(1, names), OR_NULL(2, values), 1, e);
}
static graft_status recipe_name(int at, graft_error *e)
{
    return (void)at, (void)e, nothing(!graft_recipe_name(NULL, 0));
}
static graft_status recipe_value(int at, graft_error *e)
{
    return (void)at, (void)e, nothing(!graft_recipe_value(NULL, 0));
}
static graft_status recipe_line(int at, graft_error *e)
{
    return (void)at, (void)e, nothing(!graft_recipe_line(NULL, 0));
}
TAKES_NULL(recipe_free)

#define SESSION_ROWS                                                                                                  \
    ROW(session_open, 2), ROW(session_run, 3), ROW(session_values, 1), ROW(session_size, 2), ROW(session_classes, 1), \
        ROW(session_class_name, 1), ROW(session_close, 1), ROW(session_free, 1), ROW(session_submit, 4),              \
        ROW(session_cancel, 1)
#define SERVE_ROWS ROW(serve_open, 3), ROW(serve_address, 1), ROW(serve_run, 1), ROW(serve_stop, 1), ROW(serve_free, 1)
#define RECIPE_ROWS                                                                                            \
    ROW(recipe_read, 2), ROW(recipe_write, 3), ROW(recipe_name, 1), ROW(recipe_value, 1), ROW(recipe_line, 1), \
        ROW(recipe_free, 1)

#endif
