/* run_places.h - where a test program's runs lie: a folder of its own with tiny_data.h's images, and two names for runs
 * in it. Set-up and tear-down for cmocka. */
#ifndef TESTS_SUPPORT_RUN_PLACES_H
#define TESTS_SUPPORT_RUN_PLACES_H

#include "support/tiny_data.h"
#include "support/tiny_run.h" /* before the names below, which it uses for its own */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char root[64], data[96], reference[96], run[96]; /* the folder, and in it: the images, two runs */

/* So many images per class. 0, or -1 where no folder can be made. */
static inline int run_places_make(int train, int validation)
{
    snprintf(root, sizeof root, "/tmp/graft-test-XXXXXX");
    if (!mkdtemp(root)) return -1;
    snprintf(data, sizeof data, "%s/data", root);
    snprintf(reference, sizeof reference, "%s/reference", root);
    snprintf(run, sizeof run, "%s/run", root);
    tiny_data_make(data, train, validation);
    return 0;
}

static int run_places_remove(void **state)
{
    (void)state;
    tiny_data_remove(root);
    return 0;
}

#endif
