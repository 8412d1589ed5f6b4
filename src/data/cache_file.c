#include "data/cache_file.h"

#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

typedef struct header {
    uint64_t magic;
    uint64_t n, first, image_bytes;
    uint8_t digest[32];
    uint64_t rows_sum;
    uint64_t train, train_bytes; /* 0 where all images are of one size */
    uint8_t unused[32];
    uint64_t sum; /* of all before it */
} header;

_Static_assert(sizeof(header) == 128, "the header's size is part of the format");
_Static_assert(sizeof(gf_checked) == 56, "the row's size is part of the format");

#define MAGIC 0x3178697066617267u /* "grafpix1" where bytes are little-endian; raise the digit with the format */
enum { PAGE = 4096 };

/* Whether two files may differ in their pixels: everything that decoding reads. */
static void add_number(gf_sha256_state *sha, uint64_t x) { gf_sha256_add(sha, &x, sizeof x); }

static void add_rules(gf_sha256_state *sha, const gf_data_options *options)
{
    const gf_image_options *image = &options->image;
    const uint64_t rules[] = {
        MAGIC,
        (uint64_t)options->height,
        (uint64_t)options->width,
        options->antialias,
        image->max_pixels,
        image->ignore_exif,
        image->allow_truncated,
        image->frames_error,
        image->background[0],
        image->background[1],
        image->background[2],
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) add_number(sha, rules[i]);
    const gf_fit *fit = &options->fit;
    if (options->stored_side) add_number(sha, (uint64_t)options->stored_side << 32); /* no number of the next ones */
    if (image->fast_dct) add_number(sha, UINT64_MAX);
    if (fit->filter) add_number(sha, (uint64_t)fit->filter << 48); /* no number of the others */
    if (fit->kind == GF_FIT_STRETCH) return;                       /* the only way there was when the format began */
    const uint64_t more[] = {fit->kind, (uint64_t)fit->shortest, fit->gray};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) add_number(sha, more[i]);
}

graft_status gf_cache_key_make(gf_cache_key *key, const gf_index *index, const gf_data_options *options, uint64_t first,
                               graft_error *err)
{
    gf_sha256_state *sha = gf_sha256_begin();
    if (!sha) return gf_fail_memory(err, 256, "a digest");
    add_rules(sha, options);
    add_number(sha, first);
    gf_sha256_add(sha, index->root, strlen(index->root) + 1);
    for (uint32_t i = 0; i < index->n; i++) {
        const char *path = gf_index_path(index, i);
        gf_sha256_add(sha, path, strlen(path) + 1);
        add_number(sha, index->sample[i].size);
        add_number(sha, (uint64_t)index->sample[i].mtime);
        add_number(sha, index->sample[i].inode);
    }
    *key = (gf_cache_key){
        .n = index->n,
        .first = first,
        .image_bytes = gf_data_stored_bytes(options, false),
    };
    if (gf_data_stored_bytes(options, true) != key->image_bytes) {
        key->train = index->first[GF_TRAIN + 1];
        key->train_bytes = gf_data_stored_bytes(options, true);
    }
    key->digest = gf_sha256_end(sha);
    return GRAFT_OK;
}

size_t gf_cache_head_bytes(const gf_cache_key *key)
{
    return (sizeof(header) + key->n * sizeof(gf_checked) + PAGE - 1) / PAGE * PAGE;
}

/* Of all pixels before this sample's, had the file all. */
static uint64_t pixels_before(const gf_cache_key *key, uint64_t sample)
{
    uint64_t train = sample < key->train ? sample : key->train;
    return train * key->train_bytes + (sample - train) * key->image_bytes;
}

static size_t bytes_of(const gf_cache_key *key, uint64_t sample)
{
    return sample < key->train ? key->train_bytes : key->image_bytes;
}

static uint64_t place_of(const gf_cache_key *key, uint64_t sample)
{
    return gf_cache_head_bytes(key) + pixels_before(key, sample) - pixels_before(key, key->first);
}

uint64_t gf_cache_file_bytes(const gf_cache_key *key) { return place_of(key, key->n); }

/* Four independent workspaces of multiply-and-rotate: one chain would wait for its multiplications. The multiplier is
 * odd, so no step loses a bit: a single changed word always changes the sum. */
uint64_t gf_pixel_sum(const uint8_t *pixels, size_t n)
{
    const uint64_t odd = 0x9e3779b97f4a7c15u;
    uint64_t ws[4] = {n + 1, n + 2, n + 3, n + 4};
    size_t at = 0;
    for (; at + 32 <= n; at += 32) {
        uint64_t word[4];
        memcpy(word, pixels + at, sizeof word);
        for (int i = 0; i < 4; i++) {
            ws[i] = (ws[i] ^ word[i]) * odd;
            ws[i] ^= ws[i] >> 29;
        }
    }
    for (; at < n; at++) ws[at % 4] = (ws[at % 4] ^ pixels[at]) * odd;
    uint64_t sum = 0;
    for (int i = 0; i < 4; i++) sum = (sum ^ ws[i] ^ ws[i] >> 32) * odd;
    return sum ? sum : 1;
}

