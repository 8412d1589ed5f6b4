#include "out_file.h"
#include "errors.h"
#include "text.h"

#include <stdio.h>
#include <sys/stat.h>

graft_status out_file_check(const char *verb, const char *example, const settings *s, graft_error *err)
{
    struct stat st;
    char hint[64];
    snprintf(hint, sizeof hint, "as in --out %s", example);
    if (!s->out) return fail(err, E_USAGE, hint, "graft %s needs --out FILE", verb);
    if (stat(s->out, &st) != 0) return GRAFT_OK;
    if (S_ISDIR(st.st_mode)) return fail(err, E_USAGE, NULL, "--out: %s is a folder, wanted a file", ESCAPED(s->out));
    if (S_ISREG(st.st_mode) && st.st_size > 0 && !s->force)
        return fail(err, E_USAGE, "give another name, or --force to overwrite it",
                    "--out: %s is there and is not empty", ESCAPED(s->out));
    return GRAFT_OK;
}
