#include "output.h"
#include "errors.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int write_all(int fd, const char *text, size_t n)
{
    while (n > 0) {
        ssize_t wrote = write(fd, text, n);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return wrote < 0 ? errno : EIO;
        text += wrote;
        n -= (size_t)wrote;
    }
    return 0;
}

graft_status output_text(const char *text, size_t n, bool document, graft_error *err)
{
    int error = write_all(STDOUT_FILENO, text, n);
    if (!error && (n == 0 || text[n - 1] != '\n')) error = write_all(STDOUT_FILENO, "\n", 1);
    if (!error || (error == EPIPE && !document)) return GRAFT_OK;
    return fail(err, E_IO_WRITE, "what was computed is not lost where a run folder was written", "standard output: %s",
                strerror(error));
}

void output_message(const char *kind, const char *text)
{
    char *line = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&line, &n);
    if (!f) return;
    fprintf(f, "graft: %s: ", kind);
    text_write_escaped(f, text);
    fputc('\n', f);
    if (fclose(f) == 0) (void)write_all(STDERR_FILENO, line, n);
    free(line);
}

/* "error E1207"; a run that was stopped on purpose has no number. */
static const char *error_kind(const graft_error *err, char buf[32])
{
    if (err->status == GRAFT_INTERRUPTED) return "interrupted";
    if (err->status == GRAFT_TERMINATED) return "terminated";
    snprintf(buf, 32, "error E%04d", err->number);
    return buf;
}

static const char *error_message(const graft_error *err)
{
    return err->message[0] ? err->message : graft_status_text(err->status);
}

/* Messages of several lines (lists of bad files) stay several lines: each is escaped by itself. */
static void write_lines(FILE *f, const char *text)
{
    char line[sizeof((graft_error *)0)->message];
    while (*text) {
        size_t n = strcspn(text, "\n");
        snprintf(line, sizeof line, "%.*s", (int)n, text);
        text_write_escaped(f, line);
        text += n;
        if (*text) fputc(*text++, f);
    }
}

void output_error(const graft_error *err)
{
    char *text = NULL, kind[32];
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    if (!f) return;
    fprintf(f, "graft: %s: ", error_kind(err, kind));
    write_lines(f, error_message(err));
    fputc('\n', f);
    if (err->hint[0]) {
        fputs("hint: ", f);
        write_lines(f, err->hint);
        fputc('\n', f);
    }
    if (fclose(f) == 0) (void)write_all(STDERR_FILENO, text, n);
    free(text);
}

void output_error_json(const graft_error *err)
{
    char *text = NULL, kind[32];
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    if (!f) return;
    const char *code = error_kind(err, kind), *space = strchr(code, ' ');
    fputs("{\"error\":{\"code\":", f);
    text_write_json(f, space ? space + 1 : code);
    fprintf(f, ",\"status\":%d,\"message\":", (int)err->status);
    text_write_json(f, error_message(err));
    fputs(",\"hint\":", f);
    text_write_json(f, err->hint);
    fputs("}}\n", f);
    if (fclose(f) == 0) (void)write_all(STDOUT_FILENO, text, n);
    free(text);
}
