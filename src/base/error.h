/* error.h - how a function fails: fill the caller's graft_error, return its status. */
#ifndef GF_BASE_ERROR_H
#define GF_BASE_ERROR_H

#include <graft/status.h>
#include <stddef.h>

typedef enum gf_errno {
#define GF_E(name, number, title) GF_E_##name = number,
#include "base/errors.def"
#undef GF_E
} gf_errno;

/* Fills `err` (may be NULL) and returns the status that `number` belongs to. `hint` may be NULL. The
 * format is printf's; pass file names and other foreign text through GF_ESC. */
graft_status gf_fail(graft_error *err, gf_errno number, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The same for errno-style failures: `what` happened to `path`; ENOSPC/EDQUOT -> NO_SPACE, ENOMEM ->
 * NO_MEMORY, else `number`. */
graft_status gf_fail_errno(graft_error *err, gf_errno number, int sys_errno, const char *what, const char *path);

graft_status gf_fail_memory(graft_error *err, size_t bytes, const char *what);

/* Writes `s` with bytes outside printable ASCII/valid UTF-8 as \xNN into buf, always terminated. */
const char *gf_escape(char *buf, size_t size, const char *s);
#define GF_ESC(s) gf_escape((char[768]){0}, 768, (s))

/* The title of an error number, NULL where unknown. */
const char *gf_error_title(int number);

/* The two macros for errors: return it, or leave through `out:` with `status` set. */
#define GF_TRY(expr)                                           \
    do {                                                       \
        graft_status gf_try_status_ = (expr);                  \
        if (gf_try_status_ != GRAFT_OK) return gf_try_status_; \
    } while (0)
#define GF_GOTO(expr)                     \
    do {                                  \
        status = (expr);                  \
        if (status != GRAFT_OK) goto out; \
    } while (0)

#endif
