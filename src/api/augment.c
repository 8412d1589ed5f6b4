/* augment.c - a sheet of what the random changes make of one image, as PNG. */
#include "api/internal.h"

#include "base/alloc.h"
#include "base/io.h"
#include "base/sys.h"
#include "data/options.h"
#include "image/png_encode.h"

#include <string.h>

enum { CHANNELS = 3, GAP = 4, WHITE = 255, MOST_BYTES = 1 << 30 };

typedef struct sheet {
    int n, columns, rows, side; /* images, and their sides */
    int w, h;                   /* of all, with gaps between */
    uint8_t *rgb;               /* owned, as the next ones */
    uint8_t *image;             /* the one that is changed, side x side */
    float *values, *partner;
    void *scratch;
    gf_augment_spec spec;
} sheet;

static void sheet_free(sheet *s)
{
    gf_free(s->rgb);
    gf_free(s->image);
    gf_free(s->values);
    gf_free(s->partner);
    gf_free(s->scratch);
}

static graft_status sheet_open(sheet *s, const gf_settings *settings, graft_error *err)
{
    *s = (sheet){.n = (int)gf_settings_whole(settings, GF_SET_AUGMENT_GRID),
                 .side = (int)gf_settings_whole(settings, GF_SET_AUGMENT_SIZE)};
    GF_TRY(gf_augment_parse(gf_settings_text(settings, GF_SET_AUGMENT_WORDS), &s->spec, err));
    while (s->columns * s->columns < s->n) s->columns++;
    s->rows = (s->n + s->columns - 1) / s->columns;
    s->w = s->columns * (s->side + GAP) - GAP;
    s->h = s->rows * (s->side + GAP) - GAP;
    size_t one = (size_t)s->side * (size_t)s->side * CHANNELS, all = (size_t)s->w * (size_t)s->h * CHANNELS;
    s->rgb = gf_alloc_raw(all, 1);
    s->image = gf_alloc_raw(one, 1);
    s->values = gf_new_n(one, float);
    s->partner = gf_new_n(one, float);
    s->scratch = gf_alloc_tensor(gf_augment_scratch_bytes(&s->spec, s->side, s->side, s->side, s->side));
    if (!s->rgb || !s->image || !s->values || !s->partner || !s->scratch) {
        sheet_free(s);
        return gf_fail_memory(err, all, "a sheet of images");
    }
    memset(s->rgb, WHITE, all);
    return GRAFT_OK;
}

/* The image as training would have it, of the sheet's size. */
static graft_status read_image(sheet *s, const gf_settings *settings, const char *path, graft_error *err)
{
    gf_data_options o;
    uint8_t *bytes = NULL;
    size_t n;
    gf_image image = {0};
    gf_data_defaults(&o);
    gf_data_take_settings(&o, settings);
    graft_status status = gf_file_read(path, MOST_BYTES, &bytes, &n, err);
    if (status == GRAFT_OK) status = gf_image_decode(bytes, n, path, &o.image, &image, NULL, err);
    if (status == GRAFT_OK) {
        status = gf_fit_image_u8(&o.fit, image.rgb, image.h, image.w, s->image, s->side, s->side,
                                 gf_settings_flag(settings, GF_SET_DATA_ANTIALIAS), err);
    }
    gf_image_free(&image);
    gf_free(bytes);
    return status;
}

static void mirror(uint8_t *rgb, int side)
{
    for (uint8_t *row = rgb; row < rgb + (size_t)side * (size_t)side * CHANNELS; row += (size_t)side * CHANNELS) {
        for (int x = 0; x < side / 2; x++) {
            uint8_t aside[CHANNELS], *a = row + x * CHANNELS, *b = row + (side - 1 - x) * CHANNELS;
            memcpy(aside, a, CHANNELS);
            memcpy(a, b, CHANNELS);
            memcpy(b, aside, CHANNELS);
        }
    }
}

