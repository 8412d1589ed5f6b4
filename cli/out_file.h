/* out_file.h - --out, where it is one file. */
#ifndef CLI_OUT_FILE_H
#define CLI_OUT_FILE_H

#include "settings.h"

/* E3001 where --out is missing (`example` is a name for it), a folder, or a file that holds something without --force.
 */
graft_status out_file_check(const char *verb, const char *example, const settings *s, graft_error *err);

#endif
