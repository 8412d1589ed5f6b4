/* GIF through giflib, its low-level calls: one row at a time into our memory, first frame only. What the frame does
 * not cover and its transparent pixels show the background. */
#include "base/alloc.h"
#include "image/codec.h"

#include <string.h>

#include <gif_lib.h>

enum { HEADER = 13, TRANSPARENT_FLAG = 1 };

typedef struct reader {
    const gf_image_job *job;
    size_t at;
    bool ended;
    GifFileType *gif;
    int transparent; /* palette index, -1: none */
    uint8_t *row;
} reader;

static int on_read(GifFileType *gif, GifByteType *to, int n)
{
    reader *r = gif->UserData;
    size_t left = r->job->n - r->at, count = n < 0 ? 0 : (size_t)n;
    if (count > left) {
        r->ended = true;
        count = left;
    }
    memcpy(to, r->job->bytes + r->at, count);
    r->at += count;
    return (int)count;
}

static graft_status fail(const reader *r, int row, int h, int code)
{
    if (r->ended) return gf_job_ends_early(r->job, row, h, row == h ? "no end marker" : NULL);
    if (code == D_GIF_ERR_NOT_ENOUGH_MEM) return gf_fail_memory(r->job->err, 0, "decoding a GIF");
    const char *text = GifErrorString(code);
    return gf_job_damaged(r->job, "damaged GIF at row %d of %d: %s", row, h, text ? text : "unknown error");
}

/* ---- records */

static bool read_extension(reader *r)
{
    int code;
    GifByteType *block; /* block[0] is its size */
    if (DGifGetExtension(r->gif, &code, &block) != GIF_OK) return false;
    while (block) {
        if (code == GRAPHICS_EXT_FUNC_CODE && block[0] >= 4 && block[1] & TRANSPARENT_FLAG) r->transparent = block[4];
        if (DGifGetExtensionNext(r->gif, &block) != GIF_OK) return false;
    }
    return true;
}

/* Steps over extensions to the next image or the end. False: giflib's error stands in gif->Error. */
static bool next_record(reader *r, GifRecordType *type)
{
    do {
        if (DGifGetRecordType(r->gif, type) != GIF_OK) return false;
        if (*type == EXTENSION_RECORD_TYPE && !read_extension(r)) return false;
    } while (*type == EXTENSION_RECORD_TYPE);
    return true;
}

/* ---- the frame */

static graft_status paint(const reader *r, const ColorMapObject *colors, int y)
{
    const GifImageDesc *image = &r->gif->Image;
    const gf_image *out = r->job->out;
    uint8_t *to = out->rgb + 3 * ((size_t)(image->Top + y) * (size_t)out->w + (size_t)image->Left);
    for (int x = 0; x < image->Width; x++, to += 3) {
        int index = r->row[x];
        if (index == r->transparent) {
            memcpy(to, r->job->opts->background, 3);
        } else if (index < colors->ColorCount) {
            const GifColorType *c = &colors->Colors[index];
            to[0] = c->Red;
            to[1] = c->Green;
            to[2] = c->Blue;
        } else {
            return gf_job_damaged(r->job, "damaged GIF: row %d uses colour %d of a palette of %d", y, index,
                                  colors->ColorCount);
        }
    }
    return GRAFT_OK;
}

/* Interlaced rows come as every 8th from 0, every 8th from 4, every 4th from 2, every 2nd from 1. */
static graft_status read_rows(reader *r, const ColorMapObject *colors)
{
    static const uint8_t from[4] = {0, 4, 2, 1}, by[4] = {8, 8, 4, 2};
    const GifImageDesc *image = &r->gif->Image;
    bool interlaced = image->Interlace;
    int done = 0;
    for (int pass = 0; pass < (interlaced ? 4 : 1); pass++) {
        for (int y = interlaced ? from[pass] : 0; y < image->Height; y += interlaced ? by[pass] : 1) {
            if (DGifGetLine(r->gif, r->row, image->Width) != GIF_OK) {
                return fail(r, interlaced ? 0 : done, image->Height, r->gif->Error);
            }
            GF_TRY(paint(r, colors, y));
            done++;
        }
    }
    return GRAFT_OK;
}

