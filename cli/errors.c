#include "errors.h"

#include <stdarg.h>
#include <stdio.h>

graft_status fail(graft_error *err, int number, const char *hint, const char *format, ...)
{
    va_list args;
    err->status = number / 1000 == 5 ? GRAFT_RESOURCE : GRAFT_USAGE;
    err->number = number;
    va_start(args, format);
    vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    snprintf(err->hint, sizeof err->hint, "%s", hint ? hint : "");
    return err->status;
}

void fail_hint(graft_error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(err->hint, sizeof err->hint, format, args);
    va_end(args);
}