void gf_cache_head_write(const gf_cache_key *key, const gf_checked *rows, uint8_t *out)
{
    memset(out, 0, gf_cache_head_bytes(key));
    size_t bytes = key->n * sizeof *rows;
    header h = {
        .magic = MAGIC,
        .n = key->n,
        .first = key->first,
        .image_bytes = key->image_bytes,
        .train = key->train,
        .train_bytes = key->train_bytes,
        .rows_sum = gf_pixel_sum((const uint8_t *)rows, bytes),
    };
    memcpy(h.digest, key->digest.byte, sizeof h.digest);
    h.sum = gf_pixel_sum((const uint8_t *)&h, offsetof(header, sum));
    memcpy(out, &h, sizeof h);
    memcpy(out + sizeof h, rows, bytes);
}

graft_status gf_cache_head_parse(const uint8_t *bytes, size_t n, const gf_cache_key *key, gf_checked *rows,
                                 graft_error *err)
{
    header h;
    size_t row_bytes = key->n * sizeof *rows;
    if (n < gf_cache_head_bytes(key)) return gf_fail(err, GF_E_CACHE_DAMAGED, NULL, "it ends early");
    memcpy(&h, bytes, sizeof h);
    bool ours = h.magic == MAGIC && h.n == key->n && h.first == key->first && h.image_bytes == key->image_bytes &&
                h.train == key->train && h.train_bytes == key->train_bytes &&
                !memcmp(h.digest, key->digest.byte, sizeof h.digest);
    if (!ours) return gf_fail(err, GF_E_CACHE_DAMAGED, NULL, "its header is of another cache");
    if (h.sum != gf_pixel_sum((const uint8_t *)&h, offsetof(header, sum))) {
        return gf_fail(err, GF_E_CACHE_DAMAGED, NULL, "its header has a wrong checksum");
    }
    if (h.rows_sum != gf_pixel_sum(bytes + sizeof h, row_bytes)) {
        return gf_fail(err, GF_E_CACHE_DAMAGED, NULL, "its table has a wrong checksum");
    }
    memcpy(rows, bytes + sizeof h, row_bytes);
    for (uint64_t i = 0; i < key->n; i++) {
        bool known = rows[i].state <= GF_LITTER && rows[i].format < GF_IMAGE_FORMATS;
        if (!known) return gf_fail(err, GF_E_CACHE_DAMAGED, NULL, "its table has values that mean nothing");
    }
    return GRAFT_OK;
}

static int read_at(int fd, uint8_t *to, size_t n, uint64_t at)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = gf_sys_pread(fd, to + done, n - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR) continue;
        if (got == 0) errno = EIO; /* it was as long as it should be when it was opened */
        if (got <= 0) return -1;
        done += (size_t)got;
    }
    return 0;
}

static int write_at(int fd, const uint8_t *from, size_t n, uint64_t at)
{
    for (size_t done = 0; done < n;) {
        ssize_t put = gf_sys_pwrite(fd, from + done, n - done, (off_t)(at + done));
        if (put < 0 && errno == EINTR) continue;
        if (put == 0) errno = ENOSPC;
        if (put <= 0) return -1;
        done += (size_t)put;
    }
    return 0;
}

static graft_status set_names(gf_cache_file *f, const char *dir, const gf_cache_key *key, graft_error *err)
{
    char hex[65];
    gf_sha256_hex(&key->digest, hex);
    hex[24] = 0;
    *f = (gf_cache_file){.key = *key, .fd = -1};
    f->path = gf_sprintf("%s/pictures-%s.cache", dir, hex);
    f->tmp = f->path ? gf_sprintf("%s.tmp", f->path) : NULL;
    if (f->tmp) return GRAFT_OK;
    gf_cache_file_close(f);
    return gf_fail_memory(err, strlen(dir), "a file name");
}

/* Status OK and *why filled: the file is no good. */
static graft_status read_head(gf_cache_file *f, gf_checked *rows, graft_error *why, graft_error *err)
{
    struct stat st;
    uint64_t size = gf_cache_file_bytes(&f->key);
    if (gf_sys_fstat(f->fd, &st) || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != size) {
        gf_fail(why, GF_E_CACHE_DAMAGED, NULL, "it has another size than it should (%llu bytes)",
                (unsigned long long)size);
        return GRAFT_OK;
    }
    size_t n = gf_cache_head_bytes(&f->key);
    uint8_t *head = gf_alloc_raw(n, 1);
    if (!head) return gf_fail_memory(err, n, "the cache's table");
    if (read_at(f->fd, head, n, 0)) {
        gf_fail_errno(why, GF_E_CACHE_DAMAGED, errno, "cannot be read", f->path);
    } else {
        gf_cache_head_parse(head, n, &f->key, rows, why);
    }
    gf_free(head);
    return GRAFT_OK;
}

