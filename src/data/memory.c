#include "data/memory.h"

#include "base/sys.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { TEXT = 8192, PATH = 1024 };

/* /proc and /sys tell no sizes, so read until they end or buf is full. */
static bool read_text(const char *path, char *buf, size_t size)
{
    int fd = gf_sys_open(path, O_RDONLY, 0);
    if (fd < 0) return false;
    size_t n = 0;
    for (ssize_t got = 1; got > 0 && n < size - 1; n += (size_t)(got > 0 ? got : 0)) {
        got = gf_sys_read(fd, buf + n, size - 1 - n);
    }
    gf_sys_close(fd);
    buf[n] = 0;
    return n > 0;
}

/* Digits at s; *s is moved behind them. */
static bool parse_number(const char **s, uint64_t *value)
{
    const char *p = *s;
    uint64_t x = 0;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (__builtin_mul_overflow(x, 10, &x) || __builtin_add_overflow(x, (uint64_t)(*p - '0'), &x)) return false;
    }
    if (p == *s) return false;
    *s = p;
    *value = x;
    return true;
}

bool gf_meminfo_value(const char *text, const char *key, uint64_t *bytes)
{
    size_t n = strlen(key);
    for (const char *line = text; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
        if (strncmp(line, key, n) || (line[n] != ':' && line[n] != ' ')) continue;
        const char *p = line + n + 1 + strspn(line + n + 1, " \t");
        if (!parse_number(&p, bytes)) return false;
        return !strncmp(p, " kB", 3) ? !__builtin_mul_overflow(*bytes, 1024, bytes) : true;
    }
    return false;
}

bool gf_cgroup_number(const char *text, uint64_t *value)
{
    if (!strncmp(text, "max", 3)) {
        *value = UINT64_MAX;
        return true;
    }
    return parse_number(&text, value);
}

/* Lines are "number:controllers,by,comma:/path"; v2's has number 0 and no controllers. */
bool gf_cgroup_path(const char *text, const char *controller, char *buf, uint64_t size)
{
    for (const char *line = text; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
        size_t length = strcspn(line, "\n");
        const char *names = memchr(line, ':', length);
        const char *path = names ? memchr(names + 1, ':', length - (size_t)(names + 1 - line)) : NULL;
        if (!path) continue;
        bool found = !controller && path == names + 1;
        for (const char *at = names + 1; controller && at < path; at++) {
            size_t n = strcspn(at, ",:");
            found |= n == strlen(controller) && !strncmp(at, controller, n);
            at += n;
        }
        size_t n = length - (size_t)(path + 1 - line);
        if (!found || n >= size) continue;
        memcpy(buf, path + 1, n);
        buf[n] = 0;
        return true;
    }
    return false;
}

static const struct hierarchy {
    const char *controller, *mount, *limit, *used, *inactive, *active;
} hierarchies[] = {
    {NULL, "/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file", "active_file"},
    {"memory", "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file",
     "total_active_file"},
};

static bool read_number(const char *dir, const char *file, uint64_t *value)
{
    char path[PATH + 512], text[64];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    return read_text(path, text, sizeof text) && gf_cgroup_number(text, value);
}

/* What one cgroup leaves. */
static uint64_t left_in(const struct hierarchy *h, const char *dir)
{
    uint64_t limit, used, inactive = 0, active = 0;
    if (!read_number(dir, h->limit, &limit) || limit == UINT64_MAX) return UINT64_MAX;
    if (!read_number(dir, h->used, &used)) return limit;
    char path[PATH + 512], text[TEXT];
    snprintf(path, sizeof path, "%s/memory.stat", dir);
    if (read_text(path, text, sizeof text)) {
        gf_meminfo_value(text, h->inactive, &inactive);
        gf_meminfo_value(text, h->active, &active);
    }
    used = used > inactive ? used - inactive : 0; /* the kernel gives both up before it ends a process */
    used = used > active ? used - active : 0;
    return limit > used ? limit - used : 0;
}

uint64_t gf_memory_swap(void)
{
    uint64_t found = 0;
    char text[TEXT];
    return read_text("/proc/meminfo", text, sizeof text) && gf_meminfo_value(text, "SwapFree", &found) ? found : 0;
}

uint64_t gf_memory_available(void)
{
    uint64_t available = UINT64_MAX, found;
    char text[TEXT], group[PATH], dir[PATH + 256];
    if (read_text("/proc/meminfo", text, sizeof text) && gf_meminfo_value(text, "MemAvailable", &found)) {
        available = found;
    }
    if (!read_text("/proc/self/cgroup", text, sizeof text)) text[0] = 0;
    for (size_t i = 0; i < sizeof hierarchies / sizeof *hierarchies; i++) {
        const struct hierarchy *h = &hierarchies[i];
        if (!gf_cgroup_path(text, h->controller, group, sizeof group)) continue;
        /* a parent's limit holds for its children; in a container the path may not be visible, the mount's root is */
        for (char *slash = group + strlen(group); slash; slash = strrchr(group, '/')) {
            *slash = 0;
            snprintf(dir, sizeof dir, "%s%s", h->mount, group);
            found = left_in(h, dir);
            if (found < available) available = found;
            if (!*group) break;
        }
    }
    return available;
}
