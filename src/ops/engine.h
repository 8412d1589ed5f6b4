/* engine.h - what all ops of a context share: oneDNN's engine, what the machine can do, and which precision each
 * primitive got. */
#ifndef GF_OPS_ENGINE_H
#define GF_OPS_ENGINE_H

#include "base/error.h"
#include "tensor/tensor.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct gf_ops gf_ops;

/* `choices` (may be NULL): choices made before, as gf_ops_choices_text gave them; they are kept, others are timed. */
graft_status gf_ops_create(gf_ops **out, const char *choices, graft_error *err);
void gf_ops_destroy(gf_ops *ops);

/* Adds choices on record (lines as above); one that is there already is replaced. Memory running out loses some. */
void gf_ops_add_choices(gf_ops *ops, const char *choices);

/* The choices made so far, sorted, as lines "key=choice"; NULL: no memory. gf_free it. */
char *gf_ops_choices_text(const gf_ops *ops);

/* Chooses among n candidates by timing `run` (best of several); a later one must be a tenth faster than an earlier
 * one to be taken, so that noise does not flip a choice. A choice on record is used untimed: `run` is not called then,
 * so what it needs is best made there. It returns false where a candidate does not work, and may itself choose. */
int gf_ops_choose(gf_ops *ops, const char *key, const char *const *names, int n, bool (*run)(void *ctx, int candidate),
                  void *ctx);

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

/* act(x) of every bf16 x, by its bits: 65536 bf16 values, made at the first call for an activation (an enum of op.h)
 * and alpha, kept by ops. */
graft_status gf_ops_act_table(gf_ops *ops, int act, float alpha, const uint16_t **table, graft_error *err);

/* Run first on every worker thread: primitives created and executed there are single-threaded. */
void gf_ops_start_worker(void);

/* Billions of operations a second of one large single-threaded matrix product on the calling thread, best of some runs.
 */
graft_status gf_ops_matmul_gflops(gf_ops *ops, gf_dtype dtype, double *gflops, graft_error *err);

#endif
