/* progress.h - how far a run is: on a terminal one line that is drawn again and again, else one line an epoch. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <graft/graft.h>
#include <stdbool.h>

typedef struct progress {
    int fd;          /* where it goes */
    bool terminal;   /* fd can be drawn on */
    bool log_epochs; /* a line stays for every epoch */
    bool utf8, color;
    bool drawn;                   /* the line is on the screen now */
    const graft_context *context; /* what is measured; NULL: nothing */
} progress;

/* fd: standard output or error. Reads the environment: LC_ALL, LC_CTYPE, LANG (UTF-8 bar), NO_COLOR, TERM. */
void progress_init(progress *p, int fd, bool log_epochs);

void progress_show(progress *p, const graft_progress *at);

/* Takes the line off the screen, before other text is printed. */
void progress_clear(progress *p);

enum { PROGRESS_LINE = 512 };

/* The line for a terminal of `columns` columns: label, bar, counts, then metrics, time left and images/s as far
 * as they fit; never wider than columns - 1. Into buf. */
void progress_line(const progress *p, const graft_progress *at, int columns, char buf[PROGRESS_LINE]);

/* The line that stays of an epoch, without line feed. */
void progress_epoch(const progress *p, const graft_progress *at, char buf[PROGRESS_LINE]);

#endif
