/* TIFF, through libtiff's own interface for RGBA: 1 to 16 bits, gray, palette, RGB, CMYK, YCbCr and Lab, strips and
 * tiles, packed in the usual ways. What few programs write (floats, old JPEG, raw photos) is refused by name. The first
 * page is taken.
 *
 * libtiff reads and seeks through callbacks, here over the bytes in memory, and its errors and warnings go to one job:
 * nothing is global. It gets no single block of memory that is larger than the header's size can need. */
#include "base/alloc.h"
#include "image/codec.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <tiffio.h>

enum { TAG_DNG_VERSION = 50706, MOST_PER_PIXEL = 8, SPARE = 1 << 20, MIN_BYTES = 8 };

typedef struct source {
    const gf_image_job *job;
    uint64_t at;
    bool decoding; /* from then on a warning means pixels */
    bool failed;
    char what[200]; /* the first error */
} source;

/* ---- libtiff's callbacks */

static tmsize_t on_read(thandle_t handle, void *to, tmsize_t size)
{
    source *s = (source *)handle;
    if (size <= 0 || s->at >= s->job->n) return 0;
    uint64_t left = s->job->n - s->at, n = (uint64_t)size < left ? (uint64_t)size : left;
    memcpy(to, s->job->bytes + s->at, (size_t)n);
    s->at += n;
    return (tmsize_t)n;
}

static tmsize_t on_write(thandle_t handle, void *from, tmsize_t size)
{
    (void)handle, (void)from, (void)size;
    return 0;
}

static toff_t on_seek(thandle_t handle, toff_t to, int from)
{
    source *s = (source *)handle;
    s->at = from == SEEK_SET ? to : from == SEEK_CUR ? s->at + to : s->job->n + to;
    return s->at;
}

static int on_close(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t on_size(thandle_t handle) { return ((source *)handle)->job->n; }

static void keep(source *s, const char *format, va_list args)
{
    if (s->failed) return;
    s->failed = true;
    vsnprintf(s->what, sizeof s->what, format, args);
}

static int on_error(TIFF *tiff, void *user, const char *module, const char *format, va_list args)
{
    (void)tiff, (void)module;
    keep(user, format, args);
    return 1;
}

/* Of a directory only what it does not need; of pixels, made-up ones. */
static int on_warning(TIFF *tiff, void *user, const char *module, const char *format, va_list args)
{
    (void)tiff, (void)module;
    source *s = user;
    if (s->decoding) keep(s, format, args);
    return 1;
}

/* ---- the file */

static TIFF *open_tiff(source *s)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options) return NULL;
    uint64_t most = MOST_PER_PIXEL * s->job->opts->max_pixels + SPARE;
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, (tmsize_t)most);
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, s);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, s);
    /* m: no mapping; O: arrays of offsets are read when they are needed */
    TIFF *tiff =
        TIFFClientOpenExt(s->job->name, "rmO", s, on_read, on_write, on_seek, on_close, on_size, NULL, NULL, options);
    TIFFOpenOptionsFree(options);
    return tiff;
}

/* A file may be cut, or wrong: what libtiff could not read lies behind its end, or does not. */
static graft_status broken(const source *s, int rows, int h)
{
    bool short_read = strstr(s->what, "end of file") || strstr(s->what, "EOF") || strstr(s->what, "Not enough data") ||
                      strstr(s->what, "Read error") || strstr(s->what, "Can not read TIFF directory") ||
                      strstr(s->what, "Can't read") || strstr(s->what, "Cannot read") || strstr(s->what, "got 0 bytes");
    if (short_read) return gf_job_ends_early(s->job, rows, h, NULL);
    return gf_job_damaged(s->job, "damaged TIFF at row %d of %d: %s", rows, h,
                          s->what[0] ? GF_ESC(s->what) : "unreadable");
}

