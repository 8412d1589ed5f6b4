#include "progress.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BAR_LEAST = 6, BAR_MOST = 28, PIECE = 64, PIECES = 12 };

static bool locale_is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value && *value) return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return false;
}

void progress_init(progress *p, int fd, bool log_epochs)
{
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    memset(p, 0, sizeof *p);
    p->fd = fd;
    p->terminal = isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
    p->log_epochs = log_epochs;
    p->utf8 = locale_is_utf8();
    p->color = p->terminal && !(no_color && *no_color);
}

/* Progress is worth no error: what cannot be written is lost. */
static void put(const progress *p, const char *text)
{
    size_t n = strlen(text);
    while (n > 0) {
        ssize_t wrote = write(p->fd, text, n);
        if (wrote <= 0) return;
        text += wrote;
        n -= (size_t)wrote;
    }
}

static int terminal_columns(int fd)
{
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return 80;
}

static void duration_text(double seconds, char buf[PIECE])
{
    long s = seconds < 359999 ? (long)(seconds + 0.5) : 359999;
    if (s >= 3600)
        snprintf(buf, PIECE, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(buf, PIECE, "%ld:%02ld", s / 60, s % 60);
}

static void label_text(const graft_progress *at, char buf[PIECE])
{
    static const char *const labels[] = {
        [GRAFT_STAGE_CHECK] = "checking images",  [GRAFT_STAGE_PLAN] = "preparing",
        [GRAFT_STAGE_TRAIN] = "training",         [GRAFT_STAGE_EVALUATE] = "evaluating",
        [GRAFT_STAGE_EPOCH] = "training",         [GRAFT_STAGE_REPORT] = "writing the report",
        [GRAFT_STAGE_FETCH] = "fetching weights",
    };
    bool known = (unsigned)at->stage < sizeof labels / sizeof *labels;
    if (at->stage == GRAFT_STAGE_TRAIN && at->epochs > 0)
        snprintf(buf, PIECE, "epoch %2d/%d", at->epoch, at->epochs);
    else
        snprintf(buf, PIECE, "%s", known ? labels[at->stage] : "working");
}

/* What may stand right of the bar, the most wanted first; an empty text is left out. */
static int line_pieces(const progress *p, const graft_progress *at, char pieces[PIECES][PIECE])
{
    bool train = at->stage == GRAFT_STAGE_TRAIN || at->stage == GRAFT_STAGE_EVALUATE;
    int n = 0;
    if (at->stage == GRAFT_STAGE_FETCH)
        snprintf(pieces[n++], PIECE, "%.1f/%.1f MB", 1e-6 * (double)at->done, 1e-6 * (double)at->total);
    else if (at->total > 0)
        snprintf(pieces[n++], PIECE, "%lld/%lld", (long long)at->done, (long long)at->total);
    const graft_metric *m;
    for (size_t i = 0; train && n < PIECES - 2 && (m = graft_progress_metric(p->context, i)); i++) {
        if (isfinite(m->value)) snprintf(pieces[n++], PIECE, "%s %.4f", m->name, m->value);
    }
    if (at->seconds_left >= 0 && at->total > 0) {
        char left[PIECE];
        duration_text(at->seconds_left, left);
        snprintf(pieces[n++], PIECE, "%.16s left", left);
    }
    if (at->images_per_second > 0) snprintf(pieces[n++], PIECE, "%.0f images/s", at->images_per_second);
    return n;
}

static void append(char *buf, const char *text)
{
    size_t n = strlen(buf);
    snprintf(buf + n, PROGRESS_LINE - n, "%s", text);
}

static void append_bar(const progress *p, double share, int width, char *buf)
{
    if (!(share >= 0)) share = 0;
    int full = share >= 1 ? width : (int)(share * width);
    append(buf, p->color ? "\x1b[32m" : "");
    for (int i = 0; i < width; i++) {
        if (i == full) append(buf, p->color ? "\x1b[90m" : "");
        append(buf, i < full ? (p->utf8 ? "\u2588" : "#") : (p->utf8 ? "\u2591" : "."));
    }
    append(buf, p->color ? "\x1b[0m" : "");
}

void progress_line(const progress *p, const graft_progress *at, int columns, char buf[PROGRESS_LINE])
{
    char label[PIECE], pieces[PIECES][PIECE];
    int n = line_pieces(p, at, pieces), room = columns - 1, shown = 0;
    label_text(at, label);
    buf[0] = '\0';
    if (room <= 0) return;
    snprintf(buf, PROGRESS_LINE, "%.*s", room, label);
    room -= (int)strlen(buf);
    while (shown < n && room >= 2 + (int)strlen(pieces[shown])) room -= 2 + (int)strlen(pieces[shown++]);
    int bar = room - 2 > BAR_MOST ? BAR_MOST : room - 2;
    if (bar >= BAR_LEAST && at->total > 0) {
        append(buf, "  ");
        append_bar(p, (double)at->done / (double)at->total, bar, buf);
    }
    for (int i = 0; i < shown; i++) {
        append(buf, "  ");
        append(buf, pieces[i]);
    }
}

void progress_epoch(const progress *p, const graft_progress *at, char buf[PROGRESS_LINE])
{
    char rest[128];
    const graft_metric *m;
    const char *phase = at->phase > 1 ? graft_progress_phase(p->context) : NULL;
    snprintf(buf, PROGRESS_LINE, "epoch %2d/%d%s%.64s", at->epoch, at->epochs, phase ? "  " : "", phase ? phase : "");
    for (char *under = buf; (under = strchr(under, '_'));) *under = '-';
    for (size_t i = 0; (m = graft_progress_metric(p->context, i)); i++) {
        snprintf(rest, sizeof rest, "  %.64s %.4f", m->name, m->value);
        if (!isnan(m->value) || !i) append(buf, rest);
    }
    for (size_t i = 0; isfinite(at->val_loss) && (m = graft_progress_metric(p->context, i)); i++) {
        snprintf(rest, sizeof rest, "  val_%.64s %.4f", m->name, m->validation);
        append(buf, rest);
    }
    snprintf(rest, sizeof rest, "  %.1f s  %.0f images/s", at->seconds, at->images_per_second);
    append(buf, rest);
}

void progress_clear(progress *p)
{
    if (p->drawn) put(p, "\r\x1b[K");
    p->drawn = false;
}

void progress_show(progress *p, const graft_progress *at)
{
    char line[PROGRESS_LINE], framed[PROGRESS_LINE + 8];
    if (at->stage == GRAFT_STAGE_EPOCH) {
        if (!p->log_epochs) return;
        progress_clear(p);
        progress_epoch(p, at, line);
        snprintf(framed, sizeof framed, "%s\n", line);
        put(p, framed);
    } else if (p->terminal) {
        progress_line(p, at, terminal_columns(p->fd), line);
        snprintf(framed, sizeof framed, "\r%s\x1b[K", line);
        put(p, framed);
        p->drawn = true;
    }
}
