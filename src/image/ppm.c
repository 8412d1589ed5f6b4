/* Netpbm's PPM, PGM and PBM, binary (P4 to P6) and as text (P1 to P3): a header of numbers with comments, then samples
 * from 0 to the header's greatest one, 8 or 16 bits (big end first) or in digits. Of several images in a file the first
 * is taken. */
#include "image/codec.h"

#include <string.h>

enum { MOST_DIGITS = 9, MAX_SAMPLE = 65535, HEADER_MAX = 1 << 16 };

typedef struct ppm {
    int kind; /* the digit behind P: 1 to 6 */
    int64_t w, h;
    uint32_t top; /* the greatest sample */
    size_t at;    /* of the samples */
    bool cut;     /* the file ends in the header */
} ppm;

static bool is_space(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }
static bool is_text(const ppm *p) { return p->kind <= 3; }
static bool is_bits(const ppm *p) { return p->kind == 1 || p->kind == 4; }
static int channels(const ppm *p) { return p->kind == 3 || p->kind == 6 ? 3 : 1; }

/* Passes over blanks and comments ("#" to the end of the line). */
static size_t skip_blanks(const uint8_t *bytes, size_t n, size_t at)
{
    for (; at < n && (is_space(bytes[at]) || bytes[at] == '#'); at++) {
        while (at < n && bytes[at] == '#') {
            while (at < n && bytes[at] != '\n' && bytes[at] != '\r') at++;
        }
        if (at == n) break;
    }
    return at;
}

/* A number behind blanks. 1: read; 0: the file ends before it does; -1: something else stands there. */
static int read_number(const uint8_t *bytes, size_t n, size_t *at, int64_t *out)
{
    *at = skip_blanks(bytes, n, *at);
    size_t from = *at;
    *out = 0;
    while (*at < n && is_digit(bytes[*at]) && *at - from < MOST_DIGITS) *out = 10 * *out + (bytes[(*at)++] - '0');
    if (*at == from && *at < n) return -1;
    if (*at < n && is_digit(bytes[*at])) return -1;
    return *at < n;
}

/* Whether what follows "P6" can be a header, as far as it is there: other texts begin with P and a digit too. */
static bool read_header(const uint8_t *bytes, size_t n, ppm *p)
{
    *p = (ppm){0};
    if (n < 3 || bytes[0] != 'P' || bytes[1] < '1' || bytes[1] > '6') return false;
    if (!is_space(bytes[2]) && bytes[2] != '#') return false;
    p->kind = bytes[1] - '0';
    int64_t number[3] = {0, 0, 1};
    size_t at = 2, most = n < HEADER_MAX ? n : HEADER_MAX;
    for (int i = 0; i < (is_bits(p) ? 2 : 3); i++) {
        int read = read_number(bytes, most, &at, &number[i]);
        if (read < 0) return false;
        p->cut |= !read;
    }
    p->w = number[0];
    p->h = number[1];
    p->top = (uint32_t)number[2];
    if (!p->cut && !is_space(bytes[at]) && bytes[at] != '#') return false;
    p->at = at < n ? at + 1 : n; /* one blank ends the header */
    return true;
}

static bool match(const uint8_t *bytes, size_t n)
{
    ppm p;
    return read_header(bytes, n, &p);
}

static graft_status probe(const gf_image_job *job, int64_t *w, int64_t *h)
{
    ppm p;
    read_header(job->bytes, job->n, &p);
    if (p.cut) return gf_job_ends_early(job, 0, 0, "in its header");
    *w = p.w;
    *h = p.h;
    if (p.top > 0 && p.top <= MAX_SAMPLE) return GRAFT_OK;
    return gf_job_damaged(job, "PPM with samples up to %u: from 1 to %d are allowed", p.top, MAX_SAMPLE);
}

/* 0..top to 0..255, rounded. */
static uint8_t scale(uint32_t v, uint32_t top)
{
    return top == 255 ? (uint8_t)v : (uint8_t)(((uint64_t)v * 255 + top / 2) / top);
}

static void put(uint8_t *rgb, size_t i, int n, uint8_t v)
{
    if (n == 3) {
        rgb[i] = v;
    } else {
        memset(rgb + 3 * i, v, 3);
    }
}

