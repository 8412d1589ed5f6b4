/* torch_machine.h - the inside of the pickle machine (torch_pickle.h), which two files share: its stack and memo
 * (torch_pickle.c), and what becomes of names and calls (torch_pickle_calls.c). */
#ifndef GF_FORMATS_TORCH_MACHINE_H
#define GF_FORMATS_TORCH_MACHINE_H

#include "formats/torch_pickle.h"

enum { GF_PICKLE_DEPTH = 64, GF_PICKLE_LINE = 256 };

typedef struct gf_machine {
    const uint8_t *start, *at, *end, *here; /* here: the running instruction */
    gf_pickle *p;
    uint32_t *stack;
    size_t n, cap;
    uint32_t mark[GF_PICKLE_DEPTH]; /* heights of the stack */
    size_t marks;
    uint32_t *memo; /* nodes */
    size_t n_memo, cap_memo;
    size_t moves;     /* values put into containers: a list may be copied again and again */
    uint32_t a_float; /* the node of every number whose value has no say */
    bool has_float;
    const char *name;
    graft_error *err;
    bool stopped;
} gf_machine;

/* E2405 at the running instruction. */
graft_status gf_machine_nonsense(const gf_machine *m, const char *what);

graft_status gf_machine_add(gf_machine *m, gf_pickle_node node, uint32_t *index);
graft_status gf_machine_push(gf_machine *m, uint32_t node);
graft_status gf_machine_push_new(gf_machine *m, gf_pickle_node node);
/* How many values stand above the last mark: an instruction may not reach below it. */
size_t gf_machine_above(const gf_machine *m);
/* The value at that distance from the top of the stack: valid until the next node is added. */
gf_pickle_node *gf_machine_top(const gf_machine *m, size_t from_top);
graft_status gf_machine_pop_mark(gf_machine *m, size_t *count);
/* The topmost `count` values become a tuple. */
graft_status gf_machine_tuple(gf_machine *m, size_t count);
/* Moves the topmost `count` values into a container, in their order. */
graft_status gf_machine_move(gf_machine *m, uint32_t container, size_t count);
/* The text up to the line's end, shorter than GF_PICKLE_LINE. */
graft_status gf_machine_line(gf_machine *m, char out[GF_PICKLE_LINE]);

/* The instructions of names and calls. */
graft_status gf_op_global(gf_machine *m);
graft_status gf_op_stack_global(gf_machine *m);
graft_status gf_op_reduce(gf_machine *m);
graft_status gf_op_new(gf_machine *m);          /* class, arguments */
graft_status gf_op_new_keywords(gf_machine *m); /* class, arguments, named arguments */
graft_status gf_op_instance(gf_machine *m);     /* a name in the bytes, arguments above the mark */
graft_status gf_op_object(gf_machine *m);       /* class and arguments above the mark */
graft_status gf_op_build(gf_machine *m);
graft_status gf_op_persistent(gf_machine *m);

#endif
