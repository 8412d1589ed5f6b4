/* BMP: the file header, one of Microsoft's info headers, a palette or channel masks, rows padded to 4 bytes.
 * Read: 1, 4, 8 bits with a palette, 16, 24, 32 bits, with masks too. Run-length packed ones are refused. */
#include "base/alloc.h"
#include "image/codec.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_HEADER = 14, CORE_HEADER = 12, INFO_HEADER = 40, INFO_V3 = 56, OS2_V2 = 64, MAX_PALETTE = 256 };
enum { PLAIN = 0, RLE8 = 1, RLE4 = 2, MASKS = 3, ALPHA_MASKS = 6 };

typedef struct channel {
    uint32_t mask;
    int shift;
    uint32_t max;
} channel;

typedef struct bmp {
    int64_t w, h;
    bool top_down;
    uint32_t header, bits, packing;
    size_t pixels, row_bytes;        /* offset of the pixels, bytes of a row with its padding */
    channel channels[4];             /* 16 and 32 bits: R G B A */
    uint8_t palette[MAX_PALETTE][3]; /* R G B */
    uint32_t colors;
} bmp;

static bool match(const uint8_t *bytes, size_t n)
{
    if (n < FILE_HEADER + 4 || bytes[0] != 'B' || bytes[1] != 'M') return false;
    static const uint32_t sizes[] = {CORE_HEADER, 16, INFO_HEADER, 52, INFO_V3, OS2_V2, 108, 124};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (gf_le32(bytes + FILE_HEADER) == sizes[i]) return true;
    }
    return false;
}

static graft_status read_sizes(const gf_image_job *job, bmp *b)
{
    const uint8_t *info = job->bytes + FILE_HEADER;
    b->header = gf_le32(info);
    if (job->n < FILE_HEADER + (size_t)b->header) return gf_job_ends_early(job, 0, 0, "in its header");
    if (b->header == CORE_HEADER) {
        b->w = gf_le16(info + 4);
        b->h = gf_le16(info + 6);
        b->bits = gf_le16(info + 10);
        return GRAFT_OK;
    }
    b->w = (int32_t)gf_le32(info + 4);
    b->h = (int32_t)gf_le32(info + 8);
    b->top_down = b->h < 0;
    if (b->top_down) b->h = -b->h;
    b->bits = gf_le16(info + 14);
    if (b->header >= INFO_HEADER) {
        b->packing = gf_le32(info + 16);
        b->colors = gf_le32(info + 32);
    }
    return GRAFT_OK;
}

static graft_status check_kind(const gf_image_job *job, const bmp *b)
{
    if (b->packing == RLE8 || b->packing == RLE4) return gf_job_unsupported(job, "run-length packed BMP");
    bool deep = b->bits == 16 || b->bits == 32, masks = b->packing == MASKS || b->packing == ALPHA_MASKS;
    if (b->packing != PLAIN && !(masks && deep && b->header != OS2_V2)) {
        return gf_job_unsupported(job, "BMP of this packing");
    }
    if (b->bits != 1 && b->bits != 4 && b->bits != 8 && b->bits != 24 && !deep) {
        return gf_job_damaged(job, "BMP of %u bits a pixel: 1, 4, 8, 16, 24 or 32 wanted", b->bits);
    }
    return GRAFT_OK;
}

static graft_status probe(const gf_image_job *job, int64_t *w, int64_t *h)
{
    bmp b = {0};
    GF_TRY(read_sizes(job, &b));
    *w = b.w;
    *h = b.h;
    return check_kind(job, &b);
}

/* ---- colours */

static graft_status read_palette(const gf_image_job *job, bmp *b)
{
    size_t at = FILE_HEADER + b->header, entry = b->header == CORE_HEADER ? 3 : 4;
    uint32_t most = 1u << b->bits;
    if (!b->colors || b->colors > most) b->colors = most;
    /* Some writers give a shorter palette than they say: it ends where the pixels begin. */
    if (b->pixels > at && (b->pixels - at) / entry < b->colors) b->colors = (uint32_t)((b->pixels - at) / entry);
    if (job->n < at + b->colors * entry) return gf_job_ends_early(job, 0, (int)b->h, "in its palette");
    for (uint32_t i = 0; i < b->colors; i++) {
        const uint8_t *bgr = job->bytes + at + i * entry;
        b->palette[i][0] = bgr[2];
        b->palette[i][1] = bgr[1];
        b->palette[i][2] = bgr[0];
    }
    return GRAFT_OK;
}

static bool set_channel(channel *c, uint32_t mask)
{
    *c = (channel){.mask = mask};
    if (!mask) return true;
    c->shift = __builtin_ctz(mask);
    c->max = mask >> c->shift;
    return (c->max & (c->max + 1)) == 0; /* one run of bits */
}

