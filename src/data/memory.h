/* memory.h - how much memory this process may still take: what the machine has, and what its cgroups allow. */
#ifndef GF_DATA_MEMORY_H
#define GF_DATA_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes; the least of MemAvailable and, for each cgroup (v1 or v2) that this process is in, its limit less what is
 * used and cannot be given back (page cache can). UINT64_MAX where nothing can be told. */
uint64_t gf_memory_available(void);

/* Swap that is free: what may hold where memory is short, at a price. 0 where nothing can be told. */
uint64_t gf_memory_swap(void);

/* The parsers, pure. Value of "KEY: 123 kB" in /proc/meminfo, in bytes, or of "KEY 123" in memory.stat; false where
 * the key is not there. */
bool gf_meminfo_value(const char *text, const char *key, uint64_t *bytes);
/* A cgroup's number: "123\n", or "max\n" (UINT64_MAX). */
bool gf_cgroup_number(const char *text, uint64_t *value);
/* From /proc/self/cgroup, this process's path in v2 (controller NULL) or in a v1 hierarchy. Into buf; false: not
 * there or too long. */
bool gf_cgroup_path(const char *text, const char *controller, char *buf, uint64_t size);

#endif
