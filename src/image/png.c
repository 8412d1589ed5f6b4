/* PNG through libpng. All chunks that say nothing about 8-bit RGB pixels are skipped unread (their checksums are
 * still checked), so a compressed text or colour profile cannot grow; gamma is not applied, as TensorFlow and Pillow
 * do not. Memory comes from the library's allocator. */
#include "base/alloc.h"
#include "image/codec.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <png.h>

enum { SIGNATURE = 8, CHUNK_FRAME = 12, IHDR_END = 33, CHUNK_LIMIT = 1 << 20, DEFLATE_MOST = 1032, PIECE = 256 };

typedef struct reader {
    png_structp png;
    png_infop info;
    jmp_buf jump;
    const gf_image_job *job;
    size_t at;
    int h, row;  /* row: complete ones; 0 until the last pass of an interlaced image */
    bool ended;  /* libpng asked for bytes behind the last one */
    bool memory; /* an allocation failed */
    int channels;
    uint8_t *rgba; /* the image with alpha, NULL where it has none */
    graft_status status;
} reader;

/* ---- chunks by hand: what libpng does not tell */

typedef struct chunk {
    size_t at, size; /* offset of the chunk and bytes of its data */
    const uint8_t *type;
    bool whole;
} chunk;

/* Steps to the chunk at *at. False where no header of a chunk is left. */
static bool next_chunk(const gf_image_job *job, size_t *at, chunk *c)
{
    if (*at > job->n || job->n - *at < 8) return false;
    *c = (chunk){*at, gf_be32(job->bytes + *at), job->bytes + *at + 4, false};
    c->whole = job->n - *at - 8 >= c->size + 4;
    *at = c->whole ? *at + CHUNK_FRAME + c->size : job->n;
    return true;
}

static bool is_type(const chunk *c, const char *type) { return !memcmp(c->type, type, 4); }

static void read_extras(const gf_image_job *job)
{
    chunk c;
    bool exif = false, pixels = false;
    for (size_t at = SIGNATURE; next_chunk(job, &at, &c) && c.whole;) {
        if (is_type(&c, "IDAT")) pixels = true;
        if (is_type(&c, "acTL") && !pixels && c.size >= 4) job->info->animated = gf_be32(c.type + 4) > 1;
        if (is_type(&c, "eXIf") && !exif) gf_job_exif(job, c.type + 4, c.size);
        exif |= is_type(&c, "eXIf");
    }
}

/* Offset of the last chunk that begins before `end`. */
static size_t chunk_before(const gf_image_job *job, size_t end)
{
    size_t found = SIGNATURE;
    chunk c;
    for (size_t at = SIGNATURE; next_chunk(job, &at, &c) && c.at < end;) found = c.at;
    return found;
}

/* ---- libpng's callbacks */

