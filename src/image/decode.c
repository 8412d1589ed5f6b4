/* Tells the format, checks the size before a byte is allocated, lets the codec work, turns the image upright. */
#include "base/alloc.h"
#include "image/codec.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { MAX_SIDE = 1 << 24, GRAY = 128, SHOWN_BYTES = 12 };

static const gf_codec *const codecs[] = {
    &gf_codec_jpeg, &gf_codec_png, &gf_codec_webp, &gf_codec_gif, &gf_codec_bmp, &gf_codec_ppm, &gf_codec_tiff,
};
enum { CODECS = sizeof codecs / sizeof *codecs };

/* Formats that are told but not read. */
static const struct {
    const char *magic;
    uint8_t n, at;
    const char *name;
    bool image; /* by these bytes alone */
} refused[] = {
    {"ftypheic", 8, 4, "HEIC", true},
    {"ftypheix", 8, 4, "HEIC", true},
    {"ftypheim", 8, 4, "HEIC", true},
    {"ftypheis", 8, 4, "HEIC", true},
    {"ftyphevc", 8, 4, "HEIC", true},
    {"ftypavif", 8, 4, "AVIF", true},
    {"ftypavis", 8, 4, "AVIF", true},
    {"ftypmif1", 8, 4, "HEIF", true},
    {"ftypmsf1", 8, 4, "HEIF", true},
    {"8BPS", 4, 0, "PSD (Photoshop)", true},
    {"\0\0\1\0", 4, 0, "ICO"},
    {"\0\0\0\14jP  ", 8, 0, "JPEG 2000", true},
    {"\xff\x4f\xff\x51", 4, 0, "JPEG 2000", true},
    {"\0\0\0\14JXL ", 8, 0, "JPEG XL", true},
    {"\xff\x0a", 2, 0, "JPEG XL"},
    {"%PDF-", 5, 0, "PDF"},
    {"\x8aMNG", 4, 0, "MNG", true},
    {"qoif", 4, 0, "QOI", true},
    {"\x76\x2f\x31\x01", 4, 0, "OpenEXR", true},
    {"P7\n", 3, 0, "PAM"},
};

void gf_image_free(gf_image *p)
{
    if (!p) return;
    gf_free(p->rgb);
    *p = (gf_image){0};
}

gf_image_options gf_image_options_default(void)
{
    const uint64_t most = 100 * 1000 * 1000;
    return (gf_image_options){.max_pixels = most, .whole_pixels = most, .background = {255, 255, 255}};
}

/* ---- telling formats */

static const gf_codec *codec_of(const uint8_t *bytes, size_t n)
{
    for (int i = 0; i < CODECS; i++) {
        if (codecs[i]->match(bytes, n)) return codecs[i];
    }
    return NULL;
}

gf_image_format gf_image_format_of(const uint8_t *bytes, size_t n)
{
    const gf_codec *codec = codec_of(bytes, n);
    return codec ? codec->format : GF_IMAGE_UNKNOWN;
}

const char *gf_image_format_name(gf_image_format format)
{
    for (int i = 0; i < CODECS; i++) {
        if (codecs[i]->format == format) return codecs[i]->name;
    }
    return "unknown";
}

gf_image_format gf_image_format_of_name(const char *name)
{
    static const struct {
        const char *ending;
        gf_image_format format;
    } endings[] = {
        {"jpg", GF_IMAGE_JPEG}, {"jpeg", GF_IMAGE_JPEG}, {"jpe", GF_IMAGE_JPEG},  {"jfif", GF_IMAGE_JPEG},
        {"png", GF_IMAGE_PNG},  {"apng", GF_IMAGE_PNG},  {"webp", GF_IMAGE_WEBP}, {"gif", GF_IMAGE_GIF},
        {"bmp", GF_IMAGE_BMP},  {"dib", GF_IMAGE_BMP},   {"ppm", GF_IMAGE_PPM},   {"pgm", GF_IMAGE_PPM},
        {"pbm", GF_IMAGE_PPM},  {"pnm", GF_IMAGE_PPM},   {"tif", GF_IMAGE_TIFF},  {"tiff", GF_IMAGE_TIFF},
    };
    const char *dot = strrchr(name, '.');
    if (!dot || strchr(dot, '/')) return GF_IMAGE_UNKNOWN;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (!strcasecmp(dot + 1, endings[i].ending)) return endings[i].format;
    }
    return GF_IMAGE_UNKNOWN;
}

static bool begins(const uint8_t *bytes, size_t n, size_t at, const char *magic, size_t length)
{
    return n >= at + length && !memcmp(bytes + at, magic, length);
}

static bool is_svg(const uint8_t *bytes, size_t n)
{
    if (n < 5 || (!begins(bytes, n, 0, "<?xml", 5) && !begins(bytes, n, 0, "<svg", 4))) return false;
    return memmem(bytes, n < 1024 ? n : 1024, "<svg", 4) != NULL;
}

