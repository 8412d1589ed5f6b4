/* sys_faults.h - every allocation and file call of the library, failed in turn.
 *
 *   for (long k = 0;; k++) {
 *       faults_arm(FAULT_ALLOC, k);          // the k-th call (from 0) fails, once
 *       status = the_thing(...);
 *       if (!faults_disarm()) break;         // it was never reached: all calls have been failed
 *       assert status != GRAFT_OK or the result right; free; assert faults_live() == before
 *   }
 */
#ifndef TESTS_SYS_FAULTS_H
#define TESTS_SYS_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum fault_kind {
    FAULT_ALLOC,
    FAULT_OPEN,
    FAULT_READ,
    FAULT_WRITE, /* write, pwrite, fallocate */
    FAULT_SYNC,
    FAULT_RENAME,
    FAULT_KINDS
} fault_kind;

void faults_arm(fault_kind kind, long skip); /* fails once, with ENOMEM / EIO */
void faults_arm_errno(fault_kind kind, long skip, int error, bool forever);
bool faults_disarm(void); /* true: the fault happened */
long faults_live(void);   /* blocks allocated and not freed */

/* Instead, for what runs on one thread and touches no file: each `step`th call fails in a child of its own, where what
 * follows is followed to its end, while it succeeds here. One run and as many ends are far less than as many runs. */
void faults_arm_children(fault_kind kind, long step);
bool faults_in_child(void);
_Noreturn void faults_end_child(bool well);
/* Disarms; how many children there were, -1 where one did not end well. */
long faults_children(void);

/* How many calls there were so far, to choose moments among them. File calls are those that faults_arm_crash counts. */
long faults_file_calls(void);
long faults_allocations(void);

/* The bytes of the largest block asked for since the last call. */
size_t faults_largest(void);

/* A crash: the process kills itself (SIGKILL) instead of making the skip-th file call from now. With a power loss, what
 * was not synced is lost first: bytes of files become zeros or are cut off at half, renames are undone. */
enum { CRASH_ZEROES_DATA = 1, CRASH_CUTS_DATA = 2, CRASH_UNDOES_RENAMES = 4 };
void faults_arm_crash(long skip, int loses);

#endif
