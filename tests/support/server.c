#include "support/server.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void give_up(const char *why)
{
    fprintf(stderr, "bad_server.py: %s\n", why);
    abort();
}

static void run_server(const char *fixtures, size_t size, const char *certificate, int in, int out)
{
    char script[4096], bytes[32], file[4096], key[4096];
    snprintf(script, sizeof script, "%s/../support/bad_server.py", fixtures);
    snprintf(bytes, sizeof bytes, "%zu", size);
    snprintf(file, sizeof file, "%s/fetch/%s", fixtures, certificate ? certificate : "");
    snprintf(key, sizeof key, "%s/fetch/key.pem", fixtures);
    dup2(in, 0);
    dup2(out, 1);
    execlp("python3", "python3", "-I", script, bytes, certificate ? file : (char *)NULL, key, (char *)NULL);
    _exit(127);
}

void server_start(server *s, const char *fixtures, size_t size, const char *certificate)
{
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC)) give_up("no pipe");
    s->pid = fork();
    if (s->pid < 0) give_up("no process");
    if (s->pid == 0) run_server(fixtures, size, certificate, in[0], out[1]);
    close(in[0]);
    close(out[1]);
    s->in = in[1];
    s->out = out[0];
    char line[32] = {0};
    size_t n = 0;
    while (n < sizeof line - 1 && read(s->out, line + n, 1) == 1 && line[n] != '\n') n++;
    s->port = (int)strtol(line, NULL, 10);
    if (s->port <= 0) give_up("it did not start");
}

void server_stop(server *s)
{
    close(s->in);
    close(s->out);
    waitpid(s->pid, NULL, 0);
}
