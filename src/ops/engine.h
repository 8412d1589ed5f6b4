/* engine.h - what all ops of a context share: oneDNN's engine, what the machine can do, and which precision each
 * primitive got. */
#ifndef GF_OPS_ENGINE_H
#define GF_OPS_ENGINE_H

#include "base/threads.h"
#include "tensor/tensor.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct gf_ops gf_ops;

/* `choices` (may be NULL): choices made before, as gf_ops_choices_text gave them; they are kept, others are timed. */
graft_status gf_ops_create(gf_ops **out, const char *choices, graft_error *err);
/* For one more owner; returns ops. The last gf_ops_destroy ends it. Any thread. */
gf_ops *gf_ops_hold(gf_ops *ops);
void gf_ops_destroy(gf_ops *ops);

/* Adds choices on record (lines as above); one that is there already is replaced. Memory running out loses some. Those
 * of the first count as clear, as gf_ops_clear_choices_text gave them; those of the second are a run's, clear or not.
 */
void gf_ops_add_choices(gf_ops *ops, const char *choices);
void gf_ops_add_choices_of_run(gf_ops *ops, const char *choices);

/* The choices made so far, sorted, as lines "key=choice"; NULL: no memory. gf_free it. The second: of those only that
 * timing was clear about, which may be kept for later runs. */
char *gf_ops_choices_text(const gf_ops *ops);
char *gf_ops_clear_choices_text(const gf_ops *ops);

/* A choice among candidates that compute the same in different ways, hence with different bits. */
typedef struct gf_choice {
    const char *key;
    const char *const *names;
    int n;         /* candidates, GF_CHOICE_MOST at most */
    int preferred; /* depends on the kind of processor and on the shape, never on a clock */
    double margin; /* another one is taken where it needs less than this part of the preferred one's time: 1 / margin */
    bool on_pool;  /* candidates work on other threads, too: the whole process's time counts */
    const gf_pool *pool; /* which they work on: after a stop (gf_pool_asked) nothing was measured; may be NULL */
    bool (*run)(void *ctx, int candidate); /* false: it does not work here; it may call gf_ops_choose itself */
    void *ctx;
    double *seconds; /* may be NULL. n: the shortest time of each; NAN where none was taken, as of what is on record */
} gf_choice;
enum { GF_CHOICE_MOST = 4 };

/* Margins of single operations and of whole networks (docs/design/precision.md). */
#define GF_MARGIN_OPERATION 3.0
#define GF_MARGIN_NETWORK 1.5

/* The candidate to use: the preferred one, unless timing is clearly against it, in several looks. Times are processor
 * times, so that a busy machine chooses as an idle one does. A choice on record is used untimed: `run` is not called
 * then, so what it needs is best made there. */
int gf_ops_choose(gf_ops *ops, const gf_choice *c);

/* The processor and oneDNN's version, such as "AuthenticAMD 25.17.1 avx512_core_bf16 oneDNN 3.2.0": choices hold only
 * there. */
const char *gf_ops_machine(const gf_ops *ops);

/* graft's own loops, as far as timing them goes: to be raised with every change that may let another candidate win
 * (a faster or slower loop, a new or dropped candidate, a key that means something else). */
enum { GF_OPS_LOOPS = 3 };

/* The machine and graft's version and loops: what was timed elsewhere, or by another graft, is timed again. */
const char *gf_ops_timed_by(const gf_ops *ops);

/* Whether oneDNN multiplies bf16 with instructions made for it (no emulation). */
bool gf_ops_has_bf16(const gf_ops *ops);

/* Whether oneDNN multiplies bytes with AVX-512 instructions made for it (VNNI). */
bool gf_ops_has_int8(const gf_ops *ops);

/* Whether it has tiles for both (AMX). */
bool gf_ops_has_amx(const gf_ops *ops);

/* act(x) of every bf16 x, by its bits: 65536 bf16 values, made at the first call for an activation (an enum of op.h)
 * and alpha, kept by ops. */
graft_status gf_ops_act_table(gf_ops *ops, int act, float alpha, const uint16_t **table, graft_error *err);

/* Run first on every worker thread: primitives created and executed there are single-threaded. */
void gf_ops_start_worker(void);

/* Billions of operations a second of one large single-threaded matrix product on the calling thread, best of some runs.
 */
graft_status gf_ops_matmul_gflops(gf_ops *ops, gf_dtype dtype, double *gflops, graft_error *err);

#endif
