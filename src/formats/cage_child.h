/* cage_child.h - the child's side of cage.h: what it gives up before it touches a foreign byte. */
#ifndef GF_FORMATS_CAGE_CHILD_H
#define GF_FORMATS_CAGE_CHILD_H

#include "formats/cage.h"

#include <sys/types.h>

/* The first byte of the pipe: did the filter hold? */
enum { GF_CAGE_FILTERED = 'f', GF_CAGE_UNFILTERED = 'u' };

/* Runs in the child right after fork; does not return. `base` is the address space that the process had (0: not
 * known). All signals are blocked on entry. */
_Noreturn void gf_cage_child(void (*fn)(void *ctx, gf_sink *sink), void *ctx, const gf_cage_limits *limits, size_t base,
                             int pipe, pid_t parent);

#endif
