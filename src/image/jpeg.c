/* JPEG, through libjpeg's own interface: the accurate integer DCT and smooth chroma, which gives the bits of Pillow and
 * of TensorFlow's decode_jpeg(dct_method="INTEGER_ACCURATE"). TensorFlow's default is the fast DCT, up to 11 levels
 * off: options.fast_dct.
 *
 * libjpeg reports by calling back and expects a fatal callback not to return: `reader` holds what must outlive the
 * jump, and run() has no local that changes between setjmp and the jump. Warnings are errors: libjpeg goes on with
 * made-up pixels after them. */
#include "base/alloc.h"
#include "image/codec.h"
#include "image/jpeg_frame.h"
#include "image/jpeg_rest.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

enum { MAX_SCANS = 100, ROWS_A_CALL = 16 };

typedef struct reader {
    struct jpeg_decompress_struct lib;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf jump;
    const gf_image_job *job;
    int h;
    bool ended;    /* libjpeg asked for bytes behind the last one */
    int rows_then; /* rows that it had given by then */
    uint8_t *cmyk; /* a few rows of four channels, NULL for others */
    graft_status status;
} reader;

static reader *of(j_common_ptr lib) { return lib->client_data; }

static int rows_done(const reader *r)
{
    return (int)r->lib.output_scanline < r->h ? (int)r->lib.output_scanline : r->h;
}

/* ---- libjpeg's callbacks */

#if JPEG_LIB_VERSION < 70
enum { NO_ARITHMETIC = JERR_ARITH_NOTIMPL };
#else
enum { NO_ARITHMETIC = -1 }; /* a library of the newer interface always has it */
#endif

static void on_error(j_common_ptr lib)
{
    reader *r = of(lib);
    char text[JMSG_LENGTH_MAX];
    lib->err->format_message(lib, text);
    int code = lib->err->msg_code;
    if (r->ended) {
        r->status = gf_job_ends_early(r->job, r->rows_then, r->h, NULL);
    } else if (code == JERR_OUT_OF_MEMORY || code == JERR_NO_BACKING_STORE) {
        r->status = gf_fail_memory(r->job->err, 0, "decoding a JPEG");
    } else if (code == JERR_CONVERSION_NOTIMPL || code == NO_ARITHMETIC || code == JERR_SOF_UNSUPPORTED ||
               code == JERR_FRACT_SAMPLE_NOTIMPL || code == JERR_CCIR601_NOTIMPL) {
        r->status = gf_job_unsupported(r->job, "this kind of JPEG");
    } else {
        r->status = gf_job_damaged(r->job, "damaged JPEG at row %d of %d: %s", rows_done(r), r->h, GF_ESC(text));
    }
    longjmp(r->jump, 1);
}

/* Bytes that libjpeg passed over to find the next marker. Before a restart marker they are the rest of pixels that were
 * not understood; before another one all that the scan has to give was decoded, or nothing is yet. */
static bool is_surplus(const struct jpeg_error_mgr *e)
{
    enum { RST0 = 0xd0, RST7 = 0xd7 };
    int before = e->msg_parm.i[1];
    return e->msg_code == JWRN_EXTRANEOUS_DATA && !(before >= RST0 && before <= RST7);
}

static void on_message(j_common_ptr lib, int level)
{
    reader *r = of(lib);
    if (level >= 0 || r->ended) return; /* behind the end of a file that may be cut: padding is what was asked for */
    if (lib->err->msg_code == JWRN_JFIF_MAJOR) return; /* a version number, not pixels */
    if (!is_surplus(lib->err)) on_error(lib);
    r->job->info->surplus = true;
}

static void on_output(j_common_ptr lib) { (void)lib; }

static void on_progress(j_common_ptr lib)
{
    reader *r = of(lib);
    if (r->lib.input_scan_number <= MAX_SCANS) return;
    r->status = gf_fail(r->job->err, GF_E_IMAGE_SCANS, "save it again with another program",
                        "%s: JPEG of more than %d scans", r->job->name, MAX_SCANS);
    longjmp(r->jump, 1);
}

