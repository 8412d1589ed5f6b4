#include "ops/cpu.h"
#include "ops/onednn.h"

#if defined(__x86_64__)

/* oneDNN's names of instruction sets are bits of which a greater one has those of all lesser ones. */
static bool up_to(dnnl_cpu_isa_t isa) { return (dnnl_get_effective_cpu_isa() & isa) == isa; }

static bool is_v4(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

bool gf_cpu_has(gf_cpu_part part)
{
    switch (part) {
    case GF_CPU_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && up_to(dnnl_cpu_isa_avx2);
    case GF_CPU_AVX512: return is_v4() && up_to(dnnl_cpu_isa_avx512_core);
    case GF_CPU_VNNI: return is_v4() && __builtin_cpu_supports("avx512vnni") && up_to(dnnl_cpu_isa_avx512_core_vnni);
    case GF_CPU_BF16: return is_v4() && __builtin_cpu_supports("avx512bf16") && up_to(dnnl_cpu_isa_avx512_core_bf16);
    }
    return false;
}

#else

bool gf_cpu_has(gf_cpu_part part)
{
    (void)part;
    return false;
}

#endif