graft_status gf_cache_file_open(gf_cache_file *f, const char *dir, const gf_cache_key *key, gf_checked *rows,
                                bool *found, graft_error *why, graft_error *err)
{
    *found = false;
    *why = (graft_error){0};
    GF_TRY(set_names(f, dir, key, err));
    f->fd = gf_sys_open(f->path, O_RDONLY | O_NONBLOCK, 0);
    if (f->fd < 0) {
        if (errno != ENOENT) gf_fail_errno(why, GF_E_CACHE_DAMAGED, errno, "cannot be opened", f->path);
        gf_cache_file_close(f);
        return GRAFT_OK;
    }
    graft_status status = read_head(f, rows, why, err);
    *found = status == GRAFT_OK && why->status == GRAFT_OK;
    if (!*found) gf_cache_file_close(f);
    return status;
}

/* Locks the file just opened, and makes sure that it still is what NAME.tmp means: whoever had the lock before may have
 * finished it, and then it is called otherwise. */
static int lock_tmp(const gf_cache_file *f)
{
    struct stat opened, named;
    if (flock(f->fd, LOCK_EX | LOCK_NB)) return -1;
    if (gf_sys_fstat(f->fd, &opened) || gf_sys_stat(f->tmp, &named)) return -1;
    if (opened.st_ino == named.st_ino && opened.st_dev == named.st_dev) return 0;
    errno = EWOULDBLOCK;
    return -1;
}

graft_status gf_cache_file_begin(gf_cache_file *f, const char *dir, const gf_cache_key *key, graft_error *err)
{
    GF_TRY(gf_make_dirs(dir, err));
    GF_TRY(set_names(f, dir, key, err));
    graft_status status = GRAFT_OK;
    f->fd = gf_sys_open(f->tmp, O_RDWR | O_CREAT, 0666);
    if (f->fd < 0) {
        status = gf_fail_errno(err, GF_E_IO_WRITE, errno, "cannot be created", f->tmp);
    } else if (lock_tmp(f)) {
        status = errno == EWOULDBLOCK
                     ? gf_fail(err, GF_E_IO_WRITE, NULL, "%s: another process is making it", GF_ESC(f->tmp))
                     : gf_fail_errno(err, GF_E_IO_WRITE, errno, "cannot be locked", f->tmp);
    } else {
        f->making = true;
        int failed = ftruncate(f->fd, 0) ? errno : gf_sys_fallocate(f->fd, (off_t)gf_cache_file_bytes(key));
        if (failed == EOPNOTSUPP || failed == EINVAL) failed = 0; /* then space is found as it is needed */
        if (failed) status = gf_fail_errno(err, GF_E_IO_WRITE, failed, "no room for the cache", f->tmp);
    }
    if (status != GRAFT_OK) gf_cache_file_close(f);
    return status;
}

graft_status gf_cache_file_put(const gf_cache_file *f, uint64_t sample, const uint8_t *pixels, graft_error *err)
{
    if (!write_at(f->fd, pixels, bytes_of(&f->key, sample), place_of(&f->key, sample))) return GRAFT_OK;
    return gf_fail_errno(err, GF_E_IO_WRITE, errno, "cannot be written", f->tmp);
}

graft_status gf_cache_file_get(const gf_cache_file *f, uint64_t sample, uint64_t sum, uint8_t *pixels, graft_error *err)
{
    size_t n = bytes_of(&f->key, sample);
    if (read_at(f->fd, pixels, n, place_of(&f->key, sample))) {
        return gf_fail_errno(err, GF_E_IO_READ, errno, "cannot be read", f->path);
    }
    if (gf_pixel_sum(pixels, n) == sum) return GRAFT_OK;
    return gf_fail(err, GF_E_CACHE_DAMAGED, NULL, "%s: image %llu has a wrong checksum", GF_ESC(f->path),
                   (unsigned long long)sample);
}

graft_status gf_cache_file_finish(gf_cache_file *f, const gf_checked *rows, graft_error *err)
{
    size_t n = gf_cache_head_bytes(&f->key);
    uint8_t *head = gf_alloc_raw(n, 1);
    if (!head) return gf_fail_memory(err, n, "the cache's table");
    gf_cache_head_write(&f->key, rows, head);
    int failed = write_at(f->fd, head, n, 0) || ftruncate(f->fd, (off_t)gf_cache_file_bytes(&f->key)) ||
                 gf_sys_rename(f->tmp, f->path);
    int why = errno;
    gf_free(head);
    if (failed) return gf_fail_errno(err, GF_E_IO_WRITE, why, "cannot be written", f->path);
    f->making = false;
    flock(f->fd, LOCK_UN);
    return GRAFT_OK;
}

void gf_cache_file_close(gf_cache_file *f)
{
    if (f->making) gf_sys_unlink(f->tmp);
    if (f->fd >= 0) gf_sys_close(f->fd);
    gf_free(f->path);
    gf_free(f->tmp);
    *f = (gf_cache_file){.fd = -1};
}
