#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

void gf_log_say(const gf_log *log, gf_log_level level, const char *fmt, ...)
{
    if (!log || !log->say) return;
    char text[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    log->say(log->ctx, level, text);
}