static graft_status check_kind(const gf_image_job *job, TIFF *tiff)
{
    static const struct {
        uint16_t number;
        const char *name;
    } unread[] = {
        {COMPRESSION_OJPEG, "TIFF packed as old JPEG"}, {COMPRESSION_LZMA, "TIFF packed as LZMA"},
        {COMPRESSION_ZSTD, "TIFF packed as Zstandard"}, {COMPRESSION_WEBP, "TIFF packed as WebP"},
        {COMPRESSION_LERC, "TIFF packed as LERC"},      {COMPRESSION_JXL, "TIFF packed as JPEG XL"},
        {COMPRESSION_JBIG, "TIFF packed as JBIG"},      {COMPRESSION_JP2000, "TIFF packed as JPEG 2000"},
    };
    uint16_t packing = 0, bits = 0, format = SAMPLEFORMAT_UINT, photometric = 0;
    void *dng[2]; /* the tag's values, of which only is wanted whether there are any */
    TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &packing);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &format);
    bool coloured = TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &photometric);
    if (TIFFGetField(tiff, TAG_DNG_VERSION, &dng[0], &dng[1]) || (coloured && photometric == PHOTOMETRIC_CFA)) {
        return gf_job_unsupported(job, "a camera's raw photo (DNG)");
    }
    for (size_t i = 0; i < sizeof unread / sizeof *unread; i++) {
        if (packing == unread[i].number) return gf_job_unsupported(job, unread[i].name);
    }
    if (format == SAMPLEFORMAT_IEEEFP) return gf_job_unsupported(job, "TIFF of floating-point samples");
    if (format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID)
        return gf_job_unsupported(job, "TIFF of signed samples");
    char kind[40];
    snprintf(kind, sizeof kind, "TIFF of %u bits a sample", (unsigned)bits);
    return bits <= 16 ? GRAFT_OK : gf_job_unsupported(job, kind);
}

static graft_status read_size(source *s, TIFF *tiff, int64_t *w, int64_t *h)
{
    uint32_t width = 0, height = 0;
    if (!tiff) return broken(s, 0, 0);
    if (!TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width) || !TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height)) {
        return gf_job_damaged(s->job, "TIFF without a size");
    }
    *w = width;
    *h = height;
    return check_kind(s->job, tiff);
}

static bool match(const uint8_t *bytes, size_t n)
{
    static const char *const magic[] = {"II*\0", "MM\0*", "II+\0", "MM\0+"}; /* the last two: BigTIFF */
    for (size_t i = 0; i < sizeof magic / sizeof *magic && n >= MIN_BYTES; i++) {
        if (!memcmp(bytes, magic[i], 4)) return true;
    }
    return false;
}

static graft_status probe(const gf_image_job *job, int64_t *w, int64_t *h)
{
    source s = {.job = job};
    TIFF *tiff = open_tiff(&s);
    graft_status status = read_size(&s, tiff, w, h);
    if (tiff) TIFFClose(tiff);
    return status;
}

/* ---- pixels */

/* libtiff gives colours that are multiplied with their alpha already. */
static void put_rows(const gf_image_job *job, const uint32_t *rgba, int first, int rows)
{
    size_t n = (size_t)rows * (size_t)job->out->w;
    uint8_t *to = job->out->rgb + (size_t)first * (size_t)job->out->w * 3;
    for (size_t i = 0; i < n; i++, to += 3) {
        const uint32_t v[3] = {TIFFGetR(rgba[i]), TIFFGetG(rgba[i]), TIFFGetB(rgba[i])};
        uint32_t clear = 255 - TIFFGetA(rgba[i]);
        for (int c = 0; c < 3; c++) {
            uint32_t sum = v[c] + (job->opts->background[c] * clear + 127) / 255;
            to[c] = (uint8_t)(sum < 255 ? sum : 255);
        }
    }
}

/* Rows that are decoded at once: a strip, or a row of tiles. */
static uint32_t rows_at_once(TIFF *tiff, uint32_t h)
{
    uint32_t rows = 0;
    if (TIFFIsTiled(tiff)) {
        TIFFGetField(tiff, TIFFTAG_TILELENGTH, &rows);
    } else {
        TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &rows);
    }
    return rows && rows < h ? rows : h;
}

