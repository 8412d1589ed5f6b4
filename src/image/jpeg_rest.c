/* Huffman codes (ITU-T T.81, annexes C and F) are walked, not decoded: only where blocks end is wanted. */
#include "image/jpeg_rest.h"

#include "image/codec.h"

#include <string.h>

enum { SOF0 = 0xc0, SOF1 = 0xc1, DHT = 0xc4, EOI = 0xd9, SOS = 0xda, DRI = 0xdd, SOI = 0xd8, RST0 = 0xd0 };
enum { TABLES = 4, LENGTHS = 16, SYMBOLS = 256, COMPONENTS = 4, BLOCK = 64 };

typedef struct table {
    bool there;
    uint8_t count[LENGTHS], symbol[SYMBOLS];
} table;

typedef struct component {
    int id, across, down, dc, ac; /* sampling factors; numbers of tables */
} component;

typedef struct jpeg {
    const uint8_t *bytes;
    size_t n, at; /* of the next byte of the scan */
    table dc[TABLES], ac[TABLES];
    component component[COMPONENTS];
    int components, w, h;
    uint32_t interval; /* MCUs between restarts; 0: none */
    uint32_t bits;     /* those that are left of the last byte, on the right */
    int n_bits;
    bool ended; /* at a marker, or at the end of the bytes */
} jpeg;

/* ---- the header */

static bool read_tables(jpeg *j, const uint8_t *data, size_t size)
{
    while (size >= 1 + LENGTHS) {
        int class = data[0] >> 4, number = data[0] & 15;
        if (class > 1 || number >= TABLES) return false;
        table *t = class ? &j->ac[number] : &j->dc[number];
        size_t symbols = 0;
        memcpy(t->count, data + 1, LENGTHS);
        for (int i = 0; i < LENGTHS; i++) symbols += t->count[i];
        if (symbols > SYMBOLS || symbols > size - 1 - LENGTHS) return false;
        memcpy(t->symbol, data + 1 + LENGTHS, symbols);
        t->there = true;
        data += 1 + LENGTHS + symbols;
        size -= 1 + LENGTHS + symbols;
    }
    return size == 0;
}

static bool read_frame(jpeg *j, const uint8_t *data, size_t size)
{
    if (size < 6 || j->components) return false;
    j->h = (int)gf_be16(data + 1);
    j->w = (int)gf_be16(data + 3);
    int n = data[5];
    if (n < 1 || n > COMPONENTS || size < 6 + 3 * (size_t)n || !j->w || !j->h) return false;
    for (int i = 0; i < n; i++) {
        const uint8_t *c = data + 6 + 3 * i;
        j->component[i] = (component){.id = c[0], .across = c[1] >> 4, .down = c[1] & 15};
        if (j->component[i].across < 1 || j->component[i].across > 4) return false;
        if (j->component[i].down < 1 || j->component[i].down > 4) return false;
    }
    j->components = n;
    return true;
}

/* All components in this one scan, in the frame's order. */
static bool read_scan(jpeg *j, const uint8_t *data, size_t size)
{
    if (!j->components || size < 1 || data[0] != j->components || size < 4 + 2 * (size_t)data[0]) return false;
    for (int i = 0; i < j->components; i++) {
        component *c = &j->component[i];
        c->dc = data[2 + 2 * i] >> 4;
        c->ac = data[2 + 2 * i] & 15;
        bool tables = c->dc < TABLES && c->ac < TABLES && j->dc[c->dc].there && j->ac[c->ac].there;
        if (data[1 + 2 * i] != c->id || !tables) return false;
    }
    return true;
}

/* Up to the first byte of the scan's data. */
static bool read_header(jpeg *j)
{
    for (size_t at = 2; at + 4 <= j->n;) {
        int marker = j->bytes[at + 1];
        if (j->bytes[at] != 0xff || marker == 0xff || (marker >= RST0 && marker <= SOI)) {
            at++; /* fill bytes, and what lies between segments */
            continue;
        }
        size_t size = gf_be16(j->bytes + at + 2);
        const uint8_t *data = j->bytes + at + 4;
        if (size < 2 || size > j->n - at - 2) return false;
        at += 2 + size;
        size -= 2;
        if (marker == DHT && !read_tables(j, data, size)) return false;
        if (marker == DRI && size >= 2) j->interval = gf_be16(data);
        if (marker == SOF0 || marker == SOF1) {
            if (!read_frame(j, data, size)) return false;
        } else if (marker > SOF1 && marker < 0xd0 && marker != DHT) {
            return false; /* progressive and the like */
        }
        if (marker == SOS) {
            j->at = at;
            return read_scan(j, data, size);
        }
    }
    return false;
}

