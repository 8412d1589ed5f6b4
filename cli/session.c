#include "session.h"
#include "errors.h"
#include "output.h"
#include "rank.h"
#include "signals.h"
#include "text.h"
#include "verbs.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void on_say(void *user, graft_level level, const char *text)
{
    session *s = user;
    progress_clear(&s->progress);
    output_message(level == GRAFT_WARNING ? "warning" : "note", text);
}

static void on_progress(void *user, const graft_progress *at)
{
    session *s = user;
    progress_show(&s->progress, at);
}

static graft_status on_should_stop(void *user)
{
    (void)user;
    return signals_asked();
}

/* With --ranks: the other processes, and this one's share of the processors. */
static graft_status start_ranks(session *out, settings *s, graft_error *err)
{
    const char *given = graft_settings_get(s->by_name, "run.ranks");
    long ranks = given ? strtol(given, NULL, 10) : 1, processors = sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t set;
    char threads[16];
    if (ranks < 2) return GRAFT_OK;
    if (sched_getaffinity(0, sizeof set, &set) == 0) processors = CPU_COUNT(&set);
    if (!s->context.threads) s->context.threads = processors > ranks ? (int)(processors / ranks) : 1;
    snprintf(threads, sizeof threads, "%d", s->context.threads);
    const char *const command[] = {"/proc/self/exe", RANK_VERB, threads, NULL};
    return graft_ranks_start(s->by_name, command, &out->ranks, err);
}

graft_status session_open(session *out, const verb *v, settings *s, graft_error *err)
{
    memset(out, 0, sizeof *out);
    out->verb = v;
    out->settings = s;
    bool to_stdout = v->log_epochs && !s->json;
    progress_init(&out->progress, to_stdout ? STDOUT_FILENO : STDERR_FILENO, v->log_epochs);
    s->context.say = on_say;
    s->context.progress = on_progress;
    s->context.should_stop = on_should_stop;
    s->context.user = out;
    graft_status status = start_ranks(out, s, err);
    if (!status) status = graft_context_open(&s->context, &out->context, err);
    out->progress.context = out->context;
    if (!status) status = graft_context_settings(out->context, s->by_name, err);
    if (!status) status = graft_context_ranks(out->context, out->ranks, err);
    if (status) session_close(out);
    return status;
}

void session_close(session *s)
{
    progress_clear(&s->progress);
    s->progress.context = NULL;
    graft_context_free(s->context);
    s->context = NULL;
    graft_ranks_free(s->ranks);
    s->ranks = NULL;
}

graft_status session_print_text(session *s, const char *text, size_t n, graft_error *err)
{
    progress_clear(&s->progress);
    s->printed = true;
    return output_text(text, n, s->settings->json, err);
}

graft_status session_print(session *s, const graft_result *result, graft_error *err)
{
    const char *text = s->settings->json ? graft_result_json(result) : graft_result_text(result);
    return session_print_text(s, text, strlen(text), err);
}

/* A folder, or what a run folder holds. */
static bool is_run(const char *name)
{
    static const char ending[] = ".safetensors";
    struct stat st;
    size_t n = strlen(name), e = sizeof ending - 1;
    bool there = stat(name, &st) == 0;
    return (there && S_ISDIR(st.st_mode)) || (n > e && !strcmp(name + n - e, ending)) || (!there && strchr(name, '/'));
}

graft_status session_open_model(session *s, const char *name, graft_model **out, graft_error *err)
{
    static const char *const of_the_run[] = {"weights",
                                             "alpha",
                                             "size",
                                             "classes",
                                             "head",
                                             "keep-top",
                                             "cut",
                                             "channels",
                                             "preprocess",
                                             "labels",
                                             "precision",
                                             "dropout",
                                             "model",
                                             "fine-tune-at",
                                             "fine-tune-last",
                                             "seed",
                                             "allow-nonfinite",
                                             "fit",
                                             "resize-filter",
                                             "antialias"};
    *out = NULL;
    if (!is_run(name)) {
        s->settings->model.model = name;
        return graft_model_open(s->context, &s->settings->model, out, err);
    }
    for (size_t i = 0; i < sizeof of_the_run / sizeof *of_the_run; i++)
        if (options_given(s->verb, s->settings, of_the_run[i]))
            return fail(err, E_USAGE, NULL, "--%s does not go with '%s', which is a finished model and has its own",
                        of_the_run[i], ESCAPED(name));
    return graft_run_open(s->context, name, out, err);
}

graft_status session_open_classifier(session *s, const char *name, graft_model **out, graft_error *err)
{
    s->settings->model.head = "keep";
    return session_open_model(s, name, out, err);
}
