#include "data/load.h"

#include "base/sys.h"
#include "data/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

void gf_buffer_free(gf_buffer *buffer)
{
    gf_free(buffer->data);
    *buffer = (gf_buffer){0};
}

static bool reserve(gf_buffer *buffer, size_t n)
{
    if (n <= buffer->cap) return true;
    gf_free(buffer->data);
    *buffer = (gf_buffer){0};
    buffer->data = gf_alloc_raw(n, 1);
    if (buffer->data) buffer->cap = n;
    return buffer->data != NULL;
}

static graft_status changed(const char *name, const char *what, graft_error *err)
{
    return gf_fail(err, GF_E_DATA_CHANGED, "leave the data alone while they are in use", "%s: %s", GF_ESC(name), what);
}

/* Reads n bytes into the buffer. 0, or an errno value; fewer bytes than n at the end of the file. */
static int read_bytes(int fd, gf_buffer *buffer, size_t n)
{
    buffer->n = 0;
    while (buffer->n < n) {
        ssize_t got = gf_sys_read(fd, buffer->data + buffer->n, n - buffer->n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno;
        if (got == 0) break;
        buffer->n += (size_t)got;
    }
    return 0;
}

static graft_status refuse_size(const gf_sample *s, const char *name, graft_error *err)
{
    return gf_fail(err, GF_E_FILE_TOO_LARGE, NULL, "%s: %llu bytes, at most %llu are allowed", GF_ESC(name),
                   (unsigned long long)s->size, (unsigned long long)GF_IMAGE_FILE_MAX);
}

/* The open file against what was listed, before and after its bytes were read. Some network file systems give a file
 * another inode at each mount: then its bytes decide. */
static graft_status read_listed(const gf_index *index, uint32_t sample, int fd, gf_buffer *buffer, int *failed,
                                graft_error *err)
{
    const gf_sample *s = &index->sample[sample];
    const char *name = gf_index_path(index, sample);
    struct stat st;
    if (gf_sys_fstat(fd, &st)) {
        *failed = errno;
        return GRAFT_OK;
    }
    if (!S_ISREG(st.st_mode)) return changed(name, "is no longer a file", err);
    if ((uint64_t)st.st_size != s->size || gf_mtime(&st) != s->mtime) {
        return changed(name, "was changed after it was listed", err);
    }
    if (s->size > GF_IMAGE_FILE_MAX) return refuse_size(s, name, err);
    if (!reserve(buffer, (size_t)s->size + 1)) return gf_fail_memory(err, (size_t)s->size, "an image file");
    *failed = read_bytes(fd, buffer, (size_t)s->size + 1); /* one more, to see it grow */
    if (*failed) return GRAFT_OK;
    if (buffer->n != s->size) return changed(name, "is being written to", err);
    if (index->content && st.st_ino != s->inode) {
        gf_sha256 now = gf_sha256_of(buffer->data, buffer->n);
        if (memcmp(now.byte, index->content[sample].byte, sizeof now.byte)) {
            return changed(name, "is another file than the one that was checked", err);
        }
    }
    return GRAFT_OK;
}

static graft_status read_member(const gf_index *index, uint32_t sample, gf_buffer *buffer, int *failed,
                                graft_error *err)
{
    const gf_sample *s = &index->sample[sample];
    if (s->size > GF_IMAGE_FILE_MAX) return refuse_size(s, gf_index_path(index, sample), err);
    if (!reserve(buffer, (size_t)s->size + 1)) return gf_fail_memory(err, (size_t)s->size, "an image file");
    buffer->n = (size_t)s->size;
    return gf_archive_read(index->archive[s->archive - 1], s->inode, buffer->data, buffer->n, failed, err);
}

/* One try. A system error goes to *failed, with status OK. */
static graft_status try_read(const gf_index *index, uint32_t sample, gf_buffer *buffer, int *failed, graft_error *err)
{
    if (index->sample[sample].archive) return read_member(index, sample, buffer, failed, err);
    gf_reach reach;
    GF_TRY(gf_reach_open(&reach, index->root, gf_index_path(index, sample), err));
    *failed = 0;
    graft_status status = GRAFT_OK;
    int fd = gf_sys_open(reach.path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0) {
        *failed = errno;
    } else {
        status = read_listed(index, sample, fd, buffer, failed, err);
        gf_sys_close(fd);
    }
    gf_reach_close(&reach);
    return status;
}

static bool may_pass(int failed)
{
    static const int passing[] = {EIO, ESTALE, ETIMEDOUT, EAGAIN, EMFILE, ENFILE};
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++) {
        if (passing[i] == failed) return true;
    }
    return false;
}

