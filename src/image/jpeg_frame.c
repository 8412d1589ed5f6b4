#include "image/jpeg_frame.h"

#include "image/codec.h"

#include <string.h>

enum { TEM = 0x01, SOF0 = 0xc0, DHT = 0xc4, JPG = 0xc8, DAC = 0xcc, SOF15 = 0xcf };
enum { RST0 = 0xd0, RST7 = 0xd7, SOI = 0xd8, EOI = 0xd9, SOS = 0xda, APP1 = 0xe1 };

static bool is_sof(int marker)
{
    return marker >= SOF0 && marker <= SOF15 && marker != DHT && marker != JPG && marker != DAC;
}

static bool stands_alone(int marker) { return marker == TEM || (marker >= RST0 && marker <= SOI); }

/* The offset behind the next marker, whose code is put into *marker; n where there is none. Inside a scan FF 00 is
 * data and FF D0 to D7 are restarts; both are passed over, there being no marker 00 and restarts standing alone. */
static size_t next_marker(const uint8_t *bytes, size_t n, size_t at, int *marker)
{
    while (at < n) {
        const uint8_t *ff = memchr(bytes + at, 0xff, n - at);
        if (!ff) return n;
        at = (size_t)(ff - bytes) + 1;
        while (at < n && bytes[at] == 0xff) at++;
        if (at == n) return n;
        *marker = bytes[at++];
        if (*marker != 0 && !stands_alone(*marker)) return at;
    }
    return n;
}

static void read_segment(gf_jpeg_frame *f, int marker, const uint8_t *data, size_t size)
{
    static const char exif[6] = "Exif\0";
    if (is_sof(marker) && !f->found && size >= 6) {
        f->found = true;
        f->kind = marker - SOF0;
        f->bits = data[0];
        f->h = (int)gf_be16(data + 1);
        f->w = (int)gf_be16(data + 3);
    } else if (marker == APP1 && !f->exif && size >= sizeof exif && !memcmp(data, exif, sizeof exif)) {
        f->exif = data + sizeof exif;
        f->exif_size = size - sizeof exif;
    }
}

gf_jpeg_frame gf_jpeg_read_frame(const uint8_t *bytes, size_t n, bool all_scans, int max_scans)
{
    gf_jpeg_frame f = {0};
    int marker = 0;
    for (size_t at = 2; (at = next_marker(bytes, n, at, &marker)) < n || marker == EOI;) {
        if (marker == EOI) {
            f.ended = true;
            break;
        }
        if (n - at < 2) break;
        size_t size = gf_be16(bytes + at);
        if (size < 2 || size > n - at) break;
        read_segment(&f, marker, bytes + at + 2, size - 2);
        if (marker == SOS && (++f.scans > max_scans || !all_scans)) break;
        at += size;
        marker = 0;
    }
    return f;
}