static graft_status read_masks(const gf_image_job *job, bmp *b)
{
    static const uint32_t plain16[4] = {0x7c00, 0x3e0, 0x1f, 0}, plain32[4] = {0xff0000, 0xff00, 0xff, 0};
    uint32_t masks[4];
    memcpy(masks, b->bits == 16 ? plain16 : plain32, sizeof masks);
    if (b->packing != PLAIN) {
        bool alpha = b->header >= INFO_V3 || b->packing == ALPHA_MASKS;
        size_t at = FILE_HEADER + INFO_HEADER, count = alpha ? 4 : 3;
        if (job->n < at + 4 * count) return gf_job_ends_early(job, 0, (int)b->h, "in its header");
        for (size_t i = 0; i < count; i++) masks[i] = gf_le32(job->bytes + at + 4 * i);
        if (!masks[0] && !masks[1] && !masks[2]) return gf_job_damaged(job, "BMP whose colour masks are all 0");
    }
    for (int i = 0; i < 4; i++) {
        if (!set_channel(&b->channels[i], masks[i])) {
            return gf_job_damaged(job, "BMP colour mask %08x is not one run of bits", masks[i]);
        }
    }
    return GRAFT_OK;
}

/* ---- rows */

static uint8_t sample(const channel *c, uint32_t pixel)
{
    if (c->max == 255) return (uint8_t)(pixel >> c->shift);
    if (!c->max) return 0;
    uint64_t v = (pixel & c->mask) >> c->shift;
    return (uint8_t)((v * 255 + c->max / 2) / c->max);
}

static graft_status palette_row(const gf_image_job *job, const bmp *b, const uint8_t *from, uint8_t *to, int y)
{
    uint32_t per_byte = 8 / b->bits, most = (1u << b->bits) - 1;
    for (int64_t x = 0; x < b->w; x++, to += 3) {
        uint32_t shift = 8 - b->bits * ((uint32_t)(x % per_byte) + 1);
        uint32_t index = from[x / per_byte] >> shift & most;
        if (index >= b->colors) {
            return gf_job_damaged(job, "BMP row %d uses colour %u of a palette of %u", y, index, b->colors);
        }
        memcpy(to, b->palette[index], 3);
    }
    return GRAFT_OK;
}

static void deep_row(const gf_image_job *job, const bmp *b, const uint8_t *from, uint8_t *to)
{
    bool alpha = b->channels[3].max != 0;
    uint32_t bytes = b->bits / 8;
    for (int64_t x = 0; x < b->w; x++, from += bytes, to += 3) {
        uint32_t pixel = bytes == 2 ? gf_le16(from) : gf_le32(from);
        uint8_t rgba[4];
        for (int c = 0; c < 4; c++) rgba[c] = sample(&b->channels[c], pixel);
        if (!alpha) rgba[3] = 255;
        gf_blend_row(to, rgba, 1, job->opts->background);
    }
    job->info->alpha = alpha;
}

static void bgr_row(const bmp *b, const uint8_t *from, uint8_t *to)
{
    for (int64_t x = 0; x < b->w; x++, from += 3, to += 3) {
        to[0] = from[2];
        to[1] = from[1];
        to[2] = from[0];
    }
}

/* How many rows are there, as far as the file goes. The last one's padding may be missing. */
static int rows_there(const gf_image_job *job, const bmp *b)
{
    size_t bytes = job->n > b->pixels ? job->n - b->pixels : 0;
    size_t used = (size_t)((uint64_t)b->w * b->bits + 7) / 8;
    size_t rows = (bytes + b->row_bytes - used) / b->row_bytes;
    return rows < (size_t)b->h ? (int)rows : (int)b->h;
}

static graft_status read_rows(const gf_image_job *job, const bmp *b, int rows)
{
    for (int i = 0; i < rows; i++) {
        int y = b->top_down ? i : (int)b->h - 1 - i;
        const uint8_t *from = job->bytes + b->pixels + (size_t)i * b->row_bytes;
        uint8_t *to = job->out->rgb + (size_t)y * (size_t)b->w * 3;
        if (b->bits <= 8) {
            GF_TRY(palette_row(job, b, from, to, y));
        } else if (b->bits == 24) {
            bgr_row(b, from, to);
        } else {
            deep_row(job, b, from, to);
        }
    }
    return GRAFT_OK;
}

static graft_status decode(const gf_image_job *job, int w, int h)
{
    bmp b = {0};
    GF_TRY(read_sizes(job, &b));
    b.pixels = gf_le32(job->bytes + 10);
    b.row_bytes = ((size_t)w * b.bits + 31) / 32 * 4;
    if (b.pixels < FILE_HEADER + (size_t)b.header) {
        return gf_job_damaged(job, "BMP pixels at offset %zu, inside the header", b.pixels);
    }
    if (b.bits <= 8) GF_TRY(read_palette(job, &b));
    if (b.bits == 16 || b.bits == 32) GF_TRY(read_masks(job, &b));
    int rows = rows_there(job, &b);
    if (rows < h && !job->opts->allow_truncated) return gf_job_ends_early(job, rows, h, NULL);
    GF_TRY(gf_job_image(job, w, h));
    if (rows < h) GF_TRY(gf_job_ends_early(job, rows, h, NULL));
    return read_rows(job, &b, rows);
}

const gf_codec gf_codec_bmp = {GF_IMAGE_BMP, "BMP", match, probe, decode};
