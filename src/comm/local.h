/* local.h - ranks on one machine: a pair of sockets between every two, and a page of memory that all share.
 *
 * On the page each rank counts up twice a second, by a thread of its own: a rank whose number stands still is stopped,
 * or its machine is. A rank that has ended closes its sockets. The first failure that any rank has is on the page too,
 * so that all tell the same. */
#ifndef GF_COMM_LOCAL_H
#define GF_COMM_LOCAL_H

#include "comm/comm.h"

typedef struct gf_local gf_local;

/* This process becomes rank 0 of `size`, and starts the others: `command` (NULL behind the last; its first is the path
 * of a program) with GRAFT_RANK in its environment (words.h). They end when this process does. E8005. */
graft_status gf_local_start(gf_local **out, int size, const char *const command[], graft_error *err);
/* For a process that was started so; `words` is what its GRAFT_RANK says. E8005. */
graft_status gf_local_join(gf_local **out, const char *words, graft_error *err);

/* As long as it is open. */
gf_comm *gf_local_comm(gf_local *l);
/* Closes the sockets. Rank 0 waits for the processes that it started, and ends those that do not end by themselves
 * within two seconds. Takes NULL. */
void gf_local_close(gf_local *l);

#endif
