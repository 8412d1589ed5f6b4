/* local_start.c - the processes of a machine's ranks, and the sockets between them. */
#include "comm/local_parts.h"
#include "comm/words.h"

#include "base/alloc.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static graft_status refused(const char *what, graft_error *err)
{
    return gf_fail_errno(err, GF_E_RANK_STARTED, errno, what, "ranks");
}

static graft_status check_size(int size, graft_error *err)
{
    if (size >= 1 && size <= GF_MOST_RANKS) return GRAFT_OK;
    return gf_fail(err, GF_E_OPTION_VALUE, NULL, "%d ranks: wanted are 1 to %d", size, GF_MOST_RANKS);
}

/* All sockets and the page, which each rank has a descriptor of; closed by a program that is begun. */
static graft_status connect_all(gf_local *rank[], int size, graft_error *err)
{
    int page = memfd_create("graft ranks", MFD_CLOEXEC);
    if (page < 0) return refused("no memory to share", err);
    rank[0]->page_fd = page;
    if (ftruncate(page, sizeof(gf_local_page))) return refused("no memory to share", err);
    for (int r = 1; r < size; r++) {
        rank[r]->page_fd = fcntl(page, F_DUPFD_CLOEXEC, 0);
        if (rank[r]->page_fd < 0) return refused("no memory to share", err);
    }
    for (int a = 0; a < size; a++) {
        for (int b = a + 1; b < size; b++) {
            int ends[2];
            if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) return refused("no socket between two", err);
            rank[a]->socket[b] = ends[0];
            rank[b]->socket[a] = ends[1];
        }
    }
    return GRAFT_OK;
}

static void close_all(gf_local *rank[], int size)
{
    for (int r = 0; r < size; r++) {
        gf_local_close(rank[r]);
        rank[r] = NULL;
    }
}

graft_status gf_local_pairs(gf_local *rank[], int size, graft_error *err)
{
    GF_TRY(check_size(size, err));
    for (int r = 0; r < size; r++) rank[r] = NULL;
    graft_status status = GRAFT_OK;
    for (int r = 0; r < size && status == GRAFT_OK; r++) {
        rank[r] = gf_local_new(size, r);
        if (!rank[r]) status = gf_fail_memory(err, sizeof *rank[r], "a rank");
    }
    if (status == GRAFT_OK) status = connect_all(rank, size, err);
    if (status != GRAFT_OK) close_all(rank, size);
    return status;
}

/* ---- processes */

extern char **environ;

/* The environment with GRAFT_RANK=words; the array is gf_free's, and `own` too. */
static char **environment_with(const char *words, char **own)
{
    size_t n = 0;
    while (environ && environ[n]) n++;
    char **all = gf_new_n(n + 2, char *);
    *own = gf_sprintf(GF_RANK_VARIABLE "=%s", words);
    if (!all || !*own) {
        gf_free(all);
        gf_free(*own);
        return NULL;
    }
    const size_t name = sizeof GF_RANK_VARIABLE; /* with its '=' */
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (strncmp(environ[i], GF_RANK_VARIABLE "=", name) != 0) all[kept++] = environ[i];
    }
    all[kept] = *own;
    return all;
}

/* In the new process, until it has become the command: nothing is called that another thread could hold a lock of. */
static void become(const gf_local *l, const char *const command[], char **environment, pid_t parent,
                   const sigset_t *mask)
{
    enum { NO_PROGRAM = 127 };
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(NO_PROGRAM);
    fcntl(l->page_fd, F_SETFD, 0);
    for (int r = 0; r < l->comm.size; r++) {
        if (l->socket[r] >= 0) fcntl(l->socket[r], F_SETFD, 0);
    }
    sigprocmask(SIG_SETMASK, mask, NULL);
    execve(command[0], (char *const *)(uintptr_t)command, environment);
    _exit(NO_PROGRAM);
}

static graft_status start_one(gf_local *first, const gf_local *l, const char *const command[], graft_error *err)
{
    gf_rank_words w = {.rank = l->comm.rank, .size = l->comm.size, .page = l->page_fd};
    memcpy(w.socket, l->socket, sizeof w.socket);
    char *words = gf_rank_words_text(&w), *own = NULL, **environment = words ? environment_with(words, &own) : NULL;
    gf_free(words);
    if (!environment) return gf_fail_memory(err, sizeof(gf_local), "a rank");
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid(), child = fork();
    if (child == 0) become(l, command, environment, parent, &before);
    int saved = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    gf_free(environment);
    gf_free(own);
    errno = saved;
    if (child < 0) return refused("no process can be started", err);
    first->child[l->comm.rank] = child;
    return GRAFT_OK;
}

graft_status gf_local_start(gf_local **out, int size, const char *const command[], graft_error *err)
{
    gf_local *rank[GF_MOST_RANKS];
    *out = NULL;
    GF_TRY(gf_local_pairs(rank, size, err));
    graft_status status = gf_local_begin(rank[0], err);
    for (int r = 1; r < size && status == GRAFT_OK; r++) {
        status = start_one(rank[0], rank[r], command, err);
        if (status == GRAFT_OK) atomic_store(&rank[0]->page->process[r], (int32_t)rank[0]->child[r]);
    }
    close_all(rank + 1, size - 1); /* they are the others' alone */
    if (status != GRAFT_OK) {
        gf_local_close(rank[0]);
    } else {
        *out = rank[0];
    }
    return status;
}

static bool is_socket(int fd)
{
    struct stat st;
    return !gf_sys_fstat(fd, &st) && S_ISSOCK(st.st_mode) && !fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static bool is_page(int fd)
{
    struct stat st;
    return !gf_sys_fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size >= (off_t)sizeof(gf_local_page) &&
           !fcntl(fd, F_SETFD, FD_CLOEXEC);
}

graft_status gf_local_join(gf_local **out, const char *words, graft_error *err)
{
    gf_rank_words w;
    *out = NULL;
    GF_TRY(gf_rank_words_parse(&w, words, err));
    bool there = is_page(w.page);
    for (int r = 0; r < w.size && there; r++) there = r == w.rank || is_socket(w.socket[r]);
    if (!there)
        return gf_fail(err, GF_E_RANK_STARTED, NULL, GF_RANK_VARIABLE " is \"%s\": these are no descriptors of a rank",
                       GF_ESC(words));
    gf_local *l = gf_local_new(w.size, w.rank);
    if (!l) return gf_fail_memory(err, sizeof *l, "a rank");
    l->page_fd = w.page;
    memcpy(l->socket, w.socket, (size_t)w.size * sizeof *w.socket);
    graft_status status = gf_local_begin(l, err);
    if (status != GRAFT_OK) {
        gf_local_close(l);
    } else {
        *out = l;
    }
    return status;
}