/* All bytes are there from the start, so a call for more means that the file is cut. */
static boolean on_empty(j_decompress_ptr lib)
{
    static const JOCTET end_marker[2] = {0xff, JPEG_EOI};
    reader *r = of((j_common_ptr)lib);
    if (!r->ended) r->rows_then = rows_done(r);
    r->ended = true;
    if (!r->job->opts->allow_truncated) {
        r->status = gf_job_ends_early(r->job, r->rows_then, r->h, r->rows_then == r->h ? "no end marker" : NULL);
        longjmp(r->jump, 1);
    }
    lib->src->next_input_byte = end_marker;
    lib->src->bytes_in_buffer = sizeof end_marker;
    return TRUE;
}

static void on_skip(j_decompress_ptr lib, long count)
{
    if (count <= 0) return;
    if ((size_t)count > lib->src->bytes_in_buffer) {
        on_empty(lib);
    } else {
        lib->src->next_input_byte += count;
        lib->src->bytes_in_buffer -= (size_t)count;
    }
}

static void on_source(j_decompress_ptr lib) { (void)lib; }

/* ---- pixels */

/* TensorFlow's arithmetic (tensorflow/core/lib/jpeg/jpeg_mem.cc): Adobe's files hold 255 - ink. */
static void cmyk_row(uint8_t *rgb, const uint8_t *cmyk, int w, bool inverted)
{
    for (int x = 0; x < w; x++, rgb += 3, cmyk += 4) {
        for (int c = 0; c < 3; c++) {
            rgb[c] = (uint8_t)(inverted ? cmyk[c] * cmyk[3] / 255 : (255 - cmyk[c]) * (255 - cmyk[3]) / 255);
        }
    }
}

static void read_rows(reader *r)
{
    gf_image *out = r->job->out;
    size_t stride = (size_t)out->w * 3;
    while ((int)r->lib.output_scanline < out->h) {
        JSAMPROW rows[ROWS_A_CALL];
        int first = (int)r->lib.output_scanline;
        int count = out->h - first < ROWS_A_CALL ? out->h - first : ROWS_A_CALL;
        for (int i = 0; i < count; i++) {
            rows[i] = r->cmyk ? r->cmyk + (size_t)i * (size_t)out->w * 4 : out->rgb + (size_t)(first + i) * stride;
        }
        int got = (int)jpeg_read_scanlines(&r->lib, rows, (JDIMENSION)count);
        for (int i = 0; r->cmyk && i < got; i++) {
            cmyk_row(out->rgb + (size_t)(first + i) * stride, rows[i], out->w, r->lib.saw_Adobe_marker);
        }
    }
}

static graft_status start(reader *r, int w)
{
    jpeg_read_header(&r->lib, TRUE);
    if ((int)r->lib.image_width != w || (int)r->lib.image_height != r->h) {
        return gf_job_damaged(r->job, "JPEG with two frame headers: %d x %d and %u x %u", w, r->h, r->lib.image_width,
                              r->lib.image_height);
    }
    r->lib.out_color_space = r->lib.num_components == 4 ? JCS_CMYK : JCS_RGB;
    r->lib.dct_method = r->job->opts->fast_dct ? JDCT_IFAST : JDCT_ISLOW;
    r->lib.do_fancy_upsampling = TRUE;
    r->lib.scale_num = 1;
    r->lib.scale_denom = (unsigned)r->job->info->fraction;
    jpeg_calc_output_dimensions(&r->lib);
    w = (int)r->lib.output_width;
    r->h = (int)r->lib.output_height;
    if (r->lib.num_components == 4) {
        r->cmyk = gf_alloc_raw((size_t)w * ROWS_A_CALL, 4);
        if (!r->cmyk) return gf_fail_memory(r->job->err, (size_t)w * ROWS_A_CALL * 4, "decoding a JPEG");
    }
    return gf_job_image(r->job, w, r->h);
}

static graft_status run(reader *r, int w)
{
    if (setjmp(r->jump)) return r->status;
    jpeg_create_decompress(&r->lib);
    r->lib.src = &r->source;
    r->lib.progress = &r->progress;
    GF_TRY(start(r, w));
    jpeg_start_decompress(&r->lib);
    read_rows(r);
    jpeg_finish_decompress(&r->lib); /* reads on to the end marker */
    return r->ended ? gf_job_ends_early(r->job, r->rows_then, r->h, NULL) : GRAFT_OK;
}

/* ---- the codec */

