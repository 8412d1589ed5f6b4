#include "support/needs.h"

#include "support/sanitized.h"

#include <errno.h>
#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <cmocka.h>

static const char *limit(void)
{
    const char *set = getenv("ONEDNN_MAX_CPU_ISA");
    return set ? set : "";
}

/* Whether ONEDNN_MAX_CPU_ISA leaves instruction sets up to `isa`. */
static bool allowed(const char *isa)
{
    static const char *const ascending[] = {
        "SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_CORE", "AVX512_CORE_VNNI", "AVX512_CORE_BF16"};
    bool below = false;
    for (size_t i = 0; i < sizeof ascending / sizeof *ascending; i++) {
        if (!strcasecmp(ascending[i], isa)) return !below;
        below = below || !strcasecmp(ascending[i], limit());
    }
    return false;
}

#ifdef __x86_64__
#define PROCESSOR_HAS(what) (__builtin_cpu_supports(what) != 0)
#else
#define PROCESSOR_HAS(what) false
#endif

static bool has_bf16(void) { return PROCESSOR_HAS("avx512bf16") && allowed("AVX512_CORE_BF16"); }
static bool has_int8(void) { return PROCESSOR_HAS("avx512vnni") && allowed("AVX512_CORE_VNNI"); }
static bool has_avx2(void) { return PROCESSOR_HAS("avx2"); }
static bool has_vbmi(void) { return PROCESSOR_HAS("avx512vbmi"); }
static bool has_sys(void) { return access("/sys/devices/system/cpu/online", R_OK) == 0; }
static bool is_plain(void) { return !SANITIZED; }

const char *needs_data(const char *name, char *path, size_t size)
{
    const char *root = getenv("GRAFT_TEST_DATA");
    snprintf(path, size, "%s/%s", root && *root ? root : GRAFT_SHARED, name);
    return path;
}

const char *needs_lacking(const char *need)
{
    static const struct {
        const char *need;
        bool (*is_here)(void);
        const char *why;
    } row[] = {
        {"bf16", has_bf16, "no instructions that multiply bf16 (AVX512-BF16)"},
        {"int8", has_int8, "no instructions that multiply int8 (AVX512-VNNI)"},
        {"avx2", has_avx2, "no AVX2"},
        {"vbmi", has_vbmi, "no AVX512-VBMI"},
        {"sys", has_sys, "no /sys, which has files that are shorter than they say"},
        {"unsanitized", is_plain, "AddressSanitizer's locks do not survive a fork"},
    };
    char path[512];
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        if (!strcmp(row[i].need, need)) return row[i].is_here() ? NULL : row[i].why;
    }
    if (strncmp(need, "data:", 5)) return "no test knows this need";
    return access(needs_data(need + 5, path, sizeof path), R_OK) ? "not among the data (GRAFT_TEST_DATA)" : NULL;
}

static bool is_listed(const char *need, const char *program, const char *test)
{
    char line[512], a[128], b[128], c[128];
    bool found = false;
    FILE *f = fopen(GRAFT_SKIPS_TABLE, "r");
    if (!f) return false;
    while (!found && fgets(line, sizeof line, f)) {
        found = sscanf(line, "%127s %127s %127s", a, b, c) == 3 && !strcmp(a, need) && !strcmp(b, program) &&
                !fnmatch(c, test, 0);
    }
    fclose(f);
    return found;
}

static void record(const char *need, const char *program, const char *test)
{
    const char *path = getenv("GRAFT_SKIPS");
    if (!path) return;
    FILE *f = fopen(path, "a");
    bool written = f && fprintf(f, "%s\t%s\t%s\t%s\n", program, test, need, limit()) > 0;
    if (!f || fclose(f) || !written) fail_msg("%s cannot be written to: the skip would not be counted", path);
}

static void note(const char *need, const char *why, const char *test)
{
    const char *program = program_invocation_short_name;
    if (!is_listed(need, program, test))
        fail_msg("%s needs %s, but tests/skips.txt does not list it as a test that may be skipped", test, need);
    record(need, program, test);
    print_message("%s: skipped without %s: %s\n", test, need, why);
}

void needs_or_skip(const char *need, const char *test)
{
    const char *why = needs_lacking(need);
    if (!why) return;
    note(need, why, test);
    skip();
}

void needs_each_or_skip(const char *const need[], const char *const why[], size_t n, const char *test)
{
    bool lacks = false;
    for (size_t i = 0; i < n; i++) {
        if (why[i]) note(need[i], why[i], test);
        lacks = lacks || why[i];
    }
    if (lacks) skip();
}
