#include "image/encode.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

enum { FIRST_BYTES = 16 << 10, MAX_SIDE = 65500 };

/* What outlives a jump out of libjpeg, whose fatal callback must not return. */
typedef struct writer {
    struct jpeg_compress_struct lib;
    struct jpeg_error_mgr errors;
    struct jpeg_destination_mgr target;
    jmp_buf jump;
    uint8_t *bytes;
    size_t n, room;
    graft_error *err;
    graft_status status;
} writer;

static void on_error(j_common_ptr lib)
{
    writer *w = lib->client_data;
    char text[JMSG_LENGTH_MAX];
    lib->err->format_message(lib, text);
    w->status = gf_fail(w->err, GF_E_INTERNAL, NULL, "libjpeg: %s", GF_ESC(text));
    longjmp(w->jump, 1);
}

static void on_message(j_common_ptr lib, int level)
{
    (void)lib;
    (void)level;
}
static void on_output(j_common_ptr lib) { (void)lib; }

/* The buffer is full, or there is none yet: twice the room. */
static boolean on_full(j_compress_ptr lib)
{
    writer *w = lib->client_data;
    size_t room = w->room ? 2 * w->room : FIRST_BYTES;
    uint8_t *grown = gf_realloc(w->bytes, room, 1);
    if (!grown) {
        w->status = gf_fail_memory(w->err, room, "a JPEG");
        longjmp(w->jump, 1);
    }
    w->bytes = grown;
    w->target.next_output_byte = grown + w->room;
    w->target.free_in_buffer = room - w->room;
    w->room = room;
    return TRUE;
}

static void on_begin(j_compress_ptr lib) { on_full(lib); }

static void on_end(j_compress_ptr lib)
{
    writer *w = lib->client_data;
    w->n = w->room - w->target.free_in_buffer;
}

static graft_status run(writer *w, const uint8_t *rgb, int width, int height, int quality)
{
    if (setjmp(w->jump)) return w->status;
    jpeg_create_compress(&w->lib);
    w->lib.dest = &w->target;
    w->lib.image_width = (JDIMENSION)width;
    w->lib.image_height = (JDIMENSION)height;
    w->lib.input_components = 3;
    w->lib.in_color_space = JCS_RGB;
    jpeg_set_defaults(&w->lib);
    jpeg_set_quality(&w->lib, quality, TRUE);
    w->lib.dct_method = JDCT_ISLOW;
    w->lib.optimize_coding = TRUE;
    jpeg_start_compress(&w->lib, TRUE);
    while (w->lib.next_scanline < w->lib.image_height) {
        JSAMPROW row = (JSAMPROW)(uintptr_t)(rgb + (size_t)w->lib.next_scanline * (size_t)width * 3); /* only read */
        jpeg_write_scanlines(&w->lib, &row, 1);
    }
    jpeg_finish_compress(&w->lib);
    return GRAFT_OK;
}

graft_status gf_jpeg_encode(const uint8_t *rgb, int w, int h, int quality, uint8_t **bytes, size_t *n, graft_error *err)
{
    *bytes = NULL;
    *n = 0;
    if (w <= 0 || h <= 0 || w > MAX_SIDE || h > MAX_SIDE || quality < 1 || quality > 100) {
        return gf_fail(err, GF_E_USAGE, NULL, "a JPEG of %d x %d, quality %d: sides of 1 to %d, quality 1 to 100", w, h,
                       quality, MAX_SIDE);
    }
    writer to = {.err = err};
    to.lib.err = jpeg_std_error(&to.errors);
    to.lib.client_data = &to;
    to.errors.error_exit = on_error;
    to.errors.emit_message = on_message;
    to.errors.output_message = on_output;
    to.target = (struct jpeg_destination_mgr){
        .init_destination = on_begin, .empty_output_buffer = on_full, .term_destination = on_end};
    graft_status status = run(&to, rgb, w, h, quality);
    jpeg_destroy_compress(&to.lib);
    if (status != GRAFT_OK) {
        gf_free(to.bytes);
        return status;
    }
    *bytes = to.bytes;
    *n = to.n;
    return GRAFT_OK;
}
