/* run_digest.h - what two runs of equal arithmetic have in common, whatever wrote their files: the tensors of the model
 * and the values of the history. Metadata, further columns and how a number is spelled may change from version to
 * version. For tests that link the whole library. */
#ifndef TESTS_RUN_DIGEST_H
#define TESTS_RUN_DIGEST_H

#include "base/alloc.h"
#include "base/hash.h"
#include "base/io.h"
#include "formats/safetensors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct run_digest {
    char tensors[65], history[65];
} run_digest;

/* Each tensor by name: its name, type, shape and bytes. */
static inline void run_digest_tensors(const char *file, char hex[65])
{
    gf_safetensors st;
    graft_error err = {0};
    if (gf_safetensors_open(&st, file, NULL, &err)) fail_msg("%s: %s", file, err.message);
    assert_true(st.n > 0);
    gf_sha256_state *s = gf_sha256_begin();
    for (size_t i = 0; i < st.n; i++) {
        const gf_safetensors_tensor *t = &st.tensor[i];
        if (i) assert_true(strcmp(st.tensor[i - 1].name, t->name) < 0);
        gf_sha256_add(s, t->name, strlen(t->name) + 1);
        gf_sha256_add(s, t->dtype_name, strlen(t->dtype_name) + 1);
        for (int d = 0; d < t->shape.rank; d++) {
            char text[32];
            int n = snprintf(text, sizeof text, "%lld,", (long long)t->shape.dim[d]);
            gf_sha256_add(s, text, (size_t)n);
        }
        gf_sha256_add(s, gf_safetensors_bytes(&st, t), t->bytes);
    }
    gf_sha256 digest = gf_sha256_end(s);
    gf_sha256_hex(&digest, hex);
    gf_safetensors_close(&st);
}

/* The field of a line of CSV, cut out in place; NULL: there are fewer. */
static inline const char *run_digest_field(const char *line, int column, char field[64])
{
    while (column-- > 0) {
        line = strchr(line, ',');
        if (!line) return NULL;
        line++;
    }
    snprintf(field, 64, "%.*s", (int)strcspn(line, ",\r\n"), line);
    return field;
}

static inline int run_digest_column(const char *header, const char *name)
{
    char field[64];
    for (int i = 0; run_digest_field(header, i, field); i++) {
        if (!strcmp(field, name)) return i;
    }
    fail_msg("history.csv has no column %s: %s", name, header);
    return -1;
}

static inline void run_digest_history(const char *file, char hex[65])
{
    static const char *const name[] = {"epoch", "phase", "lr", "loss", "accuracy", "val_loss", "val_accuracy"};
    enum { COLUMNS = sizeof name / sizeof *name };
    int column[COLUMNS];
    uint8_t *bytes;
    size_t n;
    if (gf_file_read(file, 1 << 20, &bytes, &n, NULL)) fail_msg("cannot read %s", file);
    const char *line = (const char *)bytes;
    for (int i = 0; i < COLUMNS; i++) column[i] = run_digest_column(line, name[i]);
    gf_sha256_state *s = gf_sha256_begin();
    size_t rows = 0;
    for (line = strchr(line, '\n'); line && line[1]; line = strchr(line + 1, '\n'), rows++) {
        for (int i = 0; i < COLUMNS; i++) {
            char field[64], text[64];
            if (!run_digest_field(line + 1, column[i], field)) fail_msg("%s: a short line", file);
            snprintf(text, sizeof text, "%s", field);
            if (i != 1) snprintf(text, sizeof text, "%.9g", strtod(field, NULL));
            gf_sha256_add(s, text, strlen(text) + 1);
        }
    }
    assert_true(rows > 0);
    gf_sha256 digest = gf_sha256_end(s);
    gf_sha256_hex(&digest, hex);
    gf_free(bytes);
}

/* Of a finished run folder; fails the test where it is none. */
static inline run_digest run_digest_of(const char *run)
{
    run_digest d;
    char path[512];
    snprintf(path, sizeof path, "%s/model.safetensors", run);
    run_digest_tensors(path, d.tensors);
    snprintf(path, sizeof path, "%s/history.csv", run);
    run_digest_history(path, d.history);
    return d;
}

#endif
