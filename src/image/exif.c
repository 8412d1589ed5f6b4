/* EXIF orientation (CIPA DC-008-2019, 4.6.4 A; TIFF 6.0, section 2). */
#include "image/codec.h"

#include <string.h>

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, TIFF_HEADER = 8, ENTRY = 12 };

typedef struct tiff {
    const uint8_t *at;
    size_t n;
    bool big;
} tiff;

static uint32_t u16(const tiff *t, size_t at) { return t->big ? gf_be16(t->at + at) : gf_le16(t->at + at); }
static uint32_t u32(const tiff *t, size_t at) { return t->big ? gf_be32(t->at + at) : gf_le32(t->at + at); }

int gf_exif_orientation(const uint8_t *bytes, size_t n, bool *bad)
{
    *bad = true;
    if (n < TIFF_HEADER) return 1;
    tiff t = {bytes, n, bytes[0] == 'M'};
    if (memcmp(bytes, t.big ? "MM\0*" : "II*\0", 4) != 0) return 1;
    size_t ifd = u32(&t, 4);
    if (ifd < TIFF_HEADER || ifd > n - 2) return 1;
    size_t count = u16(&t, ifd);
    if (count > (n - ifd - 2) / ENTRY) return 1;
    *bad = false;
    for (size_t i = 0; i < count; i++) {
        size_t entry = ifd + 2 + i * ENTRY;
        if (u16(&t, entry) != TAG_ORIENTATION) continue;
        uint32_t value = u16(&t, entry + 8);
        *bad = u16(&t, entry + 2) != TYPE_SHORT || u32(&t, entry + 4) != 1 || value < 1 || value > 8;
        return *bad ? 1 : (int)value;
    }
    return 1;
}

void gf_job_exif(const gf_image_job *job, const uint8_t *bytes, size_t n)
{
    if (job->opts->ignore_exif) return;
    static const char prefix[6] = "Exif\0"; /* some writers keep JPEG's prefix in WebP and PNG */
    if (n >= sizeof prefix && !memcmp(bytes, prefix, sizeof prefix)) {
        bytes += sizeof prefix;
        n -= sizeof prefix;
    }
    job->info->orientation = gf_exif_orientation(bytes, n, &job->info->bad_exif);
}