static graft_status read_rows(source *s, TIFFRGBAImage *image, uint32_t step)
{
    const gf_image_job *job = s->job;
    int w = job->out->w, h = job->out->h;
    uint32_t *rgba = gf_alloc_raw((size_t)w * step, sizeof *rgba);
    if (!rgba) return gf_fail_memory(job->err, (size_t)w * step * sizeof *rgba, "decoding a TIFF");
    graft_status status = GRAFT_OK;
    for (int y = 0; y < h && status == GRAFT_OK; y += (int)step) {
        int rows = h - y < (int)step ? h - y : (int)step;
        image->row_offset = y;
        image->col_offset = 0;
        bool ok = TIFFRGBAImageGet(image, rgba, (uint32_t)w, (uint32_t)rows) && !s->failed;
        if (!ok) {
            status = broken(s, y, h);
            break;
        }
        put_rows(job, rgba, y, rows);
    }
    gf_free(rgba);
    return status;
}

/* ---- 16-bit gray, of which libtiff's RGBA takes the upper byte: rounded here as in other formats */

static bool is_wide_gray(TIFF *tiff)
{
    uint16_t bits = 0, samples = 0, channels = PHOTOMETRIC_MINISBLACK;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &samples);
    TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &channels);
    return bits == 16 && samples == 1 && (channels == PHOTOMETRIC_MINISBLACK || channels == PHOTOMETRIC_MINISWHITE);
}

/* A block of samples, `stride` from row to row, to (x, y) of the image, as far as it reaches into it. */
static void put_wide(const gf_image_job *job, const uint16_t *from, uint32_t stride, uint32_t x, uint32_t y,
                     uint32_t rows, bool inverse)
{
    enum { HALF = 128, STEP = 257 };
    uint32_t w = (uint32_t)job->out->w, h = (uint32_t)job->out->h;
    for (uint32_t r = 0; r < rows && y + r < h; r++, from += stride) {
        uint8_t *to = job->out->rgb + ((size_t)(y + r) * w + x) * 3;
        for (uint32_t i = 0; i < stride && x + i < w; i++, to += 3) {
            uint32_t v = inverse ? 65535u - from[i] : from[i];
            memset(to, (int)((v + HALF) / STEP), 3);
        }
    }
}

static graft_status read_wide(source *s, TIFF *tiff)
{
    const gf_image_job *job = s->job;
    uint32_t w = (uint32_t)job->out->w, h = (uint32_t)job->out->h, across = w, down = rows_at_once(tiff, h);
    uint16_t channels = PHOTOMETRIC_MINISBLACK;
    bool tiled = TIFFIsTiled(tiff);
    if (tiled) TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &across);
    if (tiled) TIFFGetField(tiff, TIFFTAG_TILELENGTH, &down);
    TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &channels);
    uint64_t samples = (uint64_t)across * down, most = MOST_PER_PIXEL * job->opts->max_pixels + SPARE;
    if (!samples || samples * sizeof(uint16_t) > most)
        return gf_job_damaged(job, "damaged TIFF: tiles of %u x %u", across, down);
    uint16_t *block = gf_alloc((size_t)samples, sizeof *block);
    if (!block) return gf_fail_memory(job->err, (size_t)samples * sizeof *block, "decoding a TIFF");
    graft_status status = GRAFT_OK;
    uint32_t part = 0;
    for (uint32_t y = 0; y < h && status == GRAFT_OK && !job->info->truncated; y += down) {
        for (uint32_t x = 0; x < w && status == GRAFT_OK; x += across, part++) {
            uint32_t rows = !tiled && h - y < down ? h - y : down;
            tmsize_t size = (tmsize_t)((uint64_t)across * rows * sizeof *block);
            tmsize_t got =
                tiled ? TIFFReadEncodedTile(tiff, part, block, size) : TIFFReadEncodedStrip(tiff, part, block, size);
            if (got != size || s->failed) {
                status = broken(s, (int)y, (int)h);
                break;
            }
            put_wide(job, block, across, x, y, rows, channels == PHOTOMETRIC_MINISWHITE);
        }
    }
    gf_free(block);
    return status;
}

/* ---- the page */

/* The most bytes of pixels that one byte of the file can stand for (LZW's are more than Deflate's 1032), or for fax
 * packing, of which a bit may be a row, the rows. */