static graft_status too_large(const gf_image_job *job, int y, uint32_t v, uint32_t top)
{
    return gf_job_damaged(job, "damaged PPM at row %d: a sample of %u, the greatest is %u", y, v, top);
}

/* ---- binary */

static graft_status binary_row(const gf_image_job *job, const ppm *p, const uint8_t *from, uint8_t *to, int y)
{
    int n = channels(p);
    for (size_t i = 0; i < (size_t)p->w * (size_t)n; i++) {
        uint32_t v = is_bits(p) ? !(from[i / 8] >> (7 - i % 8) & 1) : p->top > 255 ? gf_be16(from + 2 * i) : from[i];
        if (v > p->top) return too_large(job, y, v, p->top);
        put(to, i, n, scale(v, p->top));
    }
    return GRAFT_OK;
}

static graft_status read_binary(const gf_image_job *job, const ppm *p)
{
    size_t samples = (size_t)p->w * (size_t)channels(p), bytes = is_bits(p) ? (samples + 7) / 8 : samples;
    if (p->top > 255) bytes *= 2;
    size_t there = (job->n - p->at) / bytes;
    int rows = there < (size_t)p->h ? (int)there : (int)p->h;
    if (rows < p->h && !job->opts->allow_truncated) return gf_job_ends_early(job, rows, (int)p->h, NULL);
    GF_TRY(gf_job_image(job, (int)p->w, (int)p->h));
    for (int y = 0; y < rows; y++) {
        GF_TRY(binary_row(job, p, job->bytes + p->at + (size_t)y * bytes, job->out->rgb + (size_t)y * (size_t)p->w * 3,
                          y));
    }
    return rows < p->h ? gf_job_ends_early(job, rows, (int)p->h, NULL) : GRAFT_OK;
}

/* ---- text */

/* One sample; those of a PBM are digits that need no blanks between. 1, 0, -1 as read_number. */
static int text_sample(const gf_image_job *job, const ppm *p, size_t *at, uint32_t *out)
{
    int64_t v = 0;
    if (p->kind == 1) {
        *at = skip_blanks(job->bytes, job->n, *at);
        if (*at == job->n) return 0;
        uint8_t c = job->bytes[(*at)++];
        *out = c == '0';
        return c == '0' || c == '1' ? 1 : -1;
    }
    size_t from = skip_blanks(job->bytes, job->n, *at);
    int read = read_number(job->bytes, job->n, at, &v);
    *out = (uint32_t)v;
    return read || *at == from ? read : 1; /* the last number may end with the file */
}

static graft_status read_text(const gf_image_job *job, const ppm *p)
{
    int n = channels(p), h = (int)p->h;
    size_t samples = (size_t)p->w * (size_t)n, at = p->at;
    /* A sample takes a byte or more: so much memory and no more is used than the file is worth. */
    if (!job->opts->allow_truncated && (job->n - at) / samples < (size_t)h) {
        return gf_job_ends_early(job, (int)((job->n - at) / samples), h, NULL);
    }
    GF_TRY(gf_job_image(job, (int)p->w, h));
    for (int y = 0; y < h; y++) {
        uint8_t *to = job->out->rgb + (size_t)y * (size_t)p->w * 3;
        for (size_t i = 0; i < samples; i++) {
            uint32_t v = 0;
            int read = text_sample(job, p, &at, &v);
            if (!read) return gf_job_ends_early(job, y, h, NULL);
            if (read < 0) return gf_job_damaged(job, "damaged PPM at row %d: no number where a sample should be", y);
            if (v > p->top) return too_large(job, y, v, p->top);
            put(to, i, n, scale(v, p->top));
        }
    }
    return GRAFT_OK;
}

static graft_status decode(const gf_image_job *job, int w, int h)
{
    (void)w, (void)h;
    ppm p;
    read_header(job->bytes, job->n, &p);
    job->info->sixteen_bit = p.top > 255;
    return is_text(&p) ? read_text(job, &p) : read_binary(job, &p);
}

const gf_codec gf_codec_ppm = {GF_IMAGE_PPM, "PPM", match, probe, decode};