static void on_error(png_structp png, png_const_charp text)
{
    reader *r = png_get_error_ptr(png);
    if (r->memory) {
        r->status = gf_fail_memory(r->job->err, 0, "decoding a PNG");
    } else if (r->ended) {
        r->status = gf_job_ends_early(r->job, r->row, r->h, r->row == r->h ? "no IEND chunk" : NULL);
    } else if (strstr(text, "CRC error")) {
        r->status = gf_fail(r->job->err, GF_E_IMAGE_CHECKSUM, "copy or download it again, or take it out",
                            "%s: wrong checksum (CRC) of PNG chunk %.4s at offset %zu", r->job->name, GF_ESC(text),
                            chunk_before(r->job, r->at));
    } else {
        r->status =
            gf_job_damaged(r->job, "damaged PNG at row %d of %d, offset %zu: %s", r->row, r->h, r->at, GF_ESC(text));
    }
    longjmp(r->jump, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    if (strstr(text, "CRC error")) on_error(png, text);
}

static void on_read(png_structp png, png_bytep to, size_t n)
{
    reader *r = png_get_io_ptr(png);
    if (n > r->job->n - r->at) {
        r->ended = true;
        png_error(png, "end of file");
    }
    memcpy(to, r->job->bytes + r->at, n);
    r->at += n;
}

static png_voidp on_alloc(png_structp png, png_alloc_size_t n)
{
    reader *r = png_get_mem_ptr(png);
    void *p = gf_alloc_raw(n, 1);
    if (!p) r->memory = true;
    return p;
}

static void on_free(png_structp png, png_voidp p)
{
    (void)png;
    gf_free(p);
}

/* ---- pixels */

static void set_limits(reader *r)
{
    /* Each name is 5 bytes, its NUL among them. */
    static const png_byte unread[] =
        "bKGD\0cHRM\0eXIf\0gAMA\0hIST\0iCCP\0iTXt\0oFFs\0pCAL\0pHYs\0sBIT\0sCAL\0sPLT\0sRGB\0"
        "sTER\0tEXt\0tIME\0zTXt\0cICP\0mDCV\0cLLI";
    png_set_crc_action(r->png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_set_user_limits(r->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* max_pixels was checked before */
    png_set_chunk_malloc_max(r->png, CHUNK_LIMIT);
    png_set_compression_buffer_size(r->png, PIECE); /* read in small pieces, so that a cut file gives all its rows */
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, unread, (int)(sizeof unread / 5));
}

/* To 8-bit RGB or RGBA whatever the file holds. */
static void set_transforms(reader *r)
{
    int type = png_get_color_type(r->png, r->info), bits = png_get_bit_depth(r->png, r->info);
    bool key = png_get_valid(r->png, r->info, PNG_INFO_tRNS) != 0;
    if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(r->png);
    if (type == PNG_COLOR_TYPE_GRAY && bits < 8) png_set_expand_gray_1_2_4_to_8(r->png);
    if (key) png_set_tRNS_to_alpha(r->png);
    if (bits == 16) png_set_scale_16(r->png);
    if (!(type & PNG_COLOR_MASK_COLOR)) png_set_gray_to_rgb(r->png);
    r->job->info->sixteen_bit = bits == 16;
    r->job->info->alpha = key || (type & PNG_COLOR_MASK_ALPHA);
    r->channels = r->job->info->alpha ? 4 : 3;
}

static graft_status book_rgba(reader *r, int w)
{
    if (r->channels == 3) return GRAFT_OK;
    size_t pixels = (size_t)w * (size_t)r->h;
    r->rgba = gf_alloc_raw(pixels, 4);
    if (!r->rgba) return gf_fail_memory(r->job->err, pixels * 4, "an image with alpha");
    static const uint8_t gray[4] = {128, 128, 128, 255};
    for (size_t i = 0; r->job->opts->allow_truncated && i < pixels; i++) memcpy(r->rgba + 4 * i, gray, 4);
    return GRAFT_OK;
}

static graft_status read_all(reader *r, int w)
{
    if (setjmp(r->jump)) return r->status;
    r->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, r, on_error, on_warning, r, on_alloc, on_free);
    if (r->png) r->info = png_create_info_struct(r->png);
    if (!r->info) return gf_fail_memory(r->job->err, 0, "decoding a PNG");
    set_limits(r);
    png_set_read_fn(r->png, r, on_read);
    png_read_info(r->png, r->info);
    set_transforms(r);
    int passes = png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);
    if (png_get_rowbytes(r->png, r->info) != (size_t)w * (size_t)r->channels) {
        return gf_job_damaged(r->job, "damaged PNG: two headers");
    }
    GF_TRY(gf_job_image(r->job, w, r->h));
    GF_TRY(book_rgba(r, w));
    uint8_t *pixels = r->rgba ? r->rgba : r->job->out->rgb;
    for (int pass = 0; pass < passes; pass++) {
        for (int y = 0; y < r->h; y++) {
            png_read_row(r->png, pixels + (size_t)y * (size_t)w * (size_t)r->channels, NULL);
            if (pass == passes - 1) r->row = y + 1;
        }
    }
    png_read_end(r->png, NULL);
    return GRAFT_OK;
}

/* ---- the codec */

static bool match(const uint8_t *bytes, size_t n)
{
    return n >= SIGNATURE && !memcmp(bytes, "\x89PNG\r\n\x1a\n", SIGNATURE);
}

static graft_status probe(const gf_image_job *job, int64_t *w, int64_t *h)
{
    if (job->n < IHDR_END) return gf_job_ends_early(job, 0, 0, "in its header");
    if (memcmp(job->bytes + SIGNATURE, "\0\0\0\15IHDR", 8) != 0) {
        return gf_job_damaged(job, "damaged PNG: begins without an IHDR chunk");
    }
    *w = gf_be32(job->bytes + 16);
    *h = gf_be32(job->bytes + 20);
    return GRAFT_OK;
}

/* Deflate packs 1032 bytes into one at best: more rows than that cannot be there. */
static bool too_few_bytes(const gf_image_job *job, int w, int h)
{
    static const uint8_t samples[8] = {1, 1, 3, 1, 2, 1, 4, 1};
    uint64_t bits = (uint64_t)job->bytes[24] * samples[job->bytes[25] & 7];
    uint64_t raw = (uint64_t)h * (((uint64_t)w * bits + 7) / 8);
    return raw / DEFLATE_MOST > job->n && !job->opts->allow_truncated;
}

static graft_status decode(const gf_image_job *job, int w, int h)
{
    if (too_few_bytes(job, w, h)) return gf_job_ends_early(job, 0, h, "far too few bytes for its size");
    read_extras(job);
    reader r = {.job = job, .h = h};
    graft_status status = read_all(&r, w);
    for (int y = 0; status == GRAFT_OK && r.rgba && y < h; y++) {
        size_t row = (size_t)y * (size_t)w;
        gf_blend_row(job->out->rgb + row * 3, r.rgba + row * 4, w, job->opts->background);
    }
    gf_free(r.rgba);
    png_destroy_read_struct(&r.png, &r.info, NULL);
    return status;
}

const gf_codec gf_codec_png = {GF_IMAGE_PNG, "PNG", match, probe, decode};