graft_status gf_sample_read(const gf_index *index, uint32_t sample, gf_buffer *buffer, graft_error *err)
{
    const gf_sample *s = &index->sample[sample];
    if (s->size == GF_NOT_THERE) {
        return gf_fail_errno(err, GF_E_DATA_NOT_FOUND, (int)s->inode, "not found", gf_index_path(index, sample));
    }
    static const long wait_ms[] = {10, 100, 1000};
    enum { WAITS = sizeof wait_ms / sizeof *wait_ms };
    int failed = 0;
    for (size_t i = 0; i <= WAITS; i++) {
        GF_TRY(try_read(index, sample, buffer, &failed, err));
        if (!may_pass(failed) || i == WAITS) break;
        nanosleep(&(struct timespec){wait_ms[i] / 1000, wait_ms[i] % 1000 * 1000000}, NULL);
    }
    const char *name = gf_index_path(index, sample);
    if (!failed) return GRAFT_OK;
    if (failed == ENOENT || failed == ENOTDIR) return changed(name, "is gone", err);
    if (failed == EACCES || failed == EPERM) {
        return gf_fail(err, GF_E_DATA_UNREADABLE, "give this user the right to read it", "%s: permission denied",
                       GF_ESC(name));
    }
    return gf_fail_errno(err, GF_E_IO_READ, failed, "cannot be read", name);
}

static void note_marks(const gf_image_info *info, const char *name, const gf_image *image, gf_checked *checked)
{
    gf_image_format named = gf_image_format_of_name(name);
    const struct {
        bool is;
        uint16_t mark;
    } marks[GF_MARKS] = {
        {named != info->format && named != GF_IMAGE_UNKNOWN, GF_MARK_NAMED_OTHERWISE},
        {info->orientation > 1, GF_MARK_TRANSPOSED},
        {info->bad_exif, GF_MARK_BAD_EXIF},
        {info->animated, GF_MARK_ANIMATED},
        {info->sixteen_bit, GF_MARK_SIXTEEN_BIT},
        {info->alpha, GF_MARK_ALPHA},
        {info->truncated, GF_MARK_TRUNCATED},
        {info->surplus, GF_MARK_SURPLUS},
        {info->fraction > 1, GF_MARK_FRACTION},
    };
    checked->marks = 0;
    for (size_t i = 0; i < GF_MARKS; i++) checked->marks |= marks[i].is ? marks[i].mark : 0;
    checked->w = (uint32_t)image->w;
    checked->h = (uint32_t)image->h;
    checked->format = (uint8_t)info->format;
}

/* A JPEG that is too large to be decoded whole must still be larger than what it becomes. */
static gf_image_options image_options(const gf_data_options *options, int h, int w)
{
    gf_image_options o = options->image;
    o.least_w = w;
    o.least_h = h;
    return o;
}

static graft_status decode_to(const uint8_t *bytes, size_t n, const char *name, const gf_data_options *options, int h,
                              int w, uint8_t *dst, gf_checked *checked, graft_error *err)
{
    gf_image image = {0};
    gf_image_info info = {0};
    gf_image_options how = image_options(options, h, w);
    GF_TRY(gf_image_decode(bytes, n, name, &how, &image, &info, err));
    graft_status status =
        gf_fit_image_u8(&options->fit, image.rgb, image.h, image.w, dst, h, w, options->antialias, err);
    if (checked) note_marks(&info, name, &image, checked);
    gf_image_free(&image);
    return status;
}

graft_status gf_encoded_decode(const uint8_t *bytes, size_t n, const char *name, const gf_data_options *options,
                               uint8_t *dst, gf_checked *checked, graft_error *err)
{
    return decode_to(bytes, n, name, options, options->height, options->width, dst, checked, err);
}

void gf_sample_size(const gf_index *index, uint32_t sample, const gf_data_options *options, int *height, int *width)
{
    gf_data_stored_size(options, sample >= index->first[GF_TRAIN] && sample < index->first[GF_TRAIN + 1], height,
                        width);
}

graft_status gf_sample_decode(const gf_index *index, uint32_t sample, const gf_buffer *buffer,
                              const gf_data_options *options, uint8_t *dst, gf_checked *checked, graft_error *err)
{
    int h, w;
    gf_sample_size(index, sample, options, &h, &w);
    return decode_to(buffer->data, buffer->n, gf_index_path(index, sample), options, h, w, dst, checked, err);
}

graft_status gf_sample_decode_f32(const gf_index *index, uint32_t sample, const gf_buffer *buffer,
                                  const gf_data_options *options, float *dst, gf_checked *checked, graft_error *err)
{
    gf_image image = {0};
    const char *name = gf_index_path(index, sample);
    gf_image_info info = {0};
    gf_image_options how = image_options(options, options->height, options->width);
    GF_TRY(gf_image_decode(buffer->data, buffer->n, name, &how, &image, &info, err));
    graft_status status = gf_fit_image(&options->fit, image.rgb, image.h, image.w, dst, options->height, options->width,
                                       options->antialias, err);
    if (checked) note_marks(&info, name, &image, checked);
    gf_image_free(&image);
    return status;
}