static graft_status check_worth(const source *s, TIFF *tiff, uint64_t bytes, int w, int h)
{
    enum { MOST_RATIO = 2048, ROWS_A_BYTE = 8 };
    uint16_t packing = 0, bits = 0, samples = 1;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &packing);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &samples);
    bool fax = packing == COMPRESSION_CCITTRLE || packing == COMPRESSION_CCITTRLEW ||
               packing == COMPRESSION_CCITTFAX3 || packing == COMPRESSION_CCITTFAX4;
    uint64_t pixels = (uint64_t)w * (uint64_t)h * samples * bits / 8;
    bool enough = fax ? bytes * ROWS_A_BYTE >= (uint64_t)h : bytes * MOST_RATIO >= pixels;
    return enough ? GRAFT_OK : gf_job_ends_early(s->job, 0, h, "far too few bytes for its size");
}

/* Strips and tiles that lie outside of the file, or are too small, are seen before memory is asked for. */
static graft_status check_extent(const source *s, TIFF *tiff, int w, int h)
{
    uint32_t parts = TIFFIsTiled(tiff) ? TIFFNumberOfTiles(tiff) : TIFFNumberOfStrips(tiff);
    uint64_t sum = 0;
    if (s->job->opts->allow_truncated) return GRAFT_OK;
    for (uint32_t i = 0; i < parts; i++) {
        int bad = 0;
        uint64_t at = TIFFGetStrileOffsetWithErr(tiff, i, &bad), n = TIFFGetStrileByteCountWithErr(tiff, i, &bad);
        if (bad || s->failed) return broken(s, 0, h);
        if (at > s->job->n || n > s->job->n - at) {
            return gf_job_ends_early(s->job, (int)((uint64_t)i * (uint64_t)h / parts), h, NULL);
        }
        sum += n;
    }
    return check_worth(s, tiff, sum, w, h);
}

static void read_facts(const gf_image_job *job, TIFF *tiff)
{
    uint16_t bits = 0, orientation = ORIENTATION_TOPLEFT;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &orientation);
    job->info->sixteen_bit = bits == 16;
    job->info->animated = !TIFFLastDirectory(tiff);
    if (!job->opts->ignore_exif && orientation >= 1 && orientation <= 8) job->info->orientation = orientation;
}

static graft_status decode_rgba(source *s, TIFF *tiff, int w, int h)
{
    const gf_image_job *job = s->job;
    char why[1024] = "";
    if (!TIFFRGBAImageOK(tiff, why)) {
        why[120] = 0;
        char kind[160];
        snprintf(kind, sizeof kind, "this kind of TIFF (%s)", GF_ESC(why));
        return gf_job_unsupported(job, kind);
    }
    TIFFRGBAImage image;
    s->decoding = true;
    if (!TIFFRGBAImageBegin(&image, tiff, 1, why)) {
        return s->failed ? broken(s, 0, h) : gf_job_unsupported(job, "this kind of TIFF");
    }
    image.req_orientation = image.orientation; /* rows as they are stored: turning is decode.c's */
    job->info->alpha = image.alpha != 0;
    graft_status status = gf_job_image(job, w, h);
    if (status == GRAFT_OK) status = read_rows(s, &image, rows_at_once(tiff, (uint32_t)h));
    TIFFRGBAImageEnd(&image);
    return status;
}

static graft_status decode_page(source *s, TIFF *tiff, int w, int h)
{
    int64_t w64, h64;
    GF_TRY(read_size(s, tiff, &w64, &h64));
    GF_TRY(check_extent(s, tiff, w, h));
    read_facts(s->job, tiff);
    if (!is_wide_gray(tiff)) return decode_rgba(s, tiff, w, h);
    s->decoding = true;
    GF_TRY(gf_job_image(s->job, w, h));
    return read_wide(s, tiff);
}

static graft_status decode(const gf_image_job *job, int w, int h)
{
    source s = {.job = job};
    TIFF *tiff = open_tiff(&s);
    graft_status status = tiff ? decode_page(&s, tiff, w, h) : broken(&s, 0, h);
    if (tiff) TIFFClose(tiff);
    return status;
}

const gf_codec gf_codec_tiff = {GF_IMAGE_TIFF, "TIFF", match, probe, decode};