static graft_status check_frame(const reader *r)
{
    const GifImageDesc *image = &r->gif->Image;
    const gf_image *out = r->job->out;
    if (image->Width <= 0 || image->Height <= 0 || image->Left < 0 || image->Top < 0 ||
        image->Width > out->w - image->Left || image->Height > out->h - image->Top) {
        return gf_job_damaged(r->job, "damaged GIF: a frame of %d x %d at (%d, %d) on a canvas of %d x %d",
                              image->Width, image->Height, image->Left, image->Top, out->w, out->h);
    }
    if (!image->ColorMap && !r->gif->SColorMap) return gf_job_damaged(r->job, "damaged GIF: no palette");
    return GRAFT_OK;
}

/* Leaves the frame's own place as it is. */
static void paint_background(const gf_image_job *job, const GifImageDesc *image)
{
    uint8_t *to = job->out->rgb;
    for (int y = 0; y < job->out->h; y++) {
        bool row_inside = y >= image->Top && y - image->Top < image->Height;
        for (int x = 0; x < job->out->w; x++, to += 3) {
            bool inside = row_inside && x >= image->Left && x - image->Left < image->Width;
            if (!inside) memcpy(to, job->opts->background, 3);
        }
    }
}

static graft_status read_frame(reader *r)
{
    GF_TRY(check_frame(r));
    const GifImageDesc *image = &r->gif->Image;
    if (image->Width != r->job->out->w || image->Height != r->job->out->h) paint_background(r->job, image);
    r->row = gf_alloc_raw((size_t)image->Width, 1);
    if (!r->row) return gf_fail_memory(r->job->err, (size_t)image->Width, "decoding a GIF");
    r->job->info->alpha = r->transparent >= 0;
    return read_rows(r, image->ColorMap ? image->ColorMap : r->gif->SColorMap);
}

/* What follows the first frame is read as far as it tells whether there is a second. */
static graft_status read_tail(reader *r, int h)
{
    GifRecordType type;
    if (r->job->info->truncated) return GRAFT_OK;
    if (!next_record(r, &type)) return fail(r, h, h, r->gif->Error);
    r->job->info->animated = type == IMAGE_DESC_RECORD_TYPE;
    return GRAFT_OK;
}

static graft_status run(reader *r, int w, int h)
{
    GifRecordType type;
    if (!next_record(r, &type)) return fail(r, 0, h, r->gif->Error);
    if (type != IMAGE_DESC_RECORD_TYPE) return gf_job_damaged(r->job, "damaged GIF: holds no image");
    if (DGifGetImageDesc(r->gif) != GIF_OK) return fail(r, 0, h, r->gif->Error);
    GF_TRY(gf_job_image(r->job, w, h));
    GF_TRY(read_frame(r));
    return read_tail(r, h);
}

/* ---- the codec */

static bool match(const uint8_t *bytes, size_t n)
{
    return n >= 6 && (!memcmp(bytes, "GIF87a", 6) || !memcmp(bytes, "GIF89a", 6));
}

static graft_status probe(const gf_image_job *job, int64_t *w, int64_t *h)
{
    if (job->n < HEADER) return gf_job_ends_early(job, 0, 0, "in its header");
    *w = gf_le16(job->bytes + 6);
    *h = gf_le16(job->bytes + 8);
    return GRAFT_OK;
}

static graft_status decode(const gf_image_job *job, int w, int h)
{
    reader r = {.job = job, .transparent = -1};
    int code = 0;
    r.gif = DGifOpen(&r, on_read, &code);
    if (!r.gif) return fail(&r, 0, h, code);
    graft_status status = run(&r, w, h);
    DGifCloseFile(r.gif, &code);
    gf_free(r.row);
    return status;
}

const gf_codec gf_codec_gif = {GF_IMAGE_GIF, "GIF", match, probe, decode};
