/* stack.h - runs the command on a stack that is deep enough, whatever `ulimit -s` says. */
#ifndef CLI_STACK_H
#define CLI_STACK_H

/* Calls fn(ctx): on the caller's own stack where its limit is 1 MiB or more, else on a thread that has 8 MiB; where no
 * thread can be made, on the caller's own after all. Returns when fn has. */
void stack_run_deep(void (*fn)(void *ctx), void *ctx);

#endif