static gf_mix change(sheet *s, const gf_augment_spec *spec, uint64_t seed, int place, uint32_t sample, float *values)
{
    gf_augment_drawn drawn;
    uint32_t epoch = place ? (uint32_t)(place - 1) : 0;
    gf_augment_draw(spec, seed, epoch, sample, s->side, s->side, s->side, s->side, &drawn);
    gf_augment_apply(&drawn, s->image, values, s->scratch);
    return drawn.mix;
}

/* Place 0 has the image as it is, place k what sample 0 gets in epoch k - 1. Where two samples are blended the other is
 * the same photo, mirrored by hand so that it can be told apart, as sample 1. */
static void draw(sheet *s, int place, uint64_t seed)
{
    static const gf_augment_spec none = {0};
    gf_mix mix = change(s, place ? &s->spec : &none, seed, place, 0, s->values);
    if (mix.lambda < 1) {
        mirror(s->image, s->side);
        change(s, &s->spec, seed, place, 1, s->partner);
        mirror(s->image, s->side);
        gf_augment_mix(&mix, s->side, (size_t)s->side * (size_t)s->side, s->partner, s->values);
    }
    size_t row = (size_t)s->side * CHANNELS;
    size_t left = (size_t)(place % s->columns * (s->side + GAP)), top = (size_t)(place / s->columns * (s->side + GAP));
    for (size_t y = 0; y < (size_t)s->side; y++) {
        uint8_t *to = s->rgb + ((top + y) * (size_t)s->w + left) * CHANNELS;
        for (size_t i = 0; i < row; i++) to[i] = (uint8_t)(s->values[y * row + i] + 0.5f);
    }
}

static graft_status write_sheet(const sheet *s, const char *file, graft_error *err)
{
    uint8_t *png = NULL;
    size_t n;
    GF_TRY(gf_png_encode(s->rgb, s->w, s->h, &png, &n, err));
    graft_status status = gf_file_write(file, &(gf_bytes){png, n}, 1, err);
    gf_free(png);
    return status;
}

static graft_status augment(graft_context *c, const char *image, const char *file, uint64_t seed, graft_result **out,
                            graft_error *err)
{
    sheet s;
    GF_TRY(sheet_open(&s, c->settings, err));
    graft_status status = read_image(&s, c->settings, image, err);
    for (int place = 0; place < s.n && status == GRAFT_OK; place++) draw(&s, place, seed);
    if (status == GRAFT_OK) status = write_sheet(&s, file, err);
    if (status == GRAFT_OK) {
        const char *words = gf_settings_text(c->settings, GF_SET_AUGMENT_WORDS);
        gf_json *j = gf_json_object();
        gf_json_set(j, "file", gf_json_string(file));
        gf_json_set(j, "image", gf_json_string(image));
        gf_json_set(j, "augment", gf_json_string(words));
        gf_json_set(j, "images", gf_json_int(s.n));
        gf_json_set(j, "columns", gf_json_int(s.columns));
        gf_json_set(j, "size", gf_json_int(s.side));
        status = gf_result_create(
            out, j, gf_sprintf("%s: %s as it is and changed %d times by %s\n", file, image, s.n - 1, words), err);
    }
    sheet_free(&s);
    return status;
}

graft_status graft_augment(graft_context *context, const char *image, const char *out_file, uint64_t seed,
                           graft_result **out, graft_error *err)
{
    GF_OUT(out);
    GF_NEEDS(context, "context");
    GF_NEEDS(image, "image");
    GF_NEEDS(out_file, "out_file");
    GF_TRY(gf_api_check_apart(&image, 1, out_file, err));
    struct stat st;
    if (gf_sys_stat(image, &st)) {
        return gf_fail(err, GF_E_DATA_NOT_FOUND, NULL, "%s: is not there", GF_ESC(image));
    }
    gf_api_begin(context, GRAFT_STAGE_CHECK);
    return gf_api_end(augment(context, image, out_file, seed, out, err), err);
}
