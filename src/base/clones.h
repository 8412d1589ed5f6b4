/* clones.h - loops in several versions: the compiler makes them for wider vectors and the loader picks one. The same
 * bits from each: plain C, no contraction to fma, sums in one fixed order. */
#ifndef GF_BASE_CLONES_H
#define GF_BASE_CLONES_H

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && \
    !defined(GF_NO_CLONES) && defined(__GNUC__) && !defined(__clang__)
#define GF_CLONES __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define GF_CLONES
#endif

#endif
