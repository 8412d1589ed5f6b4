/* own_dir.h - a folder of a test program's own, for files of any names: set-up and tear-down for cmocka. */
#ifndef TESTS_SUPPORT_OWN_DIR_H
#define TESTS_SUPPORT_OWN_DIR_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[64];

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/graft-test-XXXXXX");
    return mkdtemp(dir) ? 0 : 1;
}

static int remove_dir(void **state)
{
    (void)state;
    char command[128];
    if (strncmp(dir, "/tmp/graft-test-", 16)) return 1; /* a test that wrote beyond its place */
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

#endif
