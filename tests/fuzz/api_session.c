/* An image of any bytes through a session. The first byte says of what kind: 0, 1: the rest is a file, taken strictly,
 * leniently; else its dimensions follow as three 16-bit numbers (width, height, stride, little end first), then the
 * pixels. Twice in one call, beside a good image: equal bytes have equal numbers, and what is bad is bad alone. */
#include <graft/graft.h>

#include <math.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FEATURES = 1280, SIDE = 8, IMAGES = 3 };

static void check(int truth)
{
    if (!truth) __builtin_trap();
}

/* Made once: MobileNetV2 0.35 of random weights, for images of 32 x 32. */
static graft_session *session_of(int lenient)
{
    static graft_session *session[2];
    if (session[0]) return session[lenient];
    graft_context *c = NULL;
    graft_model *m = NULL;
    graft_context_options context;
    graft_model_options model;
    graft_context_defaults(&context);
    graft_model_defaults(&model);
    context.threads = 1;
    model.alpha = 0.35;
    model.width = model.height = 32;
    model.precision = "f32";
    check(!graft_context_open(&context, &c, NULL) && !graft_model_open(c, &model, &m, NULL));
    for (int k = 0; k < 2; k++) {
        graft_settings *s = NULL;
        check(!graft_settings_new(&s, NULL));
        check(!graft_settings_set(s, "data.max_pixels", "65536", NULL)); /* so that a run is quick */
        check(!graft_settings_set(s, "data.allow_truncated", k ? "1" : "0", NULL));
        check(!graft_session_open(m, s, &session[k], NULL));
        graft_settings_free(s);
    }
    graft_model_free(m);
    graft_context_free(c);
    return session[lenient];
}

static int number(const uint8_t *at) { return at[0] | at[1] << 8; }

/* False: too few bytes to be one. */
static int describe(const uint8_t *data, size_t size, graft_image *image)
{
    enum { HEAD = 7 };
    int file = size && data[0] < 2;
    if (!size || (!file && size < HEAD)) return 0;
    *image = (graft_image){.size = sizeof *image,
                           .kind = file ? GRAFT_IMAGE_ENCODED : GRAFT_IMAGE_RGB8,
                           .data = data + (file ? 1 : HEAD),
                           .bytes = size - (file ? 1 : HEAD),
                           .width = file ? 0 : number(data + 1),
                           .height = file ? 0 : number(data + 3),
                           .stride = file ? 0 : (size_t)number(data + 5)};
    return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t gray[SIDE * SIDE * 3] = {100, 110, 120};
    static float features[IMAGES][FEATURES], want[FEATURES];
    graft_image image[IMAGES] = {{.size = sizeof *image,
                                  .kind = GRAFT_IMAGE_RGB8,
                                  .data = gray,
                                  .bytes = sizeof gray,
                                  .width = SIDE,
                                  .height = SIDE}};
    if (!describe(data, size, &image[1])) return 0;
    image[2] = image[1];
    graft_session *s = session_of(data[0] == 1);
    graft_error errors[IMAGES], err = {0};
    graft_output out = {.size = sizeof out, .name = "features", .data = want, .values = FEATURES};
    check(!graft_session_run(s, image, 1, &out, 1, NULL, NULL));
    out.data = features[0];
    graft_status status = graft_session_run(s, image, IMAGES, &out, 1, errors, &err);
    if (status) {
        check(status == GRAFT_USAGE && err.number == 3403);
        return 0;
    }
    check(!errors[0].status && !memcmp(features[0], want, sizeof want));
    check(errors[1].status == errors[2].status && errors[1].number == errors[2].number);
    for (int i = 0; i < FEATURES; i++) check(errors[1].status ? isnan(features[1][i]) : isfinite(features[1][i]));
    check(errors[1].status ? errors[1].message[0] != 0 : !memcmp(features[1], features[2], sizeof want));
    return 0;
}