static bool match(const uint8_t *bytes, size_t n)
{
    return n >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff;
}

/* Arithmetic coding is left out on purpose: a decoder cannot tell from it that data are damaged or missing. */
static graft_status check_kind(const gf_image_job *job, const gf_jpeg_frame *f)
{
    static const char lossless[] = "lossless JPEG", hierarchical[] = "hierarchical JPEG",
                      arithmetic[] = "arithmetic JPEG";
    static const char *const unread[16] = {
        [3] = lossless,    [5] = hierarchical, [6] = hierarchical,  [7] = hierarchical,  [9] = arithmetic,
        [10] = arithmetic, [11] = lossless,    [13] = hierarchical, [14] = hierarchical, [15] = hierarchical,
    };
    if (unread[f->kind]) return gf_job_unsupported(job, unread[f->kind]);
    if (f->bits == 8) return GRAFT_OK;
    char kind[32];
    snprintf(kind, sizeof kind, "%d-bit JPEG", f->bits);
    return gf_job_unsupported(job, kind);
}

static graft_status probe(const gf_image_job *job, int64_t *w, int64_t *h)
{
    gf_jpeg_frame f = gf_jpeg_read_frame(job->bytes, job->n, false, MAX_SCANS);
    if (!f.found && (f.ended || f.scans)) return gf_job_damaged(job, "JPEG without a frame header");
    if (!f.found) return gf_job_ends_early(job, 0, 0, "in its header");
    *w = f.w;
    *h = f.h;
    return check_kind(job, &f);
}

/* The largest fraction with as few pixels as are decoded whole; 1 where it would be too small for its use. */
static int fraction_of(const gf_image_options *o, int w, int h)
{
    enum { MOST = 8 };
    int fraction = 1;
    if (o->least_w <= 0 || o->least_h <= 0) return 1;
    while (fraction < MOST && (uint64_t)(w / fraction) * (uint64_t)(h / fraction) > o->whole_pixels) {
        int next = 2 * fraction, least = o->least_w > o->least_h ? o->least_w : o->least_h;
        if (w / next < least || h / next < least) break;
        fraction = next;
    }
    return fraction;
}

static graft_status decode(const gf_image_job *job, int w, int h)
{
    gf_jpeg_frame f = gf_jpeg_read_frame(job->bytes, job->n, true, MAX_SCANS);
    if (f.scans > MAX_SCANS) {
        return gf_fail(job->err, GF_E_IMAGE_SCANS, "save it again with another program",
                       "%s: JPEG of more than %d scans", job->name, MAX_SCANS);
    }
    /* Huffman codes take a bit or more for each block of 8 x 8, so this bounds memory by the bytes that are there. */
    uint64_t blocks = (uint64_t)((w + 7) / 8) * (uint64_t)((h + 7) / 8);
    if (!job->opts->allow_truncated && blocks > 8 * (uint64_t)job->n) {
        return gf_job_ends_early(job, 0, h, "far too few bytes for its size");
    }
    if (f.exif) gf_job_exif(job, f.exif, f.exif_size);
    job->info->fraction = fraction_of(job->opts, w, h);

    reader r = {.job = job, .h = h};
    r.lib.err = jpeg_std_error(&r.errors);
    r.lib.client_data = &r;
    r.errors.error_exit = on_error;
    r.errors.emit_message = on_message;
    r.errors.output_message = on_output;
    r.progress.progress_monitor = on_progress;
    r.source = (struct jpeg_source_mgr){.next_input_byte = job->bytes,
                                        .bytes_in_buffer = job->n,
                                        .init_source = on_source,
                                        .fill_input_buffer = on_empty,
                                        .skip_input_data = on_skip,
                                        .resync_to_restart = jpeg_resync_to_restart,
                                        .term_source = on_source};
    graft_status status = run(&r, w);
    jpeg_destroy_decompress(&r.lib);
    gf_free(r.cmyk);
    if (status == GRAFT_OK && job->info->surplus && gf_jpeg_rest_is_pixels(job->bytes, job->n)) {
        return gf_job_damaged(job, "damaged JPEG: all %d rows were found before the data end", h);
    }
    return status;
}

const gf_codec gf_codec_jpeg = {GF_IMAGE_JPEG, "JPEG", match, probe, decode};
