#include "support/run_bytes.h"

#include "base/alloc.h"
#include "base/io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The history without its last two columns, which are times. */
static void cut_times(char *csv)
{
    char *to = csv;
    for (char *line = csv; *line;) {
        size_t n = strcspn(line, "\n"), kept = n;
        for (int commas = 0; kept > 0 && commas < 2;) commas += line[--kept] == ',';
        memmove(to, line, kept);
        to += kept;
        line += n + (line[n] == '\n');
    }
    *to = 0;
}

static void read_run_file(const char *run, const char *name, const char *where, uint8_t **bytes, size_t *n)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", run, name);
    if (gf_file_read(path, 1 << 28, bytes, n, NULL) != GRAFT_OK) fail_msg("%s: cannot read %s", where, path);
    if (strstr(name, ".csv")) {
        cut_times((char *)*bytes);
        *n = strlen((char *)*bytes);
    }
    assert_true(*n > 0);
}

static bool equal(const char *one, const char *other, const char *name, const char *where)
{
    uint8_t *a, *b;
    size_t n, m;
    read_run_file(one, name, where, &a, &n);
    read_run_file(other, name, where, &b, &m);
    bool same = n == m && !memcmp(a, b, n);
    gf_free(a);
    gf_free(b);
    return same;
}

void run_bytes_equal(const char *one, const char *other, const char *where)
{
    static const char *const names[] = {"model.safetensors", "history.csv"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!equal(one, other, names[i], where)) fail_msg("%s: %s of %s and %s differ", where, names[i], one, other);
    }
}

void run_bytes_differ(const char *one, const char *other, const char *where)
{
    if (equal(one, other, "model.safetensors", where)) fail_msg("%s: %s and %s are equal", where, one, other);
}
