#include "support/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    char *header;  /* the JSON text, terminated */
    uint8_t *data; /* the values, aligned as malloc aligns */
    size_t n;
};

typedef struct tensor {
    char dtype[8];
    int64_t dims[FIXTURE_MAX_RANK];
    int rank;
    size_t begin, end;
} tensor;

fixture *fixture_open(const char *path)
{
    FILE *file = fopen(path, "rb");
    fixture *f = calloc(1, sizeof *f);
    uint64_t header = 0;
    long size = -1;
    if (!file || !f) goto fail;
    if (fread(&header, sizeof header, 1, file) != 1 || fseek(file, 0, SEEK_END)) goto fail;
    size = ftell(file);
    if (size < 8 || header > (uint64_t)size - 8 || fseek(file, 8, SEEK_SET)) goto fail;
    f->n = (size_t)size - 8 - (size_t)header;
    f->header = calloc((size_t)header + 1, 1);
    f->data = malloc(f->n + 1);
    if (!f->header || !f->data) goto fail;
    if (fread(f->header, 1, (size_t)header, file) != header || fread(f->data, 1, f->n, file) != f->n) goto fail;
    fclose(file);
    return f;
fail:
    if (file) fclose(file);
    fixture_close(f);
    return NULL;
}

void fixture_close(fixture *f)
{
    if (!f) return;
    free(f->header);
    free(f->data);
    free(f);
}

/* The entry of a name: "NAME":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]} */
static int find(const fixture *f, const char *name, tensor *t)
{
    char key[256];
    snprintf(key, sizeof key, "\"%s\":{\"dtype\":\"", name);
    const char *at = strstr(f->header, key);
    if (!at) return 0;
    *t = (tensor){0};
    at += strlen(key);
    size_t n = strcspn(at, "\"");
    if (n >= sizeof t->dtype) return 0;
    memcpy(t->dtype, at, n);
    at = strstr(at, "\"shape\":[");
    if (!at) return 0;
    at += strlen("\"shape\":[");
    while (*at != ']') {
        char *next;
        if (t->rank == FIXTURE_MAX_RANK) return 0;
        t->dims[t->rank++] = strtoll(at, &next, 10);
        if (next == at) return 0;
        at = next + (*next == ',');
    }
    at = strstr(at, "\"data_offsets\":[");
    return at && sscanf(at, "\"data_offsets\":[%zu,%zu]", &t->begin, &t->end) == 2 && t->begin <= t->end &&
           t->end <= f->n;
}

static const uint8_t *values(const fixture *f, const char *name, const char *dtype, size_t size, size_t *n)
{
    tensor t;
    if (!find(f, name, &t) || strcmp(t.dtype, dtype) != 0 || t.begin % size) return NULL;
    if (n) *n = (t.end - t.begin) / size;
    return f->data + t.begin;
}

const float *fixture_f32(const fixture *f, const char *name, size_t *n)
{
    return (const float *)(const void *)values(f, name, "F32", sizeof(float), n);
}

const uint8_t *fixture_u8(const fixture *f, const char *name, size_t *n) { return values(f, name, "U8", 1, n); }

int fixture_shape(const fixture *f, const char *name, int64_t dims[FIXTURE_MAX_RANK])
{
    tensor t;
    if (!find(f, name, &t)) return -1;
    memcpy(dims, t.dims, sizeof t.dims);
    return t.rank;
}
