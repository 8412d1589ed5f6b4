/* A toy of a hook: from a step on, the rate is halved. The steps that it has seen are its state. */
#include "train/hook.h"

enum { AFTER };
static const gf_argument arguments[] = {[AFTER] = {"after", GF_ARG_WHOLE, "3", 0, 1000, NULL, "a toy's steps"}};

typedef struct toy_state {
    int64_t steps;
} toy_state;

static double lr(const gf_hook *h, double lr)
{
    const toy_state *s = h->state;
    return s->steps >= (int64_t)h->arguments.number[AFTER] ? lr / 2 : lr;
}

static graft_status step(gf_hook *h, struct gf_run *r, graft_error *err)
{
    (void)r, (void)err;
    ((toy_state *)h->state)->steps++;
    return GRAFT_OK;
}

extern const gf_hook_class gf_hook_toy_hook;

const gf_hook_class gf_hook_toy_hook = {.name = "toy_hook",
                                        .help = "a test's",
                                        .argument = arguments,
                                        .n_arguments = 1,
                                        .state_bytes = sizeof(toy_state),
                                        .version = 1,
                                        .lr = lr,
                                        .step = step};