/* ---- the scan */

static int next_bit(jpeg *j)
{
    if (!j->n_bits) {
        bool stuffed = j->at + 1 < j->n && j->bytes[j->at] == 0xff && j->bytes[j->at + 1] == 0;
        if (j->at >= j->n || (j->bytes[j->at] == 0xff && !stuffed)) {
            j->ended = true;
            return 0;
        }
        j->bits = j->bytes[j->at];
        j->at += stuffed ? 2 : 1;
        j->n_bits = 8;
    }
    j->n_bits--;
    return (int)(j->bits >> j->n_bits & 1);
}

static void skip_bits(jpeg *j, int n)
{
    while (n-- > 0 && !j->ended) next_bit(j);
}

/* The next symbol; -1: there is no such code, or the data end. */
static int next_symbol(jpeg *j, const table *t)
{
    int code = 0, first = 0, index = 0;
    for (int length = 0; length < LENGTHS; length++) {
        code = code << 1 | next_bit(j);
        if (j->ended) return -1;
        int count = t->count[length];
        if (code - first < count) return t->symbol[index + code - first];
        index += count;
        first = (first + count) << 1;
    }
    return -1;
}

/* Whether the bits that are left of the byte are what fills it up. */
static bool is_filled_up(const jpeg *j) { return (j->bits & ((1u << j->n_bits) - 1)) == (1u << j->n_bits) - 1; }

static bool is_end(const jpeg *j)
{
    return j->at + 1 >= j->n || (j->bytes[j->at] == 0xff && j->bytes[j->at + 1] == EOI);
}

static bool skip_block(jpeg *j, const component *c)
{
    int symbol = next_symbol(j, &j->dc[c->dc]);
    if (symbol < 0 || symbol > LENGTHS) return false;
    skip_bits(j, symbol);
    for (int k = 1; k < BLOCK; k++) {
        symbol = next_symbol(j, &j->ac[c->ac]);
        if (symbol < 0) return false;
        int run = symbol >> 4, bits = symbol & 15;
        if (!bits && run != 15) break; /* the end of the block */
        k += run;
        skip_bits(j, bits);
    }
    return !j->ended;
}

/* False where there is none. *at_end is set where a block of it was the
 * last thing before the end. */
static bool skip_mcu(jpeg *j, bool *at_end)
{
    for (int i = 0; i < j->components; i++) {
        const component *c = &j->component[i];
        int blocks = j->components == 1 ? 1 : c->across * c->down;
        for (int b = 0; b < blocks; b++) {
            if (!skip_block(j, c)) return false;
            *at_end |= is_end(j) && is_filled_up(j);
        }
    }
    return true;
}

static uint64_t count_mcus(const jpeg *j)
{
    int across = 1, down = 1;
    for (int i = 0; i < j->components && j->components > 1; i++) {
        if (j->component[i].across > across) across = j->component[i].across;
        if (j->component[i].down > down) down = j->component[i].down;
    }
    uint64_t w = (uint64_t)(j->w + 8 * across - 1) / (uint64_t)(8 * across);
    return w * ((uint64_t)(j->h + 8 * down - 1) / (uint64_t)(8 * down));
}

/* To the restart marker, which follows the byte that was begun. */
static bool skip_restart(jpeg *j)
{
    j->n_bits = 0;
    if (j->at + 1 >= j->n || j->bytes[j->at] != 0xff || (j->bytes[j->at + 1] & 0xf8) != RST0) return false;
    j->at += 2;
    return true;
}

bool gf_jpeg_rest_is_pixels(const uint8_t *bytes, size_t n)
{
    jpeg j = {.bytes = bytes, .n = n};
    if (!read_header(&j)) return false;
    uint64_t mcus = count_mcus(&j);
    bool at_end = false;
    for (uint64_t i = 0; i < mcus; i++) {
        if (i && j.interval && i % j.interval == 0 && !skip_restart(&j)) return true;
        if (!skip_mcu(&j, &at_end)) return true; /* the library found them all: not by these codes */
    }
    if (!is_filled_up(&j)) return true;
    at_end = false;
    while (!at_end && skip_mcu(&j, &at_end)) {
    }
    return at_end;
}
