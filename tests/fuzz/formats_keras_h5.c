/* Any bytes as an HDF5 file, through the functions that normally run in the cage, here in this process: h5_check.h and
 * the HDF5 library behind it. Nothing stands between: a crash in either, an endless loop, or a reply that makes no
 * sense is a finding. */
#include "formats/cage_reply.h"
#include "formats/keras_h5.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_weights(const uint8_t *data, size_t size)
{
    static float place[108];
    static const gf_weight want[] = {
        {"Conv1", "kernel", {4, {3, 3, 3, 4}}, place, false, .key = "functional/conv2d"},
        {"bn_Conv1", "gamma", {1, {4}}, place, false, .key = "functional/batch_normalization"},
        {"bn_Conv1", "beta", {1, {4}}, place, false, .key = "functional/batch_normalization"},
        {"bn_Conv1", "moving_mean", {1, {4}}, place, false, .key = "functional/batch_normalization"},
        {"bn_Conv1", "moving_variance", {1, {4}}, place, false, .key = "functional/batch_normalization"},
        {"dw", "kernel", {4, {3, 3, 4, 1}}, place, false, .key = "functional/depthwise_conv2d"},
    };
    enum { WANTED = sizeof want / sizeof *want };
    gf_sink sink = {.fd = -1};
    gf_found found = {0};
    const uint8_t *values[WANTED];
    graft_error err = {0};
    gf_keras_h5_reply(&(gf_caged_file){.bytes = data, .size = size, .path = "f.h5"}, want, WANTED, &sink);
    graft_status status =
        gf_reply_parse((uint8_t *)sink.bytes.s, sink.bytes.n, "f.h5", want, WANTED, &found, values, &err);
    if (!sink.failed && status != GRAFT_OK && err.number == GF_E_CAGE_REPLY) abort(); /* own words not understood */
    gf_found_free(&found);
    gf_text_free(&sink.bytes);
}

static void read_config(const uint8_t *data, size_t size)
{
    gf_sink sink = {.fd = -1};
    graft_error err = {0};
    const char *text;
    size_t n;
    gf_keras_h5_config_reply(data, size, "f.h5", 1 << 16, &sink);
    graft_status status = gf_reply_parse_text((uint8_t *)sink.bytes.s, sink.bytes.n, "f.h5", &text, &n, &err);
    if (!sink.failed && status != GRAFT_OK && err.number == GF_E_CAGE_REPLY) abort();
    gf_text_free(&sink.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_weights(data, size);
    read_config(data, size);
    return 0;
}

/* ---- the newer forms carry checksums (lookup3 of B. Jenkins), which mutations would never get right: they are set
 * right behind most mutations, so that what is under them is reached ---- */

static uint32_t rotated(uint32_t x, int bits) { return x << bits | x >> (32 - bits); }

static uint32_t checksum_of(const uint8_t *bytes, size_t n)
{
    static const int turn[] = {4, 6, 8, 16, 19, 4}, end[] = {14, 11, 25, 16, 4, 14, 24};
    uint32_t s[3];
    s[0] = s[1] = s[2] = 0xdeadbeef + (uint32_t)n;
    for (; n; bytes += 12) {
        size_t piece = n < 12 ? n : 12;
        for (size_t i = 0; i < piece; i++) s[i / 4] += (uint32_t)bytes[i] << i % 4 * 8;
        if (n <= 12) break;
        n -= 12;
        for (int i = 0; i < 6; i++) {
            uint32_t *a = &s[i % 3], *b = &s[(i + 1) % 3], *c = &s[(i + 2) % 3];
            *a -= *c;
            *a ^= rotated(*c, turn[i]);
            *c += *b;
        }
    }
    if (!n) return s[2];
    for (int i = 0; i < 7; i++) {
        uint32_t *to = &s[(i + 2) % 3], *from = &s[(i + 1) % 3];
        *to ^= *from;
        *to -= rotated(*from, end[i]);
    }
    return s[2];
}

static void seal(uint8_t *data, size_t size, size_t at, size_t n)
{
    if (at > size || n > size - at || size - at - n < 4) return;
    uint32_t sum = checksum_of(data + at, n);
    memcpy(data + at + n, &sum, sizeof sum);
}

/* The superblock, and the first pieces of object headers. */
static void seal_all(uint8_t *data, size_t size)
{
    if (size > 48 && data[8] >= 2) seal(data, size, 0, 44);
    for (uint8_t *at = data; size >= 16 && (at = memmem(at, size - (size_t)(at - data), "OHDR", 4)); at++) {
        size_t where = (size_t)(at - data), flags = where + 6 < size ? at[5] : 0, n = 0,
               bytes = (size_t)1 << (flags & 3);
        size_t prefix = 6 + (flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0);
        if (prefix + bytes > size - where) continue;
        memcpy(&n, at + prefix, bytes);
        if (n < size) seal(data, size, where, prefix + bytes + n);
    }
}

__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    size_t n = LLVMFuzzerMutate ? LLVMFuzzerMutate(data, size, most) : size;
    if (seed % 8) seal_all(data, n);
    return n;
}