/* The first bytes are the beginning of one of our signatures, and the file ends there. */
static bool is_cut_signature(const uint8_t *bytes, size_t n)
{
    static const struct {
        const char *magic;
        uint8_t n;
    } ours[] = {{"\xff\xd8\xff", 3}, {"\x89PNG\r\n\x1a\n", 8},
                {"RIFF", 4},         {"GIF89a", 6},
                {"GIF87a", 6},       {"BM", 2},
                {"II*\0", 4},        {"MM\0*", 4}};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        if (!memcmp(bytes, ours[i].magic, n < ours[i].n ? n : ours[i].n) && n <= 18) return true;
    }
    return false;
}

/* Signatures of less than four bytes, or that other files have too, do not count. */
bool gf_image_begins(const uint8_t *bytes, size_t n)
{
    if (codec_of(bytes, n)) return true;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        bool sure = refused[i].n >= 4 && refused[i].image;
        if (sure && begins(bytes, n, refused[i].at, refused[i].magic, refused[i].n)) return true;
    }
    return false;
}

static graft_status fail_unknown(const gf_image_job *job)
{
    const uint8_t *bytes = job->bytes;
    size_t n = job->n;
    if (n == 0) {
        return gf_fail(job->err, GF_E_IMAGE_EMPTY, "delete it, or copy it again", "%s: empty file", job->name);
    }
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        if (!begins(bytes, n, refused[i].at, refused[i].magic, refused[i].n)) continue;
        return gf_job_unsupported(job, refused[i].name);
    }
    if (is_svg(bytes, n)) return gf_job_unsupported(job, "SVG");
    static const char lfs[] = "version https://git-lfs";
    if (begins(bytes, n, 0, lfs, sizeof lfs - 1)) {
        return gf_fail(job->err, GF_E_IMAGE_UNKNOWN, "fetch it with `git lfs pull`",
                       "%s: not an image but a pointer of Git LFS", job->name);
    }
    if (is_cut_signature(bytes, n)) return gf_job_ends_early(job, 0, 0, "in its signature");
    bool png_as_text = n > 4 && !memcmp(bytes + 1, "PNG", 3);
    char start[SHOWN_BYTES + 1] = {0}, shown[4 * SHOWN_BYTES + 1];
    for (size_t i = 0; i < SHOWN_BYTES && i < n; i++) start[i] = (char)(bytes[i] ? bytes[i] : 1);
    gf_escape(shown, sizeof shown, start);
    if (!bytes[0]) snprintf(shown, sizeof shown, "\\x00");
    return gf_fail(job->err, GF_E_IMAGE_UNKNOWN,
                   png_as_text ? "a PNG whose signature was changed, perhaps by a transfer as text: copy it again"
                               : "JPEG, PNG, WebP, GIF, BMP, TIFF, PPM and PGM are read; was this a failed download?",
                   "%s: not an image: begins `%s`", job->name, shown);
}

/* ---- what codecs share */

graft_status gf_job_image(const gf_image_job *job, int w, int h)
{
    size_t bytes = (size_t)w * (size_t)h * 3;
    job->out->rgb = gf_alloc_raw(bytes, 1); /* not touched: memory is used as rows arrive, not as the header claims */
    if (!job->out->rgb) return gf_fail_memory(job->err, bytes, "a decoded image");
    job->out->w = w;
    job->out->h = h;
    if (job->opts->allow_truncated) memset(job->out->rgb, GRAY, bytes);
    return GRAFT_OK;
}

graft_status gf_job_ends_early(const gf_image_job *job, int rows, int of, const char *where)
{
    if (job->opts->allow_truncated && job->out->rgb) {
        job->info->truncated = true;
        job->info->rows_present = rows;
        return GRAFT_OK;
    }
    const char *hint = "copy or download it again; --allow-truncated fills the missing rows with gray";
    const char *open = where ? " (" : "", *close = where ? ")" : "";
    const char *kind = job->info->format ? gf_image_format_name(job->info->format) : "file";
    if (!where) where = "";
    if (!of) {
        return gf_fail(job->err, GF_E_IMAGE_TRUNCATED, hint, "%s: %s ends early%s%s%s: no rows in %zu bytes", job->name,
                       kind, open, where, close, job->n);
    }
    return gf_fail(job->err, GF_E_IMAGE_TRUNCATED, hint, "%s: %s ends early: %d of %d rows%s%s%s in %zu bytes",
                   job->name, kind, rows, of, open, where, close, job->n);
}

