/* one_file.h - a folder of a test program's own with one file in it: set-up and tear-down for cmocka. A program defines
 * ONE_FILE (the file's name) before including this where the name matters. */
#ifndef TESTS_SUPPORT_ONE_FILE_H
#define TESTS_SUPPORT_ONE_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef ONE_FILE
#define ONE_FILE "f"
#endif

static char dir[] = "/tmp/graft-test-XXXXXX", path[64];

static int make_dir(void **state)
{
    (void)state;
    if (!mkdtemp(dir)) return 1;
    snprintf(path, sizeof path, "%s/" ONE_FILE, dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir);
}

#endif
