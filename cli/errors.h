/* errors.h - the errors the command itself finds; numbers as in the library's table (docs/errors.md). */
#ifndef CLI_ERRORS_H
#define CLI_ERRORS_H

#include <graft/status.h>

enum { E_USAGE = 3001, E_OPTION_VALUE = 3002, E_OPTION_UNKNOWN = 3003, E_NO_MEMORY = 5001, E_IO_WRITE = 5003 };

/* Fills err and returns the status that the number's thousands stand for. hint may be NULL. Foreign text goes through
 * ESCAPED (text.h). */
graft_status fail(graft_error *err, int number, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* For hints that are put together: printf into the hint of err (after fail). */
void fail_hint(graft_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
