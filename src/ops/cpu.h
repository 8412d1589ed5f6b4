/* cpu.h - what the processor has, for graft's own loops: the one place in this room that asks. ONEDNN_MAX_CPU_ISA,
 * which holds oneDNN to a lesser instruction set, holds graft's loops to it as well, so that a lesser processor can be
 * tried anywhere. (Two kinds of loops do not ask: those of GF_CLONES, copies that the compiler makes of one C text and
 * the loader picks, with the same bits; and src/image's, whose tests call each by name.) */
#ifndef GF_OPS_CPU_H
#define GF_OPS_CPU_H

#include <stdbool.h>

typedef enum gf_cpu_part {
    GF_CPU_AVX2,   /* with FMA */
    GF_CPU_AVX512, /* F, BW, DQ and VL: what x86-64-v4 has */
    GF_CPU_VNNI,   /* products of int8, with AVX512 */
    GF_CPU_BF16,   /* products of bf16, with AVX512 and VNNI */
} gf_cpu_part;

/* From any thread; cheap. */
bool gf_cpu_has(gf_cpu_part part);

#endif
