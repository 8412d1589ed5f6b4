/* WebP through libwebp: the demuxer checks the container and finds the first frame, the incremental decoder says how
 * many rows a cut file holds. */
#include "base/alloc.h"
#include "image/codec.h"

#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

static bool match(const uint8_t *bytes, size_t n)
{
    return n >= 12 && !memcmp(bytes, "RIFF", 4) && !memcmp(bytes + 8, "WEBP", 4);
}

static graft_status probe(const gf_image_job *job, int64_t *w, int64_t *h)
{
    WebPBitstreamFeatures features;
    VP8StatusCode code = WebPGetFeatures(job->bytes, job->n, &features);
    if (code == VP8_STATUS_NOT_ENOUGH_DATA) return gf_job_ends_early(job, 0, 0, "in its header");
    if (code != VP8_STATUS_OK) return gf_job_damaged(job, "damaged WebP: no valid header");
    *w = features.width;
    *h = features.height;
    return GRAFT_OK;
}

/* ---- one frame */

typedef struct frame {
    int w, h;
    bool alpha;
    uint8_t *pixels; /* RGBA where alpha, else RGB */
    int rows;        /* decoded so far */
} frame;

static graft_status decode_frame(const gf_image_job *job, const WebPIterator *it, frame *f)
{
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) return gf_fail_memory(job->err, 0, "decoding a WebP");
    size_t stride = (size_t)f->w * (f->alpha ? 4 : 3);
    config.output.colorspace = f->alpha ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = f->pixels;
    config.output.u.RGBA.stride = (int)stride;
    config.output.u.RGBA.size = stride * (size_t)f->h;
    WebPIDecoder *decoder = WebPIDecode(NULL, 0, &config);
    if (!decoder) return gf_fail_memory(job->err, 0, "decoding a WebP");
    VP8StatusCode code = WebPIUpdate(decoder, it->fragment.bytes, it->fragment.size);
    int rows = 0;
    if (!WebPIDecGetRGB(decoder, &rows, NULL, NULL, NULL)) rows = 0;
    f->rows = code == VP8_STATUS_OK ? f->h : rows;
    WebPIDelete(decoder);
    if (code == VP8_STATUS_OUT_OF_MEMORY) return gf_fail_memory(job->err, 0, "decoding a WebP");
    if (code == VP8_STATUS_OK || (code == VP8_STATUS_SUSPENDED && !it->complete)) return GRAFT_OK;
    return gf_job_damaged(job, "damaged WebP at row %d of %d", rows, f->h);
}

/* Puts a frame with its own place and alpha on a canvas of background. */
static void paste(const gf_image_job *job, const frame *f, int left, int top)
{
    const uint8_t *background = job->opts->background;
    gf_image *out = job->out;
    bool covers = f->w == out->w && f->h == out->h;
    for (size_t i = 0, n = (size_t)out->w * (size_t)out->h; !covers && i < n; i++) {
        memcpy(out->rgb + 3 * i, background, 3);
    }
    for (int y = 0; y < f->rows; y++) {
        uint8_t *to = out->rgb + 3 * ((size_t)(top + y) * (size_t)out->w + (size_t)left);
        gf_blend_row(to, f->pixels + 4 * (size_t)y * (size_t)f->w, f->w, background);
    }
}

static graft_status decode_first(const gf_image_job *job, const WebPIterator *it, bool whole)
{
    gf_image *out = job->out;
    frame f = {.w = it->width, .h = it->height, .pixels = out->rgb};
    if (!it->complete && (f.w <= 0 || f.h <= 0)) return gf_job_ends_early(job, 0, out->h, NULL);
    if (it->x_offset < 0 || it->y_offset < 0 || f.w <= 0 || f.h <= 0 || f.w > out->w - it->x_offset ||
        f.h > out->h - it->y_offset) {
        return gf_job_damaged(job, "damaged WebP: a frame of %d x %d on a canvas of %d x %d", f.w, f.h, out->w, out->h);
    }
    f.alpha = it->has_alpha || f.w != out->w || f.h != out->h;
    if (f.alpha) {
        f.pixels = gf_alloc_raw((size_t)f.w * (size_t)f.h, 4);
        if (!f.pixels) return gf_fail_memory(job->err, (size_t)f.w * (size_t)f.h * 4, "an image with alpha");
    }
    graft_status status = decode_frame(job, it, &f);
    if (status == GRAFT_OK && f.alpha) paste(job, &f, it->x_offset, it->y_offset);
    if (f.alpha) gf_free(f.pixels);
    job->info->alpha = it->has_alpha;
    if (status == GRAFT_OK && (!whole || f.rows < f.h)) {
        status = gf_job_ends_early(job, f.rows, f.h, f.rows == f.h ? "later parts are missing" : NULL);
    }
    return status;
}

static graft_status decode(const gf_image_job *job, int w, int h)
{
    WebPData data = {job->bytes, job->n};
    WebPDemuxState state = WEBP_DEMUX_PARSING_HEADER;
    WebPDemuxer *demuxer = WebPDemuxPartial(&data, &state);
    if (!demuxer || state == WEBP_DEMUX_PARSE_ERROR) {
        WebPDemuxDelete(demuxer);
        if (state == WEBP_DEMUX_PARSE_ERROR) return gf_job_damaged(job, "damaged WebP: its parts do not fit together");
        return gf_job_ends_early(job, 0, h, NULL);
    }
    WebPIterator it;
    WebPChunkIterator chunk;
    graft_status status = gf_job_image(job, w, h);
    job->info->animated = WebPDemuxGetI(demuxer, WEBP_FF_FRAME_COUNT) > 1;
    if (WebPDemuxGetChunk(demuxer, "EXIF", 1, &chunk)) gf_job_exif(job, chunk.chunk.bytes, chunk.chunk.size);
    WebPDemuxReleaseChunkIterator(&chunk);
    if (status == GRAFT_OK && !WebPDemuxGetFrame(demuxer, 1, &it)) {
        status = gf_job_ends_early(job, 0, h, NULL);
    } else if (status == GRAFT_OK) {
        status = decode_first(job, &it, state == WEBP_DEMUX_DONE);
        WebPDemuxReleaseIterator(&it);
    }
    WebPDemuxDelete(demuxer);
    return status;
}

const gf_codec gf_codec_webp = {GF_IMAGE_WEBP, "WebP", match, probe, decode};