graft_status gf_job_damaged(const gf_image_job *job, const char *fmt, ...)
{
    char what[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    return gf_fail(job->err, GF_E_IMAGE_DAMAGED, "copy or download it again, or take it out", "%s: %s", job->name,
                   what);
}

graft_status gf_job_unsupported(const gf_image_job *job, const char *what)
{
    return gf_fail(job->err, GF_E_IMAGE_UNSUPPORTED, "convert it to JPEG or PNG first",
                   "%s: %s is not supported: convert to JPEG", job->name, what);
}

void gf_blend_row(uint8_t *rgb, const uint8_t *rgba, int w, const uint8_t background[3])
{
    for (int x = 0; x < w; x++, rgb += 3, rgba += 4) {
        uint32_t a = rgba[3];
        for (int c = 0; c < 3; c++) rgb[c] = (uint8_t)((rgba[c] * a + background[c] * (255 - a) + 127) / 255);
    }
}

/* ---- turning */

/* Where the upright image's pixel (0, 0) lies in the stored one (right, bottom: at that edge), and whether its rows
 * run along stored columns. EXIF's eight values in order. */
static const struct {
    bool right, bottom, swap;
} turns[9] = {{0, 0, 0}, {0, 0, 0}, {1, 0, 0}, {1, 1, 0}, {0, 1, 0}, {0, 0, 1}, {0, 1, 1}, {1, 1, 1}, {1, 0, 1}};

static graft_status turn(const gf_image_job *job)
{
    gf_image from = *job->out;
    int o = job->info->orientation;
    if (o == 1) return GRAFT_OK;
    bool swap = turns[o].swap;
    *job->out = (gf_image){swap ? from.h : from.w, swap ? from.w : from.h, gf_alloc_raw((size_t)from.w * from.h, 3)};
    if (!job->out->rgb) {
        gf_free(from.rgb);
        return gf_fail_memory(job->err, (size_t)from.w * from.h * 3, "a turned image");
    }
    ptrdiff_t right = 3, down = 3 * (ptrdiff_t)from.w;
    const uint8_t *corner = from.rgb;
    if (turns[o].right) {
        corner += right * (from.w - 1);
        right = -right;
    }
    if (turns[o].bottom) {
        corner += down * (from.h - 1);
        down = -down;
    }
    ptrdiff_t along = swap ? down : right, next = swap ? right : down;
    uint8_t *to = job->out->rgb;
    for (int y = 0; y < job->out->h; y++) {
        const uint8_t *p = corner + y * next;
        for (int x = 0; x < job->out->w; x++, p += along, to += 3) {
            to[0] = p[0];
            to[1] = p[1];
            to[2] = p[2];
        }
    }
    gf_free(from.rgb);
    return GRAFT_OK;
}

/* ---- the calls */

static graft_status probe(const gf_image_job *job, const gf_codec **codec, int64_t *w, int64_t *h)
{
    *codec = job->n ? codec_of(job->bytes, job->n) : NULL;
    if (!*codec) return fail_unknown(job);
    job->info->format = (*codec)->format;
    GF_TRY((*codec)->probe(job, w, h));
    if (*w <= 0 || *h <= 0) {
        return gf_fail(job->err, GF_E_IMAGE_NO_PIXELS, "take it out", "%s: %s of %lld x %lld pixels", job->name,
                       (*codec)->name, (long long)*w, (long long)*h);
    }
    if (*w > MAX_SIDE || *h > MAX_SIDE || (uint64_t)*w * (uint64_t)*h > job->opts->max_pixels) {
        return gf_fail(job->err, GF_E_IMAGE_TOO_LARGE, "make it smaller; --max-pixels raises the limit",
                       "%s: %s of %lld x %lld pixels: more than the limit of %llu", job->name, (*codec)->name,
                       (long long)*w, (long long)*h, (unsigned long long)job->opts->max_pixels);
    }
    return GRAFT_OK;
}

graft_status gf_image_probe(const uint8_t *bytes, size_t n, const char *name, const gf_image_options *opts, int *w,
                            int *h, gf_image_format *format, graft_error *err)
{
    gf_image_options defaults = gf_image_options_default();
    gf_image none = {0};
    gf_image_info info = {0};
    gf_image_job job = {bytes, n, GF_ESC(name), opts ? opts : &defaults, &none, &info, err};
    const gf_codec *codec;
    int64_t w64 = 0, h64 = 0;
    GF_TRY(probe(&job, &codec, &w64, &h64));
    if (w) *w = (int)w64;
    if (h) *h = (int)h64;
    if (format) *format = codec->format;
    return GRAFT_OK;
}

graft_status gf_image_decode(const uint8_t *bytes, size_t n, const char *name, const gf_image_options *opts,
                             gf_image *out, gf_image_info *info, graft_error *err)
{
    gf_image_options defaults = gf_image_options_default();
    gf_image_info unasked;
    if (!info) info = &unasked;
    *info = (gf_image_info){.orientation = 1, .fraction = 1};
    *out = (gf_image){0};
    gf_image_job job = {bytes, n, GF_ESC(name), opts ? opts : &defaults, out, info, err};
    const gf_codec *codec;
    int64_t w = 0, h = 0;
    GF_TRY(probe(&job, &codec, &w, &h));
    info->stored_w = (int)w;
    info->stored_h = info->rows_present = (int)h;
    graft_status status = codec->decode(&job, (int)w, (int)h);
    if (status == GRAFT_OK && info->animated && job.opts->frames_error) {
        status = gf_fail(err, GF_E_IMAGE_ANIMATED, "take the first frame instead", "%s: an animated %s", job.name,
                         codec->name);
    }
    if (status == GRAFT_OK) status = turn(&job);
    if (status != GRAFT_OK) gf_image_free(out);
    return status;
}
