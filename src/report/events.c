/* A TensorBoard file is a row of records: length (u64), masked CRC-32C of the length, data, masked CRC-32C of the
 * data, all little-endian (tensorflow/core/lib/io/record_writer.h). The data is one protobuf message, Event:
 *   Event   { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; }
 *   Summary { repeated Value value = 1; }    Value { string tag = 1; float simple_value = 2; }
 * Four field kinds are all that is needed, so they are written by hand. */
#include "report/events.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/io.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void add_u32(gf_text *t, uint32_t x)
{
    uint8_t b[4] = {(uint8_t)x, (uint8_t)(x >> 8), (uint8_t)(x >> 16), (uint8_t)(x >> 24)};
    gf_text_add_n(t, b, sizeof b);
}

static void add_u64(gf_text *t, uint64_t x)
{
    add_u32(t, (uint32_t)x);
    add_u32(t, (uint32_t)(x >> 32));
}

static void add_varint(gf_text *t, uint64_t x)
{
    for (; x >= 0x80; x >>= 7) gf_text_add_n(t, &(uint8_t){(uint8_t)(x | 0x80)}, 1);
    gf_text_add_n(t, &(uint8_t){(uint8_t)x}, 1);
}

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 }; /* protobuf wire types */

static void add_key(gf_text *t, unsigned field, unsigned wire_type) { add_varint(t, field << 3 | wire_type); }

static void add_bytes(gf_text *t, unsigned field, const void *data, size_t n)
{
    add_key(t, field, BYTES);
    add_varint(t, n);
    gf_text_add_n(t, data, n);
}

static void add_double(gf_text *t, unsigned field, double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    add_key(t, field, FIXED64);
    add_u64(t, bits);
}

static void add_float(gf_text *t, unsigned field, float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    add_key(t, field, FIXED32);
    add_u32(t, bits);
}

static uint32_t masked_crc(const void *data, size_t n)
{
    uint32_t crc = gf_crc32c(data, n);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static void add_record(gf_text *file, const gf_text *event)
{
    file->failed |= event->failed;
    if (file->failed) return;
    uint8_t length[8];
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)((uint64_t)event->n >> 8 * i);
    gf_text_add_n(file, length, sizeof length);
    add_u32(file, masked_crc(length, sizeof length));
    gf_text_add_n(file, event->s, event->n);
    add_u32(file, masked_crc(event->s, event->n));
}

static void add_scalar(gf_text *summary, const char *tag, double x, gf_text *value)
{
    if (isnan(x)) return;
    value->n = 0;
    add_bytes(value, 1, tag, strlen(tag));
    add_float(value, 2, (float)x);
    if (value->failed) summary->failed = true;
    if (!summary->failed) add_bytes(summary, 1, value->s, value->n);
}

/* The Summary message of a row. */
static void add_scalars(gf_text *summary, const gf_metric_list *m, const gf_history_row *row, gf_text *value)
{
    static const char *const set[GF_MEASURED] = {"train", "validation"};
    for (size_t on = 0; on < GF_MEASURED; on++) {
        for (size_t i = 0; i < m->n; i++) {
            char tag[GF_METRIC_NAME + 16];
            snprintf(tag, sizeof tag, "%s/%s", set[on], m->item[i].name);
            add_scalar(summary, tag, row->value[on][i], value);
        }
    }
    add_scalar(summary, "learning_rate", row->lr, value);
    add_scalar(summary, "images_per_second", row->images_per_second, value);
}

/* Events of rows [from, h->n), behind the record that a file begins with where from is 0. */
static graft_status make(gf_text *file, const gf_history *h, size_t from, graft_error *err)
{
    static const char version[] = "brain.Event:2"; /* what every reader expects the first record to say */
    gf_text event = {0}, summary = {0}, value = {0};
    if (!from) {
        add_double(&event, 1, 0);
        add_bytes(&event, 3, version, sizeof version - 1);
        add_record(file, &event);
    }
    double elapsed = 0;
    for (size_t r = 0; r < h->n && !file->failed; r++) {
        const gf_history_row *row = &h->row[r];
        if (row->seconds > 0) elapsed += row->seconds;
        if (r < from) continue;
        event.n = summary.n = 0;
        add_scalars(&summary, h->metrics, row, &value);
        add_double(&event, 1, elapsed);
        add_key(&event, 2, VARINT);
        add_varint(&event, (uint64_t)(int64_t)row->epoch);
        if (summary.failed) event.failed = true;
        if (summary.n) add_bytes(&event, 5, summary.s, summary.n);
        add_record(file, &event);
    }
    gf_text_free(&value);
    gf_text_free(&summary);
    gf_text_free(&event);
    return file->failed ? gf_fail_memory(err, file->n, "the TensorBoard file") : GRAFT_OK;
}

graft_status gf_events_write(const char *path, const gf_history *h, graft_error *err)
{
    gf_text file = {0};
    graft_status status = make(&file, h, 0, err);
    if (status == GRAFT_OK) status = gf_file_write(path, &(gf_bytes){file.s, file.n}, 1, err);
    gf_text_free(&file);
    return status;
}

graft_status gf_events_append(const char *path, const gf_history *h, graft_error *err)
{
    gf_text file = {0};
    if (h->n < 2) return gf_events_write(path, h, err); /* with the record that a file begins with */
    graft_status status = make(&file, h, h->n - 1, err);
    if (status == GRAFT_OK) status = gf_file_append(path, file.s, file.n, err);
    gf_text_free(&file);
    return status;
}
