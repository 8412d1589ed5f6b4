/* main.c - graft VERB [options] [arguments]: finds the verb, reads its options, runs it, tells errors. */
#include "errors.h"
#include "help.h"
#include "hints.h"
#include "output.h"
#include "rank.h"
#include "signals.h"
#include "stack.h"
#include "text.h"
#include "verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A closed 0, 1 or 2 would be the number of the next file that is opened, and messages would land in it. */
static void keep_standard_files(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF && open("/dev/null", O_RDWR) == -1) return;
}

/* Asked before the options are read, as an error among them is told in this form too. */
static bool wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (!strcmp(argv[i], "--json")) return true;
    return false;
}

static graft_status unknown_verb(const char *name, graft_error *err)
{
    const verb *v, *best = NULL;
    size_t least = SIZE_MAX;
    for (size_t i = 0; (v = verbs_at(i)); i++) {
        size_t distance = text_distance(name, v->name);
        if (distance < least) least = distance, best = v;
    }
    fail(err, name[0] == '-' ? E_OPTION_UNKNOWN : E_USAGE, "`graft --help` lists the verbs", "graft has no %s '%s'",
         name[0] == '-' ? "option" : "verb", ESCAPED(name));
    if (best && text_is_near(name, least)) fail_hint(err, "did you mean `graft %s`?", best->name);
    return err->status;
}

static graft_status run_session(const verb *v, settings *s, bool *printed, graft_error *err)
{
    session run;
    graft_status status = session_open(&run, v, s, err);
    if (status) return status;
    status = v->run(&run, err);
    session_close(&run);
    *printed = run.printed;
    return status;
}

/* The command line as the report shows it. The caller frees it; NULL where memory is out, which the report can bear. */
static char *command_line(int argc, char **argv)
{
    char *line = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&line, &n);
    if (!f) return NULL;
    fputs("graft", f);
    for (int i = 1; i < argc; i++) {
        bool plain = argv[i][0] && !strpbrk(argv[i], " \t\n\"'\\$&;|<>()*?[]#~`!{}");
        fputs(plain ? " " : " '", f);
        text_write_escaped(f, argv[i]);
        fputs(plain ? "" : "'", f);
    }
    if (fclose(f) == 0) return line;
    free(line);
    return NULL;
}

static graft_status run_verb(const verb *v, int argc, char **argv, bool *printed, graft_error *err)
{
    settings s;
    settings_defaults(&s);
    const char **arguments = calloc((size_t)argc + 1, sizeof *arguments);
    if (!arguments) return fail(err, E_NO_MEMORY, NULL, "out of memory");
    graft_status status = graft_settings_new(&s.by_name, err);
    if (!status) status = options_parse(v, argc - 2, argv + 2, arguments, &s, err);
    if (!status && s.help) {
        *printed = true;
        status = help_verb(v, wants_json(argc, argv), err);
    } else if (!status) {
        char *line = command_line(argc, argv);
        s.train.command_line = line;
        status = run_session(v, &s, printed, err);
        free(line);
    }
    graft_settings_free(s.by_name);
    graft_recipe_free(s.recipe_read);
    free(arguments);
    return status;
}

static graft_status dispatch(int argc, char **argv, bool *printed, graft_error *err)
{
    const char *name = argc > 1 ? argv[1] : NULL;
    const verb *v = name ? verbs_find(name) : NULL;
    if (v) return run_verb(v, argc, argv, printed, err);
    if (!name || !strcmp(name, "--json"))
        return fail(err, E_USAGE, "`graft --help` lists the verbs", "graft needs a verb, such as `graft train DATA`");
    if (!strcmp(name, "--version")) return help_version(wants_json(argc, argv), err);
    if (!strcmp(name, "--help") || !strcmp(name, "-h")) return help_command(err);
    if (!strcmp(name, "help")) return help_main(argc - 2, argv + 2, wants_json(argc, argv), err);
    return unknown_verb(name, err);
}

typedef struct command {
    int argc;
    char **argv;
    graft_status status;
} command;

static void run_command(void *ctx)
{
    command *c = ctx;
    graft_error err = {0};
    bool printed = false;
    c->status = dispatch(c->argc, c->argv, &printed, &err);
    if (!c->status) return;
    err.status = c->status;
    hints_fit(c->argc > 1 ? verbs_find(c->argv[1]) : NULL, err.hint);
    output_error(&err);
    if (!printed && wants_json(c->argc, c->argv)) output_error_json(&err);
}

static void run_rank(void *ctx)
{
    command *c = ctx;
    c->status = rank_work(c->argv);
}

int main(int argc, char **argv)
{
    command c = {argc, argv, GRAFT_OK};
    bool rank = rank_is(argc, argv);
    keep_standard_files();
    signals_catch(!rank);
    stack_run_deep(rank ? run_rank : run_command, &c);
    return (int)c.status;
}
