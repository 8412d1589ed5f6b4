#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t quiet;
static volatile sig_atomic_t asked; /* a graft_status; a handler has nowhere else to leave it */

static void on_signal(int number)
{
    static const char note[] = "\ngraft: stopping; once more to stop at once\n";
    int saved = errno;
    if (number == SIGINT && asked) _exit(GRAFT_INTERRUPTED);
    if (!asked) asked = number == SIGINT ? GRAFT_INTERRUPTED : GRAFT_TERMINATED;
    if (number == SIGINT && !quiet && isatty(STDERR_FILENO)) {
        ssize_t ignored = write(STDERR_FILENO, note, sizeof note - 1);
        (void)ignored;
    }
    errno = saved;
}

void signals_catch(bool tells)
{
    struct sigaction action, old;
    quiet = !tells;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART; /* a library's read or write must not fail because of a polite request */
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (sigaction(SIGHUP, NULL, &old) == 0 && old.sa_handler != SIG_IGN) /* ignored: started by nohup */
        sigaction(SIGHUP, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
    sigaction(SIGXFSZ, &action, NULL);
}

graft_status signals_asked(void) { return (graft_status)asked; }
